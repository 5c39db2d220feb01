//! Upper, lower and title case, one character for one: `ß` stays, and a final `Σ` becomes `σ`.

use crate::Function;

use super::support::of_texts;

pub(super) fn upper() -> Function {
    of_texts(["str"], |[text]| Ok(text.chars().map(to_upper).collect()))
}

pub(super) fn lower() -> Function {
    of_texts(["str"], |[text]| Ok(text.chars().map(to_lower).collect()))
}

pub(super) fn title() -> Function {
    of_texts(["str"], |[text]| {
        let mut previous = ' ';
        let titled = text.chars().map(|c| {
            let starts = is_separator(previous);
            previous = c;
            if starts { to_title(c) } else { c }
        });
        Ok(titled.collect())
    })
}

fn to_upper(c: char) -> char {
    single(c.to_uppercase()).unwrap_or_else(|| with_iota(c))
}

fn to_lower(c: char) -> char {
    // The one capital letter whose lower case has two characters.
    single(c.to_lowercase()).unwrap_or(if c == '\u{130}' { 'i' } else { c })
}

fn to_title(c: char) -> char {
    match c {
        // Digraphs have a form of their own.
        'Ǆ'..='ǆ' => 'ǅ',
        'Ǉ'..='ǉ' => 'ǈ',
        'Ǌ'..='ǌ' => 'ǋ',
        'Ǳ'..='ǳ' => 'ǲ',
        // Georgian capitals are for whole words only.
        'ა'..='ჺ' | 'ჽ'..='ჿ' => c,
        _ => to_upper(c),
    }
}

fn single(mut mapped: impl Iterator<Item = char>) -> Option<char> {
    let first = mapped.next();
    if mapped.next().is_some() { None } else { first }
}

/// Greek vowels with an iota below have a capital with the iota beside, which is one character too.
fn with_iota(c: char) -> char {
    let distance = match c {
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => 8,
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => 9,
        _ => 0,
    };
    char::from_u32(u32::from(c) + distance).unwrap_or(c)
}

/// Whether a word can start after it.
fn is_separator(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_alphanumeric() && c != '_';
    }
    c.is_whitespace()
}
