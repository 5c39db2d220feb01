//! Numbers: binary floats of 512 bits.

mod arithmetic;
mod integer;
mod parse;
#[cfg(test)]
mod tests;
mod text;

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use num_bigint::{BigInt, BigUint, Sign};

/// The bits of a number's significand.
pub(crate) const PRECISION: u64 = 512;
/// A number's highest bit, as a power of two, is below this and, negated, not below it.
pub(crate) const MAX_EXPONENT: i64 = 65_536;

/// A number of HCL: a binary float with a significand of 512 bits, or an infinity.
///
/// That is 154 significant decimal digits, so that every 64-bit integer and every decimal text of that length comes
/// out as it went in; results are rounded to the nearest such number, half to even. Magnitudes reach from about
/// 10^-19728 to 10^19728. Small integers take no allocation, and clones are cheap.
///
/// ```
/// use encamp_hclspec_cty::Number;
///
/// let sum = "0.1".parse::<Number>()?.checked_add(&"0.2".parse()?)?;
/// assert_eq!(sum.to_string(), "0.3");
/// assert_eq!(Number::from(7).checked_div(&Number::from(2))?.as_f64(), 3.5);
/// # Ok::<(), encamp_hclspec_cty::NumberError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Number(Repr);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    /// Every number that is an integer of 64 bits.
    Small(i64),
    /// Every other finite number.
    Big(Arc<Float>),
    Infinity {
        negative: bool,
    },
}

/// A finite number, not zero: `mantissa` × 2^`exponent`, negated if `negative`. Equal numbers have equal parts.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Float {
    negative: bool,
    /// Odd, of at most [`PRECISION`] bits.
    mantissa: BigUint,
    exponent: i64,
}

/// Why there is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NumberError {
    /// The text is not a decimal number.
    #[error("a number is required")]
    Invalid,
    /// The number is larger, or nearer to zero, than can be held.
    #[error("the number is out of range: its size must be between 1e-19728 and 1e19728")]
    OutOfRange,
    /// Zero by zero, or infinity by infinity.
    #[error("can't divide zero by zero or infinity by infinity")]
    DivisionByZero,
    /// An operation on infinities that has no result.
    #[error("{0}")]
    Undefined(&'static str),
}

impl Number {
    /// Zero.
    pub const ZERO: Self = Self(Repr::Small(0));
    /// One.
    pub const ONE: Self = Self(Repr::Small(1));
    /// More than every other number; what a division of a positive number by zero gives.
    pub const INFINITY: Self = Self(Repr::Infinity { negative: false });
    /// Less than every other number.
    pub const NEG_INFINITY: Self = Self(Repr::Infinity { negative: true });

    /// The number that is closest to a finite float when both are printed, so that 0.1 gives 0.1; an infinity for one.
    /// None for NaN.
    pub fn from_f64(value: f64) -> Option<Self> {
        match value {
            value if value.is_nan() => None,
            f64::INFINITY => Some(Self::INFINITY),
            f64::NEG_INFINITY => Some(Self::NEG_INFINITY),
            value => format!("{value:e}").parse().ok(),
        }
    }

    /// Exactly the float, so that 0.1 gives 0.1000000000000000055…; none for NaN.
    pub fn from_f64_exact(value: f64) -> Option<Self> {
        if !value.is_finite() {
            return Self::from_f64(value);
        }
        let bits = value.to_bits();
        let (fraction, biased) = (bits & ((1 << 52) - 1), (bits >> 52) & 0x7ff);
        let (mantissa, exponent) = if biased == 0 {
            (fraction, -1074)
        } else {
            (fraction | (1 << 52), i64::try_from(biased).unwrap_or(0) - 1075)
        };
        Self::rounded(value.is_sign_negative(), mantissa.into(), exponent, false).ok()
    }

    /// The number as an `i64`, if it is an integer in its range.
    pub fn as_i64(&self) -> Option<i64> {
        match self.0 {
            Repr::Small(small) => Some(small),
            _ => None,
        }
    }

    /// The number as a `u64`, if it is an integer in its range.
    pub fn as_u64(&self) -> Option<u64> {
        match &self.0 {
            Repr::Small(small) => u64::try_from(*small).ok(),
            Repr::Big(float) if !float.negative && (0..64).contains(&float.exponent) => {
                u64::try_from(&float.mantissa << float.exponent).ok()
            }
            _ => None,
        }
    }

    /// The number as the nearest float; an infinity where it is too large for one.
    pub fn as_f64(&self) -> f64 {
        match &self.0 {
            #[expect(clippy::cast_precision_loss, reason = "the nearest float is what is asked for")]
            Repr::Small(small) => *small as f64,
            Repr::Big(float) => float.to_f64(),
            Repr::Infinity { negative: false } => f64::INFINITY,
            Repr::Infinity { negative: true } => f64::NEG_INFINITY,
        }
    }

    /// The float that is exactly this number, if there is one.
    pub fn as_f64_exact(&self) -> Option<f64> {
        let float = self.as_f64();
        Self::from_f64_exact(float)
            .filter(|number| number == self)
            .map(|_| float)
    }

    /// Whether it has no fraction. Infinities are no integers.
    pub fn is_integer(&self) -> bool {
        match &self.0 {
            Repr::Small(_) => true,
            Repr::Big(float) => float.exponent >= 0,
            Repr::Infinity { .. } => false,
        }
    }

    /// Whether it is one of the two infinities.
    pub fn is_infinite(&self) -> bool {
        matches!(self.0, Repr::Infinity { .. })
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        matches!(self.0, Repr::Small(0))
    }

    /// Whether it is below zero.
    pub fn is_negative(&self) -> bool {
        match &self.0 {
            Repr::Small(small) => *small < 0,
            Repr::Big(float) => float.negative,
            Repr::Infinity { negative } => *negative,
        }
    }

