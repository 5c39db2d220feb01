//! Rotated task logs, named and read as a Nomad agent reads them.
//!
//! A task's output lies in `<task>.stdout.<n>` and `<task>.stderr.<n>`; `n` only ever grows, and the lowest files are
//! removed as new ones are begun. [`Writer`] makes such files, [`Reader`] reads them back, also while they are being
//! written.
//!
//! ```
//! use encamp_logs::{Config, Next, Reader, Start, Stream, Writer};
//!
//! let dir = tempfile::tempdir()?;
//! let mut writer = Writer::open(dir.path(), "web", Stream::Stdout, Config::default())?;
//! writer.write(b"hello\n")?;
//!
//! let mut reader = Reader::open(dir.path(), "web", Stream::Stdout, Start::Oldest)?;
//! let mut text = Vec::new();
//! while let Next::Data(chunk) = reader.try_next()? {
//!     text.extend_from_slice(chunk);
//! }
//! assert_eq!(text, b"hello\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(doctest, doc = include_str!("../README.md"))]
#![forbid(unsafe_code)]

mod files;
mod reader;
mod split;
mod watch;
mod writer;

use std::fmt;

pub use reader::{Next, Reader, Start};
use serde::{Deserialize, Serialize};
pub use writer::{Position, WriteError, Writer};

/// How much of a task's output is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// How many files are kept for each stream; 0 counts as 1. Default 10.
    pub max_files: u32,
    /// How large each file may grow, in bytes; 0 counts as 1. Default 10 MiB.
    pub max_file_size: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_files: 10,
            max_file_size: 10 * 1024 * 1024,
        }
    }
}

/// One of a task's two output streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    /// The stream's part of a file name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
