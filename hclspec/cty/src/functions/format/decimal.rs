//! Numbers as decimal texts of a wanted length, rounded half to even from their exact value.

use num_bigint::BigUint;

use crate::Number;

/// The bits of a number.
const PRECISION: u64 = 512;
/// No number has more decimal digits than this before they are all zeros.
const MAX_DIGITS: usize = 70_000;

/// The shortest text that stands for the number, with an exponent if that is below -4 or above 5.
pub(super) fn shortest(number: &Number) -> String {
    let plain = number.to_string();
    if number.is_infinite() {
        return plain;
    }
    let (sign, plain) = plain
        .strip_prefix('-')
        .map_or(("", plain.as_str()), |plain| ("-", plain));
    let decimal = Decimal::parse(plain);
    let exponent = decimal.point - 1;
    let text = if (-4..6).contains(&exponent) {
        decimal.plain()
    } else {
        decimal.with_exponent()
    };
    format!("{sign}{text}")
}

/// Digits, none of them leading or trailing zeros, after a point: `0.digits` × 10^`point`.
struct Decimal {
    digits: String,
    point: i64,
}

impl Decimal {
    /// From a text without a sign and an exponent.
    fn parse(plain: &str) -> Self {
        let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_start_matches('0');
        let point = length(whole) - length(&all) + length(digits);
        let digits = digits.trim_end_matches('0');
        if digits.is_empty() {
            return Self {
                digits: String::new(),
                point: 0,
            };
        }
        Self {
            digits: digits.to_owned(),
            point,
        }
    }

    fn plain(&self) -> String {
        if self.digits.is_empty() {
            return "0".to_owned();
        }
        let Ok(point @ 1..) = usize::try_from(self.point) else {
            let zeros = usize::try_from(-self.point).unwrap_or(0);
            return format!("0.{}{}", "0".repeat(zeros), self.digits);
        };
        match self.digits.split_at_checked(point) {
            Some((whole, "")) => whole.to_owned(),
            Some((whole, fraction)) => format!("{whole}.{fraction}"),
            None => format!("{}{}", self.digits, "0".repeat(point - self.digits.len())),
        }
    }

    fn with_exponent(&self) -> String {
        with_exponent(&self.digits, self.point - 1)
    }
}

