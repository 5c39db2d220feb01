//! Type expressions: `string`, `list(number)`, `object({name = string})`.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::ast::{Call, Expr, Kind};
use crate::{Diagnostic, Diagnostics, Expression, Source, Span, Type, Value, suggest};

const NAMES: [&str; 8] = ["string", "number", "bool", "any", "list", "set", "map", "object"];

pub(crate) fn from_expression(expression: &Expression) -> Result<Type, Diagnostics> {
    read(&expression.source, &expression.node)
}

fn read(source: &Arc<Source>, expr: &Expr) -> Result<Type, Diagnostics> {
    let error = |detail: String| {
        let span = Span::new(source, expr.range.clone());
        Err(Diagnostic::error("Invalid type", detail).with_span(span).into())
    };
    match &expr.kind {
        Kind::Literal(Value::Null) => Ok(Type::Any),
        Kind::Variable(name) => match name.as_str() {
            "string" => Ok(Type::String),
            "number" => Ok(Type::Number),
            "bool" => Ok(Type::Bool),
            "any" => Ok(Type::Any),
            "object" => error("An object type is written with its attributes: object({name = string}).".to_owned()),
            "list" | "set" | "map" => error(format!(
                "A {name} type is written with the type of its elements: {name}(string)."
            )),
            _ => error(format!("There is no type \"{name}\".{}", suggest::hint(name, NAMES))),
        },
        Kind::Call(call) => match (call.name.as_str(), call.arguments.as_slice()) {
            ("list", [element]) => Ok(Type::list(read(source, element)?)),
            ("set", [element]) => Ok(Type::set(read(source, element)?)),
            ("map", [element]) => Ok(Type::map(read(source, element)?)),
            ("object", [fields]) => object(source, fields),
            ("list" | "set" | "map" | "object", _) => error(format!("{} takes one type.", call.name)),
            _ => error(unknown(call)),
        },
        Kind::Literal(Value::String(text)) if NAMES.contains(&text.as_str()) => {
            error(format!("A type is written without quotes: {text}."))
        }
        _ => error("A type is required: string, number, bool, any, list(..), set(..), map(..) or object({..}).".into()),
    }
}

fn unknown(call: &Call) -> String {
    format!(
        "There is no type \"{}\".{}",
        call.name,
        suggest::hint(&call.name, NAMES)
    )
}

fn object(source: &Arc<Source>, expr: &Expr) -> Result<Type, Diagnostics> {
    let error = |range: &std::ops::Range<usize>, detail: &str| {
        let span = Span::new(source, range.clone());
        Diagnostics::from(Diagnostic::error("Invalid type", detail).with_span(span))
    };
    let Kind::Map(entries) = &expr.kind else {
        return Err(error(
            &expr.range,
            "An object type is written with its attributes: object({name = string}).",
        ));
    };
    let mut fields = IndexMap::with_capacity(entries.len());
    for (key, value) in entries {
        let Kind::Literal(Value::String(name)) = &key.kind else {
            return Err(error(&key.range, "The name of an attribute must be a constant."));
        };
        fields.insert(name.clone(), read(source, value)?);
    }
    Ok(Type::Object(fields))
}
