//! The text of a JSON string, and where each part of it is in the source.

use crate::Range;
use crate::native::scan::offset;

/// A JSON string whose escapes have been resolved.
pub(super) struct Decoded {
    pub(super) text: String,
    /// After each escape: where the resolved text goes on, and where the source does.
    runs: Vec<(u32, u32)>,
}

impl Decoded {
    /// The text between quotes that begins at `start`.
    pub(super) fn new(raw: &str, start: u32) -> Self {
        let mut decoded = Self {
            text: String::with_capacity(raw.len()),
            runs: vec![(0, start)],
        };
        let mut rest = raw;
        while let Some(at) = rest.find('\\') {
            let (before, escape) = rest.split_at(at);
            decoded.text.push_str(before);
            decoded.note(start, raw.len() - escape.len());
            let (c, length) = resolve(escape);
            decoded.text.push(c);
            rest = escape.get(length..).unwrap_or_default();
            decoded.note(start, raw.len() - rest.len());
        }
        decoded.text.push_str(rest);
        decoded
    }

    /// The resolved text so far ends where this much of the source does.
    fn note(&mut self, start: u32, consumed: usize) {
        self.runs.push((offset(self.text.len()), start + offset(consumed)));
    }

    /// Where a range of the resolved text is in the source.
    pub(super) fn locate(&self, range: Range) -> Range {
        Range::new(self.place(range.start), self.place(range.end))
    }

    fn place(&self, at: u32) -> u32 {
        let index = self
            .runs
            .partition_point(|(resolved, _)| *resolved <= at)
            .saturating_sub(1);
        let (resolved, source) = self.runs.get(index).copied().unwrap_or_default();
        source + (at - resolved)
    }
}

/// The character that an escape sequence at the start of the text stands for, and the length of it. What is no escape
/// sequence has been reported by the parser of JSON, and stands for nothing in particular.
fn resolve(text: &str) -> (char, usize) {
    let c = match text.as_bytes().get(1) {
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'u') => return resolve_number(text),
        Some(byte @ (b'"' | b'\\' | b'/')) => char::from(*byte),
        _ => return (char::REPLACEMENT_CHARACTER, 1),
    };
    (c, 2)
}

fn resolve_number(text: &str) -> (char, usize) {
    let Some(first) = code_unit(text) else {
        return (char::REPLACEMENT_CHARACTER, 2);
    };
    if let Some(second) = text.get(6..).and_then(code_unit)
        && let Some(Ok(c)) = char::decode_utf16([first, second]).next()
        && c.len_utf16() == 2
    {
        return (c, 12);
    }
    (char::from_u32(first.into()).unwrap_or(char::REPLACEMENT_CHARACTER), 6)
}

/// `\uXXXX` at the start of the text.
fn code_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit())
        .then(|| u16::from_str_radix(digits, 16).ok())?
}
