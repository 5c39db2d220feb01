//! What the drivers of host tasks have in common (feature `tasks`): [`Tasks`], and the parts of a plan that are the same
//! for all.
//!
//! Nothing here knows what sets a driver apart. A driver is its schema, its fingerprint, its capabilities, and the way
//! from a task's configuration to a [`Plan`]; the rest of its trait is one call each.
//!
//! ```no_run
//! use encamp_driver::{LogOptions, Result, StartedTask, TaskConfig};
//! use encamp_executor::tasks::{Tasks, network_namespace, output};
//! use encamp_executor::{Executor, Plan};
//!
//! struct Shell {
//!     tasks: Tasks,
//! }
//!
//! impl Shell {
//!     fn new(executor: Executor) -> Self {
//!         Self { tasks: Tasks::new(executor) }
//!     }
//!
//!     async fn start_task(&self, task: TaskConfig) -> Result<StartedTask> {
//!         let plan = Plan {
//!             env: task.env.to_pairs(),
//!             task_dir: task.task_dir(),
//!             work_dir: task.task_dir(),
//!             output: output(&task, &LogOptions::default()),
//!             network_namespace: network_namespace(&task),
//!             ..Plan::new("/bin/sh")
//!         };
//!         self.tasks.start(&task, &plan).await
//!     }
//! }
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use encamp_driver::{
    BoxStream, Error, ExecIo, ExecOptions, ExecOutput, ExitResult, Result, StartedTask, TaskConfig, TaskEvent,
    TaskState, TaskStats, TaskStatus, Topology,
};
use futures_util::{StreamExt, stream};
use tokio::sync::{broadcast, watch};
use tokio::task::AbortHandle;
use tokio_stream::wrappers::BroadcastStream;

use crate::{
    AdoptError, DestroyError, Event, Executor, Exit, LaunchError, Plan, Process, SessionExit, SessionIo, TerminalSize,
    signal_number,
};

mod errors;
mod plan;
mod stats;
mod usage;

pub use plan::{cgroup, identity, limits, network_namespace, output, planned, set_user};

use errors::{control_error, launch_error, session_error};

/// What a host keeps for a task. All that is needed to find it again is its id; this says only that it was started.
const DRIVER_STATE: &[u8] = br#"{"version":1}"#;
/// How many events wait for a slow reader.
const EVENTS: usize = 64;

/// The tasks of one driver: their table, lives, sessions, statistics and events, as the driver contract wants them.
///
/// An id that was started or recovered belongs to one task until that is destroyed. Calls about an id that is not here
/// fail with [`Error::TaskNotFound`]. Must be used inside a tokio runtime.
#[derive(Debug)]
pub struct Tasks {
    executor: Executor,
    slots: Mutex<BTreeMap<String, Slot>>,
    events: broadcast::Sender<TaskEvent>,
}

/// A task id's place.
#[derive(Debug)]
enum Slot {
    /// Somebody is starting it, or taking it back.
    Reserved,
    Task(Arc<Task>),
}

/// One task, running or ended.
#[derive(Debug)]
struct Task {
    name: String,
    process: Process,
    /// Passes on what the task has to tell, for as long as the driver knows the task.
    follower: AbortHandle,
    /// How it ended, from the follower. One for all who wait: each is a call of some host, and there may be thousands.
    exit: watch::Receiver<Option<Exit>>,
}

impl Drop for Task {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

impl Tasks {
    /// No tasks yet; they are started through `executor`. It must be the only `Tasks` of that executor's directory.
    pub fn new(executor: Executor) -> Self {
        Self {
            executor,
            slots: Mutex::default(),
            events: broadcast::Sender::new(EVENTS),
        }
    }

    /// Launches a task, or takes over what a start of the same task that was broken off has left. Of several starts
    /// of one id at a time, one goes on.
    ///
    /// # Errors
    /// [`Error::TaskExists`] for an id that is started, being started, or being recovered; else why it cannot be
    /// launched.
    ///
    /// # Cancel safety
    /// The id is free again. A task that runs already is found by the next start of it, or by [`Tasks::recover`].
    pub async fn start(&self, config: &TaskConfig, plan: &Plan) -> Result<StartedTask> {
        let place = self.reserve(&config.id)?;
        let process = self.launch(&config.id, plan).await?;
        tracing::debug!(task = %config.id, pid = process.pid(), "started");
        place.fill(config, process);
        Ok(StartedTask::new(DRIVER_STATE.to_vec()))
    }

