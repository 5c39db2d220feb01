//! How large values are.

use super::{ELEMENT, ENTRY};
use crate::{Type, Value};

/// About how many bytes a value takes.
pub(crate) fn size(value: &Value) -> usize {
    ELEMENT
        + match value {
            Value::Null(ty) | Value::Unknown(ty) => of_type(ty),
            Value::Bool(_) => 0,
            // It may well be written out in the end.
            Value::Number(number) => number.text_len(),
            Value::String(text) => text.len(),
            Value::List(_, values) | Value::Set(_, values) | Value::Tuple(values) => values.iter().map(size).sum(),
            Value::Map(_, entries) | Value::Object(entries) => entries
                .iter()
                .map(|(name, value)| ENTRY - ELEMENT + name.len() + size(value))
                .sum(),
        }
}

/// Types are shared, so that a copy costs next to nothing; but what is done with them takes its time.
fn of_type(ty: &Type) -> usize {
    match ty {
        Type::Tuple(elements) => ELEMENT * elements.len(),
        Type::Object(attributes) => ELEMENT * attributes.len(),
        _ => 0,
    }
}

/// The work of a number as it is written: an exponent makes one of many digits out of few.
pub(super) fn of_number(text: &str) -> usize {
    const PER_POWER_OF_TEN: usize = 16;
    let Some((_, exponent)) = text.split_once(['e', 'E']) else {
        return text.len();
    };
    let exponent: usize = exponent.trim_start_matches(['+', '-']).parse().unwrap_or(usize::MAX);
    // Beyond this it is refused without any work.
    text.len() + PER_POWER_OF_TEN * exponent.min(20_000)
}

pub(super) fn depth(value: &Value) -> usize {
    match value {
        Value::List(_, values) | Value::Set(_, values) | Value::Tuple(values) => {
            1 + values.iter().map(depth).max().unwrap_or(0)
        }
        Value::Map(_, entries) | Value::Object(entries) => 1 + entries.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
