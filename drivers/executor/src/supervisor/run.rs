//! The loop.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

use super::conn::Conn;
use super::inside::Namespaces;
use super::pump::Pump;
use crate::protocol::{Reply, Started};
use crate::{Event, Exit, Plan, proc, state, sys};

mod requests;

/// The state directory, which the client starts us in: its path may be longer than a socket's can be.
pub(super) const STATE_DIR: &str = ".";

/// The most that is read from a task, or a client, at once.
const CHUNK: usize = 64 * 1024;
/// The most connections; with more, idle ones are closed.
const MAX_CONNS: usize = 64;
/// How long what a task has left in its pipes may take to reach the logs.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// How often processes that a task has left behind are looked for, until there are none.
const LEFTOVER_INTERVAL: Duration = Duration::from_millis(20);
/// How often an exit that does not fit on the disk is written again.
const RECORD_INTERVAL: Duration = Duration::from_secs(5);
/// How long nobody is let in after that has failed.
const ACCEPT_INTERVAL: Duration = Duration::from_millis(200);
/// How long clients may take to read the last answers.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(1);

/// A task and all that is done for it.
pub(super) struct Supervisor {
    plan: Plan,
    task: Started,
    namespaces: Namespaces,
    pumps: Vec<Pump>,
    listener: UnixListener,
    /// Until when nobody is let in. Who waits at the door keeps the listener ready: it would spin.
    closed_until: Option<Instant>,
    signals: SignalFd,
    conns: Vec<Conn>,
    last_conn: u32,
    phase: Phase,
    /// When a task that was asked to stop is killed.
    kill_at: Option<Instant>,
    /// Nobody needs to know the exit later.
    is_released: bool,
    buffer: Box<[u8]>,
}

#[derive(Debug)]
enum Phase {
    Running,
    /// The main process has ended; what it has left is killed and what it has said is written.
    Draining {
        status: i32,
        at: SystemTime,
        until: Instant,
        has_leftovers: bool,
    },
    /// All is over but the record.
    Ended {
        exit: Exit,
        record_at: Instant,
    },
    /// Nothing is left to do.
    Over,
}

/// What a wait can be about.
#[derive(Clone, Copy, Debug)]
enum Source {
    Signals,
    Listener,
    Pump(usize),
    Sink,
    Conn(u32),
    Channel(u32),
}

impl Supervisor {
    pub(super) fn new(
        plan: Plan,
        task: Started,
        pumps: Vec<Pump>,
        listener: UnixListener,
        client: Conn,
    ) -> io::Result<Self> {
        Ok(Self {
            plan,
            task,
            namespaces: Namespaces::default(),
            pumps,
            listener,
            closed_until: None,
            signals: child_signals()?,
            conns: vec![client],
            last_conn: 0,
            phase: Phase::Running,
            kill_at: None,
            is_released: false,
            buffer: vec![0; CHUNK].into_boxed_slice(),
        })
    }

    /// With the namespaces that sessions join.
    pub(super) fn inside(mut self, namespaces: Namespaces) -> Self {
        self.namespaces = namespaces;
        self
    }

    /// Runs until the task has ended and that is on record.
    pub(super) fn run(mut self) -> io::Result<()> {
        while !matches!(self.phase, Phase::Over) {
            // Also before the first wait: the task may have ended before its end was listened for.
            self.reap();
            self.proceed();
            if matches!(self.phase, Phase::Over) {
                break;
            }
            for source in self.wait()? {
                self.handle(source);
            }
            self.conns.retain(|conn| {
                if let Some(session) = conn.session.as_ref().filter(|_| conn.is_broken) {
                    session.kill();
                }
                !conn.is_broken
            });
        }
        self.say_farewell();
        Ok(())
    }

    fn wait(&self) -> io::Result<Vec<Source>> {
        let watched = self.watched();
        let mut fds: Vec<PollFd<'_>> = watched.iter().map(|(_, fd, flags)| PollFd::new(*fd, *flags)).collect();
        match poll(&mut fds, self.timeout()) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let ready = watched.iter().zip(&fds).filter(|(_, fd)| fd.any().unwrap_or(true));
        Ok(ready.map(|((source, ..), _)| *source).collect())
    }

