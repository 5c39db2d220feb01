//! Commands run inside a task.

use std::fmt;
use std::pin::Pin;

use futures_core::Stream;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::TerminalSize;

/// How many bytes of a command's output [`Process::exec`](crate::Process::exec) keeps: the last ones.
pub const EXEC_OUTPUT_LIMIT: usize = 64 * 1024;

/// What a command left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionOutput {
    /// The last of its output; standard error is merged in, in order.
    pub output: Vec<u8>,
    /// Bytes before those, which were not kept.
    pub dropped: u64,
    /// How it ended.
    pub exit: SessionExit,
}

/// How a command inside a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionExit {
    /// Its exit status; 128 + signal when a signal ended it.
    pub exit_code: i32,
    /// The signal that ended it; 0 for none.
    pub signal: i32,
}

/// The caller's ends of a session.
///
/// `stdin` is read until its end, which is passed on. Slow writers slow the command: nothing is buffered beyond one
/// chunk.
pub struct SessionIo {
    /// What the command reads.
    pub stdin: Pin<Box<dyn AsyncRead + Send>>,
    /// Where its standard output goes; with a terminal, all output.
    pub stdout: Pin<Box<dyn AsyncWrite + Send>>,
    /// Where its standard error goes.
    pub stderr: Pin<Box<dyn AsyncWrite + Send>>,
    /// New terminal sizes; ignored without a terminal.
    pub resize: Pin<Box<dyn Stream<Item = TerminalSize> + Send>>,
}

impl fmt::Debug for SessionIo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionIo").finish_non_exhaustive()
    }
}
