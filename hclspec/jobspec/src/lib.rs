//! A job file as typed data with spans.
//!
//! [`parse`] reads a job file, HCL or JSON. What it gives is plain data, but for a task's [`Config`], which is decoded
//! when the driver's schema and the task's environment are known.
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
mod check;
mod config;
pub mod functions;
mod job;
mod locals;
mod names;
mod read;
pub mod spec;
mod support;
mod syntax;
mod variables;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use encamp_hclspec::{Diagnostics, Source};

pub use config::Config;
pub use encamp_hclspec::{DurationError, Place, parse_duration};
pub use job::{Group, Job, JobType, Lifecycle, LifecycleHook, Logs, Resources, Restart, RestartMode, Task};

/// A job file that was understood.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The job.
    pub job: Job,
    /// Warnings about what was ignored.
    pub notices: Diagnostics,
}

/// How a job file is read.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Options {
    /// Values for the `variable` blocks.
    ///
    /// The value of a variable whose type is string is taken as it is, any other is read as an HCL expression.
    pub variables: BTreeMap<String, String>,
    /// The directory that `file` and the other functions on files start at. Without one they are errors.
    pub directory: Option<PathBuf>,
    /// What becomes of what the runner does not act on yet.
    pub unsupported: Unsupported,
}

/// What becomes of what job files may say and the runner does not act on yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unsupported {
    /// It is an error: the job would not run as it is meant.
    #[default]
    Refuse,
    /// It is a notice, for those who do not run the job.
    Note,
}

impl Options {
    /// Of these variables, without a directory; what is not supported is refused.
    pub fn new(variables: BTreeMap<String, String>) -> Self {
        Self {
            variables,
            ..Self::default()
        }
    }

    /// The same, with the directory that functions on files start at.
    #[must_use]
    pub fn with_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// The same, with a say in what becomes of what is not supported.
    #[must_use]
    pub fn with_unsupported(mut self, unsupported: Unsupported) -> Self {
        self.unsupported = unsupported;
        self
    }
}

/// The names of the variables alone: their values may be secret.
impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("variables", &self.variables.keys().collect::<Vec<_>>())
            .field("directory", &self.directory)
            .field("unsupported", &self.unsupported)
            .finish()
    }
}

/// Parses a job file, with values for its `variable` blocks.
///
/// The value of a variable whose type is string is taken as it is, any other is read as an HCL expression. Functions on
/// files are errors; [`parse_with`] allows them.
///
/// # Errors
/// Every problem of the file, each with its place, together with the warnings.
pub fn parse(source: Arc<Source>, variables: &BTreeMap<String, String>) -> Result<Parsed, Diagnostics> {
    parse_with(source, &Options::new(variables.clone()))
}

/// The same, with more to say about how.
///
/// # Errors
/// As of [`parse`].
pub fn parse_with(source: Arc<Source>, options: &Options) -> Result<Parsed, Diagnostics> {
    let body = syntax::body(source)?;
    build::file(&body, options)
}

/// The JSON Schema of job files in JSON, for editors and validators.
///
/// ```
/// let schema = encamp_jobspec::json_schema();
/// assert_eq!(schema["properties"]["job"]["description"], "The job.");
/// ```
pub fn json_schema() -> serde_json::Value {
    encamp_hclspec::export::json_schema(&spec::spec())
}

/// The README's examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
