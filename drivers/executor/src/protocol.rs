//! What the client and the supervising process say to each other.
//!
//! Both sides send frames over a stream socket: four bytes of length, little endian, then so many bytes of JSON. The
//! supervising process is started with one end of a socket pair as its standard input; the first frame on it is the
//! [`Plan`](crate::Plan), answered by [`Reply::Started`] or [`Reply::Failed`]. All later connections come in over the
//! socket `control.sock` in the task's state directory, and send [`Request`]s:
//!
//! | request | answer |
//! |---|---|
//! | [`Request::Status`] | [`Reply::Status`] |
//! | [`Request::Watch`] | [`Reply::Event`] for all that happens from now on; at once if the task has ended |
//! | [`Request::Signal`] | [`Reply::Done`] or [`Reply::Refused`] |
//! | [`Request::Stop`] | [`Reply::Done`], then [`Reply::Event`] with the exit |
//! | [`Request::Exec`] | [`Reply::SessionStarted`] or [`Reply::Failed`], then [`Reply::SessionExited`] |
//! | [`Request::Release`] | [`Reply::Done`] once the task has ended, else [`Reply::Refused`] |
//!
//! The connection of the launch is also one that watches. A connection that sent [`Request::Exec`] is that session's
//! own: closing it kills the session's processes. Without a terminal, three descriptors come with the request
//! (`SCM_RIGHTS`): what the command reads, its standard output, its standard error. With a terminal, one comes with
//! [`Reply::SessionStarted`]: the terminal's near side.
//!
//! Frames longer than [`MAX_REQUEST`] and anything that is no request end the connection they come over, and nothing
//! else; so does a client that does not read [`MAX_UNREAD`] bytes of answers.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::{Event, Exit, Failure, TerminalSize};

/// The control socket's name in the state directory.
pub(crate) const SOCKET: &str = "control.sock";
/// The longest request, in bytes.
pub(crate) const MAX_REQUEST: usize = 1024 * 1024;
/// The longest plan, in bytes.
pub(crate) const MAX_PLAN: usize = 32 * 1024 * 1024;
/// How many bytes of answers wait for one client.
pub(crate) const MAX_UNREAD: usize = 256 * 1024;

const HEADER: usize = 4;

/// What a client asks.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    Status,
    Watch,
    Signal(i32),
    Stop {
        signal: i32,
        grace_ms: u64,
        /// Whether the exit need not be kept: the task is being destroyed.
        release: bool,
    },
    Exec(Exec),
    Release,
}

/// A command to be run inside the task.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Exec {
    pub(crate) command: String,
    pub(crate) args: Vec<String>,
    pub(crate) tty: Option<TerminalSize>,
}

/// What a supervising process answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    Started(Started),
    Failed(Failure),
    Status(Status),
    Done,
    Refused(String),
    Event(Event),
    SessionStarted,
    SessionExited { exit_code: i32, signal: i32 },
}

/// A command that was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Started {
    pub(crate) pid: i32,
    /// In ticks since boot.
    pub(crate) start: u64,
    pub(crate) at: SystemTime,
}

impl Started {
    /// Whether its process is there, and has not ended yet.
    pub(crate) fn is_alive(self) -> bool {
        crate::proc::Stat::of(self.pid).is_some_and(|stat| stat.start == self.start && !stat.is_zombie)
    }
}

/// What is known of the task.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) started: Started,
    pub(crate) exit: Option<Exit>,
    /// Bytes of output lost so far.
    pub(crate) output_lost: u64,
}

/// Turns a message into a frame.
pub(crate) fn frame(message: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = vec![0; HEADER];
    serde_json::to_writer(&mut bytes, message)?;
    let length = u32::try_from(bytes.len() - HEADER).unwrap_or(u32::MAX);
    if let Some(header) = bytes.get_mut(..HEADER) {
        header.copy_from_slice(&length.to_le_bytes());
    }
    Ok(bytes)
}

/// What has come in over a connection and was not looked at yet.
#[derive(Debug, Default)]
pub(crate) struct Inbox(Vec<u8>);

/// A frame is longer than it may be.
#[derive(Debug)]
pub(crate) struct TooLong;

impl Inbox {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The next whole frame's message, if one has come in.
    pub(crate) fn pop(&mut self, max: usize) -> Result<Option<Vec<u8>>, TooLong> {
        let Some((header, rest)) = self.0.split_first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_le_bytes(*header)).unwrap_or(usize::MAX);
        if length > max {
            return Err(TooLong);
        }
        let Some(message) = rest.get(..length).map(<[u8]>::to_vec) else {
            return Ok(None);
        };
        self.0.drain(..HEADER + length);
        if self.0.is_empty() {
            self.0 = Vec::new();
        }
        Ok(Some(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_whole_however_they_come_in() {
        let mut bytes = frame(&Request::Signal(15)).unwrap();
        bytes.extend(frame(&Request::Status).unwrap());
        let mut inbox = Inbox::default();
        let mut messages = Vec::new();
        for byte in bytes {
            inbox.push(&[byte]);
            messages.extend(inbox.pop(MAX_REQUEST).unwrap());
        }
        assert_eq!(messages, [br#"{"signal":15}"#.to_vec(), br#""status""#.to_vec()]);
    }

    #[test]
    fn a_frame_that_is_too_long_is_refused_before_it_has_come_in() {
        let mut inbox = Inbox::default();
        inbox.push(&u32::MAX.to_le_bytes());
        assert!(inbox.pop(MAX_REQUEST).is_err());
    }
}