    /// `mantissa` × 2^`exponent`, rounded to the precision; `more` says that there is a little more than that.
    #[expect(
        clippy::fn_params_excessive_bools,
        reason = "a sign and a sticky bit, as arithmetic calls them"
    )]
    fn rounded(negative: bool, mut mantissa: BigUint, mut exponent: i64, more: bool) -> Result<Self, NumberError> {
        let excess = mantissa.bits().saturating_sub(PRECISION);
        if excess > 0 {
            let half = mantissa.bit(excess - 1);
            let below = more || mantissa.trailing_zeros().is_some_and(|zeros| zeros < excess - 1);
            mantissa >>= excess;
            if half && (below || mantissa.bit(0)) {
                mantissa += 1_u8;
            }
            exponent += signed(excess);
        }
        let Some(zeros) = mantissa.trailing_zeros() else {
            return Ok(Self::ZERO);
        };
        mantissa >>= zeros;
        exponent += signed(zeros);
        let top = signed(mantissa.bits()) + exponent;
        if !(-MAX_EXPONENT..=MAX_EXPONENT).contains(&top) {
            return Err(NumberError::OutOfRange);
        }
        if (0..64).contains(&exponent) && top <= 64 {
            let sign = if negative { Sign::Minus } else { Sign::Plus };
            if let Ok(small) = i64::try_from(BigInt::from_biguint(sign, &mantissa << exponent)) {
                return Ok(Self(Repr::Small(small)));
            }
        }
        Ok(Self(Repr::Big(Arc::new(Float {
            negative,
            mantissa,
            exponent,
        }))))
    }

    /// Its sign and its parts; none of an infinity.
    fn parts(&self) -> Option<Float> {
        match &self.0 {
            Repr::Small(small) => Some(Float {
                negative: *small < 0,
                mantissa: small.unsigned_abs().into(),
                exponent: 0,
            }),
            Repr::Big(float) => Some(Float::clone(float)),
            Repr::Infinity { .. } => None,
        }
    }

    fn sign(&self) -> i8 {
        match &self.0 {
            Repr::Small(small) => i8::try_from(small.signum()).unwrap_or(0),
            _ if self.is_negative() => -1,
            _ => 1,
        }
    }
}

impl Float {
    /// The power of two just above it.
    fn top(&self) -> i64 {
        signed(self.mantissa.bits()) + self.exponent
    }

    fn to_f64(&self) -> f64 {
        // A float has 53 bits, fewer below 2^-1022, and none below 2^-1074. Rounded to that many bits, the integer is
        // a float, and scaling it by a power of two is exact.
        let kept = (self.top() + 1074).min(53);
        if kept < 0 {
            return if self.negative { -0.0 } else { 0.0 };
        }
        let excess = signed(self.mantissa.bits()) - kept;
        let Ok(excess) = u64::try_from(excess) else {
            return self.scaled(&self.mantissa, self.exponent);
        };
        let mut mantissa = &self.mantissa >> excess;
        let half = excess > 0 && self.mantissa.bit(excess - 1);
        // The mantissa is odd: what is below the half is nothing only if the half is its last bit.
        if half && (excess > 1 || mantissa.bit(0)) {
            mantissa += 1_u8;
        }
        self.scaled(&mantissa, self.exponent + signed(excess))
    }

    /// A mantissa of at most 53 bits at an exponent where it is exact, with the sign of this number.
    fn scaled(&self, mantissa: &BigUint, exponent: i64) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            reason = "it has at most 54 bits, the last of them zero"
        )]
        let mut float = u64::try_from(mantissa).unwrap_or(u64::MAX) as f64;
        // In two steps, since the power itself may be below the smallest float.
        let exponent = i32::try_from(exponent.clamp(-2200, 2200)).unwrap_or(0);
        for step in [exponent / 2, exponent - exponent / 2] {
            float *= 2_f64.powi(step);
        }
        if self.negative { -float } else { float }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        if let (Repr::Small(a), Repr::Small(b)) = (&self.0, &other.0) {
            return a.cmp(b);
        }
        let signs = self.sign().cmp(&other.sign());
        if signs.is_ne() {
            return signs;
        }
        let sizes = match (self.parts(), other.parts()) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(a), Some(b)) => compare_sizes(&a, &b),
        };
        if self.is_negative() { sizes.reverse() } else { sizes }
    }
}

/// Compares without the signs. The parts are not zero, for zero has a sign of its own.
fn compare_sizes(a: &Float, b: &Float) -> Ordering {
    a.top().cmp(&b.top()).then_with(|| {
        let low = a.exponent.min(b.exponent);
        // The highest bits are the same, so that the shifts are below the precision.
        (&a.mantissa << (a.exponent - low)).cmp(&(&b.mantissa << (b.exponent - low)))
    })
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Default for Number {
    fn default() -> Self {
        Self::ZERO
    }
}

/// As [`Display`](fmt::Display).
impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A count of bits as a difference of exponents.
fn signed(bits: u64) -> i64 {
    i64::try_from(bits).unwrap_or(i64::MAX)
}

macro_rules! from_small {
    ($($integer:ty),*) => {$(
        impl From<$integer> for Number {
            fn from(value: $integer) -> Self {
                Self(Repr::Small(value.into()))
            }
        }
    )*};
}

from_small!(i8, i16, i32, i64, u8, u16, u32);

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        // 64 bits are always in range.
        Self::rounded(false, value.into(), 0, false).unwrap_or(Self::ZERO)
    }
}

impl From<usize> for Number {
    fn from(value: usize) -> Self {
        Self::from(u64::try_from(value).unwrap_or(u64::MAX))
    }
}
