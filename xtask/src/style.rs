//! Colour, where a terminal wants it.

use std::io::IsTerminal;
use std::sync::OnceLock;

/// Whether to colour: both streams are a terminal, and neither `NO_COLOR` nor a dumb terminal says otherwise.
pub(crate) fn colour() -> bool {
    static COLOUR: OnceLock<bool> = OnceLock::new();
    *COLOUR.get_or_init(|| {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        std::io::stdout().is_terminal()
            && std::io::stderr().is_terminal()
            && set("NO_COLOR").is_none()
            && set("TERM").is_some_and(|term| term != "dumb")
    })
}

pub(crate) fn dim(text: &str) -> String {
    paint("2", text)
}

pub(crate) fn bold(text: &str) -> String {
    paint("1", text)
}

pub(crate) fn red(text: &str) -> String {
    paint("1;31", text)
}

pub(crate) fn green(text: &str) -> String {
    paint("32", text)
}

pub(crate) fn yellow(text: &str) -> String {
    paint("33", text)
}

/// Text without its terminal escapes, so that coloured output can be parsed.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            // A control sequence ends with its first letter; a character-set choice is one character long.
            Some('[') => _ = chars.by_ref().find(|c| ('@'..='~').contains(c)),
            Some('(') => _ = chars.next(),
            _ => {}
        }
    }
    plain
}

fn paint(code: &str, text: &str) -> String {
    if colour() {
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn escapes_are_taken_out_and_text_stays() {
        assert_eq!(plain("test a ... \u{1b}[32mok\u{1b}(B\u{1b}[m"), "test a ... ok");
        assert_eq!(plain("plain [text] é"), "plain [text] é");
        assert_eq!(plain("cut off \u{1b}["), "cut off ");
    }
}
