//! Exact decimal numbers.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// The most significant digits that a number can have.
const MAX_DIGITS: u32 = 34;
/// The significant digits of a quotient that does not end.
const QUOTIENT_DIGITS: u32 = 17;
/// The largest and, negated, the smallest power of ten.
const MAX_EXPONENT: i32 = 400;
const LIMIT: i128 = 10_i128.pow(MAX_DIGITS);

/// A decimal number of at most 34 significant digits.
///
/// Every `i64` and `u64` and every decimal text in that range is held exactly: `0.1 + 0.2` is `0.3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Number {
    /// Without trailing zeros, so that equal numbers have equal parts; below [`LIMIT`] either way.
    digits: i128,
    /// The power of ten that `digits` are multiplied by.
    exponent: i32,
}

/// Why there is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NumberError {
    /// The text is not a decimal number.
    #[error("a number is required")]
    Invalid,
    /// The number has more digits, or is larger or smaller, than can be held.
    #[error("the number is out of range: at most {MAX_DIGITS} significant digits can be held exactly")]
    OutOfRange,
    /// A division by zero.
    #[error("division by zero")]
    DivisionByZero,
}

impl Number {
    const ZERO: Self = Self { digits: 0, exponent: 0 };

    /// The number that is closest to a finite float when both are printed; none for infinities and NaN.
    pub fn from_f64(value: f64) -> Option<Self> {
        format!("{value}").parse().ok()
    }

