//! Commands run inside a task.

use std::fmt;
use std::pin::Pin;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use crate::ExitResult;

/// What a command run by `exec_task` left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecOutput {
    /// Its standard output; for drivers that merge the two, all output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
    /// How it ended.
    pub exit: ExitResult,
}

/// What to run in an exec session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecOptions {
    /// The command and its arguments; never empty.
    pub command: Vec<String>,
    /// The terminal to give it, if any. With one, all output comes as standard output.
    pub tty: Option<TerminalSize>,
}

/// A terminal's size in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalSize {
    /// Rows.
    pub height: u16,
    /// Columns.
    pub width: u16,
}

/// The caller's ends of an exec session.
///
/// The driver reads `stdin` until its end and passes that end on; it writes all output before the session's exit is
/// returned. Slow writers slow the command: nothing is buffered beyond one chunk.
pub struct ExecIo {
    /// What the command reads.
    pub stdin: Pin<Box<dyn AsyncRead + Send>>,
    /// Where its standard output goes.
    pub stdout: Pin<Box<dyn AsyncWrite + Send>>,
    /// Where its standard error goes.
    pub stderr: Pin<Box<dyn AsyncWrite + Send>>,
    /// New terminal sizes, for sessions with a terminal.
    pub resize: mpsc::Receiver<TerminalSize>,
}

impl fmt::Debug for ExecIo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecIo").finish_non_exhaustive()
    }
}
