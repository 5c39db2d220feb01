//! Conversions that are asked for by name.

use crate::{ConvertError, Function, FunctionError, Type, Value, convert};

use super::support::{Outcome, any, take};

/// The function that converts to the type.
pub(super) fn to(wanted: Type) -> Function {
    let parameter = any("v").allow_null().allow_dynamic();
    let result = wanted.clone();
    let function = Function::new([parameter], wanted, |arguments, ty| {
        let [value] = take(arguments)?;
        to_type(value, ty)
    });
    function.typed(move |arguments| {
        // A conversion that no value allows is an error before the value is known.
        if let Some(unknown @ Value::Unknown(_)) = arguments.first() {
            to_type(unknown.clone(), &result)?;
        }
        Ok(result.clone())
    })
}

fn to_type(value: Value, ty: &Type) -> Outcome {
    let own = match &value {
        // Without the text, which may be secret.
        Value::String(_) => "this string".to_owned(),
        Value::Null(ty) => format!("null of type {}", ty.friendly_name()),
        other => other.ty().friendly_name(),
    };
    let is_text = value.as_str().is_some();
    convert(value, ty).map_err(|error| FunctionError::at(0, explain(&own, is_text, ty, &error)))
}

fn explain(own: &str, is_text: bool, wanted: &Type, error: &ConvertError) -> String {
    let reason = match wanted {
        Type::Bool if is_text => "only the strings \"true\" or \"false\" are allowed",
        Type::Number if is_text => "given string must be a decimal representation of a number",
        _ => &error.message,
    };
    format!("cannot convert {own} to {}; {reason}", wanted.constraint_name())
}
