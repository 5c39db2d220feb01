//! Exec sessions: frames on one side, readers and writers on the other.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use encamp_driver::{BoxStream, Driver, ExecIo, ExecOptions, ExitResult, Result, TerminalSize};
use encamp_proto::driver as wire;
use encamp_proto::driver::exec_task_streaming_request::{self as request, Setup};
use futures_util::{StreamExt as _, stream};
use tokio::io::AsyncWrite;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::io::StreamReader;
use tokio_util::sync::PollSender;
use tonic::{Status, Streaming};

use crate::convert::task::exit_message;
use crate::error::to_session_status;

type Frame = wire::ExecTaskStreamingResponse;
type Operation = wire::ExecTaskStreamingIoOperation;

/// How many pieces wait in each direction before whoever sends them waits, too.
const WAITING: usize = 2;
/// The largest piece in one frame, in bytes.
const PIECE: usize = 32 * 1024;
/// The size of a terminal until its user says otherwise.
const TERMINAL: TerminalSize = TerminalSize { height: 24, width: 80 };

/// Starts a session. The stream ends with the frame of the exit; dropping it kills the command.
pub(super) async fn session(
    driver: Arc<dyn Driver>,
    mut requests: Streaming<wire::ExecTaskStreamingRequest>,
) -> Result<BoxStream<Result<Frame, Status>>, Status> {
    let first = requests.message().await?.unwrap_or_default();
    let setup = first
        .setup
        .ok_or_else(|| Status::invalid_argument("first message should always be setup"))?;
    let Setup { task_id, command, tty } = setup;
    if command.is_empty() {
        return Err(Status::invalid_argument("setup.command: is empty"));
    }
    let (stdin, input) = mpsc::channel(WAITING);
    let (resizes, resize) = mpsc::channel(WAITING);
    let (frames, answers) = mpsc::channel(WAITING);
    let io = ExecIo {
        stdin: Box::pin(StreamReader::new(ReceiverStream::new(input))),
        stdout: Box::pin(Output::new(frames.clone(), stdout)),
        stderr: Box::pin(Output::new(frames.clone(), stderr)),
        resize,
    };
    let tty = tty.then_some(TERMINAL);
    let resizes = tty.is_some().then_some(resizes);
    tokio::spawn(async move {
        let options = ExecOptions { command, tty };
        let ended = tokio::select! {
            ended = driver.exec_task_streaming(&task_id, options, io) => ended,
            () = frames.closed() => return,
            never = pass_on(requests, stdin, resizes) => match never {},
        };
        for frame in last_frames(ended) {
            if frames.send(frame).await.is_err() {
                return;
            }
        }
    });
    Ok(until_exit(answers))
}

/// The frames up to the one of the exit: what is written by whoever has kept an output is for nobody.
fn until_exit(answers: mpsc::Receiver<Result<Frame, Status>>) -> BoxStream<Result<Frame, Status>> {
    let next = async |answers: Option<mpsc::Receiver<Result<Frame, Status>>>| {
        let mut answers = answers?;
        let frame = answers.recv().await?;
        let is_last = frame.as_ref().map_or(true, |frame| frame.exited);
        Some((frame, (!is_last).then_some(answers)))
    };
    stream::unfold(Some(answers), next).boxed()
}

/// Passes on what the user sends, for as long as anybody takes it. The end of the input closes the command's; what
/// comes after that is for nobody.
async fn pass_on(
    mut requests: Streaming<wire::ExecTaskStreamingRequest>,
    stdin: mpsc::Sender<io::Result<Bytes>>,
    resizes: Option<mpsc::Sender<TerminalSize>>,
) -> std::convert::Infallible {
    let mut stdin = Some(stdin);
    let mut sizes = Sizes { resizes, newest: None };
    loop {
        let request = tokio::select! {
            () = sizes.passed_on() => continue,
            request = requests.message() => request,
        };
        // A frame with nothing in it says that the user is still there.
        let Ok(Some(request)) = request else { break };
        if let Some(size) = request.tty_size {
            sizes.take(terminal_size(size));
        }
        let (Some(operation), Some(to)) = (request.stdin, &stdin) else {
            continue;
        };
        let is_taken = operation.data.is_empty() || to.send(Ok(operation.data)).await.is_ok();
        if operation.close || !is_taken {
            stdin = None;
        }
    }
    drop(stdin);
    sizes.passed_on().await;
    std::future::pending().await
}

/// The sizes of a terminal on their way to the command. One that looks at none of them holds up nobody; one that is late
/// finds the newest.
struct Sizes {
    /// None for a session without a terminal.
    resizes: Option<mpsc::Sender<TerminalSize>>,
    newest: Option<TerminalSize>,
}

impl Sizes {
    fn take(&mut self, size: TerminalSize) {
        let Some(resizes) = &self.resizes else { return };
        // One that waits already is older: this one stands for both.
        let full = self.newest.is_some() || matches!(resizes.try_send(size), Err(TrySendError::Full(_)));
        self.newest = full.then_some(size);
    }

    /// Waits until there is nothing more to wait for; for ever where there was nothing.
    ///
    /// # Cancel safety
    /// The size that waits still does when the future is dropped.
    async fn passed_on(&mut self) {
        let (Some(size), Some(resizes)) = (self.newest, &self.resizes) else {
            return std::future::pending().await;
        };
        // A command that has ended has no terminal.
        let _ended = resizes.send(size).await;
        self.newest = None;
    }
}

/// The end of both channels, then the exit; or why there was no session.
fn last_frames(ended: Result<ExitResult>) -> Vec<Result<Frame, Status>> {
    let closed = || Operation {
        data: Bytes::new(),
        close: true,
    };
    match ended {
        Err(error) => vec![Err(to_session_status(&error))],
        Ok(exit) => vec![
            Ok(stdout(closed())),
            Ok(stderr(closed())),
            Ok(Frame {
                exited: true,
                result: Some(exit_message(&exit)),
                ..Frame::default()
            }),
        ],
    }
}

fn stdout(operation: Operation) -> Frame {
    Frame {
        stdout: Some(operation),
        ..Frame::default()
    }
}

fn stderr(operation: Operation) -> Frame {
    Frame {
        stderr: Some(operation),
        ..Frame::default()
    }
}

fn terminal_size(message: request::TerminalSize) -> TerminalSize {
    let side = |cells: i32| u16::try_from(cells.max(0)).unwrap_or(u16::MAX);
    TerminalSize {
        height: side(message.height),
        width: side(message.width),
    }
}

/// One of the command's outputs, as frames.
struct Output {
    frames: PollSender<Result<Frame, Status>>,
    frame: fn(Operation) -> Frame,
}

impl Output {
    fn new(frames: mpsc::Sender<Result<Frame, Status>>, frame: fn(Operation) -> Frame) -> Self {
        Self {
            frames: PollSender::new(frames),
            frame,
        }
    }
}

impl AsyncWrite for Output {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        if data.is_empty() {
            return Poll::Ready(Ok(0));
        }
        ready!(self.frames.poll_reserve(cx)).map_err(|_| gone())?;
        let piece = data.get(..PIECE).unwrap_or(data);
        let frame = (self.frame)(Operation {
            data: Bytes::copy_from_slice(piece),
            close: false,
        });
        self.frames.send_item(Ok(frame)).map_err(|_| gone())?;
        Poll::Ready(Ok(piece.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// The end of an output is told together with the end of the other one, when the command has ended.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
