//! Facts as texts, and compared.

use std::cmp::Ordering;

use encamp_base::{Attribute, AttributeValue};

use crate::Unit;

/// The fact that a text says, read as schedulers read the values of constraints: a number, in the unit that the text ends
/// with, if any; else a truth (`true`, `T`, …); else the text itself.
///
/// A fact's own text ([`Attribute`]'s `Display`) is the way back; it tells a whole float (`2.0`) as an integer (`2`), and
/// does not tell a text from what the text says.
///
/// ```
/// use encamp_device::{Attribute, parse_attribute};
///
/// assert_eq!(parse_attribute("15 GiB"), Attribute::from(15).in_unit("GiB"));
/// assert_eq!(parse_attribute("0.5kW"), Attribute::from(0.5).in_unit("kW"));
/// assert_eq!(parse_attribute("true"), Attribute::from(true));
/// assert_eq!(parse_attribute("Tesla T4"), Attribute::from("Tesla T4"));
/// ```
pub fn parse_attribute(text: &str) -> Attribute {
    let unit = Unit::at_end_of(text);
    let digits = unit.and_then(|unit| text.strip_suffix(unit.name()));
    if let Some(number) = number(digits.unwrap_or(text).trim()) {
        return Attribute {
            value: number,
            unit: unit.map(|unit| unit.name().to_owned()).unwrap_or_default(),
        };
    }
    match text {
        "t" | "T" | "TRUE" | "true" | "True" => true.into(),
        "f" | "F" | "FALSE" | "false" | "False" => false.into(),
        _ => text.into(),
    }
}

/// How two facts are to one another: numbers by what they are in their units, texts and truths among themselves; nothing
/// is said of values of two kinds, nor of a number in a unit that is not known.
///
/// ```
/// use std::cmp::Ordering;
/// use encamp_device::{compare, parse_attribute};
///
/// let (some, more) = (parse_attribute("1000 MiB"), parse_attribute("1 GiB"));
/// assert_eq!(compare(&some, &more), Some(Ordering::Less));
/// assert_eq!(compare(&some, &parse_attribute("1 GHz")), None);
/// ```
pub fn compare(one: &Attribute, other: &Attribute) -> Option<Ordering> {
    use AttributeValue::{Bool, Float, Int, String};
    match (&one.value, &other.value) {
        (Bool(one), Bool(other)) => Some(one.cmp(other)),
        (String(one), String(other)) => Some(one.cmp(other)),
        (Int(_) | Float(_), Int(_) | Float(_)) if one.unit.is_empty() && other.unit.is_empty() => plain(one, other),
        (Int(_) | Float(_), Int(_) | Float(_)) => measured(one, other),
        _ => None,
    }
}

/// What is wrong with a fact, if anything.
pub(crate) fn validate(fact: &Attribute) -> Result<(), String> {
    let is_number = matches!(fact.value, AttributeValue::Int(_) | AttributeValue::Float(_));
    if matches!(fact.value, AttributeValue::Float(value) if !value.is_finite()) {
        return Err(format!("{fact} is no number"));
    }
    if !is_number && !fact.unit.is_empty() {
        return Err(format!("{fact} has a unit, but only numbers may have one"));
    }
    if !fact.unit.is_empty() && Unit::of(&fact.unit).is_none() {
        let units: Vec<_> = Unit::ALL.iter().map(|unit| unit.name()).collect();
        return Err(format!(
            "{fact} is in no unit that is known: use one of {}",
            units.join(", ")
        ));
    }
    Ok(())
}

fn number(text: &str) -> Option<AttributeValue> {
    if let Ok(value) = text.parse::<i64>() {
        return Some(value.into());
    }
    // Names of what is no number ("nan", "infinity") are names.
    let value = text.parse::<f64>().ok().filter(|value| value.is_finite())?;
    Some(value.into())
}

/// Numbers without units.
fn plain(one: &Attribute, other: &Attribute) -> Option<Ordering> {
    match (&one.value, &other.value) {
        (AttributeValue::Int(one), AttributeValue::Int(other)) => Some(one.cmp(other)),
        (one, other) => float(one)?.partial_cmp(&float(other)?),
    }
}

