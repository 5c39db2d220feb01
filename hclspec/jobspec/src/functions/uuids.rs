//! UUIDs.

use encamp_hclspec::cty::{Function, FunctionError};
use encamp_hclspec::{Type, Value};
use uuid::Uuid;

use super::of_texts;

pub(super) fn functions() -> [(&'static str, Function); 2] {
    [
        (
            "uuidv4",
            Function::new([], Type::String, |_, _| Ok(Value::from(Uuid::new_v4().to_string()))),
        ),
        (
            "uuidv5",
            of_texts(["namespace", "name"], |[namespace, name]| v5(namespace, name)),
        ),
    ]
}

fn v5(namespace: &str, name: &str) -> Result<String, FunctionError> {
    let namespace = match namespace {
        "dns" => Uuid::NAMESPACE_DNS,
        "url" => Uuid::NAMESPACE_URL,
        "oid" => Uuid::NAMESPACE_OID,
        "x500" => Uuid::NAMESPACE_X500,
        other => Uuid::parse_str(other)
            .map_err(|_| FunctionError::at(0, "a namespace is \"dns\", \"url\", \"oid\", \"x500\" or a UUID"))?,
    };
    Ok(Uuid::new_v5(&namespace, name.as_bytes()).to_string())
}
