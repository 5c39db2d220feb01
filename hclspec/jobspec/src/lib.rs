//! A job file as typed data with spans.
//!
//! [`parse`] reads a job file. What it gives is plain data, but for a task's [`Config`], which is decoded when the
//! driver's schema and the task's environment are known.
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use encamp_hclspec::Source;
//!
//! let text = "job \"j\" {\n group \"g\" {\n task \"t\" {\n driver = \"exec\"\n }\n }\n }";
//! let parsed = encamp_jobspec::parse(Source::new("j.hcl", text.to_owned()), &BTreeMap::new())?;
//! assert_eq!(parsed.job.groups[0].tasks[0].driver, "exec");
//! # Ok::<(), encamp_hclspec::Diagnostics>(())
//! ```
#![forbid(unsafe_code)]

mod build;
mod config;
mod job;
mod names;
mod read;
mod variables;

use std::collections::BTreeMap;
use std::sync::Arc;

use encamp_hclspec::{Body, Diagnostic, Diagnostics, Source, Span};

pub use config::Config;
pub use encamp_hclspec::{DurationError, parse_duration};
pub use job::{Group, Job, JobType, Lifecycle, LifecycleHook, Logs, Resources, Restart, RestartMode, Task};

/// A job file that was understood.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The job.
    pub job: Job,
    /// Warnings about what was ignored.
    pub notices: Diagnostics,
}

/// Parses a job file, with values for its `variable` blocks.
///
/// The value of a variable whose type is string is taken as it is, any other is read as an HCL expression.
///
/// # Errors
/// Every problem of the file, each with its place, together with the warnings.
pub fn parse(source: Arc<Source>, variables: &BTreeMap<String, String>) -> Result<Parsed, Diagnostics> {
    refuse_json(&source)?;
    let body = Body::parse(source)?;
    build::file(&body, variables)
}

/// What begins with a brace or a bracket is no HCL body, but very likely a job as the HTTP API has it.
fn refuse_json(source: &Arc<Source>) -> Result<(), Diagnostics> {
    let text = source.text();
    let start = text.len() - text.trim_start().len();
    if !text.trim_start().starts_with(['{', '[']) {
        return Ok(());
    }
    let detail =
        "This looks like a job in JSON, which is not supported yet. Write the job in HCL: job \"name\" { .. }.";
    let diagnostic = Diagnostic::error("JSON job file", detail);
    Err(diagnostic.with_span(Span::new(source, start..start + 1)).into())
}

/// The README's examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