    /// The number as an `i64`, if it is an integer in its range.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_integer()?.try_into().ok()
    }

    /// The number as a `u64`, if it is an integer in its range.
    pub fn as_u64(&self) -> Option<u64> {
        self.as_integer()?.try_into().ok()
    }

    /// The number as the nearest float.
    pub fn as_f64(&self) -> f64 {
        format!("{}e{}", self.digits, self.exponent).parse().unwrap_or(f64::NAN)
    }

    fn as_integer(self) -> Option<i128> {
        let factor = 10_i128.checked_pow(u32::try_from(self.exponent).ok()?)?;
        self.digits.checked_mul(factor)
    }

    /// A number from its parts, without trailing zeros.
    fn try_new(mut digits: i128, mut exponent: i32) -> Result<Self, NumberError> {
        if digits == 0 {
            return Ok(Self::ZERO);
        }
        while digits % 10 == 0 {
            digits /= 10;
            exponent += 1;
        }
        if digits.abs() >= LIMIT || exponent.abs() > MAX_EXPONENT {
            return Err(NumberError::OutOfRange);
        }
        Ok(Self { digits, exponent })
    }

    /// The digits of both at their smaller exponent, and that exponent.
    fn align(self, other: Self) -> Option<(i128, i128, i32)> {
        let exponent = self.exponent.min(other.exponent);
        let at = |number: Self| {
            let factor = 10_i128.checked_pow((number.exponent - exponent).unsigned_abs())?;
            number.digits.checked_mul(factor)
        };
        Some((at(self)?, at(other)?, exponent))
    }

    /// The sum.
    ///
    /// # Errors
    /// [`NumberError::OutOfRange`] where it cannot be held exactly.
    pub fn checked_add(self, other: Self) -> Result<Self, NumberError> {
        if self == Self::ZERO || other == Self::ZERO {
            return Ok(if self == Self::ZERO { other } else { self });
        }
        let (a, b, exponent) = self.align(other).ok_or(NumberError::OutOfRange)?;
        Self::try_new(a.checked_add(b).ok_or(NumberError::OutOfRange)?, exponent)
    }

    /// The difference.
    ///
    /// # Errors
    /// [`NumberError::OutOfRange`] where it cannot be held exactly.
    pub fn checked_sub(self, other: Self) -> Result<Self, NumberError> {
        self.checked_add(other.negate())
    }

    /// The product.
    ///
    /// # Errors
    /// [`NumberError::OutOfRange`] where it cannot be held exactly.
    pub fn checked_mul(self, other: Self) -> Result<Self, NumberError> {
        let digits = self.digits.checked_mul(other.digits).ok_or(NumberError::OutOfRange)?;
        Self::try_new(digits, self.exponent + other.exponent)
    }

    /// The quotient: exact where it ends within 34 digits, otherwise rounded half up to 17.
    ///
    /// # Errors
    /// [`NumberError::DivisionByZero`], or [`NumberError::OutOfRange`].
    pub fn checked_div(self, other: Self) -> Result<Self, NumberError> {
        if other == Self::ZERO {
            return Err(NumberError::DivisionByZero);
        }
        let divisor = other.digits.abs();
        let sign = self.digits.signum() * other.digits.signum();
        let mut exponent = self.exponent - other.exponent;
        let mut digits = self.digits.abs() / divisor;
        let mut rest = self.digits.abs() % divisor;
        while rest != 0 && digits < LIMIT / 10 {
            digits = digits * 10 + rest * 10 / divisor;
            rest = rest * 10 % divisor;
            exponent -= 1;
        }
        if rest != 0 {
            while digits >= 10_i128.pow(QUOTIENT_DIGITS) {
                let up = digits < 10_i128.pow(QUOTIENT_DIGITS + 1) && digits % 10 >= 5;
                digits = digits / 10 + i128::from(up);
                exponent += 1;
            }
        }
        Self::try_new(sign * digits, exponent)
    }

    /// The remainder of the division that is rounded towards zero; it has the sign of `self`.
    ///
    /// # Errors
    /// [`NumberError::DivisionByZero`], or [`NumberError::OutOfRange`].
    pub fn checked_rem(self, other: Self) -> Result<Self, NumberError> {
        if other == Self::ZERO {
            return Err(NumberError::DivisionByZero);
        }
        let (a, b, exponent) = self.align(other).ok_or(NumberError::OutOfRange)?;
        Self::try_new(a.checked_rem(b).unwrap_or(0), exponent)
    }

    /// The number with the other sign.
    #[must_use]
    pub fn negate(self) -> Self {
        Self {
            digits: -self.digits,
            ..self
        }
    }

    /// The number without its sign.
    #[must_use]
    pub fn abs(self) -> Self {
        Self {
            digits: self.digits.abs(),
            ..self
        }
    }

    /// The number without its fraction.
    #[must_use]
    pub fn truncate(self) -> Self {
        let Ok(places @ 1..) = u32::try_from(-self.exponent) else {
            return self;
        };
        let whole = 10_i128.checked_pow(places).map_or(0, |factor| self.digits / factor);
        Self::try_new(whole, 0).unwrap_or(Self::ZERO)
    }

    /// The power of ten of the first digit.
    fn magnitude(self) -> i32 {
        let digits = self.digits.unsigned_abs().checked_ilog10().unwrap_or(0);
        i32::try_from(digits).unwrap_or(0) + self.exponent
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        if let Some((a, b, _)) = self.align(*other) {
            return a.cmp(&b);
        }
        let sign = self.digits.signum().cmp(&other.digits.signum());
        let size = self.magnitude().cmp(&other.magnitude());
        sign.then(if self.digits < 0 { size.reverse() } else { size })
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A sign, digits with or without a point, and an exponent: `-1.5e3`, `.5`, `1.`, `+2`.
impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let (mantissa, power) = match text.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, parse_power(power)?),
            None => (text, 0),
        };
        let unsigned = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(NumberError::Invalid);
        }
        if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
            return Err(NumberError::Invalid);
        }
        let places = i32::try_from(fraction.len()).map_err(|_| NumberError::OutOfRange)?;
        let all = format!("{whole}{fraction}");
        let kept = all.trim_end_matches('0');
        let zeros = i32::try_from(all.len() - kept.len()).map_err(|_| NumberError::OutOfRange)?;
        let digits = kept.trim_start_matches('0');
        if digits.is_empty() {
            return Ok(Self::ZERO);
        }
        let digits: i128 = digits.parse().map_err(|_| NumberError::OutOfRange)?;
        let digits = if mantissa.starts_with('-') { -digits } else { digits };
        let exponent = power.checked_add(zeros).and_then(|power| power.checked_sub(places));
        Self::try_new(digits, exponent.ok_or(NumberError::OutOfRange)?)
    }
}

fn parse_power(text: &str) -> Result<i32, NumberError> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NumberError::Invalid);
    }
    text.parse().map_err(|_| NumberError::OutOfRange)
}

/// The shortest decimal text, never with an exponent.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.digits < 0 {
            f.write_str("-")?;
        }
        let digits = self.digits.unsigned_abs().to_string();
        let Ok(places @ 1..) = usize::try_from(-self.exponent) else {
            let zeros = usize::try_from(self.exponent).unwrap_or(0);
            return write!(f, "{digits}{}", "0".repeat(zeros));
        };
        if digits.len() > places {
            let (whole, fraction) = digits.split_at(digits.len() - places);
            write!(f, "{whole}.{fraction}")
        } else {
            write!(f, "0.{}{digits}", "0".repeat(places - digits.len()))
        }
    }
}

macro_rules! from_integer {
    ($($integer:ty),*) => {$(
        impl From<$integer> for Number {
            fn from(value: $integer) -> Self {
                // No 64-bit integer has more than 20 digits, so this is always in range.
                Self::try_new(i128::from(value), 0).unwrap_or(Self::ZERO)
            }
        }
    )*};
}

from_integer!(i8, i16, i32, i64, u8, u16, u32, u64);
