//! [`Executor`]: launch and adopt.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use super::connection::Connection;
use super::dir::{Lock, StateDir, remove_cgroup};
use super::process::{Process, Supervised};
use crate::protocol::{Reply, Request, Started, Status};
use crate::{AdoptError, LaunchError, Plan, Program};

/// The pause between two tries to reach a supervising process that is about to listen.
const RETRY_INTERVAL: Duration = Duration::from_millis(5);

/// Starts supervising processes and finds them again.
#[derive(Clone, Debug)]
pub struct Executor {
    program: Program,
    state_dir: PathBuf,
}

impl Executor {
    /// How long a command is given to be started.
    pub const LAUNCH_TIMEOUT: Duration = Duration::from_mins(1);
    /// How long a supervising process is given to answer.
    pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

    /// An executor that keeps each task's state in a directory of its own below `state_dir`. That directory is made
    /// when needed; it may be as long as paths can be.
    pub fn new(program: Program, state_dir: PathBuf) -> Self {
        Self { program, state_dir }
    }

    /// The directory that holds the tasks' state directories.
    pub fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    /// Starts a task and returns once its command has been executed.
    ///
    /// # Errors
    /// [`LaunchError`]; nothing of the task is left then.
    ///
    /// # Cancel safety
    /// A dropped launch may have started the task: [`Executor::adopt`] finds it, or removes what there is.
    pub async fn launch(&self, task_id: &str, plan: &Plan) -> Result<Process, LaunchError> {
        let dir = StateDir::new(&self.state_dir, task_id);
        let unusable = |source| LaunchError::State {
            path: dir.path().to_owned(),
            source,
        };
        dir.create().map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => LaunchError::Exists {
                task_id: task_id.to_owned(),
            },
            _ => unusable(error),
        })?;
        let (mut child, mut connection) = match self.spawn(task_id, &dir) {
            Ok(spawned) => spawned,
            Err(error) => {
                // What could not be removed is found by adopt.
                drop(dir.remove());
                return Err(error);
            }
        };
        match hand_over(&mut connection, plan, task_id).await {
            Ok(started) => Ok(Process::new(Supervised {
                task_id: task_id.to_owned(),
                dir,
                started,
                cgroup: plan.cgroup.clone(),
                child: Some(child),
                connection: Some(connection),
                exit: None,
            })),
            Err(error) => {
                drop(connection);
                if !matches!(error, LaunchError::Task(_)) {
                    // It said nothing of use, so it is not waited for.
                    drop(child.start_kill());
                }
                drop(timeout(Self::ANSWER_TIMEOUT, child.wait()).await);
                drop(self.clear(&dir, plan).await);
                Err(error)
            }
        }
    }

    /// Finds a task again, running or already ended, whoever launched it and however far the launch got.
    ///
    /// # Errors
    /// [`AdoptError::NotFound`] when nothing is left of it; the others when nothing can be said about it.
    pub async fn adopt(&self, task_id: &str) -> Result<Process, AdoptError> {
        let dir = StateDir::new(&self.state_dir, task_id);
        let deadline = Instant::now() + Self::ANSWER_TIMEOUT;
        loop {
            match dir.try_lock() {
                Ok(Some(lock)) => return adopt_dead(task_id, dir, lock).await,
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(not_found(task_id)),
                Err(error) => return Err(unusable(&dir, error)),
            }
            // Whoever has the lock may be on its way up or down: not being reachable says nothing yet.
            if let Some((connection, status)) = ask_status(&dir).await {
                let record = dir.record().map_err(|error| unusable(&dir, error))?;
                return Ok(Process::new(Supervised {
                    task_id: task_id.to_owned(),
                    dir,
                    started: status.started,
                    cgroup: record.and_then(|record| record.cgroup),
                    child: None,
                    connection: Some(connection),
                    exit: status.exit,
                }));
            }
            if Instant::now() >= deadline {
                return Err(AdoptError::Unresponsive {
                    task_id: task_id.to_owned(),
                    waited: Self::ANSWER_TIMEOUT,
                });
            }
            sleep(RETRY_INTERVAL).await;
        }
    }

    /// Starts a supervising process. From here on it holds the directory's lock, as its standard error.
    fn spawn(&self, task_id: &str, dir: &StateDir) -> Result<(Child, Connection), LaunchError> {
        let unusable = |source| LaunchError::State {
            path: dir.path().to_owned(),
            source,
        };
        let log = dir.open_log().map_err(unusable)?;
        log.try_lock().map_err(|error| unusable(error.into()))?;
        let (near, far) = UnixStream::pair().map_err(unusable)?;
        let far = far.into_std().map_err(unusable)?;
        let mut command = Command::new(self.program.path());
        command
            .arg(task_id)
            .env_clear()
            .current_dir(dir.path())
            .stdin(std::os::fd::OwnedFd::from(far))
            .stdout(Stdio::null())
            .stderr(log);
        let child = command.spawn().map_err(|source| LaunchError::Program {
            path: self.program.path().to_owned(),
            source,
        })?;
        Ok((child, Connection::new(near)))
    }

    /// Removes what a launch that failed has made.
    async fn clear(&self, dir: &StateDir, plan: &Plan) -> io::Result<()> {
        let Some(_lock) = dir.lock(Self::ANSWER_TIMEOUT).await? else {
            return Ok(());
        };
        // Stays on record for adopt, if it fails.
        remove_cgroup(plan.cgroup.clone()).await.map_err(io::Error::other)?;
        dir.remove()
    }
}

