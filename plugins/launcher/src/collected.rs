//! [`Collected`]: a driver whose tasks write into pipes, which are read here.

use std::collections::HashMap;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use encamp_catalog::Supervised;
use encamp_driver::{
    BoxStream, Capabilities, ConfigError, Driver, Error, ExecIo, ExecOptions, ExecOutput, ExitResult, Fingerprint,
    NetworkIsolation, Plugin, PluginConfig, PluginInfo, Result, StartedTask, TaskConfig, TaskEvent, TaskHandle,
    TaskOutput, TaskStats, TaskStatus,
};
use encamp_hclspec::Spec;
use encamp_logs::Config;
use nix::sys::stat::Mode;

use crate::collect::Collector;
use crate::{hold, output};

/// A driver in another process. Where it does not write its tasks' log files itself, its tasks are given pipes, and what
/// comes out of them is written into the files here.
pub(crate) struct Collected {
    driver: Supervised,
    /// Where the pipes are made; no task can reach it.
    pipes: PathBuf,
    tasks: Mutex<HashMap<String, Piped>>,
}

/// A task whose pipes are read.
struct Piped {
    collector: Collector,
    pipes: [PathBuf; 2],
}

impl Collected {
    pub(crate) fn new(driver: Supervised, pipes: PathBuf) -> Self {
        Self {
            driver,
            pipes,
            tasks: Mutex::default(),
        }
    }

    /// The same task with pipes, which are read from now on; `fresh` for one that has not been started yet.
    async fn piped(&self, mut task: TaskConfig, fresh: bool) -> Result<TaskConfig> {
        let TaskOutput::Files {
            dir,
            max_files,
            max_file_size,
        } = &task.output
        else {
            return Ok(task);
        };
        if self.driver.capabilities().await?.disable_log_collection {
            return Ok(task);
        }
        let limits = Config {
            max_files: *max_files,
            max_file_size: *max_file_size,
        };
        let failed = |error: anyhow::Error| {
            Error::recoverable(format!("cannot collect the output of the task: {error:#}")).early()
        };
        let [stdout, stderr] = self.pipes(&task.name, fresh).map_err(|error| failed(error.into()))?;
        let pipes = [stdout.clone(), stderr.clone()];
        let output = TaskOutput::Fifo { stdout, stderr };
        if !self.tasks().contains_key(&task.id) {
            let collector = Collector::start(&output, dir, &task.name, limits).map_err(failed)?;
            self.tasks().insert(
                task.id.clone(),
                Piped {
                    collector,
                    pipes: pipes.clone(),
                },
            );
        }
        if fresh && let Err(error) = hold::start(&pipes) {
            output::notice(&format!(
                "nobody holds the pipes of task \"{}\", and its output may be lost if this program is killed: {error}",
                task.name
            ));
        }
        task.output = output;
        Ok(task)
    }

    fn pipes(&self, task: &str, fresh: bool) -> io::Result<[PathBuf; 2]> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.pipes)?;
        let pipe = |stream: &str| {
            let path = self.pipes.join(format!("{}.{stream}.fifo", task.replace('/', "_")));
            if fresh {
                remove(&path)?;
            }
            match nix::unistd::mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR) {
                // That of the task that was found again.
                Ok(()) | Err(nix::errno::Errno::EEXIST) => Ok(path),
                Err(error) => Err(io::Error::from(error)),
            }
        };
        Ok([pipe("stdout")?, pipe("stderr")?])
    }

    /// Takes what is in a task's pipes by now.
    fn drain(&self, id: &str) {
        if let Some(task) = self.tasks().get(id) {
            task.collector.drain();
        }
    }

    /// Takes the last of it.
    fn finish(&self, id: &str) {
        drop(self.tasks().remove(id));
    }

    /// Takes the last of it, of a task that does not come back: its pipes go, and who holds them with them.
    fn finish_for_good(&self, id: &str) {
        let Some(task) = self.tasks().remove(id) else { return };
        drop(task.collector);
        for pipe in &task.pipes {
            // One that is still there goes with the allocation.
            drop(remove(pipe));
        }
    }

    fn tasks(&self) -> MutexGuard<'_, HashMap<String, Piped>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[async_trait]
impl Plugin for Collected {
    fn info(&self) -> PluginInfo {
        self.driver.info()
    }

    fn config_schema(&self) -> Spec {
        self.driver.config_schema()
    }

    async fn set_config(&self, config: PluginConfig) -> Result<(), ConfigError> {
        self.driver.set_config(config).await
    }
}

#[async_trait]
impl Driver for Collected {
    async fn init(&self) -> Result<()> {
        self.driver.init().await
    }

    async fn task_config_schema(&self) -> Result<Spec> {
        self.driver.task_config_schema().await
    }

    async fn capabilities(&self) -> Result<Capabilities> {
        self.driver.capabilities().await
    }

    async fn fingerprint(&self) -> Result<BoxStream<Result<Fingerprint>>> {
        self.driver.fingerprint().await
    }

    async fn recover_task(&self, mut handle: TaskHandle) -> Result<()> {
        let id = handle.config.id.clone();
        handle.config = self.piped(handle.config, false).await?;
        let recovered = self.driver.recover_task(handle).await;
        if matches!(recovered, Err(Error::TaskNotFound(_))) {
            self.finish(&id);
        }
        recovered
    }

    async fn start_task(&self, task: TaskConfig) -> Result<StartedTask> {
        let id = task.id.clone();
        let task = self.piped(task, true).await?;
        let started = self.driver.start_task(task).await;
        if started.is_err() {
            self.finish_for_good(&id);
        }
        started
    }

    async fn wait_task(&self, id: &str) -> Result<ExitResult> {
        let exit = self.driver.wait_task(id).await;
        self.drain(id);
        exit
    }

    async fn stop_task(&self, id: &str, timeout: Duration, signal: Option<&str>) -> Result<()> {
        self.driver.stop_task(id, timeout, signal).await
    }

    async fn destroy_task(&self, id: &str, force: bool) -> Result<()> {
        let destroyed = self.driver.destroy_task(id, force).await;
        if matches!(destroyed, Ok(()) | Err(Error::TaskNotFound(_))) {
            self.finish_for_good(id);
        }
        destroyed
    }

    async fn inspect_task(&self, id: &str) -> Result<TaskStatus> {
        self.driver.inspect_task(id).await
    }

    async fn task_stats(&self, id: &str, interval: Duration) -> Result<BoxStream<Result<TaskStats>>> {
        self.driver.task_stats(id, interval).await
    }

    async fn task_events(&self) -> Result<BoxStream<Result<TaskEvent>>> {
        self.driver.task_events().await
    }

    async fn signal_task(&self, id: &str, signal: &str) -> Result<()> {
        self.driver.signal_task(id, signal).await
    }

    async fn exec_task(&self, id: &str, command: &[String], timeout: Duration) -> Result<ExecOutput> {
        self.driver.exec_task(id, command, timeout).await
    }

    async fn exec_task_streaming(&self, id: &str, options: ExecOptions, io: ExecIo) -> Result<ExitResult> {
        self.driver.exec_task_streaming(id, options, io).await
    }

    async fn create_network(&self, alloc_id: &str, hostname: Option<&str>) -> Result<(NetworkIsolation, bool)> {
        self.driver.create_network(alloc_id, hostname).await
    }

    async fn destroy_network(&self, alloc_id: &str, network: &NetworkIsolation) -> Result<()> {
        self.driver.destroy_network(alloc_id, network).await
    }

    async fn shutdown(&self) -> Result<()> {
        self.driver.shutdown().await
    }
}
