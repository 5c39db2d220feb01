//! Durations as they are written in configuration: `30s`, `1m30s`, `1.5h`.

use std::time::Duration;

/// Why a text is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DurationError {
    /// A number has no unit after it.
    #[error("a duration needs a unit: ns, us, ms, s, m or h, as in \"30s\" or \"1m30s\"")]
    MissingUnit,
    /// A unit that there is not.
    #[error("unknown unit in a duration: the units are ns, us, ms, s, m and h, as in \"1m30s\"")]
    UnknownUnit,
    /// It begins with a minus.
    #[error("a duration cannot be negative here")]
    Negative,
    /// It is longer than about 292 years.
    #[error("the duration is too long: at most about 292 years")]
    TooLong,
    /// Anything else.
    #[error("not a duration: write numbers with units, as in \"30s\" or \"1m30s\"")]
    Invalid,
}

/// The longest duration in nanoseconds: those of a signed 64-bit integer, as in Go.
const MAX_NANOS: u128 = i64::MAX as u128;

/// Parses a duration: decimal numbers, each with a unit (`ns`, `us`, `ms`, `s`, `m`, `h`), one after the other; or `0`.
///
/// ```
/// use std::time::Duration;
///
/// assert_eq!(encamp_hclspec::parse_duration("1m30s"), Ok(Duration::from_secs(90)));
/// assert_eq!(encamp_hclspec::parse_duration("1.5s"), Ok(Duration::from_millis(1500)));
/// ```
///
/// # Errors
/// [`DurationError`]. A plain number has no unit, so it is refused, but for 0.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned.is_empty() {
        return Err(DurationError::Invalid);
    }
    let mut nanos: u128 = 0;
    let mut rest = if unsigned == "0" { "" } else { unsigned };
    while !rest.is_empty() {
        let (part, after) = parse_part(rest)?;
        nanos = nanos.saturating_add(part);
        rest = after;
    }
    if nanos > MAX_NANOS {
        return Err(DurationError::TooLong);
    }
    if text.starts_with('-') && nanos > 0 {
        return Err(DurationError::Negative);
    }
    u64::try_from(nanos)
        .map(Duration::from_nanos)
        .map_err(|_| DurationError::TooLong)
}

/// A number with its unit, in nanoseconds, and the text after it.
fn parse_part(text: &str) -> Result<(u128, &str), DurationError> {
    let (whole, rest) = split_digits(text);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => split_digits(rest),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(DurationError::Invalid);
    }
    let unit_len = rest
        .find(|c: char| c == '.' || c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(unit_len);
    let unit: u128 = match unit {
        "" => return Err(DurationError::MissingUnit),
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60 * 1_000_000_000,
        "h" => 3600 * 1_000_000_000,
        _ => return Err(DurationError::UnknownUnit),
    };
    // More digits than a u128 has are too long whatever they say.
    let whole: u128 = if whole.is_empty() {
        0
    } else {
        whole.parse().map_err(|_| DurationError::TooLong)?
    };
    let nanos = whole.checked_mul(unit).ok_or(DurationError::TooLong)?;
    Ok((nanos.saturating_add(fraction_of(fraction, unit)), rest))
}

/// The part of a unit that the digits after a point are, in nanoseconds. No digit after the 18th can matter.
fn fraction_of(digits: &str, unit: u128) -> u128 {
    let mut nanos = 0;
    let mut scale = 1;
    for digit in digits.bytes().take(18) {
        nanos = nanos * 10 + u128::from(digit - b'0');
        scale *= 10;
    }
    nanos * unit / scale
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations_are_read() {
        let check = |text, nanos| assert_eq!(parse_duration(text), Ok(Duration::from_nanos(nanos)), "{text}");
        check("0", 0);
        check("30s", 30_000_000_000);
        check("1m30s", 90_000_000_000);
        check("1h", 3_600_000_000_000);
        check("1.5s", 1_500_000_000);
        check(".5s", 500_000_000);
        check("1.s", 1_000_000_000);
        check("+5s", 5_000_000_000);
        check("-0", 0);
        check("1us2\u{b5}s3\u{3bc}s", 6_000);
        check("1h1m1s1ms1ns", 3_661_001_000_001);
        check("2562047h47m16.854775807s", i64::MAX as u64);
        check("0.1234567890123456789h", 444_444_440_444);
    }

    #[test]
    fn what_is_no_duration_is_refused_with_a_reason() {
        let check = |text, error| assert_eq!(parse_duration(text), Err(error), "{text}");
        check("", DurationError::Invalid);
        check("s", DurationError::Invalid);
        check(".s", DurationError::Invalid);
        check("30", DurationError::MissingUnit);
        check("1m30", DurationError::MissingUnit);
        check("1d", DurationError::UnknownUnit);
        check("30 s", DurationError::UnknownUnit);
        check("1S", DurationError::UnknownUnit);
        check("-1m", DurationError::Negative);
        check("2562047h47m16.854775808s", DurationError::TooLong);
        check("99999999999999999999999999999999999999999h", DurationError::TooLong);
        check("--1s", DurationError::Invalid);
    }
}
