//! [`DriverService`]: a driver's answers, for a host.

use std::sync::Arc;
use std::time::Duration;

use encamp_base_grpc::{BoxStream, MAX_MESSAGE, held_open, time};
use encamp_driver::{Driver, Error, TaskConfig, TaskHandle};
use encamp_hclspec::{Type, Value};
use encamp_proto::driver as wire;
use encamp_proto::driver::driver_server;
use futures_util::StreamExt as _;
use tokio::sync::{OnceCell, oneshot};
use tonic::{Request, Response, Status};

use crate::convert::{capabilities, fingerprint, network, stats, task};
use crate::error::to_status;

mod exec;
mod frames;

pub use frames::DriverServer;
pub(crate) use frames::EXEC;

type Answer<T> = Result<Response<T>, Status>;
type Streamed<T> = BoxStream<Result<T, Status>>;

/// How long after the deadline of a command its driver may still answer.
const GRACE: Duration = Duration::from_secs(1);
/// How often a host that names no interval is sent a task's usage.
const STATS_INTERVAL: Duration = Duration::from_secs(1);

/// The answers of a driver. [`DriverServer`] puts them on a server.
#[derive(Clone)]
pub(crate) struct DriverService {
    driver: Arc<dyn Driver>,
    /// The type of a task's configuration, asked for once.
    task_type: Arc<OnceCell<Type>>,
}

impl DriverService {
    fn new(driver: Arc<dyn Driver>) -> Self {
        Self {
            driver,
            task_type: Arc::default(),
        }
    }

    async fn task(&self, message: wire::TaskConfig) -> Result<TaskConfig, Error> {
        let config = task::config(&message.msgpack_driver_config, self.task_type().await?)?;
        task::from_message(message, config)
    }

    /// A task that runs already: what it was started from may have been another version's to understand, and drivers get
    /// along without.
    async fn running_task(&self, message: wire::TaskConfig) -> Result<TaskConfig, Error> {
        let config = task::config(&message.msgpack_driver_config, self.task_type().await?);
        let config = config.unwrap_or_else(|error| {
            tracing::warn!(task_id = %message.id, error = error.chain(), "a task is recovered without its configuration");
            Value::NULL
        });
        task::from_message(message, config)
    }

    async fn task_type(&self) -> Result<&Type, Error> {
        let ty = self.task_type.get_or_try_init(|| async {
            let schema = self.driver.task_config_schema().await?;
            Ok(schema.implied_type())
        });
        ty.await
    }

    /// Starts a task that is removed again when nobody waits for the answer any more.
    async fn start(&self, config: TaskConfig) -> Result<encamp_driver::StartedTask, Error> {
        let driver = Arc::clone(&self.driver);
        let (answer, asked) = oneshot::channel();
        tokio::spawn(async move {
            let id = config.id.clone();
            let started = driver.start_task(config).await;
            let was_started = started.is_ok();
            // An answer that was sent may still be dropped unread.
            let (take, taken) = oneshot::channel();
            drop(answer.send((started, take)));
            if taken.await.is_err() && was_started {
                let removed = driver.destroy_task(&id, true).await;
                tracing::warn!(task_id = %id, ?removed, "nobody waits for the start of this task any more");
            }
        });
        let Ok((started, take)) = asked.await else {
            return Err(Error::recoverable("the driver gave up the start of the task"));
        };
        let _taken = take.send(());
        started
    }
}

#[tonic::async_trait]
impl driver_server::Driver for DriverService {
    type FingerprintStream = Streamed<wire::FingerprintResponse>;
    type TaskStatsStream = Streamed<wire::TaskStatsResponse>;
    type TaskEventsStream = Streamed<wire::DriverTaskEvent>;
    type ExecTaskStreamingStream = Streamed<wire::ExecTaskStreamingResponse>;

    async fn init(&self, _: Request<wire::InitRequest>) -> Answer<wire::InitResponse> {
        self.driver.init().await.map_err(failed)?;
        Ok(Response::new(wire::InitResponse {}))
    }

