//! [`Exit`]: how a task ended.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Its exit status; 128 + signal when a signal ended it, -1 when nobody can know.
    pub exit_code: i32,
    /// The signal that ended it; 0 for none.
    pub signal: i32,
    /// Whether the kernel killed a process of it for want of memory, and it did not end well.
    pub oom_killed: bool,
    /// What kept the end from being observed, where something did.
    pub err: Option<String>,
    /// When it ended, or when it was found to have ended.
    pub ended_at: SystemTime,
    /// Bytes of output that were lost: the disk was full, or nobody read the named pipe.
    pub output_lost: u64,
}

impl Exit {
    pub(crate) fn unobserved(reason: impl Into<String>) -> Self {
        Self {
            exit_code: -1,
            signal: 0,
            oom_killed: false,
            err: Some(reason.into()),
            ended_at: SystemTime::now(),
            output_lost: 0,
        }
    }

    /// Whether it ended with status 0.
    pub fn is_success(&self) -> bool {
        self.exit_code == 0 && self.signal == 0 && self.err.is_none()
    }
}
