//! Configurations as the protocol's bytes.

use encamp_hclspec::cty::convert;
use encamp_hclspec::{Body, Context, Diagnostics, Source, Spec, Type, Value, decode};
use encamp_hclspec_msgpack::{Error, cty};

/// The bytes of a configuration: its value by its own type, every argument of the schema named.
///
/// # Errors
/// A value that is not known.
pub fn to_bytes(value: &Value) -> Result<Vec<u8>, Error> {
    cty::to_vec(value)
}

/// The configuration that the bytes are, for a schema of this type. Peers that leave arguments out mean null; arguments
/// that the schema does not know are dropped.
///
/// # Errors
/// Bytes that are no msgpack, or of another type: the message names the argument.
pub fn from_bytes(bytes: &[u8], ty: &Type) -> Result<Value, Error> {
    let value = completed(cty::from_slice_implied(bytes)?, ty);
    convert(value, ty).map_err(|error| match error.path.as_slice() {
        [] => Error::Custom(error.message),
        path => Error::Custom(format!("{}: {}", path.join("."), error.message)),
    })
}

/// The configuration of an operator who configured nothing: the schema's defaults.
///
/// # Errors
/// Everything that the schema requires.
pub fn of_nothing(schema: &Spec) -> Result<Value, Diagnostics> {
    let body = Body::parse(Source::new("no configuration", String::new()))?;
    decode(schema, &body, &Context::default())
}

/// The same value, with a null for every argument that is not there.
fn completed(value: Value, ty: &Type) -> Value {
    match (value, ty) {
        (Value::Object(mut attributes), Type::Object(types)) => {
            let all = types.iter().map(|(name, ty)| {
                let value = attributes.shift_remove(name).unwrap_or(Value::NULL);
                (name.clone(), completed(value, ty))
            });
            Value::object(all.collect::<Vec<_>>())
        }
        (Value::Object(attributes), Type::Map(element)) => {
            let all = attributes
                .into_iter()
                .map(|(name, value)| (name, completed(value, element)));
            Value::object(all.collect::<Vec<_>>())
        }
        (Value::Tuple(elements), Type::List(element) | Type::Set(element)) => {
            Value::tuple(elements.into_iter().map(|value| completed(value, element)))
        }
        (Value::Tuple(elements), Type::Tuple(types)) if elements.len() == types.len() => Value::tuple(
            elements
                .into_iter()
                .zip(types.iter())
                .map(|(value, ty)| completed(value, ty)),
        ),
        (value, _) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Spec {
        Spec::object([
            ("image", Spec::attr("image", Type::String).required()),
            ("labels", Spec::attr("labels", Type::list(Type::map(Type::String)))),
            (
                "pids",
                Spec::default_value(Spec::attr("pids", Type::Number), Value::from(5)),
            ),
        ])
    }

    /// What the bytes of one peer mean to a plugin of our schema.
    #[track_caller]
    fn check(bytes: &[u8], image: &str, pids: Option<i64>) {
        let value = from_bytes(bytes, &schema().implied_type()).unwrap();
        assert_eq!(value.get("image").and_then(Value::as_str), Some(image));
        assert_eq!(value.get("pids").and_then(Value::as_i64), pids);
        assert!(value.get("labels").is_some_and(Value::is_null));
    }

    #[test]
    fn both_dialects_are_understood() {
        check(b"\x83\xa5image\xa1x\xa6labels\xc0\xa4pids\x07", "x", Some(7));
        let long = "y".repeat(40);
        let legacy = [b"\x82\xa5image\xda\x00\x28", long.as_bytes(), b"\xa4pids\xd1\x00\x80"].concat();
        check(&legacy, &long, Some(128));
        let modern = [b"\x81\xa5image\xd9\x28", long.as_bytes()].concat();
        check(&modern, &long, None);
    }

    #[test]
    fn arguments_of_a_later_schema_are_dropped() {
        check(b"\x82\xa5image\xa1x\xa3new\xc3", "x", None);
    }

    #[test]
    fn an_error_names_the_argument() {
        let error = from_bytes(b"\x81\xa4pids\xa3abc", &schema().implied_type()).unwrap_err();
        assert!(error.to_string().contains("pids"), "{error}");
        from_bytes(b"config {", &schema().implied_type()).unwrap_err();
    }

    #[test]
    fn nothing_means_the_defaults() {
        let schema = Spec::object([(
            "pids",
            Spec::default_value(Spec::attr("pids", Type::Number), Value::from(5)),
        )]);
        assert_eq!(
            of_nothing(&schema).unwrap().get("pids").and_then(Value::as_i64),
            Some(5)
        );
    }
}
