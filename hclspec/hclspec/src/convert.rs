//! Conversions of values to types.

use indexmap::IndexMap;

use crate::{NumberError, Type, Value};

/// A part of a value has no conversion.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// The path of the part in the value.
    pub(crate) path: Vec<String>,
    /// What is required and what was found.
    pub(crate) message: String,
}

impl Mismatch {
    fn new(message: impl Into<String>) -> Self {
        Self {
            path: Vec::new(),
            message: message.into(),
        }
    }

    fn under(mut self, name: String) -> Self {
        self.path.insert(0, name);
        self
    }
}

/// Converts a value to a type. Null has every type.
pub(crate) fn convert(value: Value, ty: &Type) -> Result<Value, Mismatch> {
    match (ty, value) {
        (_, Value::Null) => Ok(Value::Null),
        (Type::Any, value) => Ok(value),
        (Type::String, value) => to_string(value),
        (Type::Number, value) => to_number(value),
        (Type::Bool, value) => to_bool(value),
        (Type::List(element), Value::List(values)) => elements(values, element).map(Value::List),
        (Type::Set(element), Value::List(values)) => {
            elements(values, element).map(|values| Value::List(unique(values)))
        }
        (Type::Map(element), Value::Map(entries)) => {
            let entries = entries.into_iter().map(|(name, value)| match convert(value, element) {
                Ok(value) => Ok((name, value)),
                Err(mismatch) => Err(mismatch.under(name)),
            });
            entries.collect::<Result<_, _>>().map(Value::Map)
        }
        (Type::Object(fields), Value::Map(entries)) => object(entries, fields),
        (ty, value) => Err(mismatch(ty, &value)),
    }
}

/// The values, each once, in their order.
pub(crate) fn unique(values: Vec<Value>) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::with_capacity(values.len());
    let mut texts = std::collections::HashSet::new();
    for value in values {
        let is_new = match &value {
            // Sets of strings can be large; comparing each with each would be quadratic.
            Value::String(text) => texts.insert(text.clone()),
            other => !kept.contains(other),
        };
        if is_new {
            kept.push(value);
        }
    }
    kept
}

fn elements(values: Vec<Value>, ty: &Type) -> Result<Vec<Value>, Mismatch> {
    let values = values.into_iter().enumerate();
    let values = values.map(|(index, value)| convert(value, ty).map_err(|error| error.under(format!("[{index}]"))));
    values.collect()
}

fn object(mut entries: IndexMap<String, Value>, fields: &IndexMap<String, Type>) -> Result<Value, Mismatch> {
    let mut object = IndexMap::with_capacity(fields.len());
    for (name, ty) in fields {
        let Some(value) = entries.swap_remove(name) else {
            return Err(Mismatch::new(format!("the attribute \"{name}\" is required")));
        };
        let value = convert(value, ty).map_err(|error| error.under(name.clone()))?;
        object.insert(name.clone(), value);
    }
    Ok(Value::Map(object))
}

fn to_string(value: Value) -> Result<Value, Mismatch> {
    match value {
        Value::Bool(truth) => Ok(Value::String(truth.to_string())),
        Value::Number(number) => Ok(Value::String(number.to_string())),
        Value::String(text) => Ok(Value::String(text)),
        other => Err(mismatch(&Type::String, &other)),
    }
}

fn to_number(value: Value) -> Result<Value, Mismatch> {
    match value {
        Value::Number(number) => Ok(Value::Number(number)),
        Value::String(text) => match text.parse() {
            Ok(number) => Ok(Value::Number(number)),
            Err(NumberError::Invalid) => Err(Mismatch::new("a number is required, and this string is none")),
            Err(error) => Err(Mismatch::new(error.to_string())),
        },
        other => Err(mismatch(&Type::Number, &other)),
    }
}

fn to_bool(value: Value) -> Result<Value, Mismatch> {
    let Value::String(text) = &value else {
        return match value {
            Value::Bool(_) => Ok(value),
            other => Err(mismatch(&Type::Bool, &other)),
        };
    };
    match text.as_str() {
        "true" | "1" => Ok(Value::Bool(true)),
        "false" | "0" => Ok(Value::Bool(false)),
        other if other.eq_ignore_ascii_case("true") || other.eq_ignore_ascii_case("false") => {
            Err(Mismatch::new("a bool is required: true or false, in lower case"))
        }
        _ => Err(Mismatch::new("a bool is required: true or false")),
    }
}

fn mismatch(ty: &Type, value: &Value) -> Mismatch {
    let ty = match ty {
        Type::Object(_) => "object".to_owned(),
        other => other.to_string(),
    };
    Mismatch::new(format!("{ty} required, but this is a {}", value.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: impl Into<Value>, ty: &Type, expected: Result<Value, &str>) {
        let converted = convert(value.into(), ty).map_err(|mismatch| mismatch.message);
        assert_eq!(converted, expected.map_err(str::to_owned));
    }

    #[test]
    fn strings_numbers_and_bools_convert_as_in_hcl() {
        let number = |text: &str| Value::Number(text.parse().unwrap());
        check("2", &Type::Number, Ok(2.into()));
        check("1e2", &Type::Number, Ok(100.into()));
        check("+1", &Type::Number, Ok(1.into()));
        check(".5", &Type::Number, Ok(number("0.5")));
        check("1.", &Type::Number, Ok(1.into()));
        for text in ["0x10", "", " 1", "1_000", "NaN", "abc", "Inf"] {
            check(
                text,
                &Type::Number,
                Err("a number is required, and this string is none"),
            );
        }
        check(true, &Type::Number, Err("number required, but this is a bool"));
        check(number("1.50"), &Type::String, Ok("1.5".into()));
        check(5, &Type::String, Ok("5".into()));
        check(true, &Type::String, Ok("true".into()));
        check("1", &Type::Bool, Ok(true.into()));
        check("false", &Type::Bool, Ok(false.into()));
        check(
            "True",
            &Type::Bool,
            Err("a bool is required: true or false, in lower case"),
        );
        check("yes", &Type::Bool, Err("a bool is required: true or false"));
        check(1, &Type::Bool, Err("bool required, but this is a number"));
    }

    #[test]
    fn collections_convert_element_by_element() {
        let names = Type::list(Type::String);
        check(Value::list([1, 2]), &names, Ok(Value::list(["1", "2"])));
        check("a", &names, Err("list(string) required, but this is a string"));
        check(
            Value::list(["b", "a", "b"]),
            &Type::set(Type::String),
            Ok(Value::list(["b", "a"])),
        );
        check(
            Value::map([("a", "80")]),
            &Type::map(Type::Number),
            Ok(Value::map([("a", 80)])),
        );
        let object = Type::object([("a", Type::String)]);
        check(Value::map([("a", 1), ("z", 2)]), &object, Ok(Value::map([("a", "1")])));
        check(Value::map([("z", 2)]), &object, Err("the attribute \"a\" is required"));
    }

    #[test]
    fn a_mismatch_names_the_part_at_fault() {
        let value = Value::list([Value::map([("a", Value::list([1]))])]);
        let error = convert(value, &Type::list(Type::map(Type::Number))).unwrap_err();
        assert_eq!(error.path, ["[0]", "a"]);
    }
}
