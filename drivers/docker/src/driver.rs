//! The driver.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use encamp_driver::{
    BoxStream, Capabilities, ConfigError, Driver, Error, ExitResult, Fingerprint, FsIsolation, MountConfigs,
    NetworkIsolationMode, Plugin, PluginConfig, PluginInfo, Result, StartedTask, TaskConfig, TaskEvent, TaskHandle,
    TaskStatus,
};
use encamp_hclspec::Spec;

use crate::engine::Engine;

/// The docker task driver.
pub struct Docker {
    engine: Arc<dyn Engine>,
    state_dir: PathBuf,
}

impl Docker {
    /// A driver over `engine`, which keeps what must outlive the process (log cursors, no secrets) in `state_dir`.
    /// The directory is made when it is first needed.
    pub fn new(engine: Arc<dyn Engine>, state_dir: impl Into<PathBuf>) -> Self {
        Self {
            engine,
            state_dir: state_dir.into(),
        }
    }
}

impl std::fmt::Debug for Docker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Docker")
            .field("state_dir", &self.state_dir)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Plugin for Docker {
    fn info(&self) -> PluginInfo {
        PluginInfo::driver("docker", env!("CARGO_PKG_VERSION"))
    }

    fn config_schema(&self) -> Spec {
        Spec::object::<String>([])
    }

    async fn set_config(&self, _config: PluginConfig) -> Result<(), ConfigError> {
        Ok(())
    }
}

const SOON: Error = Error::Unsupported("not built yet");

#[async_trait]
impl Driver for Docker {
    async fn task_config_schema(&self) -> Result<Spec> {
        Ok(Spec::object::<String>([]))
    }

    async fn capabilities(&self) -> Result<Capabilities> {
        Ok(Capabilities {
            send_signals: true,
            exec: true,
            fs_isolation: FsIsolation::Image,
            network_isolation_modes: vec![
                NetworkIsolationMode::Host,
                NetworkIsolationMode::Group,
                NetworkIsolationMode::Task,
            ],
            must_initiate_network: false,
            mount_configs: MountConfigs::Any,
            disable_log_collection: false,
            dynamic_workload_users: false,
        })
    }

    async fn fingerprint(&self) -> Result<BoxStream<Result<Fingerprint>>> {
        let _ = self.engine.info().await;
        Err(SOON)
    }

    async fn recover_task(&self, _handle: TaskHandle) -> Result<()> {
        Err(SOON)
    }

    async fn start_task(&self, _task: TaskConfig) -> Result<StartedTask> {
        Err(SOON)
    }

    async fn wait_task(&self, _id: &str) -> Result<ExitResult> {
        Err(SOON)
    }

    async fn stop_task(&self, _id: &str, _timeout: Duration, _signal: Option<&str>) -> Result<()> {
        Err(SOON)
    }

    async fn destroy_task(&self, _id: &str, _force: bool) -> Result<()> {
        Err(SOON)
    }

    async fn inspect_task(&self, _id: &str) -> Result<TaskStatus> {
        Err(SOON)
    }

    async fn task_events(&self) -> Result<BoxStream<Result<TaskEvent>>> {
        Err(SOON)
    }
}
