//! A plugin that answers with as little as the protocol allows, with nothing, or with nonsense.

use encamp_base_grpc::ConnectError;
use encamp_driver::{Error, ExitResult, Health, NetworkIsolation, Plugin, TaskHandle, TaskState};
use encamp_driver_grpc::RemoteDriver;
use encamp_proto::base::base_plugin_server::{BasePlugin, BasePluginServer};
use encamp_proto::driver::driver_server::{self, DriverServer};
use encamp_proto::{base, driver as wire};
use encamp_testkit::{Cable, Session};
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};

use super::*;

/// What a raw plugin says to everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    /// Messages with nothing in them.
    Nothing,
    /// That it knows no such call.
    Unimplemented,
    /// Messages whose values nobody can mean.
    Nonsense,
    /// Not a word.
    Never,
    /// Not even who it is.
    NotWhoItIs,
}

#[derive(Clone, Copy)]
struct Raw(Says);

impl Raw {
    async fn keep_silent(self) {
        if self.0 == Says::Never {
            std::future::pending::<()>().await;
        }
    }

    fn say<T: Default>(self, nonsense: impl FnOnce() -> T) -> Result<Response<T>, Status> {
        match self.0 {
            Says::Nothing | Says::Never | Says::NotWhoItIs => Ok(Response::new(T::default())),
            Says::Unimplemented => Err(Status::unimplemented("unknown method")),
            Says::Nonsense => Ok(Response::new(nonsense())),
        }
    }

    fn stream<T: Default + Send + 'static>(self, nonsense: impl FnOnce() -> T) -> Result<Response<Out<T>>, Status> {
        let one = self.say(nonsense)?.into_inner();
        Ok(Response::new(stream::iter([Ok(one)]).boxed()))
    }
}

type Out<T> = BoxStream<'static, Result<T, Status>>;

#[tonic::async_trait]
impl BasePlugin for Raw {
    async fn plugin_info(
        &self,
        _: Request<base::PluginInfoRequest>,
    ) -> Result<Response<base::PluginInfoResponse>, Status> {
        if self.0 == Says::NotWhoItIs {
            std::future::pending::<()>().await;
        }
        Ok(Response::new(base::PluginInfoResponse {
            r#type: base::PluginType::Driver.into(),
            name: "raw".into(),
            ..base::PluginInfoResponse::default()
        }))
    }

    async fn config_schema(
        &self,
        _: Request<base::ConfigSchemaRequest>,
    ) -> Result<Response<base::ConfigSchemaResponse>, Status> {
        Ok(Response::new(base::ConfigSchemaResponse::default()))
    }

    async fn set_config(
        &self,
        request: Request<base::SetConfigRequest>,
    ) -> Result<Response<base::SetConfigResponse>, Status> {
        assert!(
            request.into_inner().msgpack_config.is_empty(),
            "bytes for a plugin without a schema"
        );
        Ok(Response::new(base::SetConfigResponse {}))
    }
}

macro_rules! unary {
    ($($call:ident: $request:ident -> $response:ident = $nonsense:expr;)*) => {
        #[tonic::async_trait]
        impl driver_server::Driver for Raw {
            type FingerprintStream = Out<wire::FingerprintResponse>;
            type TaskStatsStream = Out<wire::TaskStatsResponse>;
            type TaskEventsStream = Out<wire::DriverTaskEvent>;
            type ExecTaskStreamingStream = Out<wire::ExecTaskStreamingResponse>;

            $(async fn $call(&self, _: Request<wire::$request>) -> Result<Response<wire::$response>, Status> {
                self.keep_silent().await;
                self.say(|| $nonsense)
            })*

            async fn fingerprint(
                &self,
                _: Request<wire::FingerprintRequest>,
            ) -> Result<Response<Self::FingerprintStream>, Status> {
                self.stream(|| wire::FingerprintResponse {
                    health: 77,
                    attributes: [("empty".to_owned(), encamp_proto::structs::Attribute::default())].into(),
                    ..wire::FingerprintResponse::default()
                })
            }

            async fn task_stats(
                &self,
                _: Request<wire::TaskStatsRequest>,
            ) -> Result<Response<Self::TaskStatsStream>, Status> {
                self.stream(|| {
                    let usage = wire::TaskResourceUsage {
                        cpu: Some(wire::CpuUsage {
                            percent: f64::NAN,
                            measured_fields: vec![99, -1],
                            ..wire::CpuUsage::default()
                        }),
                        memory: None,
                    };
                    wire::TaskStatsResponse {
                        stats: Some(wire::TaskStats {
                            timestamp: Some(NO_TIME),
                            agg_resource_usage: Some(usage.clone()),
                            resource_usage_by_pid: [("-99999999999".to_owned(), usage)].into(),
                            ..wire::TaskStats::default()
                        }),
                    }
                })
            }

            async fn task_events(
                &self,
                _: Request<wire::TaskEventsRequest>,
            ) -> Result<Response<Self::TaskEventsStream>, Status> {
                self.keep_silent().await;
                self.stream(|| wire::DriverTaskEvent {
                    timestamp: Some(NO_TIME),
                    ..wire::DriverTaskEvent::default()
                })
            }

            async fn exec_task_streaming(
                &self,
                _: Request<Streaming<wire::ExecTaskStreamingRequest>>,
            ) -> Result<Response<Self::ExecTaskStreamingStream>, Status> {
                self.stream(|| wire::ExecTaskStreamingResponse {
                    exited: true,
                    ..wire::ExecTaskStreamingResponse::default()
                })
            }
        }
    };
}

