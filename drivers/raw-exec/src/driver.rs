//! [`RawExec`]: the driver.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use encamp_cgroup::Hierarchy;
use encamp_driver::{
    BoxStream, Capabilities, ConfigError, Driver, Error, ExecIo, ExecOptions, ExecOutput, ExitResult, Fingerprint,
    FsIsolation, MountConfigs, NetworkIsolationMode, Plugin, PluginConfig, PluginInfo, Result, StartedTask, TaskConfig,
    TaskEvent, TaskHandle, TaskStats, TaskStatus, Topology,
};
use encamp_executor::Executor;
use encamp_executor::tasks::{Tasks, planned};
use encamp_hclspec::Spec;
use tokio::sync::watch;

use crate::config::{PluginOptions, plugin_spec, task_spec};
use crate::{fingerprint, plan};

/// The `raw_exec` driver.
#[derive(Debug)]
pub struct RawExec {
    cgroups: Hierarchy,
    settings: Mutex<Settings>,
    is_enabled: watch::Sender<bool>,
    tasks: Tasks,
}

#[derive(Clone, Debug, Default)]
struct Settings {
    options: PluginOptions,
    topology: Option<Arc<Topology>>,
}

impl RawExec {
    /// The name that jobs use.
    pub const NAME: &'static str = "raw_exec";

    /// A driver that starts tasks through `executor` and puts them into `cgroups`. Where there are none
    /// ([`Hierarchy::Off`]) it does without limits.
    pub fn new(executor: Executor, cgroups: Hierarchy) -> Self {
        Self {
            cgroups,
            settings: Mutex::default(),
            is_enabled: watch::Sender::new(false),
            tasks: Tasks::new(executor),
        }
    }

    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
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
        *self.settings() = Settings {
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
            disable_log_collection: self.settings().options.logs.disable_log_collection(),
            dynamic_workload_users: false,
        })
    }

    async fn fingerprint(&self) -> Result<BoxStream<Result<Fingerprint>>> {
        Ok(fingerprint::looks(self.is_enabled.subscribe()))
    }

    async fn recover_task(&self, handle: TaskHandle) -> Result<()> {
        self.tasks.recover(&handle.config).await
    }

    async fn start_task(&self, task: TaskConfig) -> Result<StartedTask> {
        let Settings { options, topology } = self.settings().clone();
        if !options.enabled {
            let text = "raw_exec is disabled; its operator can set `enabled = true` in its configuration";
            return Err(Error::fatal(text));
        }
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
