//! Literal text and numbers.

use std::borrow::Cow;

use super::problem::{Problem, Problems};
use super::scan::offset;
use crate::Range;

/// Decimal exponents of numbers are this large at most, as many digits as that.
const MAX_EXPONENT: i64 = 646_456_992;

/// The text between quotes with its escapes resolved. Bad ones are reported.
pub(super) fn unescape<'s>(text: &'s str, range: Range, problems: &mut Problems) -> Cow<'s, str> {
    if !text.contains('\\') {
        return unescape_marks(text);
    }
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        resolved.push_str(&unescape_marks(before));
        let length = escape_length(escape);
        let (escape, after) = escape.split_at(length);
        let start = offset(text.len() - after.len() - length);
        let place = Range::new(range.start + start, range.start + start + offset(length));
        resolve(escape, place, &mut resolved, problems);
        rest = after;
    }
    resolved.push_str(&unescape_marks(rest));
    Cow::Owned(resolved)
}

/// Text with `$${` and `%%{` resolved, the only escapes outside of quotes.
pub(super) fn unescape_marks(text: &str) -> Cow<'_, str> {
    if !text.contains("$${") && !text.contains("%%{") {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("$${", "${").replace("%%{", "%{"))
}

/// How many bytes the escape sequence has that the text begins with.
fn escape_length(text: &str) -> usize {
    let mut chars = text.chars().skip(1);
    let digits = match chars.next() {
        None => return 1,
        Some('u') => 4,
        Some('U') => 8,
        Some(selector) => return 1 + selector.len_utf8(),
    };
    2 + chars.take(digits).take_while(char::is_ascii_hexdigit).count()
}

fn resolve(escape: &str, place: Range, resolved: &mut String, problems: &mut Problems) {
    let digits = escape.get(2..).unwrap_or_default();
    let detail = match escape.as_bytes().get(1) {
        Some(b'n') => return resolved.push('\n'),
        Some(b'r') => return resolved.push('\r'),
        Some(b't') => return resolved.push('\t'),
        Some(b'"') => return resolved.push('"'),
        Some(b'\\') => return resolved.push('\\'),
        Some(b'u') if digits.len() != 4 => "After \\u there must be four hexadecimal digits.".to_owned(),
        Some(b'U') if digits.len() != 8 => "After \\U there must be eight hexadecimal digits.".to_owned(),
        Some(b'u' | b'U') => match u32::from_str_radix(digits, 16).ok().and_then(char::from_u32) {
            Some(c) => return resolved.push(c),
            None => format!("There is no character of the number {digits}."),
        },
        Some(_) => {
            let selector = escape.get(1..).unwrap_or_default();
            format!("\\{selector} is no escape sequence. To have a backslash in a string, write two (\\\\).")
        }
        None => "A backslash begins an escape sequence, so a character must follow.".to_owned(),
    };
    problems.push(Problem::new("Invalid escape sequence", detail, place));
    resolved.push_str(escape);
}

/// Whether the text, of digits, points and exponents, is a number.
pub(super) fn is_number(text: &str) -> bool {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let points = mantissa.bytes().filter(|byte| *byte == b'.').count();
    points < 2
        && exponent
            .parse::<i64>()
            .is_ok_and(|exponent| exponent.abs() <= MAX_EXPONENT)
}

/// The two indexes of what looks like a fraction after a dot.
pub(super) fn chained_indexes(text: &str) -> Option<(&str, &str)> {
    text.split_once('.')
}
