//! Numbers to decimal text.

use std::fmt;

use num_bigint::BigUint;

use super::{Float, Number, PRECISION, Repr, signed};

/// The shortest decimal text that reads back as the same number, never with an exponent; `+Inf` and `-Inf` for infinities.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Small(small) => write!(f, "{small}"),
            Repr::Infinity { negative: false } => f.write_str("+Inf"),
            Repr::Infinity { negative: true } => f.write_str("-Inf"),
            Repr::Big(float) => {
                f.write_str(if float.negative { "-" } else { "" })?;
                f.write_str(&shortest(float).plain())
            }
        }
    }
}

impl Number {
    /// About how many bytes its text has beyond those of a small integer, at most: what a large exponent makes of it.
    pub fn text_len(&self) -> usize {
        match &self.0 {
            Repr::Small(_) | Repr::Infinity { .. } => 0,
            Repr::Big(float) => {
                let bits = float.mantissa.bits().saturating_add(float.exponent.unsigned_abs());
                usize::try_from(bits / 3).unwrap_or(usize::MAX).saturating_add(2)
            }
        }
    }

    /// The number at ten significant digits, with an exponent where it is long: what composite values in sets are
    /// sorted by.
    pub(crate) fn to_ten_digits(&self) -> String {
        let sign = if self.is_negative() { "-" } else { "" };
        match self.parts() {
            None => self.to_string(),
            Some(float) if float.mantissa == BigUint::ZERO => "0".to_owned(),
            Some(float) => format!("{sign}{}", rounded(&float, 10).general(10)),
        }
    }
}

/// Digits, none of them leading or trailing zeros, after a point: `0.digits` × 10^`point`.
struct Decimal {
    digits: Vec<u8>,
    point: i64,
}

impl Decimal {
    fn plain(&self) -> String {
        let text: String = self.digits.iter().map(|digit| char::from(b'0' + digit)).collect();
        let Ok(point @ 1..) = usize::try_from(self.point) else {
            let zeros = usize::try_from(-self.point).unwrap_or(0);
            return format!("0.{}{text}", "0".repeat(zeros));
        };
        match text.split_at_checked(point) {
            Some((whole, "")) => whole.to_owned(),
            Some((whole, fraction)) => format!("{whole}.{fraction}"),
            None => format!("{text}{}", "0".repeat(point - text.len())),
        }
    }

    /// Plain, or with an exponent if that is below -4 or not below the number of digits asked for.
    fn general(&self, asked: i64) -> String {
        let count = i64::try_from(self.digits.len()).unwrap_or(i64::MAX);
        let limit = if asked > count && count >= self.point {
            count
        } else {
            asked
        };
        let exponent = self.point - 1;
        if exponent >= -4 && exponent < limit {
            return self.plain();
        }
        let scientific = Self {
            digits: self.digits.clone(),
            point: 1,
        };
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{sign}{:02}", scientific.plain(), exponent.abs())
    }

    /// Adds one to the last digit.
    fn increment(&mut self) {
        while let Some(digit) = self.digits.pop() {
            if digit < 9 {
                self.digits.push(digit + 1);
                return;
            }
        }
        self.digits.push(1);
        self.point += 1;
    }

    fn trimmed(mut self) -> Self {
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
        self
    }
}

/// A number as a fraction `rest` / `divisor` × 10^`point`, in [0.1, 1), to take digits from.
struct Digits {
    rest: BigUint,
    divisor: BigUint,
    /// One half of the distance to the next numbers above and below, on the scale of `rest`.
    margins: (BigUint, BigUint),
    point: i64,
}

impl Digits {
    fn of(float: &Float) -> Self {
        // The mantissa at the full precision, one bit further for halves and one for quarters.
        let shift = PRECISION + 2 - float.mantissa.bits();
        let exponent = float.exponent - signed(shift);
        let power_of_two = float.mantissa == BigUint::from(1_u8);
        let (mut rest, mut divisor) = (&float.mantissa << shift, BigUint::from(1_u8));
        // The numbers below a power of two are twice as close.
        let mut margins = (
            BigUint::from(2_u8),
            BigUint::from(if power_of_two { 1_u8 } else { 2_u8 }),
        );
        let bits = exponent.unsigned_abs();
        if exponent >= 0 {
            rest <<= bits;
            margins.0 <<= bits;
            margins.1 <<= bits;
        } else {
            divisor <<= bits;
        }
        let mut point = decimal_point(float.top());
        let power = BigUint::from(10_u8).pow(u32::try_from(point.unsigned_abs()).unwrap_or(0));
        if point >= 0 {
            divisor *= power;
        } else {
            rest *= &power;
            margins.0 *= &power;
            margins.1 *= &power;
        }
        if rest >= divisor {
            divisor *= 10_u8;
            point += 1;
        }
        Self {
            rest,
            divisor,
            margins,
            point,
        }
    }

    fn next(&mut self) -> u8 {
        self.rest *= 10_u8;
        let digit = &self.rest / &self.divisor;
        self.rest -= &digit * &self.divisor;
        u8::try_from(digit).unwrap_or(9)
    }
}

/// The power of ten just above the numbers whose highest bit is just below this power of two, or the one before it.
fn decimal_point(top: i64) -> i64 {
    // The logarithm of two to the base of ten, rounded such that the result is never too high.
    let logarithm = if top > 0 { 3_010_299_956 } else { 3_010_299_957 };
    ((top - 1) * logarithm).div_euclid(10_000_000_000) + 1
}

/// The fewest digits that are nearer to the number than to any other.
fn shortest(float: &Float) -> Decimal {
    let mut source = Digits::of(float);
    // A text just half way to the next number is read as the one with an even significand.
    let even = float.mantissa.bits() < PRECISION;
    let mut decimal = Decimal {
        digits: Vec::new(),
        point: source.point,
    };
    loop {
        decimal.digits.push(source.next());
        source.margins.0 *= 10_u8;
        source.margins.1 *= 10_u8;
        let missing = &source.divisor - &source.rest;
        let (above, below) = &source.margins;
        let low = if even {
            source.rest <= *below
        } else {
            source.rest < *below
        };
        let high = if even { missing <= *above } else { missing < *above };
        let up = match (low, high) {
            (false, false) => continue,
            (true, false) => false,
            (false, true) => true,
            (true, true) => is_up(&source.rest, &missing, &decimal),
        };
        if up {
            decimal.increment();
        }
        return decimal.trimmed();
    }
}

/// Whether the rest is nearer to the next digit, which is even in the middle.
fn is_up(rest: &BigUint, missing: &BigUint, decimal: &Decimal) -> bool {
    rest > missing || (rest == missing && decimal.digits.last().is_some_and(|digit| digit % 2 == 1))
}

/// The number rounded to a count of digits.
fn rounded(float: &Float, count: usize) -> Decimal {
    let mut source = Digits::of(float);
    let mut decimal = Decimal {
        digits: Vec::new(),
        point: source.point,
    };
    decimal
        .digits
        .extend(std::iter::repeat_with(|| source.next()).take(count));
    let missing = &source.divisor - &source.rest;
    if is_up(&source.rest, &missing, &decimal) {
        decimal.increment();
    }
    decimal.trimmed()
}
