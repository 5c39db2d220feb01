//! [`RemoteDriver`]: a driver at the far end of a connection.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use encamp_base_grpc::{CallError, ConnectError, Life, MAX_MESSAGE, RemotePlugin, time};
use encamp_driver::{
    BoxStream, Capabilities, ConfigError, Driver, Error, ExecIo, ExecOptions, ExecOutput, ExitResult, Fingerprint,
    NetworkIsolation, Plugin, PluginConfig, PluginInfo, Result, StartedTask, TaskConfig, TaskEvent, TaskHandle,
    TaskStats, TaskStatus,
};
use encamp_hclspec::Spec;
use encamp_proto::driver as wire;
use encamp_proto::driver::driver_client::DriverClient;
use tokio::sync::OnceCell;
use tonic::transport::Channel;
use tonic::{Code, Response, Status};

use crate::convert::{capabilities, fingerprint, network, stats, task};
use crate::error::from_call;

mod exec;

/// What a driver without a call says, in the words that hosts know; for calls that every driver has, there are none.
const NO_STATS: &str = "stats not implemented for driver";
const NO_SIGNALS: &str = "SignalTask is not supported by this driver";
const NO_EXEC: &str = "ExecTask is not supported by this driver";
const NO_SESSIONS: &str = "driver does not support exec";
const NO_NETWORK: &str = "CreateNetwork RPC not supported by driver";
const NO_NETWORK_REMOVAL: &str = "DestroyNetwork RPC not supported by driver";
const NO_DRIVER: &str = "the plugin does not know this call of a driver";

/// A driver in another process. When that process ends, every call and every stream says
/// [`Error::PluginShutdown`].
///
/// Clones share the connection.
#[derive(Clone, Debug)]
pub struct RemoteDriver {
    plugin: RemotePlugin,
    client: DriverClient<Channel>,
    channel: Channel,
    schema: Arc<OnceCell<Spec>>,
}

impl RemoteDriver {
    /// Asks the plugin at the end of `channel` who it is. `life` is the life of its process.
    ///
    /// # Errors
    /// A plugin that does not answer, or that no host understands. That it is a driver is for the caller to look at.
    ///
    /// # Cancel safety
    /// Nothing was changed when the future is dropped.
    pub async fn connect(channel: Channel, life: Life) -> Result<Self, ConnectError> {
        let plugin = RemotePlugin::connect(channel.clone(), life).await?;
        Ok(Self::new(plugin, channel))
    }

    /// The driver that the plugin, which was connected already, is.
    pub fn new(plugin: RemotePlugin, channel: Channel) -> Self {
        let client = DriverClient::new(channel.clone())
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE);
        Self {
            plugin,
            client,
            channel,
            schema: Arc::default(),
        }
    }

    /// What it answers as a plugin.
    pub fn plugin(&self) -> &RemotePlugin {
        &self.plugin
    }

    /// Whether its process still lives.
    pub fn life(&self) -> &Life {
        self.plugin.life()
    }

    async fn ask<T>(
        &self,
        unsupported: &'static str,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T> {
        let answer = self.life().answer(call).await;
        let answer = answer.map_err(|error| from_call(error, unsupported))?;
        Ok(answer.into_inner())
    }

    /// A call that plugins of before 2026 do not know, and need not.
    async fn tell<T>(&self, call: impl Future<Output = Result<Response<T>, Status>>) -> Result<()> {
        match self.life().answer(call).await {
            Ok(_) => Ok(()),
            Err(CallError::Status(status)) if status.code() == Code::Unimplemented => Ok(()),
            Err(error) => Err(from_call(error, NO_DRIVER)),
        }
    }
}

#[async_trait]
impl Plugin for RemoteDriver {
    fn info(&self) -> PluginInfo {
        self.plugin.info()
    }

    fn config_schema(&self) -> Spec {
        self.plugin.config_schema()
    }

    async fn set_config(&self, config: PluginConfig) -> Result<(), ConfigError> {
        self.plugin.set_config(config).await
    }
}

#[async_trait]
impl Driver for RemoteDriver {
    async fn init(&self) -> Result<()> {
        self.tell(self.client.clone().init(wire::InitRequest {})).await
    }

    async fn task_config_schema(&self) -> Result<Spec> {
        let asked = self.schema.get_or_try_init(|| async {
            let mut client = self.client.clone();
            let call = client.task_config_schema(wire::TaskConfigSchemaRequest {});
            let message = self.ask(NO_DRIVER, call).await?.spec;
            let message = message.ok_or_else(|| Error::fatal("the driver has no schema for tasks"))?;
            encamp_base_grpc::spec::from_message(message)
                .map_err(|error| Error::fatal("the driver's schema for tasks cannot be read").because(error))
        });
        asked.await.cloned()
    }

    async fn capabilities(&self) -> Result<Capabilities> {
        let mut client = self.client.clone();
        let answer = self
            .ask(NO_DRIVER, client.capabilities(wire::CapabilitiesRequest {}))
            .await?;
        Ok(capabilities::from_message(&answer.capabilities.unwrap_or_default()))
    }

    async fn fingerprint(&self) -> Result<BoxStream<Result<Fingerprint>>> {
        let mut client = self.client.clone();
        let call = async move { client.fingerprint(wire::FingerprintRequest {}).await };
        let failed = |error| from_call(error, NO_DRIVER);
        self.life().open(call, failed, fingerprint::from_message).await
    }

    async fn recover_task(&self, handle: TaskHandle) -> Result<()> {
        let request = wire::RecoverTaskRequest {
            task_id: handle.config.id.clone(),
            handle: Some(wire::TaskHandle {
                version: handle.version,
                config: Some(task::to_message(handle.config)?),
                state: task::state_message(handle.state).into(),
                driver_state: handle.driver_state.into(),
            }),
        };
        let mut client = self.client.clone();
        self.ask(NO_DRIVER, Box::pin(client.recover_task(request))).await?;
        Ok(())
    }