    async fn task_config_schema(
        &self,
        _: Request<wire::TaskConfigSchemaRequest>,
    ) -> Answer<wire::TaskConfigSchemaResponse> {
        let schema = self.driver.task_config_schema().await.map_err(failed)?;
        let spec = encamp_base_grpc::spec::to_message(&schema).map_err(|error| Status::internal(error.to_string()))?;
        Ok(Response::new(wire::TaskConfigSchemaResponse { spec: Some(spec) }))
    }

    async fn capabilities(&self, _: Request<wire::CapabilitiesRequest>) -> Answer<wire::CapabilitiesResponse> {
        let found = self.driver.capabilities().await.map_err(failed)?;
        let capabilities = Some(capabilities::to_message(found));
        Ok(Response::new(wire::CapabilitiesResponse { capabilities }))
    }

    /// A host whose stream ends asks again at once: this one is held open.
    async fn fingerprint(&self, _: Request<wire::FingerprintRequest>) -> Answer<Self::FingerprintStream> {
        let looks = self.driver.fingerprint().await.map_err(failed)?;
        let looks = looks.map(|look| Ok(fingerprint::to_message(look)));
        Ok(Response::new(held_open(looks)))
    }

    async fn recover_task(&self, request: Request<wire::RecoverTaskRequest>) -> Answer<wire::RecoverTaskResponse> {
        let message = request.into_inner().handle;
        let message = message.ok_or_else(|| Status::invalid_argument("RecoverTask without a handle"))?;
        let state = task::state(message.state());
        let config = self.running_task(message.config.unwrap_or_default()).await;
        let handle = TaskHandle {
            version: message.version,
            config: config.map_err(failed)?,
            state,
            driver_state: message.driver_state.to_vec(),
        };
        self.driver.recover_task(handle).await.map_err(failed)?;
        Ok(Response::new(wire::RecoverTaskResponse {}))
    }

    async fn start_task(&self, request: Request<wire::StartTaskRequest>) -> Answer<wire::StartTaskResponse> {
        let message = request.into_inner().task.unwrap_or_default();
        let config = self.task(message.clone()).await.map_err(failed)?;
        let started = self.start(config).await.map_err(failed)?;
        Ok(Response::new(wire::StartTaskResponse {
            result: wire::start_task_response::Result::Success.into(),
            driver_error_msg: String::new(),
            handle: Some(wire::TaskHandle {
                version: started.version,
                config: Some(message),
                state: wire::TaskState::Running.into(),
                driver_state: started.driver_state.into(),
            }),
            network_override: started.network.map(network::override_message),
        }))
    }

    async fn wait_task(&self, request: Request<wire::WaitTaskRequest>) -> Answer<wire::WaitTaskResponse> {
        let exit = self
            .driver
            .wait_task(&request.into_inner().task_id)
            .await
            .map_err(failed)?;
        Ok(Response::new(task::end_message(exit)))
    }

    async fn stop_task(&self, request: Request<wire::StopTaskRequest>) -> Answer<wire::StopTaskResponse> {
        let request = request.into_inner();
        let timeout = time::duration(request.timeout, "timeout")?;
        let signal = Some(request.signal.as_str()).filter(|signal| !signal.is_empty());
        let stopped = self.driver.stop_task(&request.task_id, timeout, signal).await;
        stopped.map_err(failed)?;
        Ok(Response::new(wire::StopTaskResponse {}))
    }

    async fn destroy_task(&self, request: Request<wire::DestroyTaskRequest>) -> Answer<wire::DestroyTaskResponse> {
        let request = request.into_inner();
        let destroyed = self.driver.destroy_task(&request.task_id, request.force).await;
        destroyed.map_err(failed)?;
        Ok(Response::new(wire::DestroyTaskResponse {}))
    }

    async fn inspect_task(&self, request: Request<wire::InspectTaskRequest>) -> Answer<wire::InspectTaskResponse> {
        let status = self.driver.inspect_task(&request.into_inner().task_id).await;
        Ok(Response::new(task::status_message(status.map_err(failed)?)))
    }

