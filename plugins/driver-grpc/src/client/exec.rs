//! Exec sessions: readers and writers on one side, frames on the other; and frames on both.

use std::convert::Infallible;
use std::future;
use std::io;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use encamp_base_grpc::{CallError, MAX_MESSAGE};
use encamp_driver::{BoxStream, Error, ExecIo, ExecOptions, ExitResult, Result, TerminalSize};
use encamp_proto::driver as wire;
use encamp_proto::driver::exec_task_streaming_request as request;
use futures_util::StreamExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Request, Status, Streaming};

use super::{NO_SESSIONS, RemoteDriver};
use crate::codec::Frames;
use crate::convert::task;
use crate::error::{from_call, to_status};
use crate::raw::RawExec;
use crate::server::EXEC;

type Frame = wire::ExecTaskStreamingRequest;

/// How many frames wait to be sent before whoever sends them waits, too.
const WAITING: usize = 2;
/// The largest piece of input in one frame, in bytes.
const PIECE: usize = 32 * 1024;

pub(super) async fn session(driver: &RemoteDriver, id: &str, options: ExecOptions, io: ExecIo) -> Result<ExitResult> {
    let ExecIo {
        stdin,
        stdout,
        stderr,
        resize,
    } = io;
    let (frames, requests) = mpsc::channel(WAITING);
    let setup = Frame {
        setup: Some(request::Setup {
            task_id: id.to_owned(),
            command: options.command,
            tty: options.tty.is_some(),
        }),
        ..Frame::default()
    };
    // There is room for as many frames as this.
    drop(frames.try_send(setup));
    drop(options.tty.map(|size| frames.try_send(resized(size))));
    let run = async {
        let mut client = driver.client.clone();
        let call = client.exec_task_streaming(ReceiverStream::new(requests));
        let answers = driver.ask(NO_SESSIONS, call).await?;
        receive(driver, answers, stdout, stderr).await
    };
    // Some drivers answer nothing before they have something to say: input is sent from the start.
    tokio::select! {
        biased;
        ended = driver.life().outlast(run) => ended.unwrap_or(Err(Error::PluginShutdown)),
        never = send(stdin, resize, frames) => match never {},
    }
}

/// Writes all output; a writer that is slow slows the command.
async fn receive(
    driver: &RemoteDriver,
    mut answers: Streaming<wire::ExecTaskStreamingResponse>,
    mut stdout: impl AsyncWrite + Unpin,
    mut stderr: impl AsyncWrite + Unpin,
) -> Result<ExitResult> {
    loop {
        let answer = match answers.message().await {
            Ok(Some(answer)) => answer,
            Ok(None) if driver.life().has_ended() => return Err(Error::PluginShutdown),
            Ok(None) => return Err(Error::fatal("the exec session ended without an exit")),
            Err(status) => return Err(from_call(driver.life().why(status).await, NO_SESSIONS)),
        };
        write(&mut stdout, answer.stdout).await?;
        write(&mut stderr, answer.stderr).await?;
        if answer.exited {
            return Ok(task::exit(&answer.result.unwrap_or_default(), String::new()));
        }
    }
}

async fn write(
    to: &mut (impl AsyncWrite + Unpin),
    operation: Option<wire::ExecTaskStreamingIoOperation>,
) -> Result<()> {
    let Some(operation) = operation else { return Ok(()) };
    let write = async {
        to.write_all(&operation.data).await?;
        if operation.close {
            to.shutdown().await?;
        } else {
            to.flush().await?;
        }
        io::Result::Ok(())
    };
    write
        .await
        .map_err(|error| Error::fatal("nobody takes the output of the exec session").because(error))
}

/// Sends input until its end, and sizes of the terminal for as long as there are any.
async fn send(
    stdin: impl AsyncRead + Unpin,
    resize: mpsc::Receiver<TerminalSize>,
    frames: mpsc::Sender<Frame>,
) -> Infallible {
    tokio::join!(send_input(stdin, &frames), send_sizes(resize, &frames));
    future::pending().await
}

async fn send_input(mut stdin: impl AsyncRead + Unpin, frames: &mpsc::Sender<Frame>) {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(PIECE);
        // Input that cannot be read any more has ended, too.
        let close = !matches!(stdin.read_buf(&mut buffer).await, Ok(1..));
        let data = buffer.split().freeze();
        let operation = wire::ExecTaskStreamingIoOperation { data, close };
        let frame = Frame {
            stdin: Some(operation),
            ..Frame::default()
        };
        if frames.send(frame).await.is_err() || close {
            return;
        }
    }
}

async fn send_sizes(mut resize: mpsc::Receiver<TerminalSize>, frames: &mpsc::Sender<Frame>) {
    while let Some(size) = resize.recv().await {
        if frames.send(resized(size)).await.is_err() {
            return;
        }
    }
}

fn resized(size: TerminalSize) -> Frame {
    Frame {
        tty_size: Some(request::TerminalSize {
            height: i32::from(size.height),
            width: i32::from(size.width),
        }),
        ..Frame::default()
    }
}

/// A driver behind a driver: neither decodes what it passes on.
#[async_trait]
impl RawExec for RemoteDriver {
    async fn exec_frames(
        &self,
        requests: BoxStream<Result<Bytes, Status>>,
    ) -> Result<BoxStream<Result<Bytes, Status>>, Status> {
        // A peer that is gone sends no more; its answers are dropped with it.
        let requests = requests.take_while(|frame| future::ready(frame.is_ok()));
        let requests = requests.filter_map(|frame| future::ready(frame.ok()));
        let mut grpc = tonic::client::Grpc::new(self.channel.clone())
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE);
        let call = async {
            grpc.ready()
                .await
                .map_err(|error| Status::unavailable(error.to_string()))?;
            let path = PathAndQuery::from_static(EXEC);
            grpc.streaming(Request::new(requests), path, Frames).await
        };
        let answers = self.life().answer(call).await.map_err(passed_on)?;
        let answers = self.life().stream(answers.into_inner());
        Ok(answers.map(|answer| answer.map_err(passed_on)).boxed())
    }
}

/// What the plugin said as it said it; that it has ended in the usual words.
fn passed_on(error: CallError) -> Status {
    match error {
        CallError::Status(status) => *status,
        CallError::Ended(_) => to_status(&Error::PluginShutdown),
    }
}
