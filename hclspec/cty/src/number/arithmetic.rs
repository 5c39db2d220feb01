//! Sums, products, quotients and remainders.

use num_bigint::{BigInt, BigUint, Sign};

use super::{Float, Number, NumberError, PRECISION, Repr, signed};

impl Number {
    /// The sum.
    ///
    /// # Errors
    /// [`NumberError::OutOfRange`]; [`NumberError::Undefined`] for infinities of different signs.
    pub fn checked_add(&self, other: &Self) -> Result<Self, NumberError> {
        self.sum(other, "can't compute sum of opposing infinities")
    }

    /// The difference.
    ///
    /// # Errors
    /// [`NumberError::OutOfRange`]; [`NumberError::Undefined`] for infinities of one sign.
    pub fn checked_sub(&self, other: &Self) -> Result<Self, NumberError> {
        self.sum(&other.negate(), "can't subtract infinity from itself")
    }

    fn sum(&self, other: &Self, undefined: &'static str) -> Result<Self, NumberError> {
        if let (Repr::Small(a), Repr::Small(b)) = (&self.0, &other.0)
            && let Some(sum) = a.checked_add(*b)
        {
            return Ok(Self(Repr::Small(sum)));
        }
        match (self.parts(), other.parts()) {
            (Some(a), Some(b)) => add(a, b),
            (None, None) if self != other => Err(NumberError::Undefined(undefined)),
            (None, _) => Ok(self.clone()),
            (Some(_), None) => Ok(other.clone()),
        }
    }

    /// The product.
    ///
    /// # Errors
    /// [`NumberError::OutOfRange`]; [`NumberError::Undefined`] for zero and infinity.
    pub fn checked_mul(&self, other: &Self) -> Result<Self, NumberError> {
        if let (Repr::Small(a), Repr::Small(b)) = (&self.0, &other.0)
            && let Some(product) = a.checked_mul(*b)
        {
            return Ok(Self(Repr::Small(product)));
        }
        let negative = self.is_negative() != other.is_negative();
        match (self.parts(), other.parts()) {
            (Some(a), Some(b)) => Self::rounded(negative, a.mantissa * b.mantissa, a.exponent + b.exponent, false),
            _ if self.is_zero() || other.is_zero() => Err(NumberError::Undefined("can't multiply zero by infinity")),
            _ => Ok(Self(Repr::Infinity { negative })),
        }
    }

    /// The quotient; an infinity if only the divisor is zero.
    ///
    /// # Errors
    /// [`NumberError::DivisionByZero`] for zero by zero and infinity by infinity; [`NumberError::OutOfRange`].
    pub fn checked_div(&self, other: &Self) -> Result<Self, NumberError> {
        if let (Repr::Small(a), Repr::Small(b)) = (&self.0, &other.0)
            && a.checked_rem(*b) == Some(0)
        {
            return Ok(Self(Repr::Small(a / b)));
        }
        let negative = self.is_negative() != other.is_negative();
        match (self.parts(), other.parts()) {
            (None, None) => Err(NumberError::DivisionByZero),
            (None, Some(_)) => Ok(Self(Repr::Infinity { negative })),
            (Some(_), None) => Ok(Self::ZERO),
            (Some(a), Some(b)) if b.mantissa == BigUint::ZERO => {
                if a.mantissa == BigUint::ZERO {
                    return Err(NumberError::DivisionByZero);
                }
                Ok(Self(Repr::Infinity { negative }))
            }
            (Some(a), Some(b)) => {
                // One bit more than the precision is left for rounding, at the least.
                let shift = (PRECISION + 2 + b.mantissa.bits()).saturating_sub(a.mantissa.bits());
                let dividend = a.mantissa << shift;
                let quotient = &dividend / &b.mantissa;
                let more = &quotient * &b.mantissa != dividend;
                Self::rounded(negative, quotient, a.exponent - signed(shift) - b.exponent, more)
            }
        }
    }

    /// The remainder of the division that is rounded towards zero: `self - trunc(self / other) * other`, each step
    /// rounded to the precision, as HCL defines it; `11 % 5.1` is therefore a little more than 0.8. By zero it is
    /// `self`.
    ///
    /// # Errors
    /// [`NumberError::Undefined`] for infinities; [`NumberError::OutOfRange`].
    pub fn checked_rem(&self, other: &Self) -> Result<Self, NumberError> {
        if self.is_infinite() || other.is_infinite() {
            return Err(NumberError::Undefined("can't use modulo with zero and infinity"));
        }
        if other.is_zero() {
            return Ok(self.clone());
        }
        if let (Repr::Small(a), Repr::Small(b)) = (&self.0, &other.0) {
            return Ok(Self(Repr::Small(a.checked_rem(*b).unwrap_or(0))));
        }
        let whole = self.checked_div(other)?.truncate();
        self.checked_sub(&other.checked_mul(&whole)?)
    }

    /// The number with the other sign.
    #[must_use]
    pub fn negate(&self) -> Self {
        match &self.0 {
            Repr::Small(small) => match small.checked_neg() {
                Some(small) => Self(Repr::Small(small)),
                None => Self::from(small.unsigned_abs()),
            },
            // By way of rounding, since -2^63 is small and 2^63 is not.
            Repr::Big(float) => {
                let same = Self::rounded(!float.negative, float.mantissa.clone(), float.exponent, false);
                same.unwrap_or(Self::ZERO)
            }
            Repr::Infinity { negative } => Self(Repr::Infinity { negative: !negative }),
        }
    }

    /// The number without its sign.
    #[must_use]
    pub fn abs(&self) -> Self {
        if self.is_negative() {
            self.negate()
        } else {
            self.clone()
        }
    }
}

/// The sum of two finite numbers.
fn add(a: Float, b: Float) -> Result<Number, NumberError> {
    if a.mantissa == BigUint::ZERO || b.mantissa == BigUint::ZERO {
        let other = if a.mantissa == BigUint::ZERO { b } else { a };
        return Number::rounded(other.negative, other.mantissa, other.exponent, false);
    }
    let (high, mut low) = if a.top() >= b.top() { (a, b) } else { (b, a) };
    // What is far below the other's last bit counts only by being there.
    let floor = high.top() - signed(PRECISION) * 2 - 4;
    if low.top() < floor {
        low.mantissa = BigUint::from(1_u8);
        low.exponent = floor;
    }
    let exponent = high.exponent.min(low.exponent);
    let at = |float: Float| {
        let sign = if float.negative { Sign::Minus } else { Sign::Plus };
        BigInt::from_biguint(sign, float.mantissa << (float.exponent - exponent))
    };
    let (sign, mantissa) = (at(high) + at(low)).into_parts();
    Number::rounded(sign == Sign::Minus, mantissa, exponent, false)
}
