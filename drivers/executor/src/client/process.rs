//! [`Process`]: a task that was launched.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use encamp_cgroup::Cgroup;
use nix::libc::{ESRCH, SIGINT, SIGKILL};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::process::Child;
use tokio::time::{sleep, timeout};

use super::connection::{Connection, within};
use super::dir::{Lock, StateDir, kill_supervisor, remove_cgroup};
use super::session;
use crate::protocol::{Reply, Request, Started, Status};
use crate::{
    ControlError, DestroyError, Event, Events, Executor, Exit, SessionError, SessionExit, SessionIo, SessionOutput,
    TerminalSize, proc, sys,
};

/// How long a supervising process may take to kill a task and to write what it had said.
const END_TIMEOUT: Duration = Duration::from_secs(30);
/// The pause before a supervising process that broke a connection off is called again.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);
/// The pause before something is looked at again that the system could not tell.
pub(super) const UNCLEAR_INTERVAL: Duration = Duration::from_millis(500);

/// A task that was launched, running or ended. Cheap to clone; dropping it does nothing to the task.
#[derive(Clone, Debug)]
pub struct Process(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    task_id: String,
    dir: StateDir,
    started: Started,
    cgroup: Option<Cgroup>,
    /// The supervising process, where it is this program's child. Dropped, it is reaped all the same.
    child: tokio::sync::Mutex<Option<Child>>,
    /// One that watches, for whoever waits first.
    connection: Mutex<Option<Connection>>,
    exit: OnceLock<Exit>,
    /// The main process, once it was looked at.
    main: OnceLock<OwnedFd>,
}

/// What a [`Process`] is made of.
#[derive(Debug)]
pub(super) struct Supervised {
    pub(super) task_id: String,
    pub(super) dir: StateDir,
    pub(super) started: Started,
    pub(super) cgroup: Option<Cgroup>,
    pub(super) child: Option<Child>,
    pub(super) connection: Option<Connection>,
    pub(super) exit: Option<Exit>,
}

impl Process {
    pub(super) fn new(parts: Supervised) -> Self {
        let exit = OnceLock::new();
        if let Some(known) = parts.exit {
            exit.get_or_init(|| known);
        }
        Self(Arc::new(Inner {
            task_id: parts.task_id,
            dir: parts.dir,
            started: parts.started,
            cgroup: parts.cgroup,
            child: tokio::sync::Mutex::new(parts.child),
            connection: Mutex::new(parts.connection),
            exit,
            main: OnceLock::new(),
        }))
    }

    /// The id that it was launched with.
    pub fn task_id(&self) -> &str {
        &self.0.task_id
    }

    /// The process id of the task's main process, as the host sees it. After its end it may be another's.
    pub fn pid(&self) -> i32 {
        self.0.started.pid
    }

    /// When the command was executed.
    pub fn started_at(&self) -> SystemTime {
        self.0.started.at
    }

    /// The cgroup that it lives in.
    pub fn cgroup(&self) -> Option<&Cgroup> {
        self.0.cgroup.as_ref()
    }

    /// How it ended, if that is already known here.
    pub fn exit(&self) -> Option<Exit> {
        self.0.exit.get().cloned()
    }

    /// How it ended; `None` while it runs. The supervising process is asked only once the main process is gone: that it
    /// is there, the kernel tells sooner.
    ///
    /// # Errors
    /// [`ControlError::Unresponsive`] after [`Executor::ANSWER_TIMEOUT`]; [`ControlError::Connection`] when neither the
    /// supervising process nor the state directory can be asked.
    pub async fn status(&self) -> Result<Option<Exit>, ControlError> {
        if self.exit().is_none() && self.is_running() {
            return Ok(None);
        }
        match self.look().await {
            Look::Silent => Err(ControlError::Unresponsive(Executor::ANSWER_TIMEOUT)),
            Look::Unclear(error) => Err(ControlError::Connection(error)),
            _ => Ok(self.exit()),
        }
    }

