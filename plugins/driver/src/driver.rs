//! The [`Driver`] trait.

use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use encamp_base::Plugin;
use encamp_hclspec::Spec;
use futures_core::Stream;
use futures_util::{StreamExt as _, stream};

use crate::{
    Attribute, Capabilities, Error, ExecIo, ExecOptions, ExecOutput, ExitResult, Fingerprint, NetworkIsolation, Result,
    StartedTask, TaskConfig, TaskEvent, TaskHandle, TaskStats, TaskStatus,
};

/// A stream that a driver hands out; it lives on its own and ends when the driver has nothing more to say.
pub type BoxStream<T> = Pin<Box<dyn Stream<Item = T> + Send + 'static>>;

/// A task driver.
///
/// # Cancel safety
/// Every method may be dropped at any point: a dropped `wait_task`, `task_stats` or `task_events` ends only that look
/// at the task. A dropped `start_task` may leave a task that was started but not handed out; a later
/// [`Driver::recover_task`] with an empty `driver_state`, or a `start_task` with the same id, finds it.
#[async_trait]
pub trait Driver: Plugin {
    /// Called once, before the first task, on every fresh or re-adopted driver.
    ///
    /// # Errors
    /// Whatever keeps the driver from working at all.
    async fn init(&self) -> Result<()> {
        Ok(())
    }

    /// The schema of a task's `config` block.
    ///
    /// # Errors
    /// Only a driver at the far end of a wire has any.
    async fn task_config_schema(&self) -> Result<Spec>;

    /// What the driver can do, under its present configuration.
    ///
    /// # Errors
    /// Only a driver at the far end of a wire has any.
    async fn capabilities(&self) -> Result<Capabilities> {
        Ok(Capabilities::default())
    }

    /// The driver's health and attributes: the first item at once, further ones on change or every 30 s. The stream
    /// stays open for as long as the driver lives. A driver that does not look is here, and healthy.
    ///
    /// # Errors
    /// When not even a first look was possible.
    async fn fingerprint(&self) -> Result<BoxStream<Result<Fingerprint>>> {
        let here = (format!("driver.{}", self.info().name), Attribute::from(true));
        let look = stream::iter([Ok(Fingerprint::healthy([here]))]);
        Ok(look.chain(stream::pending()).boxed())
    }

    /// Takes back a task that an earlier life of the host started. Known ids are fine (nothing is done).
    ///
    /// A handle whose `driver_state` is empty asks the driver to look for whatever an interrupted `start_task` of the
    /// same configuration may have left behind.
    ///
    /// # Errors
    /// [`Error::TaskNotFound`] when nothing of the task is left: always, for a driver whose tasks end with it.
    async fn recover_task(&self, handle: TaskHandle) -> Result<()> {
        Err(Error::TaskNotFound(handle.config.id))
    }

    /// Starts a task and returns once it runs.
    ///
    /// # Errors
    /// [`Error::is_recoverable`] says whether a later attempt may succeed without a change to the job. Unless
    /// [`Error::is_early`], something may be left that [`Driver::destroy_task`] removes.
    async fn start_task(&self, task: TaskConfig) -> Result<StartedTask>;

    /// Waits for the task's end. May be called many times, and after the end, when it returns at once.
    ///
    /// # Errors
    /// [`Error::TaskNotFound`]; [`Error::PluginShutdown`] when the driver died, not the task.
    async fn wait_task(&self, id: &str) -> Result<ExitResult>;

    /// Asks the task to end with `signal` (the driver's default when `None`), waits `timeout`, then kills it. A task
    /// that has already ended is a success.
    ///
    /// # Errors
    /// [`Error::TaskNotFound`], or what kept the task from being stopped.
    async fn stop_task(&self, id: &str, timeout: Duration, signal: Option<&str>) -> Result<()>;

    /// Forgets the task and removes all that is left of it.
    ///
    /// # Errors
    /// [`Error::TaskRunning`] unless `force`, which kills it first.
    async fn destroy_task(&self, id: &str, force: bool) -> Result<()>;

    /// The task's present state.
    ///
    /// # Errors
    /// [`Error::TaskNotFound`].
    async fn inspect_task(&self, id: &str) -> Result<TaskStatus>;

    /// Resource usage: the first item at once, then one every `interval`, until the task ends.
    ///
    /// # Errors
    /// [`Error::Unsupported`], [`Error::TaskNotFound`].
    async fn task_stats(&self, id: &str, interval: Duration) -> Result<BoxStream<Result<TaskStats>>> {
        let _ = (id, interval);
        Err(Error::Unsupported("stats not implemented for driver"))
    }

    /// What the driver has to tell about its tasks while they run. One stream serves all tasks.
    ///
    /// # Errors
    /// Only a driver at the far end of a wire has any.
    async fn task_events(&self) -> Result<BoxStream<Result<TaskEvent>>> {
        Ok(stream::pending().boxed())
    }

    /// Sends a signal to the task.
    ///
    /// # Errors
    /// [`Error::Unsupported`], [`Error::TaskNotFound`], or an unknown signal's name.
    async fn signal_task(&self, id: &str, signal: &str) -> Result<()> {
        let _ = (id, signal);
        Err(Error::Unsupported("SignalTask is not supported by this driver"))
    }

    /// Runs a command inside the task's isolation and collects its output. The deadline holds whatever the command
    /// does: at its end the command is killed.
    ///
    /// # Errors
    /// [`Error::Unsupported`], [`Error::TaskNotFound`], [`Error::DeadlineExceeded`], or the command cannot be run.
    async fn exec_task(&self, id: &str, command: &[String], timeout: Duration) -> Result<ExecOutput> {
        let _ = (id, command, timeout);
        Err(Error::Unsupported("ExecTask is not supported by this driver"))
    }

    /// Runs a command inside the task's isolation with live streams; returns its exit after all output was written.
    /// Dropping the future kills the command.
    ///
    /// # Errors
    /// As [`Driver::exec_task`], without the deadline.
    async fn exec_task_streaming(&self, id: &str, options: ExecOptions, io: ExecIo) -> Result<ExitResult> {
        drop((id, options, io));
        Err(Error::Unsupported("driver does not support exec"))
    }

    /// Makes the network namespace of an allocation, for drivers whose [`Capabilities::must_initiate_network`] is set.
    /// Idempotent: the flag says whether this call made it.
    ///
    /// # Errors
    /// [`Error::Unsupported`], or what kept the network from being made.
    async fn create_network(&self, alloc_id: &str, hostname: Option<&str>) -> Result<(NetworkIsolation, bool)> {
        let _ = (alloc_id, hostname);
        Err(Error::Unsupported("CreateNetwork RPC not supported by driver"))
    }

    /// Removes what [`Driver::create_network`] made. Nothing there is a success.
    ///
    /// # Errors
    /// [`Error::Unsupported`], or what kept the network from being removed.
    async fn destroy_network(&self, alloc_id: &str, network: &NetworkIsolation) -> Result<()> {
        let _ = (alloc_id, network);
        Err(Error::Unsupported("DestroyNetwork RPC not supported by driver"))
    }

    /// Called before the host ends; tasks keep running.
    ///
    /// # Errors
    /// Whatever could not be put in order; the host ends all the same.
    async fn shutdown(&self) -> Result<()> {
        Ok(())
    }
}