fn with_exponent(digits: &str, exponent: i64) -> String {
    let (first, rest) = digits.split_at_checked(1).unwrap_or(("0", ""));
    let point = if rest.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{first}{point}{rest}e{sign}{:02}", exponent.abs())
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

/// The exact size of a finite number: `mantissa` × 2^`exponent`.
pub(super) struct Exact {
    mantissa: BigUint,
    exponent: i64,
    /// As for [`Decimal`]: the power of ten above the first digit.
    point: i64,
}

impl Exact {
    /// Reads the shortest text of a number as the number is read.
    pub(super) fn of(number: &Number) -> Self {
        let text = number.abs().to_string();
        let point = Decimal::parse(&text).point;
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let digits: BigUint = format!("{whole}{fraction}").parse().unwrap_or_default();
        let divisor = power_of_ten(fraction.len());
        // As many bits as are kept, and some to round by.
        let shift = (PRECISION + 2 + divisor.bits()).saturating_sub(digits.bits());
        let numerator = digits << shift;
        let mut mantissa = &numerator / &divisor;
        let more = &mantissa * divisor != numerator;
        let excess = mantissa.bits().saturating_sub(PRECISION);
        mantissa = halved(mantissa, excess, more);
        let exponent = i64::try_from(excess).unwrap_or(0) - i64::try_from(shift).unwrap_or(0);
        Self {
            mantissa,
            exponent,
            point,
        }
    }

    /// The number without its fraction.
    pub(super) fn whole(&self) -> BigUint {
        let bits = self.exponent.unsigned_abs();
        if self.exponent < 0 {
            &self.mantissa >> bits
        } else {
            &self.mantissa << bits
        }
    }

    /// The number divided by 10^`power`, rounded to an integer.
    fn over(&self, power: i64) -> BigUint {
        let tens = power_of_ten(usize::try_from(power.unsigned_abs()).unwrap_or(0));
        let bits = self.exponent.unsigned_abs();
        let mut numerator = self.mantissa.clone();
        let mut divisor = BigUint::from(1_u8);
        if power < 0 {
            numerator *= tens;
        } else {
            divisor *= tens;
        }
        if self.exponent < 0 {
            divisor <<= bits;
        } else {
            numerator <<= bits;
        }
        // Half the divisor must be an integer.
        (numerator, divisor) = (numerator << 1, divisor << 1);
        let mut quotient = &numerator / &divisor;
        let rest = numerator - &quotient * &divisor;
        let half = divisor >> 1;
        if rest > half || (rest == half && quotient.bit(0)) {
            quotient += 1_u8;
        }
        quotient
    }

    /// With this many digits after the point.
    pub(super) fn fixed(&self, places: usize) -> String {
        let counted = places.min(MAX_DIGITS);
        let digits = self.over(-i64::try_from(counted).unwrap_or(0)).to_string();
        if places == 0 {
            return digits;
        }
        let digits = format!(
            "{}{digits}{}",
            "0".repeat((counted + 1).saturating_sub(digits.len())),
            "0".repeat(places - counted)
        );
        let (whole, fraction) = digits.split_at_checked(digits.len() - places).unwrap_or((&digits, ""));
        format!("{whole}.{fraction}")
    }

    /// With one digit before the point and this many after it.
    pub(super) fn scientific(&self, places: usize) -> String {
        let counted = places.min(MAX_DIGITS);
        let (digits, point) = self.significant(counted + 1);
        let digits = format!("{digits}{}", "0".repeat(places - counted));
        with_exponent(&digits, point - 1)
    }

    /// With at most this many digits, and an exponent if it is small or too large for them.
    pub(super) fn general(&self, count: usize) -> String {
        let (digits, point) = self.significant(count.clamp(1, MAX_DIGITS));
        let digits = digits.trim_end_matches('0');
        if digits.is_empty() {
            return "0".to_owned();
        }
        let decimal = Decimal {
            digits: digits.to_owned(),
            point,
        };
        let asked = i64::try_from(count.max(1)).unwrap_or(i64::MAX);
        let given = length(digits);
        let limit = if asked > given && given >= point { given } else { asked };
        if (-4..limit).contains(&(point - 1)) {
            decimal.plain()
        } else {
            decimal.with_exponent()
        }
    }

    /// So many digits, and the power of ten above the first.
    fn significant(&self, count: usize) -> (String, i64) {
        if self.mantissa == BigUint::ZERO {
            return ("0".repeat(count), 1);
        }
        let wanted = i64::try_from(count).unwrap_or(i64::MAX);
        // The text that the point comes from is rounded, and this may round up once more.
        for point in [self.point, self.point - 1, self.point + 1] {
            let digits = self.over(point - wanted).to_string();
            if digits.len() == count {
                return (digits, point);
            }
        }
        ("0".repeat(count), 1)
    }
}

fn power_of_ten(power: usize) -> BigUint {
    BigUint::from(10_u8).pow(u32::try_from(power).unwrap_or(u32::MAX))
}

/// Without its last bits, rounded half to even; `more` says that there is a little more.
fn halved(mantissa: BigUint, bits: u64, more: bool) -> BigUint {
    let Some(last) = bits.checked_sub(1) else {
        return mantissa;
    };
    let half = mantissa.bit(last);
    let below = more || mantissa.trailing_zeros().is_some_and(|zeros| zeros < last);
    let kept = mantissa >> bits;
    if half && (below || kept.bit(0)) {
        kept + 1_u8
    } else {
        kept
    }
}