    fn watched(&self) -> Vec<(Source, BorrowedFd<'_>, PollFlags)> {
        let mut watched = vec![(Source::Signals, self.signals.as_fd(), PollFlags::POLLIN)];
        if self.closed_until.is_none() {
            watched.push((Source::Listener, self.listener.as_fd(), PollFlags::POLLIN));
        }
        for (index, pump) in self.pumps.iter().enumerate() {
            watched.extend(pump.readable().map(|fd| (Source::Pump(index), fd, PollFlags::POLLIN)));
            watched.extend(pump.writable().map(|fd| (Source::Sink, fd, PollFlags::POLLOUT)));
        }
        for conn in &self.conns {
            let mut flags = PollFlags::POLLIN;
            flags.set(PollFlags::POLLOUT, conn.has_unsent());
            watched.push((Source::Conn(conn.id), conn.fd(), flags));
            let channel = conn.session.as_ref().and_then(|session| session.channel.as_ref());
            watched.extend(channel.map(|fd| (Source::Channel(conn.id), fd.as_fd(), PollFlags::POLLIN)));
        }
        watched
    }

    fn timeout(&self) -> PollTimeout {
        let phase = match &self.phase {
            Phase::Draining {
                has_leftovers: true, ..
            } => Some(Instant::now() + LEFTOVER_INTERVAL),
            Phase::Draining { until, .. } => Some(*until),
            Phase::Ended { record_at, .. } => Some(*record_at),
            Phase::Running | Phase::Over => None,
        };
        let stalls = self.pumps.iter().filter_map(Pump::deadline);
        let known = phase.into_iter().chain(self.kill_at).chain(self.closed_until);
        let Some(next) = known.chain(stalls).min() else {
            return PollTimeout::NONE;
        };
        let left = next.saturating_duration_since(Instant::now());
        // Rounded up: a wait of zero would spin through the last millisecond.
        PollTimeout::try_from(left.as_millis().saturating_add(1)).unwrap_or(PollTimeout::MAX)
    }

    fn handle(&mut self, source: Source) {
        match source {
            Source::Signals => while matches!(self.signals.read_signal(), Ok(Some(_))) {},
            Source::Listener => self.accept(),
            Source::Pump(index) => {
                let event = self.pumps.get_mut(index).and_then(|pump| pump.pump(&mut self.buffer));
                self.tell(event);
            }
            // All are looked at in each turn, for their deadlines.
            Source::Sink => {}
            Source::Conn(id) => self.serve(id),
            Source::Channel(id) => self.hear(id),
        }
    }

    /// Does what it is time for.
    fn proceed(&mut self) {
        let now = Instant::now();
        self.closed_until = self.closed_until.filter(|until| *until > now);
        for index in 0..self.pumps.len() {
            let event = self.pumps.get_mut(index).and_then(|pump| pump.flush(now));
            self.tell(event);
        }
        if self.kill_at.is_some_and(|at| at <= now) {
            self.kill_at = None;
            self.kill_all();
        }
        if let Phase::Draining {
            status,
            at,
            until,
            has_leftovers,
        } = self.phase
        {
            let has_leftovers = has_leftovers && proc::kill_descendants(nix::unistd::getpid().as_raw()) > 0;
            let is_drained = !has_leftovers && self.pumps.iter().all(Pump::is_done);
            self.phase = Phase::Draining {
                status,
                at,
                until,
                has_leftovers,
            };
            if is_drained || until <= now {
                self.end(status, at);
            }
        }
        if let Phase::Ended { exit, record_at } = &mut self.phase
            && *record_at <= now
        {
            match state::write_exit(Path::new(STATE_DIR), exit) {
                Ok(()) => self.phase = Phase::Over,
                // The state directory was removed: nobody wants to know any more.
                Err(error) if error.kind() == io::ErrorKind::NotFound => self.phase = Phase::Over,
                Err(_) => *record_at = now + RECORD_INTERVAL,
            }
        }
    }

