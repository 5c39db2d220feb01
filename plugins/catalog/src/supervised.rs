//! [`Supervised`]: a driver that outlives its process.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use encamp_driver::{
    BoxStream, Capabilities, ConfigError, Driver, Error, ExecIo, ExecOptions, ExecOutput, ExitResult, Fingerprint,
    NetworkIsolation, Plugin, PluginConfig, PluginInfo, Result, StartedTask, TaskConfig, TaskEvent, TaskHandle,
    TaskState, TaskStats, TaskStatus,
};
use encamp_hclspec::Spec;
use futures_util::StreamExt as _;
use tokio::time::timeout;

use crate::feed::{self, Sampled};
use crate::supervisor::{Live, Status, Supervisor};

/// A driver whose process is started at its first use, and again whenever it has died.
///
/// Clones are the same driver. Every call goes to the present process; one that is under way when the process dies says
/// [`PluginShutdown`](Error::PluginShutdown). Three things survive that: [`wait_task`](Driver::wait_task) and
/// [`task_stats`](Driver::task_stats) of tasks that were started or recovered here go on with the next process, which
/// has taken the tasks back by then, and the streams of [`fingerprint`](Driver::fingerprint) and
/// [`task_events`](Driver::task_events) stay open.
///
/// A call that finds the plugin down waits a while for the next attempt, and then gives the reason as a recoverable
/// error.
#[derive(Clone)]
pub struct Supervised(pub(crate) Arc<Supervisor>);

impl Supervised {
    /// The number of the present process, if there is one that can be found again.
    pub fn pid(&self) -> Option<u32> {
        self.0.pid()
    }

    /// Ends the plugin, with every wait bounded. Its tasks run on. Calls say
    /// [`PluginShutdown`](Error::PluginShutdown) from now on, and streams end.
    pub async fn close(&self) {
        self.0.close().await;
    }

    /// Leaves the process running for a later host, which finds it by its record. Calls say
    /// [`PluginShutdown`](Error::PluginShutdown) from now on, and streams end.
    pub fn detach(&self) {
        self.0.detach();
    }

    async fn live(&self) -> Result<Arc<Live>> {
        Ok(self.0.live().await?)
    }

    async fn with_task(&self, id: &str) -> Result<Arc<Live>> {
        self.0.with_task(id).await
    }
}

#[async_trait]
impl Plugin for Supervised {
    /// What the scan has learnt.
    fn info(&self) -> PluginInfo {
        self.0.entry.info.clone()
    }

    /// What the scan has learnt.
    fn config_schema(&self) -> Spec {
        self.0.entry.config_schema()
    }

    /// Configures the present process, and all later ones if that one accepts it.
    async fn set_config(&self, config: PluginConfig) -> Result<(), ConfigError> {
        self.0.set_config(config).await
    }
}

#[async_trait]
impl Driver for Supervised {
    /// Starts the process, which is done in any case before it is used.
    async fn init(&self) -> Result<()> {
        self.live().await?;
        Ok(())
    }

    async fn task_config_schema(&self) -> Result<Spec> {
        self.live().await?.driver()?.task_config_schema().await
    }

    async fn capabilities(&self) -> Result<Capabilities> {
        self.live().await?.driver()?.capabilities().await
    }

    /// Never fails: as long as the plugin is down, it is unhealthy, and says why. Attempts to start it go on as long as
    /// the stream is there.
    async fn fingerprint(&self) -> Result<BoxStream<Result<Fingerprint>>> {
        Ok(feed::fingerprints(&self.0).map(Ok).boxed())
    }

    async fn recover_task(&self, handle: TaskHandle) -> Result<()> {
        let live = self.live().await?;
        live.driver()?.recover_task(handle.clone()).await?;
        self.0.tasks.keep(handle, live.generation);
        Ok(())
    }

