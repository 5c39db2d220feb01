//! Which syntax a job file is in.

use std::path::Path;
use std::sync::Arc;

use encamp_hclspec::body::Schema;
use encamp_hclspec::{Body, Diagnostic, Diagnostics, Source};

/// Larger texts are no job files.
const MAX_TEXT: usize = 16 << 20;

/// The body of a job file: JSON where its name ends in `.json` or its text begins with a brace, else HCL.
pub(crate) fn body(source: Arc<Source>) -> Result<Body, Diagnostics> {
    if source.text().len() > MAX_TEXT {
        let detail = format!("A job file has at most {} MiB.", MAX_TEXT >> 20);
        let diagnostic = Diagnostic::error("Configuration file too large", detail);
        return Err(diagnostic.with_span(encamp_hclspec::Span::new(&source, 0..0)).into());
    }
    let is_json = Path::new(source.name())
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("json"))
        || source.text().trim_start().starts_with(['{', '[']);
    if !is_json {
        return Body::parse(source);
    }
    let body = Body::parse_json(source)?;
    refuse_api(&body)?;
    Ok(body)
}

/// A job as the HTTP API takes it has other names.
fn refuse_api(body: &Body) -> Result<(), Diagnostics> {
    let names = ["Job", "TaskGroups"];
    let schema = names
        .iter()
        .fold(Schema::new(), |schema, name| schema.with_attribute(name));
    let (content, _) = body.partial_content(&schema);
    let Some(found) = content.attributes.values().next() else {
        return Ok(());
    };
    let detail = "This is a job as the HTTP API takes it, which is not supported yet. Write it as a job file: \
                  {\"job\": {\"name\": {\"group\": {..}}}}.";
    let diagnostic = Diagnostic::error("API job", detail);
    Err(diagnostic.with_span(found.name_span()).into())
}
