//! YAML.

use encamp_hclspec::cty::{Function, FunctionError};
use encamp_hclspec::{Type, Value};
use serde::Deserialize as _;

use super::{MAX_TEXT, Outcome, of_texts, text};
use encamp_hclspec::cty::Parameter;

pub(super) fn functions() -> [(&'static str, Function); 2] {
    let value = Parameter::new("value", Type::Any).allow_null();
    [
        ("yamldecode", decode()),
        (
            "yamlencode",
            Function::new([value], Type::String, |arguments, _| encode(&arguments)),
        ),
    ]
}

fn decode() -> Function {
    let source = of_texts(["src"], |[text]| Ok(text.to_owned()));
    Function::new(source.parameters, Type::Any, |arguments, _| {
        let text = text(&arguments, 0)?;
        let document = serde_norway::Deserializer::from_str(text);
        Value::deserialize(document).map_err(|error| {
            let place = error
                .location()
                .map_or_else(String::new, |place| format!(" on line {}", place.line()));
            FunctionError::at(0, format!("the text is no YAML document{place}"))
        })
    })
}

fn encode(arguments: &[Value]) -> Outcome {
    let value = arguments.first().cloned().unwrap_or_default();
    if value.contains_unknown() {
        return Ok(Value::Unknown(Type::String));
    }
    let text =
        serde_norway::to_string(&value).map_err(|_| FunctionError::at(0, "the value cannot be written as YAML"))?;
    if text.len() > MAX_TEXT {
        return Err(FunctionError::new(
            "the result is too long: it can have at most 16 MiB of text",
        ));
    }
    Ok(Value::from(text))
}
