//! [`RawExec`]: the driver.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use encamp_cgroup::Hierarchy;
use encamp_driver::{
    BoxStream, Capabilities, ConfigError, Driver, Error, ExecIo, ExecOptions, ExecOutput, ExitResult, Fingerprint,
    FsIsolation, MountConfigs, NetworkIsolationMode, Plugin, PluginConfig, PluginInfo, Result, StartedTask, TaskConfig,
    TaskEvent, TaskHandle, TaskState, TaskStats, TaskStatus, Topology,
};
use encamp_executor::{
    AdoptError, DestroyError, Executor, LaunchError, Plan, Process, SessionError, SessionExit, SessionIo, TerminalSize,
    signal_number,
};
use encamp_hclspec::Spec;
use futures_util::{StreamExt, stream};
use tokio::sync::{broadcast, watch};
use tokio_stream::wrappers::BroadcastStream;

use crate::config::{PluginOptions, plugin_spec, task_spec};
use crate::task::{Task, control_error, exit_result};
use crate::{fingerprint, plan, stats};

/// What a host keeps for a task: all that is needed to find it again is its id, so this says only that it was started.
const DRIVER_STATE: &[u8] = br#"{"version":1}"#;
/// How many events wait for a slow reader.
const EVENTS: usize = 64;

/// The `raw_exec` driver.
#[derive(Debug)]
pub struct RawExec {
    executor: Executor,
    cgroups: Hierarchy,
    settings: Mutex<Settings>,
    is_enabled: watch::Sender<bool>,
    tasks: Mutex<BTreeMap<String, Arc<Task>>>,
    events: broadcast::Sender<TaskEvent>,
}

#[derive(Clone, Debug, Default)]
struct Settings {
    options: PluginOptions,
    topology: Option<Topology>,
}

impl RawExec {
    /// The name that jobs use.
    pub const NAME: &'static str = "raw_exec";

    /// A driver that starts tasks through `executor` and puts them into `cgroups`. Where there are none
    /// ([`Hierarchy::Off`]) it does without limits.
    pub fn new(executor: Executor, cgroups: Hierarchy) -> Self {
        Self {
            executor,
            cgroups,
            settings: Mutex::default(),
            is_enabled: watch::Sender::new(false),
            tasks: Mutex::default(),
            events: broadcast::Sender::new(EVENTS),
        }
    }

    fn settings(&self) -> Settings {
        lock(&self.settings).clone()
    }

    fn task(&self, id: &str) -> Result<Arc<Task>> {
        let found = lock(&self.tasks).get(id).cloned();
        found.ok_or_else(|| Error::TaskNotFound(id.to_owned()))
    }

    fn insert(&self, config: &TaskConfig, process: Process) {
        let task = Task::new(config, process, self.events.clone());
        lock(&self.tasks).insert(config.id.clone(), Arc::new(task));
    }

    /// Launches, or takes over what a start of the same task that was broken off has left.
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
}

#[async_trait]
impl Plugin for RawExec {
    fn info(&self) -> PluginInfo {
        PluginInfo::driver(Self::NAME, env!("CARGO_PKG_VERSION"))
    }

    fn config_schema(&self) -> Spec {
        plugin_spec()
    }

    async fn set_config(&self, config: PluginConfig) -> Result<(), ConfigError> {
        let options = PluginOptions::from_value(config.config)?;
        let is_enabled = options.enabled;
        *lock(&self.settings) = Settings {
            options,
            topology: config.topology,
        };
        self.is_enabled
            .send_if_modified(|current| std::mem::replace(current, is_enabled) != is_enabled);
        Ok(())
    }
}

#[async_trait]
impl Driver for RawExec {
    async fn task_config_schema(&self) -> Result<Spec> {
        Ok(task_spec())
    }

    async fn capabilities(&self) -> Result<Capabilities> {
        Ok(Capabilities {
            send_signals: true,
            exec: true,
            fs_isolation: FsIsolation::None,
            network_isolation_modes: vec![NetworkIsolationMode::Host, NetworkIsolationMode::Group],
            must_initiate_network: false,
            mount_configs: MountConfigs::None,
            disable_log_collection: true,
            dynamic_workload_users: false,
        })
    }

    async fn fingerprint(&self) -> Result<BoxStream<Result<Fingerprint>>> {
        Ok(fingerprint::looks(self.is_enabled.subscribe()))
    }

