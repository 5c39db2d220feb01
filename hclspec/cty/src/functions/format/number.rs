//! Verbs for numbers.

use crate::Number;

use super::decimal::Exact;
use super::verb::Verb;

/// The number as the verb wants it; none if it would have to be an integer.
pub(super) fn formatted(verb: &Verb<'_>, number: &Number) -> Option<String> {
    let radix = match verb.mode {
        'b' => 2,
        'o' => 8,
        'd' => 10,
        'x' | 'X' => 16,
        _ => return Some(float(verb, number)),
    };
    if !number.is_integer() {
        return None;
    }
    Some(integer(verb, number, radix))
}

fn sign(verb: &Verb<'_>, number: &Number) -> &'static str {
    if number.is_negative() {
        "-"
    } else if verb.has('+') {
        "+"
    } else if verb.has(' ') {
        " "
    } else {
        ""
    }
}

fn integer(verb: &Verb<'_>, number: &Number, radix: u32) -> String {
    let digits = Exact::of(number).whole().to_str_radix(radix);
    let digits = if verb.mode == 'X' {
        digits.to_uppercase()
    } else {
        digits
    };
    let prefix = match verb.mode {
        'b' if verb.has('#') => "0b",
        'o' if verb.has('#') => "0",
        'x' if verb.has('#') => "0x",
        'X' if verb.has('#') => "0X",
        _ => "",
    };
    let sign = sign(verb, number);
    if verb.precision == Some(0) && number.is_zero() {
        return String::new();
    }
    let zeros = verb.precision.unwrap_or(0).saturating_sub(digits.len());
    let length = sign.len() + prefix.len() + zeros + digits.len();
    let missing = verb.width.unwrap_or(0).saturating_sub(length);
    let number = |zeros: usize| format!("{sign}{prefix}{}{digits}", "0".repeat(zeros));
    if verb.has('-') {
        return number(zeros) + &" ".repeat(missing);
    }
    if verb.has('0') && verb.precision.is_none() {
        return number(missing);
    }
    " ".repeat(missing) + &number(zeros)
}

fn float(verb: &Verb<'_>, number: &Number) -> String {
    let sign = match sign(verb, number) {
        "" if number.is_infinite() => "+",
        sign => sign,
    };
    let digits = magnitude(verb, number);
    let missing = verb.width.unwrap_or(0).saturating_sub(sign.len() + digits.len());
    if verb.has('0') && !number.is_infinite() {
        return format!("{sign}{}{digits}", "0".repeat(missing));
    }
    if verb.has('-') {
        return format!("{sign}{digits}{}", " ".repeat(missing));
    }
    format!("{}{sign}{digits}", " ".repeat(missing))
}

fn magnitude(verb: &Verb<'_>, number: &Number) -> String {
    if number.is_infinite() {
        return "Inf".to_owned();
    }
    let exact = Exact::of(number);
    let text = match (verb.mode, verb.precision) {
        ('e' | 'E', precision) => exact.scientific(precision.unwrap_or(6)),
        ('f', precision) => exact.fixed(precision.unwrap_or(6)),
        (_, Some(precision)) => exact.general(precision),
        (_, None) => super::decimal::shortest(&number.abs()),
    };
    if verb.mode.is_ascii_uppercase() {
        text.to_uppercase()
    } else {
        text
    }
}