    /// Waits for its end, after which all its output is in the logs. May be called many times.
    ///
    /// When the supervising process was killed, the task has ended with it: what is left of it is killed, and the exit
    /// says so. When it is stopped (`SIGSTOP`) and the task ends, it is given 30 s to say so, and is then killed.
    ///
    /// # Cancel safety
    /// Nothing is lost when this is dropped.
    pub async fn wait(&self) -> Exit {
        let mut connection = self.take_connection();
        loop {
            if let Some(exit) = self.exit() {
                return exit;
            }
            if let Some(connection) = &mut connection {
                match self.next_event(connection).await {
                    Some(Event::Exited(exit)) => return self.ended(exit),
                    Some(_) => continue,
                    None => {}
                }
            }
            connection = match self.watch().await {
                Ok(connection) => Some(connection),
                Err(_) => match self.autopsy(RETRY_INTERVAL).await {
                    Ok(Some(exit)) => return exit,
                    Ok(None) => None,
                    // The system is short of something. Until it is not, nobody knows.
                    Err(_) => {
                        sleep(UNCLEAR_INTERVAL).await;
                        None
                    }
                },
            };
        }
    }

    /// Sends a signal, by number, to the main process.
    ///
    /// # Errors
    /// [`ControlError::Ended`] after its end; [`ControlError::Refused`] for a number that is no signal;
    /// [`ControlError::Unresponsive`] after [`Executor::ANSWER_TIMEOUT`].
    pub async fn signal(&self, signal: i32) -> Result<(), ControlError> {
        let mut connection = self.connect().await?;
        match connection.ask(&Request::Signal(signal)).await? {
            Reply::Done => Ok(()),
            other => Err(refused(other)),
        }
    }

    /// Sends a signal (SIGINT where there is none) to the main process, gives it `grace` to end, then kills all of the
    /// task. Without grace all of it is killed at once.
    ///
    /// # Errors
    /// [`ControlError`]; a task that has already ended is none. [`ControlError::Unresponsive`] after
    /// [`Executor::ANSWER_TIMEOUT`], or 30 s after the grace.
    ///
    /// # Cancel safety
    /// The task is stopped all the same when this is dropped after its first await.
    pub async fn stop(&self, signal: Option<i32>, grace: Duration) -> Result<Exit, ControlError> {
        if let Some(exit) = self.exit() {
            return Ok(exit);
        }
        self.end(
            Request::Stop {
                signal: signal.unwrap_or(SIGINT),
                grace_ms: u64::try_from(grace.as_millis()).unwrap_or(u64::MAX),
                release: false,
            },
            grace,
        )
        .await
    }

    /// Asks for the task's end, and waits for it.
    async fn end(&self, request: Request, grace: Duration) -> Result<Exit, ControlError> {
        let limit = grace.saturating_add(END_TIMEOUT);
        match self.connect().await {
            Ok(mut connection) => match connection.ask(&request).await {
                Ok(Reply::Done) | Err(ControlError::Connection(_)) => {}
                Ok(other) => return Err(refused(other)),
                Err(error) => return Err(error),
            },
            Err(ControlError::Ended) => {}
            Err(error) => return Err(error),
        }
        timeout(limit, self.wait())
            .await
            .map_err(|_| ControlError::Unresponsive(limit))
    }

    /// Runs a command inside the task (its user, cgroup, namespaces, environment) and collects its output: the last
    /// [`EXEC_OUTPUT_LIMIT`](crate::EXEC_OUTPUT_LIMIT) bytes. After `timeout` the command's session is killed.
    ///
    /// # Errors
    /// [`SessionError`].
    ///
    /// # Cancel safety
    /// Dropping this kills the command.
    pub async fn exec(&self, command: &[String], timeout: Duration) -> Result<SessionOutput, SessionError> {
        let run = async {
            let connection = self.connect().await?;
            session::collect(connection, command).await
        };
        tokio::time::timeout(timeout, run)
            .await
            .unwrap_or(Err(SessionError::DeadlineExceeded(timeout)))
    }

    /// Runs a command inside the task with live streams. Its exit is returned after all its output was written.
    ///
    /// # Errors
    /// [`SessionError`].
    ///
    /// # Cancel safety
    /// Dropping this kills the command and all of its session.
    pub async fn exec_streaming(
        &self,
        command: &[String],
        tty: Option<TerminalSize>,
        io: SessionIo,
    ) -> Result<SessionExit, SessionError> {
        let connection = self.connect().await?;
        match tty {
            Some(size) => session::terminal(connection, command, size, io).await,
            None => session::pipes(connection, command, io).await,
        }
    }

    /// What happens to the task from now on; first that output is being lost, if it is, and its end, if it has ended. The
    /// first one after a launch may also tell what has happened since.
    pub fn events(&self) -> Events {
        Events::new(self.clone())
    }

