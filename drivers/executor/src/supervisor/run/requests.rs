//! What clients ask for.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::libc::SIGKILL;

use super::{Phase, Supervisor, decode};
use crate::protocol::{Exec, MAX_REQUEST, Reply, Request, Status};
use crate::supervisor::child::{self, Job, Spawned, Word};
use crate::supervisor::conn::{Conn, Session};
use crate::supervisor::pump::Pump;
use crate::supervisor::stdio::Stdio;
use crate::{Event, Exit, Failure, Step, sys};

impl Supervisor {
    /// Takes in what a client has sent, and does what it asks for.
    pub(super) fn serve(&mut self, id: u32) {
        let Some(conn) = self.conns.iter_mut().find(|conn| conn.id == id) else {
            return;
        };
        conn.flush();
        conn.receive(&mut self.buffer);
        loop {
            let Some(conn) = self.conns.iter_mut().find(|conn| conn.id == id && !conn.is_broken) else {
                return;
            };
            let message = match conn.inbox.pop(MAX_REQUEST) {
                Ok(Some(message)) => message,
                Ok(None) => return,
                Err(_) => return conn.is_broken = true,
            };
            match serde_json::from_slice(&message) {
                Ok(request) => self.answer(id, request),
                Err(_) => return conn.is_broken = true,
            }
        }
    }

    fn answer(&mut self, id: u32, request: Request) {
        match request {
            Request::Status => {
                let status = Status {
                    started: self.task,
                    exit: self.exit().cloned(),
                    output_lost: self.output_lost(),
                };
                self.reply(id, &Reply::Status(status));
            }
            Request::Watch => self.watch(id),
            Request::Signal(signal) => {
                let reply = self.signal(signal);
                self.reply(id, &reply);
            }
            Request::Stop {
                signal,
                grace_ms,
                release,
            } => {
                self.is_released |= release;
                let reply = self.stop(signal, Duration::from_millis(grace_ms));
                self.reply(id, &reply);
                self.watch(id);
            }
            Request::Exec(exec) => self.exec(id, &exec),
            Request::Release => {
                let has_ended = self.exit().is_some();
                let refused = || Reply::Refused("the task has not ended".to_owned());
                self.reply(id, &if has_ended { Reply::Done } else { refused() });
                if has_ended {
                    self.phase = Phase::Over;
                }
            }
        }
    }

    fn reply(&mut self, id: u32, reply: &Reply) {
        if let Some(conn) = self.conn(id) {
            conn.send(reply);
        }
    }

    fn conn(&mut self, id: u32) -> Option<&mut Conn> {
        self.conns.iter_mut().find(|conn| conn.id == id)
    }

    fn exit(&self) -> Option<&Exit> {
        match &self.phase {
            Phase::Ended { exit, .. } => Some(exit),
            _ => None,
        }
    }

    /// Tells what happens from now on, and first what goes on already: output that is being lost, the end.
    fn watch(&mut self, id: u32) {
        let failures: Vec<Event> = self.pumps.iter().filter_map(Pump::failure).collect();
        let exit = self.exit().cloned().map(Event::Exited);
        let Some(conn) = self.conn(id) else { return };
        conn.is_watching = true;
        for event in failures.into_iter().chain(exit) {
            conn.send(&Reply::Event(event));
        }
    }

    fn signal(&self, signal: i32) -> Reply {
        // Reaped, its number may already be another's.
        if !matches!(self.phase, Phase::Running) {
            return Reply::Refused("the task has ended".to_owned());
        }
        match sys::kill(self.task.pid, signal) {
            Ok(()) => Reply::Done,
            Err(error) => Reply::Refused(format!("cannot send signal {signal}: {error}")),
        }
    }

    fn stop(&mut self, signal: i32, grace: Duration) -> Reply {
        if !matches!(self.phase, Phase::Running) {
            return Reply::Done;
        }
        if grace.is_zero() || signal == SIGKILL {
            self.kill_all();
            return Reply::Done;
        }
        if let Err(error) = sys::kill(self.task.pid, signal) {
            return Reply::Refused(format!("cannot send signal {signal}: {error}"));
        }
        // A grace beyond the end of time is none that ends.
        let at = Instant::now().checked_add(grace);
        self.kill_at = self.kill_at.into_iter().chain(at).min();
        Reply::Done
    }

    fn exec(&mut self, id: u32, exec: &Exec) {
        let is_running = matches!(self.phase, Phase::Running);
        let Some(conn) = self.conns.iter_mut().find(|conn| conn.id == id) else {
            return;
        };
        if !is_running {
            return conn.send(&Reply::Refused("the task has ended".to_owned()));
        }
        if conn.session.is_some() {
            return conn.is_broken = true;
        }
        let stdio = match exec.tty {
            Some(size) => Stdio::Terminal(size),
            None => match <[OwnedFd; 3]>::try_from(std::mem::take(&mut conn.fds)) {
                Ok(fds) => Stdio::Descriptors(fds),
                Err(_) => return conn.is_broken = true,
            },
        };
        let job = Job {
            plan: &self.plan,
            command: &exec.command,
            args: &exec.args,
            stdio,
            inside: Some(&self.namespaces),
        };
        match child::spawn(&job) {
            Ok(Spawned { pid, channel }) => {
                conn.session = Some(Session {
                    pid,
                    channel: Some(channel),
                    terminal: None,
                    status: None,
                });
            }
            Err(failure) => conn.send(&Reply::Failed(failure)),
        }
    }

    /// Follows a session's child until it has executed its command.
    pub(super) fn hear(&mut self, id: u32) {
        let Some(conn) = self.conn(id) else { return };
        let Some(session) = &mut conn.session else { return };
        let Some(channel) = &session.channel else { return };
        match child::hear(channel.as_fd()) {
            Ok(Some((Word::Ready { .. }, mut fds))) => {
                session.terminal = fds.pop();
                Spawned::release(channel.as_fd());
            }
            Ok(Some((Word::Failed(failure), _))) => {
                conn.session = None;
                conn.send(&Reply::Failed(failure));
            }
            Ok(None) => {
                session.channel = None;
                match session.terminal.take() {
                    Some(terminal) => conn.send_with(&Reply::SessionStarted, terminal.as_fd()),
                    None => conn.send(&Reply::SessionStarted),
                }
                conn.tell_session_end();
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => {
                session.kill();
                conn.session = None;
                conn.send(&Reply::Failed(Failure::new(Step::Fork, "a session", &error)));
            }
        }
    }

    pub(super) fn session_ended(&mut self, pid: i32, status: i32) {
        for conn in &mut self.conns {
            if let Some(session) = conn.session.as_mut().filter(|session| session.pid == pid) {
                session.status = Some(status);
                conn.tell_session_end();
            }
        }
    }
}

impl Conn {
    /// Once it was told that the command had started, and the command has ended.
    fn tell_session_end(&mut self) {
        let Some(session) = &self.session else { return };
        let (None, Some(status)) = (&session.channel, session.status) else {
            return;
        };
        let (exit_code, signal) = decode(status);
        self.session = None;
        self.send(&Reply::SessionExited { exit_code, signal });
    }
}
