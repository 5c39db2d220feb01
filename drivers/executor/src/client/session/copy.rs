//! From the caller's streams to a command's, and back.

use std::collections::VecDeque;
use std::fs::File;
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::pin::Pin;

use futures_core::Stream;
use nix::errno::Errno;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, Interest};
use tokio::net::unix::pipe;
use tokio::sync::watch;

use crate::{TerminalSize, sys};

const CHUNK: usize = 16 * 1024;
/// What a terminal takes for the end of its input.
const END_OF_FILE: u8 = 4;

type Reader = Pin<Box<dyn AsyncRead + Send>>;
type Writer = Pin<Box<dyn AsyncWrite + Send>>;

/// The last bytes of a stream.
pub(super) struct Tail {
    bytes: VecDeque<u8>,
    limit: usize,
    dropped: u64,
}

impl Tail {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            bytes: VecDeque::new(),
            limit,
            dropped: 0,
        }
    }

    fn push(&mut self, chunk: &[u8]) {
        self.bytes.extend(chunk);
        let excess = self.bytes.len().saturating_sub(self.limit);
        self.bytes.drain(..excess);
        self.dropped += excess as u64;
    }

    pub(super) fn into_parts(self) -> (Vec<u8>, u64) {
        (self.bytes.into(), self.dropped)
    }
}

/// What a command says into a pipe: up to its end, or what is in it when the command has ended. What processes in the
/// background go on saying does not hold a session open.
struct Output<'a> {
    pipe: &'a mut pipe::Receiver,
    has_ended: watch::Receiver<bool>,
    /// Bytes still to be read; known once the command has ended.
    left: Option<usize>,
}

impl<'a> Output<'a> {
    fn new(pipe: &'a mut pipe::Receiver, has_ended: watch::Receiver<bool>) -> Self {
        Self {
            pipe,
            has_ended,
            left: None,
        }
    }

    async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left.is_none() {
            tokio::select! {
                biased;
                _ = self.has_ended.wait_for(|ended| *ended) => {}
                read = self.pipe.read(buffer) => return read,
            }
        }
        let left = match self.left {
            Some(left) => left,
            None => sys::unread(self.pipe.as_fd())?,
        };
        // Not the runtime's `try_read`: that makes no system call before the runtime was told that there is something to
        // read, which it may learn only after the command's end.
        let limit = left.min(buffer.len());
        let read = loop {
            match nix::unistd::read(self.pipe.as_fd(), buffer.get_mut(..limit).unwrap_or_default()) {
                Ok(length) => break length,
                Err(Errno::EAGAIN) => break 0,
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        };
        self.left = Some(left.saturating_sub(read));
        Ok(read)
    }
}

pub(super) async fn collect(
    from: &mut pipe::Receiver,
    tail: &mut Tail,
    has_ended: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut from = Output::new(from, has_ended);
    let mut buffer = vec![0; CHUNK];
    loop {
        match from.read(&mut buffer).await? {
            0 => return Ok(()),
            length => tail.push(buffer.get(..length).unwrap_or_default()),
        }
    }
}

pub(super) async fn output(
    from: &mut pipe::Receiver,
    mut to: Writer,
    has_ended: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut from = Output::new(from, has_ended);
    let mut buffer = vec![0; CHUNK];
    loop {
        match from.read(&mut buffer).await? {
            0 => return to.shutdown().await,
            length => to.write_all(buffer.get(..length).unwrap_or_default()).await?,
        }
        to.flush().await?;
    }
}

/// Ends when the input, the command, or its interest has.
pub(super) async fn input(mut from: Reader, mut to: pipe::Sender, mut has_ended: watch::Receiver<bool>) {
    let copy = async {
        let mut buffer = vec![0; CHUNK];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            if to.write_all(buffer.get(..length).unwrap_or_default()).await.is_err() {
                break;
            }
        }
        drop(to);
    };
    tokio::select! {
        () = copy => {}
        _ = has_ended.wait_for(|ended| *ended) => {}
    }
}

pub(super) async fn terminal_input(mut from: Reader, to: &AsyncFd<File>, mut has_ended: watch::Receiver<bool>) {
    let copy = async {
        let mut buffer = vec![0; CHUNK];
        loop {
            let length = from.read(&mut buffer).await.unwrap_or(0);
            let is_end = length == 0;
            let chunk = if is_end {
                &[END_OF_FILE]
            } else {
                buffer.get(..length).unwrap_or_default()
            };
            if write_terminal(to, chunk).await.is_err() || is_end {
                break;
            }
        }
    };
    tokio::select! {
        () = copy => {}
        _ = has_ended.wait_for(|ended| *ended) => {}
    }
}

async fn write_terminal(to: &AsyncFd<File>, chunk: &[u8]) -> io::Result<()> {
    let mut rest = chunk;
    while !rest.is_empty() {
        let written = to.async_io(Interest::WRITABLE, |mut file| file.write(rest)).await?;
        rest = rest.get(written..).unwrap_or_default();
    }
    Ok(())
}

pub(super) async fn terminal_output(
    from: &AsyncFd<File>,
    mut to: Writer,
    mut has_ended: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        let read = tokio::select! {
            biased;
            read = from.async_io(Interest::READABLE, |mut file| file.read(&mut buffer)) => read,
            _ = has_ended.wait_for(|ended| *ended) => from.get_ref().read(&mut buffer),
        };
        match read {
            Ok(length @ 1..) => to.write_all(buffer.get(..length).unwrap_or_default()).await?,
            Ok(0) => break,
            // All processes have closed their side, or the command has ended and all it said is read.
            Err(error) if error.raw_os_error() == Some(Errno::EIO as i32) => break,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
        to.flush().await?;
    }
    to.shutdown().await
}

pub(super) async fn resizes(
    mut sizes: Pin<Box<dyn Stream<Item = TerminalSize> + Send>>,
    terminal: &AsyncFd<File>,
    mut has_ended: watch::Receiver<bool>,
) {
    let follow = async {
        while let Some(size) = poll_fn(|context| sizes.as_mut().poll_next(context)).await {
            // A terminal that is gone needs no size.
            drop(sys::set_window_size(terminal.as_fd(), size.height, size.width));
        }
    };
    tokio::select! {
        () = follow => {}
        _ = has_ended.wait_for(|ended| *ended) => {}
    }
}