    async fn start_task(&self, task: TaskConfig) -> Result<StartedTask> {
        let task = Some(task::to_message(task)?);
        let mut client = self.client.clone();
        let call = Box::pin(client.start_task(wire::StartTaskRequest { task }));
        let answer = self.ask(NO_DRIVER, call).await?;
        let handle = answer
            .handle
            .ok_or_else(|| Error::fatal("the driver started the task and gave no handle for it"))?;
        let network = answer.network_override.map(network::network_override).transpose()?;
        Ok(StartedTask {
            version: handle.version,
            driver_state: handle.driver_state.into(),
            network,
        })
    }

    async fn wait_task(&self, id: &str) -> Result<ExitResult> {
        let task_id = id.to_owned();
        let mut client = self.client.clone();
        let answer = self
            .ask(NO_DRIVER, client.wait_task(wire::WaitTaskRequest { task_id }))
            .await?;
        Ok(task::end(answer))
    }

    async fn stop_task(&self, id: &str, timeout: Duration, signal: Option<&str>) -> Result<()> {
        let request = wire::StopTaskRequest {
            task_id: id.to_owned(),
            timeout: Some(time::duration_message(timeout)),
            signal: signal.unwrap_or_default().to_owned(),
        };
        self.ask(NO_DRIVER, self.client.clone().stop_task(request)).await?;
        Ok(())
    }

    async fn destroy_task(&self, id: &str, force: bool) -> Result<()> {
        let task_id = id.to_owned();
        let request = wire::DestroyTaskRequest { task_id, force };
        self.ask(NO_DRIVER, self.client.clone().destroy_task(request)).await?;
        Ok(())
    }

    async fn inspect_task(&self, id: &str) -> Result<TaskStatus> {
        let task_id = id.to_owned();
        let mut client = self.client.clone();
        let answer = self
            .ask(NO_DRIVER, client.inspect_task(wire::InspectTaskRequest { task_id }))
            .await?;
        task::status(answer)
    }

    async fn task_stats(&self, id: &str, interval: Duration) -> Result<BoxStream<Result<TaskStats>>> {
        let request = wire::TaskStatsRequest {
            task_id: id.to_owned(),
            collection_interval: Some(time::duration_message(interval)),
        };
        let mut client = self.client.clone();
        let call = async move { client.task_stats(request).await };
        let read = |message: wire::TaskStatsResponse| Ok(stats::from_message(message.stats.unwrap_or_default()));
        let failed = |error| from_call(error, NO_STATS);
        self.life().open(call, failed, read).await
    }

    async fn task_events(&self) -> Result<BoxStream<Result<TaskEvent>>> {
        let mut client = self.client.clone();
        let call = async move { client.task_events(wire::TaskEventsRequest {}).await };
        let failed = |error| from_call(error, NO_DRIVER);
        self.life().open(call, failed, |message| Ok(task::event(message))).await
    }

    async fn signal_task(&self, id: &str, signal: &str) -> Result<()> {
        let request = wire::SignalTaskRequest {
            task_id: id.to_owned(),
            signal: signal.to_owned(),
        };
        self.ask(NO_SIGNALS, self.client.clone().signal_task(request)).await?;
        Ok(())
    }

    /// A driver that does not keep the deadline is not waited for much longer.
    async fn exec_task(&self, id: &str, command: &[String], timeout: Duration) -> Result<ExecOutput> {
        const GRACE: Duration = Duration::from_secs(5);
        let request = wire::ExecTaskRequest {
            task_id: id.to_owned(),
            command: command.to_vec(),
            timeout: Some(time::duration_message(timeout)),
        };
        let mut client = self.client.clone();
        let call = self.life().answer(client.exec_task(request));
        let answer = match tokio::time::timeout(timeout.saturating_add(GRACE), call).await {
            Err(_) => return Err(Error::DeadlineExceeded(timeout)),
            Ok(Err(CallError::Status(status))) if status.code() == Code::DeadlineExceeded => {
                return Err(Error::DeadlineExceeded(timeout));
            }
            Ok(answer) => answer.map_err(|error| from_call(error, NO_EXEC))?.into_inner(),
        };
        Ok(ExecOutput {
            stdout: answer.stdout.into(),
            stderr: answer.stderr.into(),
            exit: task::exit(&answer.result.unwrap_or_default(), String::new()),
        })
    }

    async fn exec_task_streaming(&self, id: &str, options: ExecOptions, io: ExecIo) -> Result<ExitResult> {
        exec::session(self, id, options, io).await
    }

    async fn create_network(&self, alloc_id: &str, hostname: Option<&str>) -> Result<(NetworkIsolation, bool)> {
        let request = wire::CreateNetworkRequest {
            alloc_id: alloc_id.to_owned(),
            hostname: hostname.unwrap_or_default().to_owned(),
        };
        let answer = self
            .ask(NO_NETWORK, self.client.clone().create_network(request))
            .await?;
        let network = network::isolation(answer.isolation_spec.unwrap_or_default());
        Ok((network, answer.created))
    }

    async fn destroy_network(&self, alloc_id: &str, network: &NetworkIsolation) -> Result<()> {
        let request = wire::DestroyNetworkRequest {
            alloc_id: alloc_id.to_owned(),
            isolation_spec: Some(network::isolation_message(network)?),
        };
        let mut client = self.client.clone();
        self.ask(NO_NETWORK_REMOVAL, client.destroy_network(request)).await?;
        Ok(())
    }

    async fn shutdown(&self) -> Result<()> {
        self.tell(self.client.clone().shutdown(wire::ShutdownRequest {})).await
    }
}
