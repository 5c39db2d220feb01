//! What goes wrong on the client's side.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::Failure;

/// A task was not started. Nothing of it is left, unless the message says so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// The state directory has something by this id.
    #[error("task {task_id:?} was launched before; adopt it, or destroy it first")]
    Exists {
        /// The task's id.
        task_id: String,
    },
    /// The state directory cannot be used.
    #[error("cannot use the state directory {}", .path.display())]
    State {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The supervising program cannot be run.
    #[error("cannot run the supervising program {}; install it there, or name it in ENCAMP_EXECUTOR", .path.display())]
    Program {
        /// Where it is said to be.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The supervising process ended, or said nothing for [`LAUNCH_TIMEOUT`](crate::Executor::LAUNCH_TIMEOUT).
    #[error("the supervising process of task {task_id:?} did not answer: {reason}")]
    Supervisor {
        /// The task's id.
        task_id: String,
        /// What is known.
        reason: String,
    },
    /// The command could not be started.
    #[error(transparent)]
    Task(#[from] Failure),
}

impl LaunchError {
    /// Whether the same launch may succeed later.
    pub fn is_recoverable(&self) -> bool {
        match self {
            Self::Exists { .. } | Self::Program { .. } => false,
            Self::State { .. } | Self::Supervisor { .. } => true,
            Self::Task(failure) => failure.is_recoverable(),
        }
    }
}

/// A task was not found again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptError {
    /// Nothing is left of it. Whatever an interrupted launch had made is removed.
    #[error("nothing is left of task {task_id:?}")]
    NotFound {
        /// The task's id.
        task_id: String,
    },
    /// Its supervising process lives and does not answer.
    #[error("the supervising process of task {task_id:?} has not answered for {waited:?}; is it stopped?")]
    Unresponsive {
        /// The task's id.
        task_id: String,
        /// How long it was given.
        waited: Duration,
    },
    /// The state directory cannot be used.
    #[error("cannot use the state directory {}", .path.display())]
    State {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// A supervising process could not be asked for something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// The task has ended.
    #[error("the task has ended")]
    Ended,
    /// The supervising process lives and does not answer.
    #[error("the supervising process has not answered for {0:?}; is it stopped?")]
    Unresponsive(Duration),
    /// It was refused.
    #[error("{0}")]
    Refused(String),
    /// The connection broke, or cannot be made.
    #[error("cannot talk to the supervising process")]
    Connection(#[source] io::Error),
}

/// A command was not run inside a task, or not to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// There is no command.
    #[error("the command is empty; name a program")]
    Empty,
    /// The command could not be started. The task is unharmed.
    #[error(transparent)]
    Start(#[from] Failure),
    /// The command outlived its deadline and was killed.
    #[error("deadline of {0:?} exceeded")]
    DeadlineExceeded(Duration),
    /// A pipe or terminal to the command could not be made or used.
    #[error("cannot pass on the command's input and output")]
    Io(#[source] io::Error),
    /// The supervising process could not be asked.
    #[error(transparent)]
    Control(#[from] ControlError),
}

/// A task was not destroyed wholly. What is left is found by another [`Process::destroy`](crate::Process::destroy).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DestroyError {
    /// It runs, and was not to be killed.
    #[error("the task is running; stop it first, or destroy it by force")]
    Running,
    /// Its cgroup could not be removed.
    #[error("cannot remove the task's cgroup")]
    Cgroup(#[source] encamp_cgroup::CgroupError),
    /// Its supervising process could not be ended.
    #[error("the supervising process cannot be ended; it has been given {0:?}")]
    Supervisor(Duration),
    /// Its state directory could not be removed.
    #[error("cannot remove the state directory {}", .path.display())]
    State {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}