/// A time that is none.
const NO_TIME: prost_types::Timestamp = prost_types::Timestamp {
    seconds: i64::MAX,
    nanos: -7,
};

unary! {
    init: InitRequest -> InitResponse = wire::InitResponse {};
    shutdown: ShutdownRequest -> ShutdownResponse = wire::ShutdownResponse {};
    task_config_schema: TaskConfigSchemaRequest -> TaskConfigSchemaResponse = wire::TaskConfigSchemaResponse {
        spec: Some(encamp_proto::hclspec::Spec::default()),
    };
    capabilities: CapabilitiesRequest -> CapabilitiesResponse = wire::CapabilitiesResponse {
        capabilities: Some(wire::DriverCapabilities {
            fs_isolation: 44,
            network_isolation_modes: vec![-5, 99],
            mount_configs: 17,
            ..wire::DriverCapabilities::default()
        }),
    };
    recover_task: RecoverTaskRequest -> RecoverTaskResponse = wire::RecoverTaskResponse {};
    start_task: StartTaskRequest -> StartTaskResponse = wire::StartTaskResponse {
        handle: Some(wire::TaskHandle::default()),
        network_override: Some(wire::NetworkOverride {
            port_map: [("http".to_owned(), 70_000)].into(),
            ..wire::NetworkOverride::default()
        }),
        ..wire::StartTaskResponse::default()
    };
    wait_task: WaitTaskRequest -> WaitTaskResponse = wire::WaitTaskResponse {
        result: Some(wire::ExitResult { exit_code: i32::MIN, signal: i32::MAX, oom_killed: true }),
        err: "?".into(),
    };
    stop_task: StopTaskRequest -> StopTaskResponse = wire::StopTaskResponse {};
    destroy_task: DestroyTaskRequest -> DestroyTaskResponse = wire::DestroyTaskResponse {};
    inspect_task: InspectTaskRequest -> InspectTaskResponse = wire::InspectTaskResponse {
        task: Some(wire::TaskStatus {
            state: 99,
            started_at: Some(NO_TIME),
            completed_at: Some(NO_TIME),
            ..wire::TaskStatus::default()
        }),
        ..wire::InspectTaskResponse::default()
    };
    signal_task: SignalTaskRequest -> SignalTaskResponse = wire::SignalTaskResponse {};
    exec_task: ExecTaskRequest -> ExecTaskResponse = wire::ExecTaskResponse::default();
    create_network: CreateNetworkRequest -> CreateNetworkResponse = wire::CreateNetworkResponse {
        isolation_spec: Some(wire::NetworkIsolationSpec { mode: 99, ..wire::NetworkIsolationSpec::default() }),
        created: true,
    };
    destroy_network: DestroyNetworkRequest -> DestroyNetworkResponse = wire::DestroyNetworkResponse {};
}

