//! Behaviour of the crate as its users see it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

mod decode;
#[cfg(feature = "derive")]
mod derive;
mod driver;
mod evaluate;
mod generate;
mod hostile;
mod places;
mod properties;
mod spellings;
mod wire;

use encamp_hclspec::{Body, Context, Diagnostics, Source, Spec, Spellings, Value, cty, decode_with};

/// A body of the native syntax, or of JSON where it begins with a bracket.
fn parse(text: &str) -> Result<Body, Diagnostics> {
    let source = Source::new("b", text.to_owned());
    if text.starts_with(['{', '[']) {
        return Body::parse_json(source);
    }
    Body::parse(source)
}

/// A body's value as JSON text, or its diagnostics, one on a line.
fn decoded(spec: &Spec, text: &str, context: &Context, spellings: Spellings) -> Result<String, String> {
    let value = parse(text).and_then(|body| decode_with(spec, &body, context, spellings));
    value.map(|value| plain(&value)).map_err(|errors| errors.to_string())
}

fn plain(value: &Value) -> String {
    cty::json::to_plain_string(value).unwrap()
}