async fn hand_over(connection: &mut Connection, plan: &Plan, task_id: &str) -> Result<Started, LaunchError> {
    let silent = |reason: String| LaunchError::Supervisor {
        task_id: task_id.to_owned(),
        reason,
    };
    let exchange = async {
        // A refusal may come before all of the plan was taken.
        let sent = connection.send(plan).await;
        connection.receive().await.map_err(|error| sent.err().unwrap_or(error))
    };
    match timeout(Executor::LAUNCH_TIMEOUT, exchange).await {
        Ok(Ok(Reply::Started(started))) => Ok(started),
        Ok(Ok(Reply::Failed(failure))) => Err(failure.into()),
        Ok(Ok(other)) => Err(silent(format!("it said {other:?}"))),
        Ok(Err(error)) => Err(silent(format!("it ended ({error}); is it the right program?"))),
        Err(_) => Err(silent(format!("nothing was heard for {:?}", Executor::LAUNCH_TIMEOUT))),
    }
}

async fn ask_status(dir: &StateDir) -> Option<(Connection, Status)> {
    let mut connection = Connection::open(dir.path()).await.ok()?;
    let Reply::Status(status) = connection.ask(&Request::Status).await.ok()? else {
        return None;
    };
    // From here on it is told what happens.
    connection.send(&Request::Watch).await.ok()?;
    Some((connection, status))
}

async fn adopt_dead(task_id: &str, dir: StateDir, lock: Lock) -> Result<Process, AdoptError> {
    let remains = dir.bury(&lock).await.map_err(|error| unusable(&dir, error))?;
    let cgroup = remains.record.and_then(|record| record.cgroup);
    let Some(exit) = remains.exit else {
        let removed = remove_cgroup(cgroup).await;
        removed.map_err(|error| unusable(&dir, io::Error::other(error)))?;
        dir.remove().map_err(|error| unusable(&dir, error))?;
        return Err(not_found(task_id));
    };
    let unknown = Started {
        pid: 0,
        start: 0,
        at: exit.ended_at,
    };
    Ok(Process::new(Supervised {
        task_id: task_id.to_owned(),
        dir,
        started: remains.task.unwrap_or(unknown),
        cgroup,
        child: None,
        connection: None,
        exit: Some(exit),
    }))
}

fn not_found(task_id: &str) -> AdoptError {
    AdoptError::NotFound {
        task_id: task_id.to_owned(),
    }
}

fn unusable(dir: &StateDir, source: io::Error) -> AdoptError {
    AdoptError::State {
        path: dir.path().to_owned(),
        source,
    }
}
