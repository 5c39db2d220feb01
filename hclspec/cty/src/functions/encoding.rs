//! Base64 and the encoding of URLs.

use crate::{Function, FunctionError};

use super::support::{check_text, of_texts};

const HEX: &[u8; 16] = b"0123456789ABCDEF";
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(super) fn base64encode() -> Function {
    of_texts(["str"], |[text]| {
        check_text(text.len().div_ceil(3).checked_mul(4))?;
        Ok(encode(text.as_bytes()))
    })
}

/// Bytes in base64, with padding.
pub fn encode(bytes: &[u8]) -> String {
    let mut encoded = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let joined = (0..3).fold(0_usize, |joined, index| {
            joined << 8 | usize::from(chunk.get(index).copied().unwrap_or(0))
        });
        for place in 0..4 {
            let letter = ALPHABET.get(joined >> (18 - 6 * place) & 63).copied();
            let letter = if place <= chunk.len() { letter } else { None };
            encoded.push(letter.map_or('=', char::from));
        }
    }
    encoded
}

pub(super) fn base64decode() -> Function {
    of_texts(["str"], |[text]| {
        let bytes = decode(&text).ok_or_else(|| FunctionError::at(0, "the text is not valid base64"))?;
        String::from_utf8(bytes)
            .map_err(|_| FunctionError::at(0, "the result of decoding the provided string is not valid UTF-8"))
    })
}

/// Whole groups of four, with padding; line ends are skipped.
fn decode(text: &str) -> Option<Vec<u8>> {
    let letters: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let (groups, []) = letters.as_chunks::<4>() else {
        return None;
    };
    let mut bytes = Vec::with_capacity(letters.len() / 4 * 3);
    for (group, left) in groups.iter().zip((0..groups.len()).rev()) {
        let padding = group.iter().rev().take_while(|letter| **letter == b'=').count();
        if padding > 2 || (padding > 0 && left > 0) {
            return None;
        }
        let mut joined = 0;
        for letter in group.iter().take(4 - padding) {
            joined = joined << 6 | value(*letter)?;
        }
        joined <<= 6 * padding;
        let [_, decoded @ ..] = joined.to_be_bytes();
        bytes.extend(decoded.iter().take(3 - padding));
    }
    Some(bytes)
}

fn value(letter: u8) -> Option<u32> {
    let value = match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}

/// As in a query: a blank becomes `+`.
pub(super) fn urlencode() -> Function {
    of_texts(["str"], |[text]| {
        let is_kept = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
        let escaped = text.bytes().filter(|byte| !is_kept(*byte) && *byte != b' ').count();
        check_text(escaped.checked_mul(2).and_then(|added| added.checked_add(text.len())))?;
        let mut encoded = String::new();
        for byte in text.bytes() {
            match byte {
                b' ' => encoded.push('+'),
                kept if is_kept(kept) => encoded.push(char::from(kept)),
                other => {
                    encoded.push('%');
                    encoded.extend(
                        [other >> 4, other & 15]
                            .map(|half| HEX.get(usize::from(half)).copied().map_or('0', char::from)),
                    );
                }
            }
        }
        Ok(encoded)
    })
}
