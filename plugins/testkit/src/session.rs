//! The user's side of an exec session.

use std::sync::Arc;

use encamp_driver::{Driver, ExecIo, ExecOptions, ExitResult, Result, TerminalSize};
use tokio::io::{self, AsyncReadExt as _, DuplexStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How much a session holds of each stream until it is read, in bytes.
const HELD: usize = 64 * 1024;

/// The user's side of an exec session that runs in the background. Dropping it ends the session.
#[derive(Debug)]
pub struct Session {
    /// What the command reads; `None` closes it.
    pub stdin: Option<DuplexStream>,
    /// Its standard output.
    pub stdout: DuplexStream,
    /// Its standard error.
    pub stderr: DuplexStream,
    /// The sizes of its terminal.
    pub resize: mpsc::Sender<TerminalSize>,
    ended: JoinHandle<Result<ExitResult>>,
}

/// All that a session said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// On its standard output.
    pub stdout: String,
    /// On its standard error.
    pub stderr: String,
    /// How it ended.
    pub exit: ExitResult,
}

impl Session {
    /// Runs `command` in the task `id`.
    pub fn start(driver: Arc<dyn Driver>, id: &str, command: &[&str], tty: Option<TerminalSize>) -> Self {
        let (stdin, input) = io::duplex(HELD);
        let (stdout, output) = io::duplex(HELD);
        let (stderr, errors) = io::duplex(HELD);
        let (resize, sizes) = mpsc::channel(2);
        let io = ExecIo {
            stdin: Box::pin(input),
            stdout: Box::pin(output),
            stderr: Box::pin(errors),
            resize: sizes,
        };
        let options = ExecOptions {
            command: command.iter().map(ToString::to_string).collect(),
            tty,
        };
        let id = id.to_owned();
        let ended = tokio::spawn(async move { driver.exec_task_streaming(&id, options, io).await });
        Self {
            stdin: Some(stdin),
            stdout,
            stderr,
            resize,
            ended,
        }
    }

    /// Waits for the exit, without reading what is said until then.
    ///
    /// # Errors
    /// The session's own.
    ///
    /// # Panics
    /// When the driver panics.
    pub async fn exit(&mut self) -> Result<ExitResult> {
        let ended = (&mut self.ended).await;
        ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }

    /// Reads all that is said until the exit. Input stays open unless it was closed.
    ///
    /// # Errors
    /// The session's own.
    ///
    /// # Panics
    /// When the driver panics.
    pub async fn finish(mut self) -> Result<Said> {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let (ended, ..) = tokio::join!(
            &mut self.ended,
            self.stdout.read_to_end(&mut stdout),
            self.stderr.read_to_end(&mut stderr)
        );
        let exit = ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
        Ok(Said {
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
            exit,
        })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.ended.abort();
    }
}
