//! What names are made of.

/// Whether a name may begin with the character.
pub(super) fn starts_name(c: char) -> bool {
    c == '_' || unicode_id_start::is_id_start(c)
}

/// Whether a name may go on with the character.
pub(super) fn continues_name(c: char) -> bool {
    c == '-' || unicode_id_start::is_id_continue(c)
}

/// Where the name ends that is in `text` at `from`; `from` itself where there is none.
pub(super) fn name_end(text: &str, from: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = from;
    loop {
        match bytes.get(at) {
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'_') => at += 1,
            Some(b'0'..=b'9' | b'-') if at > from => at += 1,
            Some(0x80..) => match text.get(at..).and_then(|rest| rest.chars().next()) {
                Some(c) if starts_name(c) || (at > from && continues_name(c)) => at += c.len_utf8(),
                _ => return at,
            },
            _ => return at,
        }
    }
}

/// Whether the text is a name and nothing else, so that `x.text` selects it.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && name_end(text, 0) == text.len()
}
