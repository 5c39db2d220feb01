//! A command's words.

/// A command line: words as a shell has them, and the block in braces that may end it, as it is.
pub(super) fn split(line: &str) -> Result<(Vec<String>, Option<String>), &'static str> {
    let (words, block) = match line.find('{') {
        Some(start) if takes_block(line) => line.split_at(start),
        _ => (line, ""),
    };
    let words = shlex::split(words).ok_or("a quotation mark is not closed")?;
    let block = block.trim();
    Ok((words, (!block.is_empty()).then(|| block.to_owned())))
}

/// Whether a block has begun and not ended: what follows belongs to it.
pub(super) fn is_open(line: &str) -> bool {
    if !takes_block(line) {
        return false;
    }
    let mut depth = 0_usize;
    let mut quoted = false;
    let mut escaped = false;
    for c in line.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            // A quoted text ends with its line at the latest.
            '\n' => quoted = false,
            '{' if !quoted => depth += 1,
            '}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    depth > 0
}

/// Whether braces mean something in this command: in arguments of programs they do not.
fn takes_block(line: &str) -> bool {
    line.split_whitespace().next() == Some("start")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, words: &[&str], block: Option<&str>) {
        let (split, rest) = split(line).unwrap();
        assert_eq!(
            (split.as_slice(), rest.as_deref()),
            (words.map_owned().as_slice(), block)
        );
    }

    trait MapOwned {
        fn map_owned(&self) -> Vec<String>;
    }

    impl MapOwned for [&str] {
        fn map_owned(&self) -> Vec<String> {
            self.iter().map(|word| (*word).to_owned()).collect()
        }
    }

    #[test]
    fn words_are_those_of_a_shell() {
        check(
            "exec 1 sh -c 'echo \"a b\"'",
            &["exec", "1", "sh", "-c", "echo \"a b\""],
            None,
        );
        check("  # nothing", &[], None);
        check("", &[], None);
        assert!(split("exec 1 'sh").is_err());
    }

    #[test]
    fn a_block_ends_a_start_and_nothing_else() {
        check(
            "start --name web { command = \"a b\" }\n",
            &["start", "--name", "web"],
            Some("{ command = \"a b\" }"),
        );
        check("exec 1 awk '{print $1}'", &["exec", "1", "awk", "{print $1}"], None);
    }

    #[test]
    fn a_block_goes_on_until_its_brace() {
        assert!(is_open("start {\n  command = \"}\"\n"));
        assert!(!is_open("start {\n  a = { b = \"\\\"{\" }\n}\n"));
        assert!(!is_open("exec 1 echo {"));
    }
}
