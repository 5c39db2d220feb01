//! Decimal text to numbers.

use std::str::FromStr;

use num_bigint::BigUint;

use super::{MAX_EXPONENT, Number, NumberError, PRECISION, Repr, signed};

/// No number in range, nor one half between two of them, has more significant digits.
const MAX_DIGITS: usize = 70_000;
/// Powers of ten beyond this are out of range for any number of digits that is read.
const MAX_POWER: i64 = 20_000;

/// A sign, digits with or without a point, and an exponent: `-1.5e3`, `.5`, `1.`, `+2`; or `Inf`.
///
/// The result is the nearest number. Numbers out of range are errors, those too near to zero as well.
impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let negative = text.starts_with('-');
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        if unsigned.len() < 19 && !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
            let small: i64 = unsigned.parse().map_err(|_| NumberError::Invalid)?;
            return Ok(Self(Repr::Small(if negative { -small } else { small })));
        }
        if matches!(unsigned, "Inf" | "inf") {
            return Ok(Self(Repr::Infinity { negative }));
        }
        let (mantissa, power) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, parse_power(power)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(NumberError::Invalid);
        }
        if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
            return Err(NumberError::Invalid);
        }
        let all: String = [whole, fraction].concat();
        let digits = all.trim_start_matches('0').trim_end_matches('0');
        let zeros = all.len() - all.trim_end_matches('0').len();
        if digits.is_empty() {
            return Ok(Self::ZERO);
        }
        let power = power
            .saturating_add(length(zeros))
            .saturating_sub(length(fraction.len()));
        from_decimal(negative, digits, power)
    }
}

/// Digits, of which the first and the last are not zero, times a power of ten.
fn from_decimal(negative: bool, digits: &str, power: i64) -> Result<Number, NumberError> {
    let magnitude = power.saturating_add(length(digits.len()));
    if !(-MAX_POWER..=MAX_POWER).contains(&magnitude) {
        return Err(NumberError::OutOfRange);
    }
    // Of more digits it only matters that there are any that are not zero, as the last one is.
    let (kept, more) = match digits.split_at_checked(MAX_DIGITS) {
        Some((kept, rest)) if !rest.is_empty() => (kept, true),
        _ => (digits, false),
    };
    let power = power.saturating_add(length(digits.len() - kept.len()));
    let integer: BigUint = kept.parse().map_err(|_| NumberError::Invalid)?;
    // Ten is five times two: only the fives need work.
    let Ok(fives) = u32::try_from(-power) else {
        let fives = u32::try_from(power).map_err(|_| NumberError::OutOfRange)?;
        return Number::rounded(negative, integer * BigUint::from(5_u8).pow(fives), power, more);
    };
    let divisor = BigUint::from(5_u8).pow(fives);
    let shift = (PRECISION + 2 + divisor.bits()).saturating_sub(integer.bits());
    let dividend = integer << shift;
    let quotient = &dividend / &divisor;
    let more = more || &quotient * &divisor != dividend;
    Number::rounded(negative, quotient, power - signed(shift), more)
}

fn parse_power(text: &str) -> Result<i64, NumberError> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NumberError::Invalid);
    }
    // So large a power is out of range for any text that fits in memory, but for that of zero.
    let limit = MAX_EXPONENT << 40;
    let power = digits.parse().unwrap_or(limit).min(limit);
    Ok(if text.starts_with('-') { -power } else { power })
}

fn length(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
