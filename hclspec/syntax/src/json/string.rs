//! Escapes in strings, and the grammar of numbers.

use std::ops::Range;

/// Puts the text that the inside of a string stands for into `out`.
///
/// Half a surrogate pair becomes U+FFFD.
///
/// # Errors
/// The range, in `text`, of the first escape that there is none of.
pub(super) fn unescape(text: &str, out: &mut String) -> Result<(), Range<usize>> {
    out.clear();
    out.reserve(text.len());
    let mut at = 0;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let Some(plain) = rest.find('\\') else {
            out.push_str(rest);
            return Ok(());
        };
        out.push_str(rest.get(..plain).unwrap_or_default());
        let start = at + plain;
        let (char, length) = escape(text.get(start..).unwrap_or_default()).map_err(|length| start..start + length)?;
        out.push(char);
        at = start + length;
    }
}

/// The character that the escape at the start of a text stands for, and the escape's length.
///
/// Where there is no such escape, the length of what was taken for one.
fn escape(text: &str) -> Result<(char, usize), usize> {
    let char = match text.as_bytes().get(1) {
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode(text),
        _ => return Err(text.chars().take(2).map(char::len_utf8).sum()),
    };
    Ok((char, 2))
}

fn unicode(text: &str) -> Result<(char, usize), usize> {
    const LENGTH: usize = r"\u0000".len();
    let first = unit(text)?;
    if let Some(char) = char::from_u32(first) {
        return Ok((char, LENGTH));
    }
    let second = text.get(LENGTH..).and_then(|rest| unit(rest).ok());
    let pair = second.filter(|second| first < 0xdc00 && (0xdc00..0xe000).contains(second));
    let char = pair.and_then(|second| char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)));
    Ok(match char {
        Some(char) => (char, 2 * LENGTH),
        None => (char::REPLACEMENT_CHARACTER, LENGTH),
    })
}

/// The number in `\u1234`, or how long the part of it is that is well formed.
fn unit(text: &str) -> Result<u32, usize> {
    let digits = text.strip_prefix(r"\u").ok_or(0_usize)?;
    let valid = digits.bytes().take(4).take_while(u8::is_ascii_hexdigit).count();
    if valid < 4 {
        return Err(2 + valid);
    }
    digits
        .get(..4)
        .and_then(|digits| u32::from_str_radix(digits, 16).ok())
        .ok_or(2)
}

/// Whether a text is a number by the grammar of JSON.
pub(super) fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let exponent = exponent.map(|exponent| exponent.strip_prefix(['-', '+']).unwrap_or(exponent));
    are_digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(are_digits)
        && exponent.is_none_or(are_digits)
}

fn are_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