    async fn start_task(&self, task: TaskConfig) -> Result<StartedTask> {
        let live = self.live().await?;
        let started = live.driver()?.start_task(task.clone()).await?;
        let handle = TaskHandle {
            version: started.version,
            config: task,
            state: TaskState::Running,
            driver_state: started.driver_state.clone(),
        };
        self.0.tasks.keep(handle, live.generation);
        Ok(started)
    }

    /// Waits through restarts of the plugin, as long as the task survives them.
    async fn wait_task(&self, id: &str) -> Result<ExitResult> {
        let mut live = if self.0.tasks.has(id) {
            self.0.after(0).await?
        } else {
            self.live().await?
        };
        loop {
            let answer = match self.0.catch_up(&live, id).await {
                Ok(()) => live.driver()?.wait_task(id).await,
                Err(error) => Err(error),
            };
            match answer {
                Err(Error::PluginShutdown) if self.0.tasks.has(id) => live = self.0.successor(&live).await?,
                answer => return answer,
            }
        }
    }

    async fn stop_task(&self, id: &str, timeout: Duration, signal: Option<&str>) -> Result<()> {
        let live = self.with_task(id).await?;
        live.driver()?.stop_task(id, timeout, signal).await
    }

    /// Also what the plugin has not taken back.
    async fn destroy_task(&self, id: &str, force: bool) -> Result<()> {
        let live = self.live().await?;
        self.0.catch_up(&live, id).await.ok();
        let destroyed = live.driver()?.destroy_task(id, force).await;
        if matches!(destroyed, Ok(()) | Err(Error::TaskNotFound(_))) {
            self.0.tasks.forget(id);
        }
        destroyed
    }

    async fn inspect_task(&self, id: &str) -> Result<TaskStatus> {
        self.with_task(id).await?.driver()?.inspect_task(id).await
    }

    /// Goes on through restarts of the plugin, as long as the task survives them.
    async fn task_stats(&self, id: &str, interval: Duration) -> Result<BoxStream<Result<TaskStats>>> {
        let live = self.with_task(id).await?;
        let first = live.driver()?.task_stats(id, interval).await?;
        let task = Sampled {
            supervisor: Arc::clone(&self.0),
            id: id.to_owned(),
            interval,
        };
        Ok(feed::stats(task, live, first))
    }

    async fn task_events(&self) -> Result<BoxStream<Result<TaskEvent>>> {
        Ok(feed::task_events(&self.0).map(Ok).boxed())
    }

    async fn signal_task(&self, id: &str, signal: &str) -> Result<()> {
        self.with_task(id).await?.driver()?.signal_task(id, signal).await
    }

    async fn exec_task(&self, id: &str, command: &[String], timeout: Duration) -> Result<ExecOutput> {
        let live = self.with_task(id).await?;
        live.driver()?.exec_task(id, command, timeout).await
    }

    async fn exec_task_streaming(&self, id: &str, options: ExecOptions, io: ExecIo) -> Result<ExitResult> {
        let live = self.with_task(id).await?;
        live.driver()?.exec_task_streaming(id, options, io).await
    }

    async fn create_network(&self, alloc_id: &str, hostname: Option<&str>) -> Result<(NetworkIsolation, bool)> {
        self.live().await?.driver()?.create_network(alloc_id, hostname).await
    }

    async fn destroy_network(&self, alloc_id: &str, network: &NetworkIsolation) -> Result<()> {
        self.live().await?.driver()?.destroy_network(alloc_id, network).await
    }

    /// Asks the present process, if there is one, to put things in order. [`close`](Self::close) ends it.
    async fn shutdown(&self) -> Result<()> {
        let state = self.0.state.borrow().clone();
        let Status::Up(live) = state.status else { return Ok(()) };
        let farewell = self.0.settings.timing.farewell;
        let done = timeout(farewell, live.driver()?.shutdown()).await;
        done.unwrap_or(Err(Error::DeadlineExceeded(farewell)))
    }
}

impl fmt::Debug for Supervised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Supervised").field(&self.0.entry).finish()
    }
}
