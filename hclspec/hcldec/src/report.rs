//! Diagnostics, as text or as JSON.

use encamp_hclspec::{Diagnostic, Diagnostics, Severity, Span, Style};
use serde::Serialize;

use crate::failure::Failure;
use crate::streams::Streams;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Format {
    Text,
    Json,
}

impl Format {
    pub(crate) fn parse(name: Option<&str>) -> Result<Self, Failure> {
        match name {
            None | Some("") => Ok(Self::Text),
            Some("json") => Ok(Self::Json),
            Some(other) => Err(Failure::Format(other.to_owned())),
        }
    }
}

/// Nothing where there is nothing to report.
pub(crate) fn write(diagnostics: &Diagnostics, format: Format, streams: &mut Streams<'_>) {
    if diagnostics.is_empty() {
        return;
    }
    match format {
        Format::Text => {
            let style = if streams.color { Style::Terminal } else { Style::Plain };
            text(&format!("{}\n", diagnostics.render(style)), streams);
        }
        Format::Json => {
            let report = Report {
                diagnostics: diagnostics.iter().map(Entry::of).collect(),
            };
            // Nothing in it can fail to be JSON.
            let json = serde_json::to_string_pretty(&report).unwrap_or_default();
            text(&format!("{json}\n"), streams);
        }
    }
}

/// Standard error is the last resort: there is nowhere to say that it cannot be written.
pub(crate) fn text(text: &str, streams: &mut Streams<'_>) {
    let _unread = streams.stderr.write_all(text.as_bytes());
}

#[derive(Serialize)]
struct Report<'d> {
    diagnostics: Vec<Entry<'d>>,
}

#[derive(Serialize)]
struct Entry<'d> {
    severity: &'static str,
    summary: &'d str,
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: &'d str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Place>,
}

impl<'d> Entry<'d> {
    fn of(diagnostic: &'d Diagnostic) -> Self {
        Self {
            severity: match diagnostic.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            summary: &diagnostic.summary,
            detail: &diagnostic.detail,
            subject: diagnostic.span.as_ref().map(Place::of),
        }
    }
}

/// A range of a file, as upstream's JSON has it.
#[derive(Serialize)]
pub(crate) struct Place {
    filename: String,
    start: Position,
    end: Position,
}

#[derive(Serialize)]
struct Position {
    line: usize,
    column: usize,
    byte: usize,
}

impl Place {
    pub(crate) fn of(span: &Span) -> Self {
        let range = span.range();
        let bom = span.source().bom_len();
        Self {
            filename: span.source().name().to_owned(),
            start: Position {
                line: span.line(),
                column: span.column(),
                byte: range.start + bom,
            },
            end: Position {
                line: span.end_line(),
                column: span.end_column(),
                byte: range.end + bom,
            },
        }
    }
}
