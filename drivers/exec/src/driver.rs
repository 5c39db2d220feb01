//! [`Exec`]: the driver.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use encamp_base::{ConfigError, Plugin, PluginConfig, PluginInfo, Topology};
use encamp_cgroup::Hierarchy;
use encamp_driver::{
    BoxStream, Capabilities, Driver, ExecIo, ExecOptions, ExecOutput, ExitResult, Fingerprint, MountConfigs,
    NetworkIsolationMode, Result, StartedTask, TaskConfig, TaskEvent, TaskHandle, TaskStats, TaskStatus,
};
use encamp_executor::Executor;
use encamp_executor::tasks::{Tasks, planned};
use encamp_hclspec::Spec;

use crate::config::{PluginOptions, TaskOptions};
use crate::{fingerprint, plan};

/// The `exec` driver.
#[derive(Debug)]
pub struct Exec {
    cgroups: Hierarchy,
    settings: Mutex<Settings>,
    tasks: Tasks,
}

#[derive(Clone, Debug, Default)]
struct Settings {
    options: PluginOptions,
    topology: Option<Arc<Topology>>,
}

impl Exec {
    /// The name that jobs use.
    pub const NAME: &'static str = "exec";

    /// A driver that starts tasks through `executor` and puts them into `cgroups`. It must run as root.
    pub fn new(executor: Executor, cgroups: Hierarchy) -> Self {
        Self {
            cgroups,
            settings: Mutex::default(),
            tasks: Tasks::new(executor),
        }
    }

    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Plugin for Exec {
    fn info(&self) -> PluginInfo {
        PluginInfo::driver(Self::NAME, env!("CARGO_PKG_VERSION"))
    }

    fn config_schema(&self) -> Spec {
        PluginOptions::spec()
    }

    async fn set_config(&self, config: PluginConfig) -> Result<(), ConfigError> {
        let options = PluginOptions::from_value(config.config)?;
        *self.settings() = Settings {
            options,
            topology: config.topology,
        };
        Ok(())
    }
}

#[async_trait]
impl Driver for Exec {
    async fn task_config_schema(&self) -> Result<Spec> {
        Ok(TaskOptions::spec())
    }

    /// Unless its operator wants it filled by the host, a task's root is made by the driver, of its own directory and of
    /// the host's: to a host it is an image.
    async fn capabilities(&self) -> Result<Capabilities> {
        let settings = self.settings();
        Ok(Capabilities {
            send_signals: true,
            exec: true,
            fs_isolation: settings.options.fs_isolation,
            network_isolation_modes: vec![NetworkIsolationMode::Host, NetworkIsolationMode::Group],
            must_initiate_network: false,
            mount_configs: MountConfigs::Any,
            disable_log_collection: settings.options.logs.disable_log_collection(),
            dynamic_workload_users: false,
        })
    }

    async fn fingerprint(&self) -> Result<BoxStream<Result<Fingerprint>>> {
        Ok(fingerprint::looks(&self.cgroups))
    }

    async fn recover_task(&self, handle: TaskHandle) -> Result<()> {
        self.tasks.recover(&handle.config).await
    }

    async fn start_task(&self, task: TaskConfig) -> Result<StartedTask> {
        let Settings { options, topology } = self.settings().clone();
        let cgroups = self.cgroups.clone();
        let plan = move |task: &TaskConfig| plan::plan(task, &options, &cgroups, topology.as_deref());
        let (task, plan) = planned(task, plan).await?;
        self.tasks.start(&task, &plan).await
    }

    async fn wait_task(&self, id: &str) -> Result<ExitResult> {
        self.tasks.wait(id).await
    }

    async fn stop_task(&self, id: &str, timeout: Duration, signal: Option<&str>) -> Result<()> {
        self.tasks.stop(id, timeout, signal).await
    }

    async fn destroy_task(&self, id: &str, force: bool) -> Result<()> {
        self.tasks.destroy(id, force).await
    }

    async fn inspect_task(&self, id: &str) -> Result<TaskStatus> {
        self.tasks.inspect(id).await
    }

    async fn task_stats(&self, id: &str, interval: Duration) -> Result<BoxStream<Result<TaskStats>>> {
        let topology = self.settings().topology.clone();
        self.tasks.stats(id, interval, topology)
    }

    async fn task_events(&self) -> Result<BoxStream<Result<TaskEvent>>> {
        Ok(self.tasks.events())
    }

    async fn signal_task(&self, id: &str, signal: &str) -> Result<()> {
        self.tasks.signal(id, signal).await
    }

    async fn exec_task(&self, id: &str, command: &[String], timeout: Duration) -> Result<ExecOutput> {
        self.tasks.exec(id, command, timeout).await
    }

    async fn exec_task_streaming(&self, id: &str, options: ExecOptions, io: ExecIo) -> Result<ExitResult> {
        self.tasks.exec_streaming(id, options, io).await
    }
}
