//! One client's connection.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use nix::libc::SIGKILL;

use crate::protocol::{Inbox, MAX_UNREAD, Reply, frame};
use crate::{passing, proc, sys};

/// The most descriptors that a request comes with.
const MAX_FDS: usize = 3;

/// One client's connection. A client can break its own connection only.
#[derive(Debug)]
pub(super) struct Conn {
    pub(super) id: u32,
    socket: UnixStream,
    pub(super) inbox: Inbox,
    pub(super) fds: Vec<OwnedFd>,
    outbox: Vec<u8>,
    pub(super) is_watching: bool,
    pub(super) session: Option<Session>,
    /// To be closed.
    pub(super) is_broken: bool,
}

/// A command that was started over a connection.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) pid: i32,
    /// Open until the command is executed.
    pub(super) channel: Option<OwnedFd>,
    pub(super) terminal: Option<OwnedFd>,
    /// Its wait status, once it has ended.
    pub(super) status: Option<i32>,
}

impl Conn {
    pub(super) fn new(id: u32, socket: UnixStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            id,
            socket,
            inbox: Inbox::default(),
            fds: Vec::new(),
            outbox: Vec::new(),
            is_watching: false,
            session: None,
            is_broken: false,
        })
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    pub(super) fn has_unsent(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Whether the client waits for nothing: such a connection may be closed when there are too many.
    pub(super) fn is_idle(&self) -> bool {
        !self.is_watching && self.session.is_none()
    }

    /// Takes in some of what the client has sent.
    pub(super) fn receive(&mut self, buffer: &mut [u8]) {
        match passing::receive(self.socket.as_fd(), buffer) {
            Ok((0, _)) => self.is_broken = true,
            Ok((length, fds)) => {
                self.inbox.push(buffer.get(..length).unwrap_or_default());
                self.fds.extend(fds);
                self.is_broken |= self.fds.len() > MAX_FDS;
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(_) => self.is_broken = true,
        }
    }

    pub(super) fn send(&mut self, reply: &Reply) {
        let Ok(bytes) = frame(reply) else {
            self.is_broken = true;
            return;
        };
        self.outbox.extend(bytes);
        self.flush();
        self.is_broken |= self.outbox.len() > MAX_UNREAD;
    }

    /// Sends an answer with a descriptor. A client that reads has nothing unread by then.
    pub(super) fn send_with(&mut self, reply: &Reply, fd: BorrowedFd<'_>) {
        let Ok(bytes) = frame(reply) else {
            self.is_broken = true;
            return;
        };
        let is_first = self.outbox.is_empty();
        let sent = passing::send(self.socket.as_fd(), &bytes, &[fd]);
        self.is_broken |= !is_first || !sent.is_ok_and(|sent| sent == bytes.len());
    }

    pub(super) fn flush(&mut self) {
        while !self.outbox.is_empty() {
            match passing::send(self.socket.as_fd(), &self.outbox, &[]) {
                Ok(sent) => drop(self.outbox.drain(..sent)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    self.is_broken = true;
                    return;
                }
            }
        }
        self.outbox = Vec::new();
    }
}

impl Session {
    /// Kills the command and what it has started, in its session or out of it.
    pub(super) fn kill(&self) {
        if self.status.is_none() {
            // While it lives, all below it can be told from what the task has started.
            proc::kill_tree(self.pid);
            // Those whose parent had ended already. Until it has a session of its own, it has started nothing.
            drop(sys::kill(self.pid, SIGKILL));
            drop(sys::kill(-self.pid, SIGKILL));
            proc::kill_session(self.pid);
        }
    }
}