    async fn launch(&self, id: &str, plan: &Plan) -> Result<Process> {
        match self.executor.launch(id, plan).await {
            Err(LaunchError::Exists { .. }) => {}
            other => return other.map_err(|error| launch_error(&error)),
        }
        match self.executor.adopt(id).await {
            Ok(process) => Ok(process),
            Err(AdoptError::NotFound { .. }) => self
                .executor
                .launch(id, plan)
                .await
                .map_err(|error| launch_error(&error)),
            Err(error) => Err(Error::recoverable(format!("cannot take over task {id}")).because(error)),
        }
    }

    /// Takes a task back, running or ended. One that is known already is fine.
    ///
    /// # Errors
    /// [`Error::TaskNotFound`] when nothing is left of it; [`Error::Failed`] when it cannot be reached.
    ///
    /// # Cancel safety
    /// Nothing has happened.
    pub async fn recover(&self, config: &TaskConfig) -> Result<()> {
        let place = match self.reserve(&config.id) {
            Err(Error::TaskExists(_)) => return Ok(()),
            place => place?,
        };
        match self.executor.adopt(&config.id).await {
            Ok(process) => place.fill(config, process),
            Err(AdoptError::NotFound { .. }) => return Err(Error::TaskNotFound(config.id.clone())),
            Err(error) => return Err(Error::recoverable(format!("cannot recover task {}", config.id)).because(error)),
        }
        Ok(())
    }

    /// Waits for a task to end and says how it did, however often it is asked.
    ///
    /// # Errors
    /// [`Error::TaskNotFound`].
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn wait(&self, id: &str) -> Result<ExitResult> {
        // Not the task itself: a waiter must not keep a destroyed task's follower alive.
        let (process, mut exit) = {
            let task = self.task(id)?;
            (task.process.clone(), task.exit.clone())
        };
        if let Ok(exit) = exit.wait_for(Option::is_some).await
            && let Some(exit) = exit.as_ref()
        {
            return Ok(exit_result(exit));
        }
        // The task was destroyed.
        Ok(exit_result(&process.wait().await))
    }

    /// Asks a task to end by a signal (`None` or empty: SIGINT), and kills it when it has not within `timeout`.
    ///
    /// # Errors
    /// [`Error::TaskNotFound`]; [`Error::InvalidConfig`] for a name that is no signal; [`Error::Failed`] when the task
    /// cannot be reached.
    ///
    /// # Cancel safety
    /// The task is stopped all the same.
    pub async fn stop(&self, id: &str, timeout: Duration, signal: Option<&str>) -> Result<()> {
        let task = self.task(id)?;
        let signal = signal.filter(|signal| !signal.is_empty());
        let signal = signal.map(signal_number).transpose();
        let signal = signal.map_err(|error| Error::InvalidConfig(error.to_string()))?;
        let stopped = task.process.stop(signal, timeout).await;
        stopped.map(drop).map_err(|error| control_error(id, error))
    }

    /// Removes all that is left of a task, and forgets it. A running one is killed if `force`; so is one that is not known
    /// here, because it was not taken back.
    ///
    /// # Errors
    /// [`Error::TaskNotFound`]; [`Error::TaskRunning`] without `force`; [`Error::Failed`] when something cannot be
    /// removed: it may be tried again.
    ///
    /// # Cancel safety
    /// It may be tried again.
    pub async fn destroy(&self, id: &str, force: bool) -> Result<()> {
        let Ok(task) = self.task(id) else {
            return self.destroy_unknown(id, force).await;
        };
        destroyed(id, task.process.destroy(force).await)?;
        self.forget(id, &task);
        Ok(())
    }

