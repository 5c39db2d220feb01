//! The operator's configuration, by the plugin's schema.

use encamp_hclspec::{Body, Context, Diagnostic, Diagnostics, Source, Spec, Spellings, Value, decode_with};

use crate::Listed;
use crate::listing::is_empty;

/// The configuration of a listed plugin, by its schema.
///
/// # Errors
/// All that is wrong with it, at the operator's lines.
pub(crate) fn decode(listed: &Listed, schema: Option<&Spec>) -> Result<Value, Diagnostics> {
    let given = listed.config.as_ref().filter(|config| !is_empty(config));
    match (schema, given) {
        (Some(schema), Some(body)) => decode_with(schema, body, &Context::new(), Spellings::Every),
        (Some(schema), None) => of_nothing(listed, schema),
        (None, None) => Ok(Value::NULL),
        (None, Some(body)) => Err(Diagnostic::error(
            "Configuration not allowed",
            format!(
                "The plugin \"{}\" takes no configuration. Remove the config block.",
                listed.name
            ),
        )
        .with_span(body.header_span())
        .into()),
    }
}

/// The schema's defaults; what it requires is missing from the block that lists the plugin.
fn of_nothing(listed: &Listed, schema: &Spec) -> Result<Value, Diagnostics> {
    let body = match &listed.config {
        Some(config) => config.clone(),
        None => Body::parse(Source::new("no configuration", String::new()))?,
    };
    let decoded = decode_with(schema, &body, &Context::new(), Spellings::Every);
    decoded.map_err(|diagnostics| match (&listed.config, &listed.span) {
        (None, Some(span)) => diagnostics
            .into_iter()
            .map(|diagnostic| diagnostic.with_span(span.clone()))
            .collect(),
        _ => diagnostics,
    })
}

/// What the plugin itself says of a configuration that its schema allows.
pub(crate) fn refused(listed: &Listed, reason: &str) -> Diagnostics {
    let reason = reason.strip_prefix("SetConfig failed: ").unwrap_or(reason);
    let said = format!("The plugin \"{}\" says: {reason}", listed.name);
    let diagnostic = Diagnostic::error("Plugin refuses its configuration", said);
    let config = listed.config.as_ref().map(Body::header_span);
    match config.or_else(|| listed.span.clone()) {
        Some(span) => diagnostic.with_span(span).into(),
        None => diagnostic.into(),
    }
}
