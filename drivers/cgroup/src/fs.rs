//! The few file operations that cgroups are made of, with errors that name the file.

use std::io;
use std::path::PathBuf;

/// Something about a cgroup failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}", .path.display())]
pub struct CgroupError {
    /// What was tried (`create`, `write 64 to`, …).
    pub action: String,
    /// The directory or file.
    pub path: PathBuf,
    /// What the kernel said.
    #[source]
    pub source: io::Error,
}
