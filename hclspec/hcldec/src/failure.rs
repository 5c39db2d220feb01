//! Why there is no result.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use encamp_hclspec::Diagnostics;
use encamp_hclspec::cty::json::JsonError;

use crate::report::{self, Format};
use crate::streams::Streams;

/// The code where what the user gave is wrong.
pub(crate) const WRONG: u8 = 2;
/// The code where something else failed.
const FAILED: u8 = 1;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("the spec or the input is wrong")]
    Diagnostics(Diagnostics),
    #[error("the --spec=... argument is required")]
    NoSpec,
    #[error("there is no format {0:?} for diagnostics: only \"json\" is supported")]
    Format(String),
    #[error("cannot read standard input")]
    Stdin(#[source] io::Error),
    #[error("cannot write the result to {}", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot write the result")]
    Stdout(#[source] io::Error),
    #[error("the result has no form in JSON")]
    Json(#[source] JsonError),
}

impl From<Diagnostics> for Failure {
    fn from(diagnostics: Diagnostics) -> Self {
        Self::Diagnostics(diagnostics)
    }
}

impl Failure {
    /// Says what failed, and gives the code to end with.
    pub(crate) fn report(&self, format: Format, streams: &mut Streams<'_>) -> ExitCode {
        if let Self::Diagnostics(diagnostics) = self {
            report::write(diagnostics, format, streams);
            return ExitCode::from(WRONG);
        }
        let cause = std::error::Error::source(self).map_or_else(String::new, |cause| format!(": {cause}"));
        report::text(&format!("Error: {self}{cause}\n\n"), streams);
        ExitCode::from(if matches!(self, Self::Format(_)) { WRONG } else { FAILED })
    }
}
