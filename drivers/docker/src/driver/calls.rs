//! The driver's calls.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use encamp_driver::{
    BoxStream, Capabilities, Driver, Error, ExecIo, ExecOptions, ExecOutput, ExitResult, Fingerprint, FsIsolation,
    MountConfigs, NetworkIsolationMode, Result, StartedTask, TaskConfig, TaskEvent, TaskHandle, TaskStats, TaskStatus,
};
use encamp_hclspec::Spec;

use super::Docker;
use crate::config::TaskOptions;
use crate::{exec, fingerprint, stats};

#[async_trait]
impl Driver for Docker {
    /// What an earlier life left in the middle of a start is removed. Images that an earlier life pulled and that no task uses are removed, after the usual delay.
    async fn init(&self) -> Result<()> {
        crate::stage::clear(&self.volumes);
        let settings = self.settings();
        if settings.options.gc.image {
            for image in self.images.unused() {
                let delay = settings.options.gc.image_delay;
                self.images.remove_later(Arc::clone(&settings.engine), image, delay);
            }
        }
        Ok(())
    }

    async fn task_config_schema(&self) -> Result<Spec> {
        Ok(TaskOptions::spec())
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
            disable_log_collection: self.settings().options.tells_agents_to_collect_nothing(),
            dynamic_workload_users: false,
        })
    }

    async fn fingerprint(&self) -> Result<BoxStream<Result<Fingerprint>>> {
        let settings = Arc::clone(&self.settings);
        let now = Arc::new(move || {
            let settings = settings.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            (Arc::clone(&settings.engine), settings.options.clone())
        });
        Ok(fingerprint::stream(now, Arc::clone(&self.seen)))
    }

    async fn recover_task(&self, handle: TaskHandle) -> Result<()> {
        self.take_back(handle).await
    }

    async fn start_task(&self, task: TaskConfig) -> Result<StartedTask> {
        self.begin(task).await
    }

    async fn wait_task(&self, id: &str) -> Result<ExitResult> {
        // Not the task itself: a waiter must not keep a destroyed task alive.
        let waiter = self.task(id)?.waiter();
        waiter.end().await.ok_or_else(|| Error::TaskNotFound(id.to_owned()))
    }

    async fn stop_task(&self, id: &str, timeout: Duration, signal: Option<&str>) -> Result<()> {
        self.stop(&*self.task(id)?, timeout, signal).await
    }

    async fn destroy_task(&self, id: &str, force: bool) -> Result<()> {
        self.destroy(id, force).await
    }

    async fn inspect_task(&self, id: &str) -> Result<TaskStatus> {
        let task = self.task(id)?;
        Ok(task.status().await)
    }

    async fn task_stats(&self, id: &str, interval: Duration) -> Result<BoxStream<Result<TaskStats>>> {
        let task = self.task(id)?;
        let topology = self.settings().topology;
        Ok(stats::stream(task.info.clone(), interval, task.waiter(), topology))
    }

    async fn task_events(&self) -> Result<BoxStream<Result<TaskEvent>>> {
        Ok(self.events.subscribe())
    }

    async fn signal_task(&self, id: &str, signal: &str) -> Result<()> {
        self.signal(&*self.task(id)?, signal).await
    }

    async fn exec_task(&self, id: &str, command: &[String], timeout: Duration) -> Result<ExecOutput> {
        let info = self.task(id)?.info.clone();
        exec::collect(&info.engine, &info.container, command, timeout, &self.endings).await
    }

    async fn exec_task_streaming(&self, id: &str, options: ExecOptions, io: ExecIo) -> Result<ExitResult> {
        let info = self.task(id)?.info.clone();
        exec::stream(&info.engine, &info.container, options, io, &self.endings).await
    }

    /// Waits until commands whose sessions were broken off are killed.
    async fn shutdown(&self) -> Result<()> {
        self.endings.close();
        self.endings.wait().await;
        Ok(())
    }
}
