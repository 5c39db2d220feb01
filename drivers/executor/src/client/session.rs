//! Commands run inside a task.

mod copy;

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;

use futures_core::Stream;
use tokio::io::{AsyncRead, AsyncWrite, Interest};
use tokio::net::unix::pipe;
use tokio::sync::watch;

use super::connection::{Connection, within};
use crate::protocol::{Exec, Reply, Request};
use crate::{ControlError, Executor, SessionError, TerminalSize, sys};

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
/// `stdin` is read until its end, which is passed on: as the end of the pipe, or as the terminal's end-of-file
/// character. Slow writers slow the command: nothing is buffered beyond one chunk. What processes that the command
/// left in the background say after its end is not passed on. A writer that fails (`BrokenPipe`: nobody reads any more)
/// ends the session: the command is killed.
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

/// Runs a command with nothing to read, and keeps the last of what it says.
pub(super) async fn collect(mut connection: Connection, command: &[String]) -> Result<SessionOutput, SessionError> {
    let null = File::open("/dev/null").map_err(SessionError::Io)?;
    let (near, far) = io::pipe().map_err(SessionError::Io)?;
    let mut near = pipe::Receiver::from_owned_fd(near.into()).map_err(SessionError::Io)?;
    start(
        &mut connection,
        command,
        None,
        &[null.as_fd(), far.as_fd(), far.as_fd()],
    )
    .await?;
    drop(far);

    let (ended, has_ended) = watch::channel(false);
    let mut tail = copy::Tail::new(EXEC_OUTPUT_LIMIT);
    let (exit, ()) = tokio::try_join!(
        whole(end(&mut connection, ended)),
        copy::collect(&mut near, &mut tail, has_ended)
    )
    .map_err(SessionError::Io)?;
    let exit = exit?;
    let (output, dropped) = tail.into_parts();
    Ok(SessionOutput { output, dropped, exit })
}

/// Runs a command over three pipes, whose far ends are the command's own.
pub(super) async fn pipes(
    mut connection: Connection,
    command: &[String],
    io: SessionIo,
) -> Result<SessionExit, SessionError> {
    let (far_in, near_in) = io::pipe().map_err(SessionError::Io)?;
    let (near_out, far_out) = io::pipe().map_err(SessionError::Io)?;
    let (near_err, far_err) = io::pipe().map_err(SessionError::Io)?;
    let near_in = pipe::Sender::from_owned_fd(near_in.into()).map_err(SessionError::Io)?;
    let mut near_out = pipe::Receiver::from_owned_fd(near_out.into()).map_err(SessionError::Io)?;
    let mut near_err = pipe::Receiver::from_owned_fd(near_err.into()).map_err(SessionError::Io)?;
    start(
        &mut connection,
        command,
        None,
        &[far_in.as_fd(), far_out.as_fd(), far_err.as_fd()],
    )
    .await?;
    drop((far_in, far_out, far_err));

    let (ended, has_ended) = watch::channel(false);
    let SessionIo {
        stdin, stdout, stderr, ..
    } = io;
    let (exit, (), (), ()) = tokio::try_join!(
        whole(end(&mut connection, ended)),
        whole(copy::input(stdin, near_in, has_ended.clone())),
        copy::output(&mut near_out, stdout, has_ended.clone()),
        copy::output(&mut near_err, stderr, has_ended),
    )
    .map_err(SessionError::Io)?;
    exit
}

/// Runs a command on a terminal, whose near side comes back from inside the task.
pub(super) async fn terminal(
    mut connection: Connection,
    command: &[String],
    size: TerminalSize,
    io: SessionIo,
) -> Result<SessionExit, SessionError> {
    start(&mut connection, command, Some(size), &[]).await?;
    let missing = || SessionError::Io(io::Error::other("no terminal came with the answer"));
    let near = connection.take_fd().ok_or_else(missing)?;
    let near = sys::register(near.into(), Interest::READABLE | Interest::WRITABLE).map_err(SessionError::Io)?;

    let (ended, has_ended) = watch::channel(false);
    let SessionIo {
        stdin, stdout, resize, ..
    } = io;
    let (exit, (), (), ()) = tokio::try_join!(
        whole(end(&mut connection, ended)),
        whole(copy::terminal_input(stdin, &near, has_ended.clone())),
        whole(copy::resizes(resize, &near, has_ended.clone())),
        copy::terminal_output(&near, stdout, has_ended),
    )
    .map_err(SessionError::Io)?;
    exit
}

async fn start(
    connection: &mut Connection,
    command: &[String],
    tty: Option<TerminalSize>,
    fds: &[std::os::fd::BorrowedFd<'_>],
) -> Result<(), SessionError> {
    let (name, args) = command.split_first().ok_or(SessionError::Empty)?;
    let request = Request::Exec(Exec {
        command: name.clone(),
        args: args.to_vec(),
        tty,
    });
    let exchange = async {
        connection.send_with(&request, fds).await?;
        connection.receive().await
    };
    match within(Executor::ANSWER_TIMEOUT, exchange).await? {
        Reply::SessionStarted => Ok(()),
        Reply::Failed(failure) => Err(failure.into()),
        Reply::Refused(_) => Err(ControlError::Ended.into()),
        other => Err(ControlError::Refused(format!("the supervising process said {other:?}")).into()),
    }
}

/// What goes on until the command ends, whatever comes of it: only a writer that fails ends a session early.
async fn whole<T>(part: impl Future<Output = T>) -> io::Result<T> {
    Ok(part.await)
}

/// Waits for the command's end, and says that it has come.
async fn end(connection: &mut Connection, ended: watch::Sender<bool>) -> Result<SessionExit, SessionError> {
    let reply = connection.receive().await;
    ended.send_replace(true);
    match reply {
        Ok(Reply::SessionExited { exit_code, signal }) => Ok(SessionExit { exit_code, signal }),
        Ok(other) => Err(ControlError::Refused(format!("the supervising process said {other:?}")).into()),
        Err(error) => Err(ControlError::Connection(error).into()),
    }
}