    async fn task_stats(&self, request: Request<wire::TaskStatsRequest>) -> Answer<Self::TaskStatsStream> {
        let request = request.into_inner();
        let interval = match time::duration(request.collection_interval, "collection_interval")? {
            Duration::ZERO => STATS_INTERVAL,
            interval => interval,
        };
        let id = request.task_id;
        let usage = self.driver.task_stats(&id, interval).await.map_err(failed)?;
        let usage = usage.map(move |sample| {
            let stats = Some(stats::to_message(&id, sample.map_err(failed)?));
            Ok(wire::TaskStatsResponse { stats })
        });
        Ok(Response::new(usage.boxed()))
    }

    /// A host whose stream ends asks again at once: this one is held open. What fails on the way is not the host's
    /// matter, and told in the log.
    async fn task_events(&self, _: Request<wire::TaskEventsRequest>) -> Answer<Self::TaskEventsStream> {
        let events = self.driver.task_events().await.map_err(failed)?;
        let events = events.filter_map(async |event| match event {
            Ok(event) => Some(Ok(task::event_message(event))),
            Err(error) => {
                tracing::warn!(error = error.chain(), "an event of a task is lost");
                None
            }
        });
        Ok(Response::new(held_open(events)))
    }

    async fn shutdown(&self, _: Request<wire::ShutdownRequest>) -> Answer<wire::ShutdownResponse> {
        self.driver.shutdown().await.map_err(failed)?;
        Ok(Response::new(wire::ShutdownResponse {}))
    }

    async fn signal_task(&self, request: Request<wire::SignalTaskRequest>) -> Answer<wire::SignalTaskResponse> {
        let request = request.into_inner();
        let signalled = self.driver.signal_task(&request.task_id, &request.signal).await;
        signalled.map_err(failed)?;
        Ok(Response::new(wire::SignalTaskResponse {}))
    }

    /// A driver that does not keep the deadline is not waited for much longer.
    async fn exec_task(&self, request: Request<wire::ExecTaskRequest>) -> Answer<wire::ExecTaskResponse> {
        let request = request.into_inner();
        let timeout = time::duration(request.timeout, "timeout")?;
        if request.command.is_empty() {
            return Err(Status::invalid_argument("command: is empty"));
        }
        let run = self.driver.exec_task(&request.task_id, &request.command, timeout);
        let output = tokio::time::timeout(timeout.saturating_add(GRACE), run).await;
        let output = output
            .unwrap_or(Err(Error::DeadlineExceeded(timeout)))
            .map_err(failed)?;
        Ok(Response::new(wire::ExecTaskResponse {
            stdout: output.stdout.into(),
            stderr: output.stderr.into(),
            result: Some(task::exit_message(&output.exit)),
        }))
    }

    async fn exec_task_streaming(
        &self,
        request: Request<tonic::Streaming<wire::ExecTaskStreamingRequest>>,
    ) -> Answer<Self::ExecTaskStreamingStream> {
        let answers = exec::session(Arc::clone(&self.driver), request.into_inner()).await?;
        Ok(Response::new(answers))
    }

    async fn create_network(
        &self,
        request: Request<wire::CreateNetworkRequest>,
    ) -> Answer<wire::CreateNetworkResponse> {
        let request = request.into_inner();
        let hostname = Some(request.hostname.as_str()).filter(|name| !name.is_empty());
        let made = self.driver.create_network(&request.alloc_id, hostname).await;
        let (network, created) = made.map_err(failed)?;
        Ok(Response::new(wire::CreateNetworkResponse {
            isolation_spec: Some(network::isolation_message(&network)?),
            created,
        }))
    }

    async fn destroy_network(
        &self,
        request: Request<wire::DestroyNetworkRequest>,
    ) -> Answer<wire::DestroyNetworkResponse> {
        let request = request.into_inner();
        let network = network::isolation(request.isolation_spec.unwrap_or_default());
        let destroyed = self.driver.destroy_network(&request.alloc_id, &network).await;
        destroyed.map_err(failed)?;
        Ok(Response::new(wire::DestroyNetworkResponse {}))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is passed to map_err")]
fn failed(error: Error) -> Status {
    to_status(&error)
}

/// The largest message that either side may send: hosts limit none.
fn unlimited(service: DriverService) -> driver_server::DriverServer<DriverService> {
    driver_server::DriverServer::new(service)
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE)
}