async fn connect(says: Says) -> (Cable, RemoteDriver) {
    let raw = Raw(says);
    let routes = Routes::new(DriverServer::new(raw)).add_service(BasePluginServer::new(raw));
    let cable = Cable::to(routes).unwrap();
    let driver = RemoteDriver::connect(cable.channel(), cable.life()).await.unwrap();
    (cable, driver)
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn init_and_shutdown_that_a_plugin_does_not_know_are_no_errors() {
    let (_cable, driver) = connect(Says::Unimplemented).await;
    driver.init().await.unwrap();
    driver.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_deadline_holds_against_a_plugin_that_does_not_answer() {
    let (_cable, driver) = connect(Says::Never).await;
    let answer = within("the deadline", driver.exec_task("id", &["true".to_owned()], SECOND)).await;
    assert!(matches!(answer, Err(Error::DeadlineExceeded(SECOND))), "{answer:?}");
}

#[tokio::test]
async fn a_stream_whose_plugin_answers_with_its_first_event_is_open_before_that() {
    let (cable, driver) = connect(Says::Never).await;
    let mut events = tokio::time::timeout(SECOND, driver.task_events())
        .await
        .unwrap()
        .unwrap();
    let first = tokio::time::timeout(SECOND, events.next()).await;
    assert!(first.is_err(), "an event");
    cable.kill();
    let last = within("the end", events.next()).await;
    assert!(matches!(last, Some(Err(Error::PluginShutdown))), "{last:?}");
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn a_plugin_without_a_schema_is_configured_with_no_bytes() {
    let (_cable, driver) = connect(Says::Nothing).await;
    assert!(!driver.plugin().is_configurable());
    let nothing = encamp_hclspec::Value::object::<String, encamp_hclspec::Value>([]);
    driver
        .set_config(encamp_driver::PluginConfig::new(nothing))
        .await
        .unwrap();
}

#[tokio::test]
async fn other_calls_that_a_plugin_does_not_know_are_unsupported() {
    let (_cable, driver) = connect(Says::Unimplemented).await;
    let command = ["true".to_owned()];
    let errors = [
        driver.capabilities().await.err(),
        driver.task_config_schema().await.err(),
        driver.start_task(task("id")).await.err(),
        driver.wait_task("id").await.err(),
        driver.task_stats("id", SECOND).await.err(),
        driver.fingerprint().await.err(),
        driver.exec_task("id", &command, SECOND).await.err(),
        driver.create_network("3ac4", None).await.err(),
    ];
    for error in errors {
        assert!(matches!(error, Some(Error::Unsupported(_))), "{error:?}");
    }
}

#[tokio::test]
async fn parts_that_are_missing_are_empty_or_an_error_that_says_so() {
    let (_cable, driver) = connect(Says::Nothing).await;
    let capabilities = driver.capabilities().await.unwrap();
    assert!(!capabilities.exec && !capabilities.send_signals);
    let error = driver.task_config_schema().await.unwrap_err();
    assert!(error.to_string().contains("schema"), "{error}");
    let error = driver.start_task(task("id")).await.unwrap_err();
    assert!(error.to_string().contains("handle"), "{error}");
    let error = driver.inspect_task("id").await.unwrap_err();
    assert!(error.to_string().contains("no task"), "{error}");
    assert_eq!(driver.wait_task("id").await.unwrap(), ExitResult::default());
    let output = driver.exec_task("id", &["true".to_owned()], SECOND).await.unwrap();
    assert_eq!(output.exit, ExitResult::default());
    assert_eq!(
        driver.create_network("3ac4", None).await.unwrap(),
        (NetworkIsolation::default(), false)
    );
    let look = driver.fingerprint().await.unwrap().next().await.unwrap().unwrap();
    assert_eq!(look.health, Health::Undetected);
    assert!(
        driver
            .task_stats("id", SECOND)
            .await
            .unwrap()
            .next()
            .await
            .unwrap()
            .is_ok()
    );
    assert!(driver.task_events().await.unwrap().next().await.unwrap().is_ok());
}

#[tokio::test]
async fn a_session_that_ends_without_an_exit_is_an_error() {
    let (_cable, driver) = connect(Says::Nothing).await;
    let mut session = Session::start(Arc::new(driver), "id", &["sh"], None);
    let error = within("the exit", session.exit()).await.unwrap_err();
    assert!(error.to_string().contains("without an exit"), "{error}");
}

#[tokio::test]
async fn a_session_that_ends_without_a_result_has_ended() {
    let (_cable, driver) = connect(Says::Nonsense).await;
    let mut session = Session::start(Arc::new(driver), "id", &["sh"], None);
    assert_eq!(within("the exit", session.exit()).await.unwrap(), ExitResult::default());
}

#[tokio::test]
async fn nonsense_is_an_error_or_read_as_not_known() {
    let (_cable, driver) = connect(Says::Nonsense).await;
    driver.capabilities().await.unwrap();
    driver.task_config_schema().await.unwrap_err();
    let error = driver.start_task(task("id")).await.unwrap_err();
    assert!(error.to_string().contains("70000"), "{error}");
    let exit = driver.wait_task("id").await.unwrap();
    assert_eq!((exit.exit_code, exit.signal), (i32::MIN, i32::MAX));
    let status = driver.inspect_task("id").await.unwrap();
    assert_eq!(status.state, TaskState::Unknown);
    driver.create_network("3ac4", None).await.unwrap();
    driver.recover_task(TaskHandle::default()).await.unwrap();
    let look = driver.fingerprint().await.unwrap().next().await.unwrap().unwrap();
    assert_ne!(look.health, Health::Healthy);
    let sample = driver
        .task_stats("id", SECOND)
        .await
        .unwrap()
        .next()
        .await
        .unwrap()
        .unwrap();
    assert!(sample.by_pid.is_empty());
    assert!(driver.task_events().await.unwrap().next().await.unwrap().is_ok());
}

#[tokio::test]
async fn a_peer_that_is_no_plugin_is_an_error() {
    let cable = Cable::to(Routes::default()).unwrap();
    let error = RemoteDriver::connect(cable.channel(), cable.life()).await.unwrap_err();
    assert!(
        matches!(error, ConnectError::Call { call: "PluginInfo", .. }),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_does_not_say_who_it_is_is_not_waited_for() {
    let raw = Raw(Says::NotWhoItIs);
    let cable = Cable::to(Routes::new(BasePluginServer::new(raw))).unwrap();
    let connected = RemoteDriver::connect(cable.channel(), cable.life());
    let error = timeout(Duration::from_hours(1), connected).await.unwrap().unwrap_err();
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(
        format!("{error}: {source}"),
        "plugin does not answer PluginInfo: no answer within 60s"
    );
}
