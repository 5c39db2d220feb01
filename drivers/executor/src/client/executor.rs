//! [`Executor`]: launch and adopt.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::{AdoptError, LaunchError, Plan, Process, Program};

/// Starts supervising processes and finds them again.
#[derive(Clone, Debug)]
pub struct Executor {
    program: Program,
    state_dir: PathBuf,
}

impl Executor {
    /// How long a command is given to be started.
    pub const LAUNCH_TIMEOUT: Duration = Duration::from_secs(60);
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
        let _ = (&self.program, plan);
        Err(LaunchError::Supervisor {
            task_id: task_id.to_owned(),
            reason: "not yet".to_owned(),
        })
    }

    /// Finds a task again, running or already ended, whoever launched it and however far the launch got.
    ///
    /// # Errors
    /// [`AdoptError::NotFound`] when nothing is left of it; the others when nothing can be said about it.
    pub async fn adopt(&self, task_id: &str) -> Result<Process, AdoptError> {
        Err(AdoptError::NotFound {
            task_id: task_id.to_owned(),
        })
    }
}