    async fn destroy_unknown(&self, id: &str, force: bool) -> Result<()> {
        let unknown = || Error::TaskNotFound(id.to_owned());
        // Whoever is about to have the id will be asked in time.
        let _place = self.reserve(id).map_err(|_| unknown())?;
        match self.executor.adopt(id).await {
            Ok(left) if force => destroyed(id, left.destroy(true).await),
            Ok(_) | Err(AdoptError::NotFound { .. }) => Err(unknown()),
            Err(error) => Err(cannot_destroy(id, error)),
        }
    }

    /// Says what state a task is in.
    ///
    /// # Errors
    /// [`Error::TaskNotFound`].
    pub async fn inspect(&self, id: &str) -> Result<TaskStatus> {
        let task = self.task(id)?;
        let (state, exit) = match task.process.status().await {
            Ok(None) => (TaskState::Running, None),
            Ok(exit) => (TaskState::Exited, exit),
            Err(_) => (TaskState::Unknown, None),
        };
        Ok(TaskStatus {
            id: id.to_owned(),
            name: task.name.clone(),
            state,
            started_at: Some(task.process.started_at()),
            completed_at: exit.as_ref().map(|exit| exit.ended_at),
            exit: exit.as_ref().map(exit_result),
            attributes: BTreeMap::from([("pid".to_owned(), task.process.pid().to_string())]),
            network: None,
        })
    }

    /// Measures a task: at once, then every `interval` until it ends. Without a cgroup, what its session's processes
    /// use is summed up; those that made a session of their own are not seen.
    ///
    /// # Errors
    /// [`Error::TaskNotFound`].
    pub fn stats(
        &self,
        id: &str,
        interval: Duration,
        topology: Option<Arc<Topology>>,
    ) -> Result<BoxStream<Result<TaskStats>>> {
        Ok(stats::samples(self.task(id)?.process.clone(), interval, topology))
    }

    /// One stream for all tasks. What a reader is too slow for is lost to it alone.
    pub fn events(&self) -> BoxStream<Result<TaskEvent>> {
        let events = BroadcastStream::new(self.events.subscribe());
        Box::pin(events.filter_map(|event| std::future::ready(event.ok().map(Ok))))
    }

    /// Sends a signal, by name (`SIGHUP`), to a task's first process.
    ///
    /// # Errors
    /// [`Error::TaskNotFound`]; [`Error::InvalidConfig`] for a name that is no signal; [`Error::Failed`] when the task
    /// has ended or cannot be reached.
    pub async fn signal(&self, id: &str, signal: &str) -> Result<()> {
        let task = self.task(id)?;
        let signal = signal_number(signal).map_err(|error| Error::InvalidConfig(error.to_string()))?;
        task.process
            .signal(signal)
            .await
            .map_err(|error| control_error(id, error))
    }

    /// Runs a command inside a task. Both its outputs come as one, in the order in which they were written.
    ///
    /// # Errors
    /// [`Error::TaskNotFound`]; [`Error::DeadlineExceeded`] when the command takes longer than `timeout`;
    /// [`Error::InvalidConfig`] for no command; [`Error::Failed`] when it cannot be run.
    ///
    /// # Cancel safety
    /// The command is killed.
    pub async fn exec(&self, id: &str, command: &[String], timeout: Duration) -> Result<ExecOutput> {
        let task = self.task(id)?;
        let output = task.process.exec(command, timeout).await;
        let output = output.map_err(|error| session_error(id, error))?;
        Ok(ExecOutput {
            stdout: output.output,
            stderr: Vec::new(),
            exit: session_exit(output.exit),
        })
    }

    /// Runs a command inside a task, on streams of the caller's, with a terminal if `options` say so.
    ///
    /// # Errors
    /// As [`Tasks::exec`], without a deadline.
    ///
    /// # Cancel safety
    /// The command is killed.
    pub async fn exec_streaming(&self, id: &str, options: ExecOptions, io: ExecIo) -> Result<ExitResult> {
        let task = self.task(id)?;
        let size = |size: encamp_driver::TerminalSize| TerminalSize {
            height: size.height,
            width: size.width,
        };
        let mut resize = io.resize;
        let io = SessionIo {
            stdin: io.stdin,
            stdout: io.stdout,
            stderr: io.stderr,
            resize: Box::pin(stream::poll_fn(move |context| resize.poll_recv(context)).map(size)),
        };
        let exit = task
            .process
            .exec_streaming(&options.command, options.tty.map(size), io)
            .await;
        exit.map(session_exit).map_err(|error| session_error(id, error))
    }