    /// Takes note of all children that have ended: the task, sessions, and what their processes have left behind.
    fn reap(&mut self) {
        loop {
            match sys::reap() {
                Ok(Some((pid, status))) if pid == self.task.pid => self.task_ended(status),
                Ok(Some((pid, status))) => self.session_ended(pid, status),
                Ok(None) => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    // No child is left, so nothing of the task is: all its orphans become ours.
                    if let Phase::Draining { has_leftovers, .. } = &mut self.phase {
                        *has_leftovers = false;
                    }
                    return;
                }
            }
        }
    }

    fn task_ended(&mut self, status: i32) {
        self.kill_at = None;
        self.phase = Phase::Draining {
            status,
            at: SystemTime::now(),
            until: Instant::now() + DRAIN_TIMEOUT,
            has_leftovers: true,
        };
        self.kill_cgroup();
    }

    fn kill_all(&self) {
        drop(sys::kill(self.task.pid, libc::SIGKILL));
        self.kill_cgroup();
        proc::kill_descendants(nix::unistd::getpid().as_raw());
    }

    fn kill_cgroup(&self) {
        if let Some(cgroup) = &self.plan.cgroup
            && !cgroup.pids().is_ok_and(|pids| pids.is_empty())
        {
            // What it does not get is found as a descendant.
            drop(cgroup.kill());
        }
    }

    fn end(&mut self, status: i32, at: SystemTime) {
        self.end_sessions();
        let (exit_code, signal) = decode(status);
        let oom_kills = self.plan.cgroup.as_ref().and_then(|cgroup| cgroup.oom_kills().ok());
        let exit = Exit {
            exit_code,
            signal,
            oom_killed: exit_code != 0 && oom_kills.is_some_and(|kills| kills > 0),
            err: None,
            ended_at: at,
            output_lost: self.output_lost(),
        };
        self.pumps = Vec::new();
        self.tell(Some(Event::Exited(exit.clone())));
        let record_at = Instant::now();
        self.phase = if self.is_released {
            Phase::Over
        } else {
            Phase::Ended { exit, record_at }
        };
    }

    /// Tells the ends of those sessions that ended with the task: there is no other turn.
    fn end_sessions(&mut self) {
        let starting = self.conns.iter().filter(|conn| conn.session.is_some());
        for id in starting.map(|conn| conn.id).collect::<Vec<_>>() {
            // That it was ready, and that it was executed.
            self.hear(id);
            self.hear(id);
        }
        self.reap();
    }

    fn output_lost(&self) -> u64 {
        self.pumps.iter().map(Pump::lost).sum()
    }

    fn tell(&mut self, event: Option<Event>) {
        let Some(event) = event else { return };
        let reply = Reply::Event(event);
        for conn in self.conns.iter_mut().filter(|conn| conn.is_watching) {
            conn.send(&reply);
        }
    }

    fn accept(&mut self) {
        let socket = match self.listener.accept() {
            Ok((socket, _)) => socket,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            // Out of descriptors, most likely.
            Err(_) => return self.closed_until = Some(Instant::now() + ACCEPT_INTERVAL),
        };
        let us = nix::unistd::geteuid();
        let is_welcome =
            getsockopt(&socket, PeerCredentials).is_ok_and(|peer| peer.uid() == 0 || peer.uid() == us.as_raw());
        if !is_welcome {
            return;
        }
        if self.conns.len() >= MAX_CONNS {
            match self.conns.iter_mut().find(|conn| conn.is_idle()) {
                Some(conn) => conn.is_broken = true,
                None => return,
            }
        }
        self.last_conn += 1;
        if let Ok(conn) = Conn::new(self.last_conn, socket) {
            self.conns.push(conn);
        }
    }

    /// Lets the last answers reach their clients.
    fn say_farewell(&mut self) {
        let until = Instant::now() + FAREWELL_TIMEOUT;
        loop {
            self.conns.iter_mut().for_each(Conn::flush);
            self.conns.retain(|conn| conn.has_unsent() && !conn.is_broken);
            let left = until.saturating_duration_since(Instant::now()).as_millis();
            if self.conns.is_empty() || left == 0 {
                return;
            }
            let mut fds: Vec<_> = self
                .conns
                .iter()
                .map(|conn| PollFd::new(conn.fd(), PollFlags::POLLOUT))
                .collect();
            // Interrupted, at worst.
            let _: nix::Result<_> = poll(&mut fds, PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO));
        }
    }
}

/// An exit code and a signal from a wait status.
fn decode(status: i32) -> (i32, i32) {
    if libc::WIFSIGNALED(status) {
        let signal = libc::WTERMSIG(status);
        (128 + signal, signal)
    } else {
        (libc::WEXITSTATUS(status), 0)
    }
}

/// Where the ends of children are told. All signals are blocked; this one is read.
fn child_signals() -> io::Result<SignalFd> {
    let mut ends = SigSet::empty();
    ends.add(Signal::SIGCHLD);
    Ok(SignalFd::with_flags(
        &ends,
        SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK,
    )?)
}
