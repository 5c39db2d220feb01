//! From a plan to a running task.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::{Mode, umask};

use super::child::{self, Job, Spawned, Word};
use super::conn::Conn;
use super::inside::Namespaces;
use super::pump::{self, Pump};
use super::run::{STATE_DIR, Supervisor};
use super::stdio::Stdio;
use crate::protocol::{MAX_PLAN, Reply, SOCKET, Started};
use crate::state::Record;
use crate::{Failure, Output, Plan, Step, state, sys};

/// How long a client may take to hand over its plan.
const PLAN_TIMEOUT: Duration = Duration::from_mins(1);

/// Takes the plan and starts the task. `None` when there is nothing to supervise: the client knows why, or is gone.
pub(super) fn start(client: UnixStream) -> io::Result<Option<Supervisor>> {
    let mut conn = Conn::new(0, client)?;
    conn.is_watching = true;
    let Some(message) = receive_plan(&mut conn)? else {
        return Ok(None);
    };
    let plan = serde_json::from_slice(&message).map_err(|error| Failure::new(Step::Plan, "a plan", &error.into()));
    drop(message);
    let started = plan.and_then(start_task);
    match started {
        Ok(Task {
            plan,
            started,
            namespaces,
            pumps,
            listener,
        }) => {
            conn.send(&Reply::Started(started));
            sys::trim_heap();
            let supervisor = Supervisor::new(plan, started, pumps, listener, conn)?;
            Ok(Some(supervisor.inside(namespaces)))
        }
        Err(failure) => {
            conn.send(&Reply::Failed(failure));
            Ok(None)
        }
    }
}

fn receive_plan(conn: &mut Conn) -> io::Result<Option<Vec<u8>>> {
    let deadline = Instant::now() + PLAN_TIMEOUT;
    let mut buffer = [0; 4096];
    while !conn.is_broken {
        if !wait_readable(conn.fd(), deadline)? {
            return Err(io::ErrorKind::TimedOut.into());
        }
        conn.receive(&mut buffer);
        match conn.inbox.pop(MAX_PLAN) {
            Ok(Some(message)) => return Ok(Some(message)),
            Ok(None) => {}
            Err(_) => {
                let error = io::Error::new(io::ErrorKind::InvalidData, "it is longer than 32 MiB");
                conn.send(&Reply::Failed(Failure::new(Step::Plan, "a plan", &error)));
                return Ok(None);
            }
        }
    }
    Ok(None)
}

/// A task that runs, and all that is needed to supervise it.
struct Task {
    plan: Plan,
    started: Started,
    namespaces: Namespaces,
    pumps: Vec<Pump>,
    listener: UnixListener,
}

fn start_task(mut plan: Plan) -> Result<Task, Failure> {
    let recorded = |error: io::Error| Failure::path(Step::Record, STATE_DIR, &error);
    let listener = listen().map_err(recorded)?;
    let record = Record::of_this_process(plan.cgroup.clone());
    record.write(Path::new(STATE_DIR)).map_err(recorded)?;
    if let Some(cgroup) = &plan.cgroup {
        cgroup.create(&plan.limits).map_err(|error| Failure {
            detail: Some(error.to_string()),
            ..Failure::path(Step::Cgroup, &error.path, &error.source)
        })?;
    }
    let streams = pump::open(&plan.output)?;
    if plan.isolation.as_ref().is_some_and(|isolation| isolation.private_pid) {
        // It is our children that get there, not we: the task as its first process, exec sessions beside it.
        unshare(CloneFlags::CLONE_NEWPID).map_err(|errno| Failure::new(Step::Namespace, "processes", &errno.into()))?;
    }
    let job = Job {
        plan: &plan,
        command: &plan.command,
        args: &plan.args,
        stdio: Stdio::Descriptors(streams.stdio),
        inside: None,
    };
    let spawned = child::spawn(&job)?;
    drop(job);
    let (started, fds) = see_through(&spawned)?;
    let namespaces = Namespaces::new(&plan, fds)?;
    // Not needed again; the rest is, for exec sessions.
    plan.args = Vec::new();
    plan.output = Output::Discard;
    Ok(Task {
        plan,
        started,
        namespaces,
        pumps: streams.pumps,
        listener,
    })
}

/// Follows a child until it has executed its command, and records it before it does. Gives back the namespaces it has
/// made.
fn see_through(spawned: &Spawned) -> Result<(Started, Vec<OwnedFd>), Failure> {
    let channel = spawned.channel.as_fd();
    let lost = |error: io::Error| Failure::new(Step::Fork, "the task", &error);
    let gone = || lost(io::Error::other("the process ended on its way to the command"));
    let (start, namespaces) = match listen_to(channel).map_err(lost)? {
        Some((Word::Ready { start }, fds)) => (start, fds),
        Some((Word::Failed(failure), _)) => return Err(failure),
        None => return Err(gone()),
    };
    let task = Started {
        pid: spawned.pid,
        start,
        at: SystemTime::now(),
    };
    state::write_task(Path::new(STATE_DIR), &task).map_err(|error| Failure::path(Step::Record, STATE_DIR, &error))?;
    Spawned::release(channel);
    match listen_to(channel).map_err(lost)? {
        None => Ok((task, namespaces)),
        Some((Word::Failed(failure), _)) => Err(failure),
        Some((Word::Ready { .. }, _)) => Err(gone()),
    }
}

fn listen_to(channel: std::os::fd::BorrowedFd<'_>) -> io::Result<Option<(Word, Vec<OwnedFd>)>> {
    loop {
        wait_readable(channel, Instant::now() + Duration::from_hours(1))?;
        match child::hear(channel) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            other => return other,
        }
    }
}

fn wait_readable(fd: std::os::fd::BorrowedFd<'_>, deadline: Instant) -> io::Result<bool> {
    let left = deadline.saturating_duration_since(Instant::now()).as_millis();
    let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
    Ok(poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], timeout)? > 0)
}

fn listen() -> io::Result<UnixListener> {
    // The directory is closed to others as well.
    let usual = umask(Mode::from_bits_truncate(0o177));
    let listener = UnixListener::bind(SOCKET);
    umask(usual);
    let listener = listener?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
