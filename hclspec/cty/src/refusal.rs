//! Words for what a type refuses: they name no value, since it may be secret.
//!
//! Serde's own messages quote what they found. Errors of deserializers of configurations take their words from here.

use std::fmt::Write as _;

use serde::de::Unexpected;

/// What kind of value was found, in HCL's words.
pub fn kind(found: Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "bool",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "number",
        Unexpected::Char(_) | Unexpected::Str(_) | Unexpected::Bytes(_) => "string",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Seq => "list",
        Unexpected::Map => "map",
        _ => "value",
    }
}

/// That a text is none of an enum's variants.
///
/// ```
/// let message = encamp_hclspec_cty::refusal::variant(&["fail", "delay"]);
/// assert_eq!(message, "expected one of `fail`, `delay`, found another string");
/// ```
pub fn variant(expected: &[&str]) -> String {
    let mut message = String::from("expected ");
    for (index, name) in expected.iter().enumerate() {
        let before = match (index, expected.len()) {
            (0, 1) => "",
            (0, _) => "one of ",
            _ => ", ",
        };
        // Writing into a String cannot fail.
        write!(message, "{before}`{name}`").unwrap_or_default();
    }
    if expected.is_empty() {
        message.push_str("no variant");
    }
    message.push_str(", found another string");
    message
}
