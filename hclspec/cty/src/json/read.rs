//! JSON to values of a type.

use indexmap::IndexMap;

use super::{JsonError, parse};
use crate::{Entries, Type, Value, convert};

/// The value of a type that JSON stands for: what [`to_string`](super::to_string) has written with it.
///
/// Attributes that an object does not have are null. A text is taken for a number or a bool, and these for a text;
/// numbers in place of texts come in their shortest form.
///
/// # Errors
/// What is not JSON, or does not fit the type.
pub fn from_str(text: &str, ty: &Type) -> Result<Value, JsonError> {
    shape(parse(text)?, ty)
}

fn shape(value: Value, ty: &Type) -> Result<Value, JsonError> {
    match (value, ty) {
        (Value::Null(_), ty) => Ok(Value::Null(ty.clone())),
        (value, Type::Any) => with_own_type(value),
        (value @ (Value::Bool(_) | Value::Number(_) | Value::String(_)), Type::Bool | Type::Number | Type::String) => {
            Ok(convert(value, ty)?)
        }
        (Value::Tuple(values), Type::List(element)) => Ok(Value::List((**element).clone(), all(values, element)?)),
        (Value::Tuple(values), Type::Set(element)) => Ok(Value::set((**element).clone(), all(values, element)?)),
        (Value::Tuple(values), Type::Tuple(types)) => {
            if values.len() != types.len() {
                let amount = if values.len() > types.len() {
                    "too many"
                } else {
                    "not enough"
                };
                return Err(JsonError::new(format!(
                    "{amount} tuple elements (need {})",
                    types.len()
                )));
            }
            let pairs = values.into_iter().zip(types.iter()).enumerate();
            let shaped =
                pairs.map(|(index, (value, ty))| shape(value, ty).map_err(|error| error.under(format!("[{index}]"))));
            Ok(Value::Tuple(shaped.collect::<Result<_, _>>()?))
        }
        (Value::Object(entries), Type::Map(element)) => {
            let shaped = entries.into_iter().map(|(name, value)| match shape(value, element) {
                Ok(value) => Ok((name, value)),
                Err(error) => Err(error.under(name)),
            });
            Ok(Value::Map((**element).clone(), shaped.collect::<Result<_, _>>()?))
        }
        (Value::Object(entries), Type::Object(types)) => object(entries, types),
        (value, ty) => Err(JsonError::new(format!(
            "{} is required, found {}",
            ty.constraint_name(),
            value.kind()
        ))),
    }
}

fn all(values: Vec<Value>, element: &Type) -> Result<Vec<Value>, JsonError> {
    let values = values.into_iter().enumerate();
    values
        .map(|(index, value)| shape(value, element).map_err(|error| error.under(format!("[{index}]"))))
        .collect()
}

fn object(mut entries: Entries, types: &IndexMap<String, Type>) -> Result<Value, JsonError> {
    if let Some(name) = entries.keys().find(|name| !types.contains_key(*name)) {
        return Err(JsonError::new(format!("unsupported attribute {name:?}")));
    }
    let attributes = types.iter().map(|(name, ty)| {
        let value = entries.swap_remove(name).unwrap_or_default();
        let value = shape(value, ty).map_err(|error| error.under(name))?;
        Ok((name.clone(), value))
    });
    Ok(Value::Object(attributes.collect::<Result<_, JsonError>>()?))
}

/// `{"value": …, "type": …}`.
fn with_own_type(value: Value) -> Result<Value, JsonError> {
    let Value::Object(mut entries) = value else {
        return Err(JsonError::new("an object with a value and its type is required"));
    };
    if let Some(name) = entries.keys().find(|name| !matches!(*name, "value" | "type")) {
        return Err(JsonError::new(format!(
            "invalid key {name:?} in dynamically-typed value"
        )));
    }
    let Some(ty) = entries.swap_remove("type") else {
        return Err(JsonError::new("missing type in dynamically-typed value"));
    };
    let Some(value) = entries.swap_remove("value") else {
        return Err(JsonError::new("missing value in dynamically-typed value"));
    };
    let ty = serde_json::to_value(&ty).ok().and_then(|ty| Type::from_json(&ty));
    shape(
        value,
        &ty.ok_or_else(|| JsonError::new("invalid type in dynamically-typed value"))?,
    )
}
