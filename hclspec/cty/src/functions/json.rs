//! `jsonencode` and `jsondecode`.

use crate::{Function, FunctionError, Type, Value, json};

use super::support::{any, check_elements, string, take, texts};

pub(super) fn jsonencode() -> Function {
    let parameter = any("val").allow_null().allow_unknown().allow_dynamic();
    Function::new([parameter], Type::String, |arguments, ty| {
        let [value] = take(arguments)?;
        if value.contains_unknown() {
            return Ok(Value::Unknown(ty.clone()));
        }
        encode(&value).map(Value::from)
    })
    .growing(ENCODED)
}

/// A control character is written as six, and a text that grows takes up to three times its length.
const ENCODED: usize = 18;
/// A byte of JSON can stand for an element of a list.
const DECODED: usize = 48;

/// The value as JSON, without types.
pub(super) fn encode(value: &Value) -> Result<String, FunctionError> {
    json::to_plain_string(value).map_err(|error| FunctionError::new(error.to_string()))
}

pub(super) fn jsondecode() -> Function {
    Function::new([string("str")], Type::Any, |arguments, _| {
        let [text] = texts(arguments)?;
        // There are no more values than there are marks between them.
        let marks = text.bytes().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count();
        if marks > super::support::MAX_ELEMENTS {
            let values = text
                .split('"')
                .step_by(2)
                .map(|part| part.matches([',', '[', '{']).count());
            check_elements(Some(values.sum()))?;
        }
        json::parse(&text).map_err(|error| FunctionError::new(error.to_string()))
    })
    .growing(DECODED)
}