    /// Removes all that is left of the task: its supervising process, its cgroup, its state directory. Idempotent.
    ///
    /// # Errors
    /// [`DestroyError::Running`] unless `force`, which kills it first, and its supervising process as well if that
    /// does not answer.
    pub async fn destroy(&self, force: bool) -> Result<(), DestroyError> {
        let unusable = |source| DestroyError::State {
            path: self.0.dir.path().to_owned(),
            source,
        };
        let Some(lock) = self.wind_up(force).await? else {
            return Ok(());
        };
        let remains = self.0.dir.bury(&lock).await.map_err(unusable)?;
        if let Some(exit) = remains.exit {
            self.ended(exit);
        }
        remove_cgroup(self.0.cgroup.clone())
            .await
            .map_err(DestroyError::Cgroup)?;
        self.0.dir.remove().map_err(unusable)
    }

    /// A connection of its own. [`ControlError::Ended`] when there is nobody to connect to any more.
    async fn connect(&self) -> Result<Connection, ControlError> {
        if self.exit().is_some() {
            return Err(ControlError::Ended);
        }
        match Connection::open(self.0.dir.path()).await {
            Ok(connection) => Ok(connection),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Err(ControlError::Ended),
                io::ErrorKind::TimedOut => Err(ControlError::Unresponsive(Executor::ANSWER_TIMEOUT)),
                _ => Err(ControlError::Connection(error)),
            },
        }
    }

    /// A connection that is told what happens from now on.
    pub(super) async fn watch(&self) -> Result<Connection, ControlError> {
        let connection = self.connect().await?;
        within(Executor::ANSWER_TIMEOUT, connection.send(&Request::Watch)).await?;
        Ok(connection)
    }

    pub(super) fn take_connection(&self) -> Option<Connection> {
        self.0.connection.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The next event; `None` when the connection is of no more use.
    pub(super) async fn next_event(&self, connection: &mut Connection) -> Option<Event> {
        let mut overdue = std::pin::pin!(self.overdue());
        loop {
            let reply = tokio::select! {
                biased;
                reply = connection.receive() => reply,
                () = &mut overdue => {
                    self.kill_supervisor();
                    return None;
                }
            };
            match reply {
                Ok(Reply::Event(event)) => return Some(event),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }

    /// Returns when the main process has ended and nobody has said so for too long.
    async fn overdue(&self) {
        self.main_process_ended().await;
        sleep(END_TIMEOUT).await;
    }

    async fn main_process_ended(&self) {
        loop {
            match self.pidfd().and_then(|fd| fd.map(register).transpose()) {
                // Readable once the process has ended.
                Ok(Some(pidfd)) if pidfd.readable().await.is_ok() => return,
                Ok(None) => return,
                Ok(Some(_)) | Err(_) => sleep(UNCLEAR_INTERVAL).await,
            }
        }
    }

    /// Whether the main process is there, and has not ended yet.
    fn is_running(&self) -> bool {
        if let Some(main) = self.0.main.get() {
            return !proc::has_ended(main.as_fd());
        }
        if let Ok(Some(main)) = self.pidfd() {
            return !proc::has_ended(self.0.main.get_or_init(|| main).as_fd());
        }
        self.0.started.is_alive()
    }

    /// A descriptor for the main process; `None` when that is gone, or its number another's.
    fn pidfd(&self) -> io::Result<Option<OwnedFd>> {
        let pidfd = match sys::pidfd_open(self.pid()) {
            Ok(pidfd) => pidfd,
            Err(error) if error.raw_os_error() == Some(ESRCH) => return Ok(None),
            Err(error) => return Err(error),
        };
        match proc::Stat::of(self.pid()) {
            Some(stat) => Ok((stat.start == self.0.started.start).then_some(pidfd)),
            // Hidden from us, or gone just now: another try tells.
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn ended(&self, exit: Exit) -> Exit {
        self.0.exit.get_or_init(|| exit).clone()
    }

    /// How a task ended whose supervising process cannot be reached; `None` when that process lives after all. An error
    /// tells nothing of the task.
    pub(super) async fn autopsy(&self, patience: Duration) -> io::Result<Option<Exit>> {
        let dir = &self.0.dir;
        let lock = match dir.lock(patience).await {
            Ok(Some(lock)) => lock,
            Ok(None) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Some(self.ended(Exit::unobserved("the task was destroyed"))));
            }
            Err(error) => return Err(error),
        };
        let lost = || Exit::unobserved("the task's record is gone");
        let remains = dir.bury(&lock).await?;
        Ok(Some(self.ended(remains.exit.unwrap_or_else(lost))))
    }

    /// Ends the task and its supervising process; `None` when the state directory is gone already.
    async fn wind_up(&self, force: bool) -> Result<Option<Lock>, DestroyError> {
        match self.look().await {
            Look::Ended => self.release().await,
            Look::Unclear(source) if !force => {
                return Err(DestroyError::State {
                    path: self.0.dir.path().to_owned(),
                    source,
                });
            }
            _ if !force => return Err(DestroyError::Running),
            Look::Running | Look::Unclear(_) => {
                // Whether it could be told to or not: it is made sure of below.
                let kill = Request::Stop {
                    signal: SIGKILL,
                    grace_ms: 0,
                    release: true,
                };
                drop(self.end(kill, Duration::ZERO).await);
            }
            Look::Silent => self.kill_supervisor(),
        }
        match self.end_supervisor().await {
            Ok(Some(lock)) => Ok(Some(lock)),
            Ok(None) => Err(DestroyError::Supervisor(Executor::ANSWER_TIMEOUT)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(DestroyError::State {
                path: self.0.dir.path().to_owned(),
                source,
            }),
        }
    }

    async fn look(&self) -> Look {
        if self.exit().is_some() {
            return Look::Ended;
        }
        let status = match self.connect().await {
            Ok(mut connection) => connection.ask(&Request::Status).await,
            Err(error) => Err(error),
        };
        match status {
            Ok(Reply::Status(Status { exit: Some(exit), .. })) => {
                self.ended(exit);
                Look::Ended
            }
            Ok(_) => Look::Running,
            Err(ControlError::Unresponsive(_)) => Look::Silent,
            Err(_) => match self.autopsy(RETRY_INTERVAL).await {
                Ok(Some(_)) => Look::Ended,
                Ok(None) => Look::Running,
                Err(error) => Look::Unclear(error),
            },
        }
    }

    /// Tells a supervising process that still keeps an exit that nobody needs it any more.
    async fn release(&self) {
        if let Ok(mut connection) = Connection::open(self.0.dir.path()).await {
            drop(connection.ask(&Request::Release).await);
        }
    }

    /// Waits for the supervising process to end, and makes it; `None` when it does not.
    async fn end_supervisor(&self) -> io::Result<Option<Lock>> {
        let patience = Executor::ANSWER_TIMEOUT;
        if let Some(child) = self.0.child.lock().await.as_mut() {
            drop(timeout(patience, child.wait()).await);
        }
        if let Some(lock) = self.0.dir.lock(patience).await? {
            return Ok(Some(lock));
        }
        self.kill_supervisor();
        self.0.dir.lock(patience).await
    }

    fn kill_supervisor(&self) {
        // Without a record, there is nothing of it yet.
        if let Ok(Some(record)) = self.0.dir.record() {
            kill_supervisor(&record);
        }
    }
}

/// What can be seen of a task from here.
enum Look {
    Ended,
    Running,
    /// Its supervising process does not answer.
    Silent,
    /// Neither its supervising process nor its state directory can be asked.
    Unclear(io::Error),
}

fn register(pidfd: OwnedFd) -> io::Result<AsyncFd<File>> {
    sys::register(pidfd.into(), Interest::READABLE)
}

fn refused(reply: Reply) -> ControlError {
    match reply {
        Reply::Refused(reason) if reason == "the task has ended" => ControlError::Ended,
        Reply::Refused(reason) => ControlError::Refused(reason),
        other => ControlError::Refused(format!("the supervising process said {other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[tokio::test]
    async fn a_main_process_that_is_gone_or_another_has_ended_and_one_that_runs_has_not() {
        let this = proc::Stat::of_this_process().unwrap();
        let mut gone = std::process::Command::new("true").spawn().unwrap();
        gone.wait().unwrap();
        let gone = i32::try_from(gone.id()).unwrap();
        for (pid, start, expected) in [
            (gone, 1, true),
            (this.pid, this.start + 1, true),
            (this.pid, this.start, false),
        ] {
            let process = Process::new(Supervised {
                task_id: "task".to_owned(),
                dir: StateDir::new(Path::new("/nowhere"), "task"),
                started: Started {
                    pid,
                    start,
                    at: SystemTime::now(),
                },
                cgroup: None,
                child: None,
                connection: None,
                exit: None,
            });
            let ended = timeout(Duration::from_millis(200), process.main_process_ended()).await;
            assert_eq!(ended.is_ok(), expected, "{pid} {start}");
        }
    }
}
