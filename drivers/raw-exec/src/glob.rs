//! Patterns in which `*` stands for any text.

/// Whether all of `text` fits `pattern`.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        match text.split_once(piece) {
            Some((_, after)) => text = after,
            None => return false,
        }
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, expected: bool) {
        assert_eq!(matches(pattern, text), expected, "{pattern:?} on {text:?}");
    }

    #[test]
    fn a_star_stands_for_any_text_and_nothing_else_is_special() {
        check("AWS_*", "AWS_KEY", true);
        check("AWS_*", "MY_AWS_KEY", false);
        check("*_TOKEN", "VAULT_TOKEN", true);
        check("*_TOKEN", "VAULT_TOKEN_X", false);
        check("*", "", true);
        check("A*B*C", "AxBxBxC", true);
        check("A*B*C", "AxC", false);
        check("A*A", "A", false);
        check("A.C", "ABC", false);
        check("", "", true);
        check("", "A", false);
    }
}
