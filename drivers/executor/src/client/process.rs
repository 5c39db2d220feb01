//! [`Process`]: a task that was launched.

use std::time::{Duration, SystemTime};

use encamp_cgroup::Cgroup;

use crate::{
    ControlError, DestroyError, Events, Exit, SessionError, SessionExit, SessionIo, SessionOutput, TerminalSize,
};

/// A task that was launched, running or ended. Cheap to clone; dropping it does nothing to the task.
#[derive(Clone, Debug)]
pub struct Process {}

#[expect(clippy::unused_async, reason = "signatures first")]
impl Process {
    /// The id that it was launched with.
    pub fn task_id(&self) -> &str {
        ""
    }

    /// The process id of the task's main process, as the host sees it.
    pub fn pid(&self) -> i32 {
        0
    }

    /// When the command was executed.
    pub fn started_at(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    /// The cgroup that it lives in.
    pub fn cgroup(&self) -> Option<&Cgroup> {
        None
    }

    /// How it ended, if that is already known here.
    pub fn exit(&self) -> Option<Exit> {
        None
    }

    /// Waits for its end, after which all its output is in the logs. May be called many times.
    ///
    /// When the supervising process was killed, the task has ended with it: what is left of it is killed, and the exit
    /// says so.
    ///
    /// # Cancel safety
    /// Nothing is lost when this is dropped.
    pub async fn wait(&self) -> Exit {
        Exit::unobserved("not yet")
    }

    /// Sends a signal to the main process.
    ///
    /// # Errors
    /// [`ControlError::Ended`] after its end.
    pub async fn signal(&self, signal: i32) -> Result<(), ControlError> {
        let _ = signal;
        Err(ControlError::Ended)
    }

    /// Sends a signal (SIGINT where there is none) to the main process, gives it `grace` to end, then kills all of the
    /// task. Without grace all of it is killed at once.
    ///
    /// # Errors
    /// [`ControlError`]; a task that has already ended is none.
    pub async fn stop(&self, signal: Option<i32>, grace: Duration) -> Result<Exit, ControlError> {
        let _ = (signal, grace);
        Err(ControlError::Ended)
    }

    /// Runs a command inside the task and collects its output: the last [`EXEC_OUTPUT_LIMIT`](crate::EXEC_OUTPUT_LIMIT)
    /// bytes. After `timeout` the command and its process group are killed.
    ///
    /// # Errors
    /// [`SessionError`].
    ///
    /// # Cancel safety
    /// Dropping this kills the command.
    pub async fn exec(&self, command: &[String], timeout: Duration) -> Result<SessionOutput, SessionError> {
        let _ = (command, timeout);
        Err(SessionError::Empty)
    }

    /// Runs a command inside the task with live streams. Its exit is returned after all its output was written.
    ///
    /// # Errors
    /// [`SessionError`].
    ///
    /// # Cancel safety
    /// Dropping this kills the command and its process group.
    pub async fn exec_streaming(
        &self,
        command: &[String],
        tty: Option<TerminalSize>,
        io: SessionIo,
    ) -> Result<SessionExit, SessionError> {
        drop((command, tty, io));
        Err(SessionError::Empty)
    }

    /// What happens to the task from now on.
    pub fn events(&self) -> Events {
        Events {}
    }

    /// Removes all that is left of the task: its supervising process, its cgroup, its state directory. Idempotent.
    ///
    /// # Errors
    /// [`DestroyError::Running`] unless `force`, which kills it first.
    pub async fn destroy(&self, force: bool) -> Result<(), DestroyError> {
        let _ = force;
        Err(DestroyError::Running)
    }
}
