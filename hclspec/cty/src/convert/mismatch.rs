//! What is wrong when there is no conversion between two types.

use indexmap::IndexMap;

use super::is_convertible;
use crate::Type;
use crate::unify::Safety;

/// Says why values of one type cannot be converted to another.
pub(super) fn mismatch(have: &Type, want: &Type) -> String {
    match (have, want) {
        (Type::Object(have), Type::Object(want)) => objects(have, want),
        (Type::Tuple(_), Type::List(element)) if **element == Type::Any => same("list"),
        (Type::Tuple(_), Type::Set(element)) if **element == Type::Any => same("set"),
        (Type::Object(_), Type::Map(element)) if **element == Type::Any => same("map"),
        (Type::Tuple(have), Type::List(want) | Type::Set(want)) => {
            let elements = have.iter().enumerate();
            part(elements.map(|(index, have)| (format!("element {index}"), have)), want)
        }
        (Type::Object(_), Type::Map(want)) => {
            let elements = have.sorted_attributes().into_iter();
            part(elements.map(|(name, have)| (format!("element {name:?}"), have)), want)
        }
        (Type::List(have) | Type::Set(have), Type::List(want)) => elements("list", have, want),
        (Type::List(have) | Type::Set(have), Type::Set(want)) => elements("set", have, want),
        (Type::Map(have), Type::Map(want)) => elements("map", have, want),
        _ if tells_both(have, want) => format!("{} required, but have {}", want.friendly_name(), have.friendly_name()),
        _ => format!("{} required", want.constraint_name()),
    }
}

fn same(kind: &str) -> String {
    format!("all {kind} elements must have the same type")
}

/// The first of the parts that is not right.
fn part<'a>(mut parts: impl Iterator<Item = (String, &'a Type)>, want: &Type) -> String {
    match parts.find(|(_, have)| !is_convertible(have, want, Safety::Unsafe)) {
        Some((name, have)) => format!("{name}: {}", mismatch(have, want)),
        None => format!("all elements must be {}", want.constraint_name()),
    }
}

fn elements(kind: &str, have: &Type, want: &Type) -> String {
    format!("incorrect {kind} element type: {}", mismatch(have, want))
}

/// All missing attributes, or else one that is wrong.
fn objects(have: &IndexMap<String, Type>, want: &IndexMap<String, Type>) -> String {
    let mut names: Vec<&String> = want.keys().collect();
    names.sort_unstable();
    let missing: Vec<String> = names
        .iter()
        .filter(|name| !have.contains_key(**name))
        .map(|name| format!("{name:?}"))
        .collect();
    match missing.as_slice() {
        [] => {}
        [one] => return format!("attribute {one} is required"),
        [one, other] => return format!("attributes {one} and {other} are required"),
        [first @ .., last] => return format!("attributes {}, and {last} are required", first.join(", ")),
    }
    let mut wrong = names
        .into_iter()
        .filter_map(|name| Some((name, have.get(name)?, want.get(name)?)));
    match wrong.find(|(_, have, want)| !is_convertible(have, want, Safety::Unsafe)) {
        Some((name, have, want)) => format!("attribute {name:?}: {}", mismatch(have, want)),
        None => "incorrect object attributes".to_owned(),
    }
}

/// Whether it helps to tell what there is beside what is wanted.
///
/// Not where a value that looks like what is wanted would have been converted, as a text that is a number: then it is
/// the value that is wrong and not its type.
fn tells_both(have: &Type, want: &Type) -> bool {
    have.is_primitive() != want.is_primitive()
        || *want == Type::String
        || matches!((have, want), (Type::Bool, Type::Number) | (Type::Number, Type::Bool))
        || matches!((have, want), (Type::Tuple(_), Type::Object(_)))
}