    async fn recover_task(&self, handle: TaskHandle) -> Result<()> {
        let id = &handle.config.id;
        if self.task(id).is_ok() {
            return Ok(());
        }
        match self.executor.adopt(id).await {
            Ok(process) => self.insert(&handle.config, process),
            Err(AdoptError::NotFound { .. }) => return Err(Error::TaskNotFound(id.clone())),
            Err(error) => return Err(Error::recoverable(format!("cannot recover task {id}")).because(error)),
        }
        Ok(())
    }

    async fn start_task(&self, task: TaskConfig) -> Result<StartedTask> {
        let Settings { options, .. } = self.settings();
        if !options.enabled {
            let text = "raw_exec is disabled; its operator can set `enabled = true` in its configuration";
            return Err(Error::fatal(text));
        }
        if self.task(&task.id).is_ok() {
            return Err(Error::TaskExists(task.id));
        }
        let plan = plan::plan(&task, &options, &self.cgroups)?;
        let process = self.launch(&task.id, &plan).await?;
        tracing::debug!(task = %task.id, pid = process.pid(), "started");
        self.insert(&task, process);
        Ok(StartedTask {
            driver_state: DRIVER_STATE.to_vec(),
            network: None,
        })
    }

    async fn wait_task(&self, id: &str) -> Result<ExitResult> {
        let task = self.task(id)?;
        Ok(exit_result(&task.process.wait().await))
    }

    async fn stop_task(&self, id: &str, timeout: Duration, signal: Option<&str>) -> Result<()> {
        let task = self.task(id)?;
        let signal = signal.filter(|signal| !signal.is_empty());
        let signal = signal
            .map(signal_number)
            .transpose()
            .map_err(|error| Error::InvalidConfig(error.to_string()))?;
        let stopped = task.process.stop(signal, timeout).await;
        stopped.map(drop).map_err(|error| control_error(id, error))
    }

    async fn destroy_task(&self, id: &str, force: bool) -> Result<()> {
        let task = self.task(id)?;
        match task.process.destroy(force).await {
            Ok(()) => {
                lock(&self.tasks).remove(id);
                Ok(())
            }
            Err(DestroyError::Running) => Err(Error::TaskRunning(id.to_owned())),
            Err(error) => Err(Error::recoverable(format!("cannot destroy task {id}")).because(error)),
        }
    }

    async fn inspect_task(&self, id: &str) -> Result<TaskStatus> {
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

    async fn task_stats(&self, id: &str, interval: Duration) -> Result<BoxStream<Result<TaskStats>>> {
        let task = self.task(id)?;
        Ok(stats::samples(task.process.clone(), interval, self.settings().topology))
    }

    async fn task_events(&self) -> Result<BoxStream<Result<TaskEvent>>> {
        let events = BroadcastStream::new(self.events.subscribe());
        // What a reader was too slow for is lost to it alone.
        Ok(Box::pin(
            events.filter_map(|event| std::future::ready(event.ok().map(Ok))),
        ))
    }

    async fn signal_task(&self, id: &str, signal: &str) -> Result<()> {
        let task = self.task(id)?;
        let signal = signal_number(signal).map_err(|error| Error::InvalidConfig(error.to_string()))?;
        task.process
            .signal(signal)
            .await
            .map_err(|error| control_error(id, error))
    }

    async fn exec_task(&self, id: &str, command: &[String], timeout: Duration) -> Result<ExecOutput> {
        let task = self.task(id)?;
        let output = task
            .process
            .exec(command, timeout)
            .await
            .map_err(|error| session_error(id, error))?;
        Ok(ExecOutput {
            stdout: output.output,
            stderr: Vec::new(),
            exit: session_exit(output.exit),
        })
    }

    async fn exec_task_streaming(&self, id: &str, options: ExecOptions, io: ExecIo) -> Result<ExitResult> {
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
}

fn session_exit(exit: SessionExit) -> ExitResult {
    ExitResult {
        exit_code: exit.exit_code,
        signal: exit.signal,
        ..ExitResult::default()
    }
}

fn session_error(id: &str, error: SessionError) -> Error {
    match error {
        SessionError::DeadlineExceeded(timeout) => Error::DeadlineExceeded(timeout),
        SessionError::Control(error) => control_error(id, error),
        SessionError::Empty => Error::InvalidConfig(error.to_string()),
        SessionError::Start(failure) => Error::fatal(failure.to_string()),
        error => Error::recoverable(format!("cannot run a command in task {id}")).because(error),
    }
}

fn launch_error(error: &LaunchError) -> Error {
    let is_recoverable = error.is_recoverable();
    let message = error.to_string();
    let failed = if is_recoverable {
        Error::recoverable(message)
    } else {
        Error::fatal(message)
    };
    match std::error::Error::source(error).map(ToString::to_string) {
        Some(cause) => failed.because(cause),
        None => failed,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
