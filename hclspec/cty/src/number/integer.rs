//! Rounding to integers, and powers.

use super::{Number, NumberError, Repr};

impl Number {
    /// The number without its fraction. Infinities stay.
    #[must_use]
    pub fn truncate(&self) -> Self {
        let Repr::Big(float) = &self.0 else {
            return self.clone();
        };
        let Ok(places @ 1..) = u64::try_from(-float.exponent) else {
            return self.clone();
        };
        Self::rounded(float.negative, &float.mantissa >> places, 0, false).unwrap_or(Self::ZERO)
    }

    /// The largest integer that is not above the number. Infinities stay.
    #[must_use]
    pub fn floor(&self) -> Self {
        let whole = self.truncate();
        if self.is_negative() && whole != *self {
            return whole.checked_sub(&Self::ONE).unwrap_or(whole);
        }
        whole
    }

    /// The smallest integer that is not below the number. Infinities stay.
    #[must_use]
    pub fn ceil(&self) -> Self {
        self.negate().floor().negate()
    }

    /// The number to an integer power, rounded at every step.
    ///
    /// # Errors
    /// [`NumberError::OutOfRange`]; [`NumberError::DivisionByZero`] never, since zero to a negative power is infinity.
    pub fn checked_pow(&self, power: i32) -> Result<Self, NumberError> {
        let mut result = Self::ONE;
        let mut rest = power.unsigned_abs();
        let mut square = self.clone();
        while rest > 0 {
            if rest & 1 == 1 {
                result = result.checked_mul(&square)?;
            }
            rest >>= 1;
            if rest > 0 {
                square = square.checked_mul(&square)?;
            }
        }
        if power < 0 {
            Self::ONE.checked_div(&result)
        } else {
            Ok(result)
        }
    }
}
