//! A connection to a supervising process.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use tokio::io::Interest;
use tokio::net::UnixStream;

use crate::protocol::{Inbox, MAX_PLAN, Reply, Request, SOCKET, frame};
use crate::{ControlError, Executor, passing};

const BUFFER: usize = 4096;

/// A connection to a supervising process.
#[derive(Debug)]
pub(super) struct Connection {
    socket: UnixStream,
    inbox: Inbox,
    fds: Vec<OwnedFd>,
}

impl Connection {
    pub(super) fn new(socket: UnixStream) -> Self {
        Self {
            socket,
            inbox: Inbox::default(),
            fds: Vec::new(),
        }
    }

    /// Connects to the process that supervises the task of this state directory.
    pub(super) async fn open(dir: &Path) -> io::Result<Self> {
        // A socket's path may be 108 bytes long at most; that of the directory's descriptor is short.
        let dir = File::open(dir)?;
        let path: PathBuf = ["/proc/self/fd", &dir.as_raw_fd().to_string(), SOCKET].iter().collect();
        let connect = UnixStream::connect(path);
        match tokio::time::timeout(Executor::ANSWER_TIMEOUT, connect).await {
            Ok(socket) => Ok(Self::new(socket?)),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    pub(super) async fn send(&self, message: &impl Serialize) -> io::Result<()> {
        self.send_with(message, &[]).await
    }

    /// Sends a message, and descriptors with it.
    pub(super) async fn send_with(&self, message: &impl Serialize, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        let bytes = frame(message)?;
        let mut rest = bytes.as_slice();
        let mut fds = fds;
        while !rest.is_empty() {
            let send = || passing::send(self.socket.as_fd(), rest, fds);
            let length = self.socket.async_io(Interest::WRITABLE, send).await?;
            rest = rest.get(length..).unwrap_or_default();
            fds = &[];
        }
        Ok(())
    }

    /// The next message. What has come in stays when this is dropped.
    pub(super) async fn receive(&mut self) -> io::Result<Reply> {
        loop {
            let invalid = |text| io::Error::new(io::ErrorKind::InvalidData, text);
            if let Some(message) = self.inbox.pop(MAX_PLAN).map_err(|_| invalid("a message is too long"))? {
                return Ok(serde_json::from_slice(&message)?);
            }
            let socket = &self.socket;
            let inbox = &mut self.inbox;
            let receive = || {
                let mut buffer = [0; BUFFER];
                let (length, fds) = passing::receive(socket.as_fd(), &mut buffer)?;
                inbox.push(buffer.get(..length).unwrap_or_default());
                Ok((length, fds))
            };
            let (length, fds) = socket.async_io(Interest::READABLE, receive).await?;
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.fds.extend(fds);
        }
    }

    /// A descriptor that came with the messages so far.
    pub(super) fn take_fd(&mut self) -> Option<OwnedFd> {
        self.fds.pop()
    }

    /// Asks, and waits for the answer.
    pub(super) async fn ask(&mut self, request: &Request) -> Result<Reply, ControlError> {
        within(Executor::ANSWER_TIMEOUT, async {
            self.send(request).await?;
            self.receive().await
        })
        .await
    }
}

/// Gives an exchange so long, and no longer.
pub(super) async fn within<T>(
    timeout: Duration,
    exchange: impl Future<Output = io::Result<T>>,
) -> Result<T, ControlError> {
    match tokio::time::timeout(timeout, exchange).await {
        Ok(done) => done.map_err(ControlError::Connection),
        Err(_) => Err(ControlError::Unresponsive(timeout)),
    }
}
