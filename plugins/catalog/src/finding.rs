//! What a scan has found amiss.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use encamp_base::chain;
use encamp_hclspec::{Diagnostics, Severity, Style};

use crate::{LaunchError, Refusal, VersionError};

/// Something that a scan has found amiss with one plugin, or with the directory. It concerns no other plugin.
#[derive(Debug)]
pub struct Finding {
    /// The plugin, by the name of its file.
    pub plugin: String,
    /// What is amiss.
    pub problem: Problem,
}

/// What is amiss.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// There is no plugin directory.
    #[error("there is no plugin directory {0:?}: make it, or name another one")]
    NoDirectory(PathBuf),
    /// The plugin directory cannot be read.
    #[error("cannot read the plugin directory {path:?}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file that no block names. It was not executed.
    #[error("{0:?} is not listed and was not executed: list it with a plugin block of its name, or remove it")]
    Unlisted(PathBuf),
    /// A block that names no file.
    #[error("it is listed, but {0:?} is not there: install it, or remove its block")]
    Missing(PathBuf),
    /// A file that must not be executed. It was not.
    #[error("it was not executed")]
    Unsafe(#[source] Refusal),
    /// A program that is no plugin, or no working one.
    #[error("it does not start")]
    Launch(#[source] LaunchError),
    /// It does not answer.
    #[error("it has not answered {call} within {within:?}")]
    Silent {
        /// What was asked.
        call: &'static str,
        /// How long was waited.
        within: Duration,
    },
    /// It has ended instead of answering this call.
    #[error("it has ended when it was asked {0}: its log may say why")]
    Ended(&'static str),
    /// Its name cannot be one.
    #[error("it calls itself {0:?}, which is no name: it has none, is too long, or has control characters")]
    Name(String),
    /// Its version, or one of its API versions, is none.
    #[error("it has a version that hosts cannot read")]
    Version(#[source] VersionError),
    /// It speaks no version of the API at all.
    #[error("it names no API version: ask its author for a build that does")]
    NoApiVersions,
    /// It speaks other versions of the API only.
    #[error("it speaks API versions {}, and this host only {}: install a version that was made for this host", .theirs.join(", "), .ours.join(", "))]
    ForeignApi {
        /// The plugin's versions.
        theirs: Vec<String>,
        /// The host's.
        ours: Vec<String>,
    },
    /// Its configuration does not fit it. The diagnostics have the operator's lines.
    #[error("its configuration is wrong: {0}")]
    Config(Diagnostics),
    /// Another file is the same plugin, and newer or later in the directory.
    #[error("{path:?} is version {version} of {name}, and {winner:?} is version {winning}: it is not used")]
    Superseded {
        /// The name that both give themselves.
        name: String,
        /// The one that is not used.
        path: PathBuf,
        /// Its version.
        version: String,
        /// The one that is used.
        winner: PathBuf,
        /// Its version.
        winning: String,
    },
}

impl Finding {
    pub(crate) fn new(plugin: impl Into<String>, problem: Problem) -> Self {
        let plugin = plugin.into();
        let finding = Self { plugin, problem };
        match finding.severity() {
            Severity::Error => tracing::error!(plugin = finding.plugin, "{finding}"),
            Severity::Warning => tracing::warn!(plugin = finding.plugin, "{finding}"),
        }
        finding
    }

    /// Whether the operator has asked for something that is not there now, or should merely know.
    pub fn severity(&self) -> Severity {
        match self.problem {
            Problem::NoDirectory(_)
            | Problem::Unlisted(_)
            | Problem::Superseded { .. }
            | Problem::ForeignApi { .. } => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// The finding for people: with the operator's lines, where they are at fault.
    pub fn render(&self, style: Style) -> String {
        match &self.problem {
            Problem::Config(diagnostics) => diagnostics.render(style),
            _ => self.to_string(),
        }
    }
}

/// The plugin, the problem and all its causes on one line.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "plugin {}: {}", self.plugin, chain(&self.problem))
    }
}

impl std::error::Error for Finding {}