    fn slots(&self) -> MutexGuard<'_, BTreeMap<String, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn task(&self, id: &str) -> Result<Arc<Task>> {
        match self.slots().get(id) {
            Some(Slot::Task(task)) => Ok(Arc::clone(task)),
            _ => Err(Error::TaskNotFound(id.to_owned())),
        }
    }

    /// Gives a destroyed task's id back, unless that has been done already, and another task has it now.
    fn forget(&self, id: &str, task: &Arc<Task>) {
        let mut slots = self.slots();
        if matches!(slots.get(id), Some(Slot::Task(current)) if Arc::ptr_eq(current, task)) {
            slots.remove(id);
        }
    }

    /// Keeps an id for whoever is about to start or recover the task.
    fn reserve(&self, id: &str) -> Result<Reservation<'_>> {
        let mut slots = self.slots();
        if slots.contains_key(id) {
            return Err(Error::TaskExists(id.to_owned()));
        }
        slots.insert(id.to_owned(), Slot::Reserved);
        Ok(Reservation {
            tasks: self,
            id: id.to_owned(),
        })
    }
}

/// An id that is kept; given back when dropped, unless a task has taken its place.
struct Reservation<'t> {
    tasks: &'t Tasks,
    id: String,
}

impl Reservation<'_> {
    fn fill(&self, config: &TaskConfig, process: Process) {
        let (ended, exit) = watch::channel(process.exit());
        let follower = follow(process.clone(), template(config), self.tasks.events.clone(), ended);
        let task = Task {
            name: config.name.clone(),
            process,
            follower: tokio::spawn(follower).abort_handle(),
            exit,
        };
        self.tasks.slots().insert(self.id.clone(), Slot::Task(Arc::new(task)));
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let mut slots = self.tasks.slots();
        if matches!(slots.get(&self.id), Some(Slot::Reserved)) {
            slots.remove(&self.id);
        }
    }
}

fn template(config: &TaskConfig) -> TaskEvent {
    TaskEvent {
        task_id: config.id.clone(),
        task_name: config.name.clone(),
        alloc_id: config.alloc_id.clone(),
        timestamp: SystemTime::now(),
        message: String::new(),
        annotations: BTreeMap::new(),
    }
}

/// Passes on what a task has to tell until it ends, and how it ended.
async fn follow(
    process: Process,
    template: TaskEvent,
    events: broadcast::Sender<TaskEvent>,
    ended: watch::Sender<Option<Exit>>,
) {
    let mut from = process.events();
    while let Some(event) = from.next().await {
        let message = match event {
            Event::LogWriteFailed { stream, lost, reason } => {
                format!("Output to {stream} is being lost ({lost} bytes so far): {reason}")
            }
            Event::LogRecovered { stream, lost } => {
                format!("Output to {stream} is written again; {lost} bytes were lost")
            }
            Event::Exited(exit) => {
                ended.send_replace(Some(exit));
                continue;
            }
        };
        // Nobody may be listening.
        drop(events.send(TaskEvent {
            timestamp: SystemTime::now(),
            message,
            ..template.clone()
        }));
    }
}

fn destroyed(id: &str, result: Result<(), DestroyError>) -> Result<()> {
    result.map_err(|error| match error {
        DestroyError::Running => Error::TaskRunning(id.to_owned()),
        error => cannot_destroy(id, error),
    })
}

fn cannot_destroy(id: &str, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::recoverable(format!("cannot destroy task {id}")).because(error)
}

fn exit_result(exit: &Exit) -> ExitResult {
    ExitResult {
        exit_code: exit.exit_code,
        signal: exit.signal,
        oom_killed: exit.oom_killed,
        err: exit.err.clone(),
    }
}

fn session_exit(exit: SessionExit) -> ExitResult {
    ExitResult {
        exit_code: exit.exit_code,
        signal: exit.signal,
        ..ExitResult::default()
    }
}
