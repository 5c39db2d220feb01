//! JSON Schema.

use serde_json::{Map, Value as Json, json};

use super::options::{Choice, Form, choices};
use crate::{Spec, Type, Value};

/// The JSON Schema (2020-12) of the JSON bodies that a spec takes, for editors and validators.
///
/// Whatever the type of an argument, it may be written as a string, since any string may be a template, and as null, which
/// is as good as nothing. A block is an object, or an array of objects where there may be several; each label is one more
/// level of objects. A property `//` is a comment.
///
/// ```
/// use encamp_hclspec::{Spec, Type, export};
///
/// let spec = Spec::object([("image", Spec::attr("image", Type::String).required().described("What to run."))]);
/// let schema = export::json_schema(&spec);
/// assert_eq!(schema["required"], serde_json::json!(["image"]));
/// assert_eq!(schema["properties"]["image"]["description"], "What to run.");
/// ```
pub fn json_schema(spec: &Spec) -> Json {
    let dialect = "https://json-schema.org/draft/2020-12/schema";
    with(object(&choices(spec)), "$schema", Some(dialect.into()))
}

fn object(choices: &[Choice<'_>]) -> Json {
    let properties: Map<String, Json> = choices
        .iter()
        .map(|choice| (choice.name.to_owned(), property(choice)))
        .collect();
    let required: Vec<&str> = choices
        .iter()
        .filter(|choice| choice.required)
        .map(|choice| choice.name)
        .collect();
    let schema = json!({
        "type": "object",
        "properties": properties,
        // A comment.
        "patternProperties": {"^//$": {}},
        "additionalProperties": false,
    });
    let required = (!required.is_empty()).then(|| json!(required));
    with(schema, "required", required)
}

fn property(choice: &Choice<'_>) -> Json {
    let schema = match &choice.form {
        Form::Argument(_) if !choice.texts.is_empty() => one_of(choice.texts),
        Form::Argument(ty) => of_type(ty),
        Form::Free(ty) => json!({"type": ["object", "null"], "additionalProperties": of_type(ty)}),
        Form::Block { labels, max, nested } => {
            let body = object(nested);
            let bodies = match max {
                Some(max) => {
                    json!({"anyOf": [body, {"type": "array", "items": body, "maxItems": max}, {"type": "null"}]})
                }
                None => json!({"anyOf": [body, {"type": "array", "items": body}, {"type": "null"}]}),
            };
            labels.iter().rev().fold(
                bodies,
                |inner, label| json!({"type": "object", "title": label, "additionalProperties": inner}),
            )
        }
    };
    let schema = with(schema, "description", choice.description.map(Json::from));
    with(schema, "default", choice.default.map(plain))
}

/// One of some texts, or a template.
fn one_of(texts: &[String]) -> Json {
    let texts: Vec<Option<&String>> = texts.iter().map(Some).chain([None]).collect();
    json!({"anyOf": [{"enum": texts}, {"type": "string", "pattern": "[$%]\\{"}]})
}

/// The schema with one more member, if there is one.
fn with(mut schema: Json, name: &str, member: Option<Json>) -> Json {
    if let (Json::Object(members), Some(member)) = (&mut schema, member) {
        members.insert(name.to_owned(), member);
    }
    schema
}

fn of_type(ty: &Type) -> Json {
    match ty {
        Type::String => json!({"type": ["string", "number", "boolean", "null"]}),
        Type::Number => json!({"type": ["number", "string", "null"]}),
        Type::Bool => json!({"type": ["boolean", "string", "null"]}),
        Type::List(element) | Type::Set(element) => {
            json!({"type": ["array", "string", "null"], "items": of_type(element)})
        }
        Type::Map(element) => json!({"type": ["object", "string", "null"], "additionalProperties": of_type(element)}),
        Type::Tuple(elements) => {
            let items: Vec<Json> = elements.iter().map(of_type).collect();
            json!({"type": ["array", "string", "null"], "prefixItems": items, "items": false, "minItems": items.len()})
        }
        Type::Object(attributes) => {
            let properties: Map<String, Json> = attributes
                .iter()
                .map(|(name, ty)| (name.clone(), of_type(ty)))
                .collect();
            let required: Vec<&String> = attributes.keys().collect();
            json!({"type": ["object", "string", "null"], "properties": properties, "required": required})
        }
        _ => json!({}),
    }
}

fn plain(value: &Value) -> Json {
    match value {
        Value::Null(_) | Value::Unknown(_) => Json::Null,
        Value::Bool(truth) => (*truth).into(),
        Value::String(text) => text.as_str().into(),
        Value::Number(number) => number.as_i64().map_or_else(|| number.as_f64().into(), Json::from),
        Value::List(_, values) | Value::Set(_, values) | Value::Tuple(values) => values.iter().map(plain).collect(),
        Value::Map(_, entries) | Value::Object(entries) => {
            let entries = entries.iter().map(|(name, value)| (name.to_string(), plain(value)));
            Json::Object(entries.collect())
        }
    }
}
