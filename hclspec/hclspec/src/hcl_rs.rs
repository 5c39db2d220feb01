//! The bridge to [hcl-rs](https://docs.rs/hcl-rs): for those who hold its values or bodies, and to write HCL text.

use hcl::{Attribute, Expression, Identifier};

use crate::{Body, Diagnostics, Number, Source, Value};

/// Why a value has no form in hcl-rs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BridgeError {
    /// Its numbers are `u64`, `i64` and `f64`.
    #[error("a number is neither a 64-bit integer nor exactly a 64-bit float")]
    Number,
    /// It has no unknown values.
    #[error("a value that is not known yet cannot be written")]
    Unknown,
    /// A body is an object.
    #[error("only an object can be written as a body; this is a {0}")]
    NoObject(&'static str),
    /// A name that can stand before no equals sign.
    #[error("{0:?} cannot be the name of an argument")]
    Name(String),
}

/// A value of hcl-rs as one of ours: arrays become tuples, objects objects, floats the number that they print as.
pub fn value_from(value: &hcl::Value) -> Value {
    match value {
        hcl::Value::Null => Value::NULL,
        hcl::Value::Bool(truth) => Value::Bool(*truth),
        hcl::Value::Number(number) => number_from(number),
        hcl::Value::String(text) => Value::from(text.as_str()),
        hcl::Value::Array(values) => Value::Tuple(values.iter().map(value_from).collect()),
        hcl::Value::Object(entries) => {
            Value::object(entries.iter().map(|(name, value)| (name.as_str(), value_from(value))))
        }
    }
}

fn number_from(number: &hcl::Number) -> Value {
    if let Some(number) = number.as_u64() {
        return Value::from(number);
    }
    if let Some(number) = number.as_i64() {
        return Value::from(number);
    }
    let number = number.as_f64().and_then(Number::from_f64);
    number.map_or(Value::NULL, Value::Number)
}

/// A value of ours as one of hcl-rs.
///
/// # Errors
///
/// Numbers that are neither 64-bit integers nor exactly 64-bit floats, and unknown values.
pub fn value_to(value: &Value) -> Result<hcl::Value, BridgeError> {
    let all = |values: &[Value]| values.iter().map(value_to).collect::<Result<Vec<_>, _>>();
    Ok(match value {
        Value::Null(_) => hcl::Value::Null,
        Value::Unknown(_) => return Err(BridgeError::Unknown),
        Value::Bool(truth) => hcl::Value::Bool(*truth),
        Value::Number(number) => hcl::Value::Number(number_to(number)?),
        Value::String(text) => hcl::Value::String(text.clone()),
        Value::List(_, values) | Value::Set(_, values) | Value::Tuple(values) => hcl::Value::Array(all(values)?),
        Value::Map(_, entries) | Value::Object(entries) => {
            let entries = entries
                .iter()
                .map(|(name, value)| Ok((name.to_string(), value_to(value)?)));
            hcl::Value::Object(entries.collect::<Result<_, BridgeError>>()?)
        }
    })
}

fn number_to(number: &Number) -> Result<hcl::Number, BridgeError> {
    if let Some(number) = number.as_i64() {
        return Ok(number.into());
    }
    if let Some(number) = number.as_u64() {
        return Ok(number.into());
    }
    // A decimal that prints like a float is that float, as it was when it was read.
    let float = number.as_f64();
    let is_same = Number::from_f64(float).as_ref() == Some(number);
    is_same
        .then(|| hcl::Number::from_f64(float))
        .flatten()
        .ok_or(BridgeError::Number)
}

/// A body of hcl-rs as one of ours. Places are those of the body written out, which is the text of [`Body::source`].
///
/// # Errors
///
/// A body that hcl-rs writes as a text that is no HCL.
pub fn body_from(name: &str, body: &hcl::Body) -> Result<Body, Diagnostics> {
    let text = hcl::format::to_string(body)
        .map_err(|error| crate::Diagnostic::error("Body cannot be written", error.to_string()))?;
    Body::parse(Source::new(name, text))
}

/// An object as HCL text: an argument for each entry.
///
/// ```
/// use encamp_hclspec::{Value, hcl_rs};
///
/// let value = Value::object([("image", Value::from("a${b}")), ("ports", Value::tuple([80, 443]))]);
/// let text = hcl_rs::to_text(&value)?;
/// assert_eq!(text, "image = \"a$${b}\"\nports = [\n  80,\n  443\n]\n");
/// # Ok::<(), hcl_rs::BridgeError>(())
/// ```
///
/// # Errors
///
/// What is no object, and what [`value_to`] refuses.
pub fn to_text(value: &Value) -> Result<String, BridgeError> {
    let (Value::Object(entries) | Value::Map(_, entries)) = value else {
        return Err(BridgeError::NoObject(value.kind()));
    };
    let body = entries
        .iter()
        .map(|(name, value)| argument(name, value))
        .collect::<Result<hcl::Body, _>>()?;
    hcl::format::to_string(&body).map_err(|_| BridgeError::Unknown)
}

fn argument(name: &str, value: &Value) -> Result<Attribute, BridgeError> {
    let Ok(name) = Identifier::new(name) else {
        return Err(BridgeError::Name(name.to_owned()));
    };
    Ok(Attribute::new(name, Expression::from(value_to(value)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Context;

    #[test]
    fn what_is_written_is_read_again() {
        let text = Value::from("x${y} %{ if } \"q\" \\ \n \u{1} é");
        let inner = Value::object([
            ("a b", Value::tuple([Value::NULL, true.into()])),
            ("n", Value::from(-5)),
        ]);
        let number = Value::Number("1.5".parse().unwrap());
        let value = Value::object([("text", text), ("inner", inner), ("number", number)]);
        let body = Body::parse(Source::new("t", to_text(&value).unwrap())).unwrap();
        let (attributes, diagnostics) = body.just_attributes();
        assert!(diagnostics.is_empty(), "{diagnostics}");
        let read = attributes
            .iter()
            .map(|attribute| (attribute.name(), attribute.value().evaluate(&Context::new()).unwrap()));
        assert_eq!(Value::object(read), value);
        assert_eq!(value_from(&value_to(&value).unwrap()), value);
    }

    #[test]
    fn what_cannot_be_written_is_an_error() {
        let exact = Value::Number("0.1234567890123456789".parse().unwrap());
        assert!(matches!(value_to(&exact), Err(BridgeError::Number)));
        assert_eq!(value_to(&Value::Unknown(crate::Type::Any)), Err(BridgeError::Unknown));
        assert_eq!(to_text(&Value::from(1)), Err(BridgeError::NoObject("number")));
        assert_eq!(
            to_text(&Value::object([("a b", 1)])),
            Err(BridgeError::Name("a b".to_owned()))
        );
    }

    #[test]
    fn a_body_that_is_built_is_decoded() {
        let body = hcl::Body::builder().add_attribute(("port", 8080)).build();
        let (attributes, _) = body_from("built", &body).unwrap().just_attributes();
        assert_eq!(attributes[0].value().evaluate(&Context::new()), Ok(Value::from(8080)));
        assert_eq!(attributes[0].name_span().to_string(), "built:1:1");
    }
}