/// Numbers with units.
fn measured(one: &Attribute, other: &Attribute) -> Option<Ordering> {
    let (unit, of) = (Unit::of(&one.unit)?, Unit::of(&other.unit)?);
    if unit.kind() != of.kind() {
        return None;
    }
    match (&one.value, &other.value) {
        (AttributeValue::Int(one), AttributeValue::Int(other)) => {
            Some(unit.scaled(*one, of).cmp(&of.scaled(*other, unit)))
        }
        (one, other) => unit.in_base(float(one)?).partial_cmp(&of.in_base(float(other)?)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "compared with a float, an integer is one")]
fn float(value: &AttributeValue) -> Option<f64> {
    match value {
        AttributeValue::Int(value) => Some(*value as f64),
        AttributeValue::Float(value) => Some(*value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, value: impl Into<AttributeValue>, unit: &str) {
        let expected = Attribute::from(value).in_unit(unit);
        assert_eq!(parse_attribute(text), expected, "{text:?}");
    }

    #[test]
    fn a_number_is_read_with_its_unit() {
        check("5", 5_i64, "");
        check("-5", -5_i64, "");
        check("5MiB", 5_i64, "MiB");
        check("5 MiB", 5_i64, "MiB");
        check("5MiB/s", 5_i64, "MiB/s");
        check("5MB/s", 5_i64, "MB/s");
        check("5kW", 5_i64, "kW");
        check("5W", 5_i64, "W");
        check("1.5GHz", 1.5, "GHz");
        check("1e3mW", 1000.0, "mW");
        check("9223372036854775807", i64::MAX, "");
        check("9223372036854775808", 9_223_372_036_854_775_808.0, "");
    }

    #[test]
    fn what_is_no_number_is_a_truth_or_a_text() {
        check("true", true, "");
        check("F", false, "");
        check("1", 1_i64, "");
        check("tRUE", "tRUE", "");
        check("", "", "");
        check("MiB", "MiB", "");
        check("BMW", "BMW", "");
        check("5 mib", "5 mib", "");
        check("trueMiB", "trueMiB", "");
        check("nan", "nan", "");
        check("-infinity", "-infinity", "");
        check("1e999", "1e999", "");
    }

    #[track_caller]
    fn check_order(one: &str, other: &str, order: Option<Ordering>) {
        let (one, other) = (parse_attribute(one), parse_attribute(other));
        assert_eq!(compare(&one, &other), order, "{one} {other}");
        assert_eq!(compare(&other, &one), order.map(Ordering::reverse), "{other} {one}");
    }

    #[test]
    fn numbers_are_compared_by_what_they_are() {
        check_order("1024 MiB", "1 GiB", Some(Ordering::Equal));
        check_order("1 GB", "1 GiB", Some(Ordering::Less));
        check_order("1000 mW", "1 W", Some(Ordering::Equal));
        check_order("999 mW", "1 W", Some(Ordering::Less));
        check_order("1.5 kW", "1400 W", Some(Ordering::Greater));
        check_order(
            "9223372036854775807 EiB",
            "9223372036854775806 EiB",
            Some(Ordering::Greater),
        );
        check_order("2", "10", Some(Ordering::Less));
        check_order("2.0", "2", Some(Ordering::Equal));
        check_order("b", "a", Some(Ordering::Greater));
        check_order("true", "false", Some(Ordering::Greater));
    }

    #[test]
    fn what_is_of_two_kinds_cannot_be_compared() {
        check_order("1 GiB", "1 GiB/s", None);
        check_order("1 GiB", "1", None);
        check_order("1", "one", None);
        check_order("true", "one", None);
        let (strange, nan) = (Attribute::from(1).in_unit("lm"), Attribute::from(f64::NAN));
        assert_eq!(compare(&strange, &strange), None);
        assert_eq!(compare(&nan, &nan), None);
    }

    proptest! {
        #[test]
        fn a_valid_number_is_read_back_as_the_same(value in any::<i64>(), unit in 0..Unit::ALL.len()) {
            let fact = Attribute::from(value).in_unit(Unit::ALL[unit].name());
            prop_assert_eq!(parse_attribute(&fact.to_string()), fact);
        }

        #[test]
        fn a_float_is_read_back_as_equal(value in -1e300..1e300_f64, unit in 0..Unit::ALL.len()) {
            let fact = Attribute::from(value).in_unit(Unit::ALL[unit].name());
            let read = parse_attribute(&fact.to_string());
            prop_assert_eq!(compare(&read, &fact), Some(Ordering::Equal));
        }

        #[test]
        fn any_text_is_a_valid_fact(text in ".*") {
            prop_assert_eq!(validate(&parse_attribute(&text)), Ok(()));
        }
    }
}
