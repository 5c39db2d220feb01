//! What the crate promises, tried from outside.
#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
#![expect(clippy::float_cmp, reason = "floats are to be exactly the same")]

mod convert;
mod decode;
mod json;
mod operators;
mod properties;
mod types;

use encamp_hclspec_cty::{Number, Type, Value};

/// A type from cty's JSON form.
fn ty(json: &str) -> Type {
    let json = serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"));
    Type::from_json(&json).unwrap_or_else(|| panic!("{json} is no type"))
}

/// A value from JSON.
fn value(json: &str) -> Value {
    encamp_hclspec_cty::json::parse(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn number(text: &str) -> Value {
    Value::Number(text.parse::<Number>().unwrap_or_else(|error| panic!("{text}: {error}")))
}
