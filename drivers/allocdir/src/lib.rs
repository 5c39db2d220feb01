//! The directory layout of an allocation, and paths that cannot leave it.
//!
//! ```no_run
//! use encamp_allocdir::{AllocDir, TaskOptions};
//!
//! let alloc = AllocDir::new("/var/lib/encamp/alloc", "3ac4e1d2")?;
//! alloc.build()?;
//! let task = alloc.build_task("web", &TaskOptions::default())?;
//! task.beneath()?.write("local/config.toml", b"port = 8080", 0o644)?;
//! alloc.destroy()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod alloc;
mod beneath;
mod mounts;
mod remove;
mod task;

pub use alloc::AllocDir;
pub use beneath::Beneath;
pub use task::{Owner, TaskDir, TaskOptions};

use std::io;
use std::path::PathBuf;

/// Something about an allocation's directories failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name cannot be a directory's.
    #[error("{name:?} cannot name a {what}: it must be one path component, and no task can be named \"alloc\"")]
    Name {
        /// `task` or `allocation`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The system refused something.
    #[error("cannot {action} {}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Not all of an allocation could be removed.
    #[error("{left} paths below {} could not be removed: {}", .path.display(), .first.join("; "))]
    Leftovers {
        /// The allocation's directory.
        path: PathBuf,
        /// How many paths are left because of an error of their own.
        left: usize,
        /// The first few of them with their errors.
        first: Vec<String>,
    },
}

impl Error {
    fn io(action: &'static str, path: impl Into<PathBuf>, source: impl Into<io::Error>) -> Self {
        Self::Io {
            action,
            path: path.into(),
            source: source.into(),
        }
    }
}
