//! One map for a list of maps, and the other way round.

use crate::cty::Entries;
use crate::{Type, Value};

/// Whether arguments of this type may be written as blocks.
pub(super) fn is_map_like(ty: &Type) -> bool {
    match ty {
        Type::Map(_) | Type::Object(_) | Type::Any => true,
        Type::List(element) | Type::Set(element) => matches!(**element, Type::Map(_) | Type::Object(_)),
        _ => false,
    }
}

/// The value in the shape that a type wants, where it is a map for a list of maps or a list of maps for a map.
///
/// Anything else is as it was: whether it can be converted is for the conversion to say.
pub(super) fn reshape(value: Value, ty: &Type) -> Value {
    match (value, ty) {
        (value @ (Value::Object(_) | Value::Map(..)), Type::List(element) | Type::Set(element))
            if matches!(**element, Type::Map(_) | Type::Object(_)) =>
        {
            Value::Tuple(vec![reshape(value, element)])
        }
        (Value::Tuple(values) | Value::List(_, values), Type::List(element) | Type::Set(element)) => {
            Value::Tuple(values.into_iter().map(|value| reshape(value, element)).collect())
        }
        (Value::Tuple(values) | Value::List(_, values), Type::Map(_) | Type::Object(_)) => merge(values, ty),
        (Value::Object(entries), Type::Map(element)) => {
            let entries = entries.into_iter();
            Value::Object(entries.map(|(name, value)| (name, reshape(value, element))).collect())
        }
        (Value::Object(entries), Type::Object(fields)) => {
            let entries = entries
                .into_iter()
                .map(|(name, value)| match fields.get(name.as_str()) {
                    Some(ty) => (name, reshape(value, ty)),
                    None => (name, value),
                });
            Value::Object(entries.collect())
        }
        (value, _) => value,
    }
}

/// Several maps as one; later keys win. As it was where there is something else than maps.
fn merge(values: Vec<Value>, ty: &Type) -> Value {
    if !values.iter().all(|value| value.is_null() || value.as_map().is_some()) {
        return Value::Tuple(values);
    }
    let mut merged = Entries::new();
    for value in values {
        if let Value::Object(entries) | Value::Map(_, entries) = value {
            merged.extend(entries);
        }
    }
    reshape(Value::Object(merged), ty)
}
