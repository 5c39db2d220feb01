//! The messages that a host sees, before anybody reads them: hosts look into parts without asking whether they are there.

use encamp_driver::{Error, ExecOutput, ExitResult, Fingerprint, ResourceUsage, TaskState, TaskStats, TaskStatus};
use encamp_proto::driver::driver_client::DriverClient;
use encamp_proto::driver::{self as wire};
use encamp_proto::{base, rpc, structs};
use futures_util::{StreamExt as _, future, stream};
use prost::Message as _;
use std::time::SystemTime;
use tonic::Code;
use tonic::transport::Channel;

use super::*;

/// The first second of the year 1.
const GO_ZERO: i64 = -62_135_596_800;

fn raw(plugin: &Loopback) -> DriverClient<Channel> {
    DriverClient::new(plugin.cable().channel())
}

const SECOND: prost_types::Duration = prost_types::Duration { seconds: 1, nanos: 0 };

#[tokio::test]
async fn every_part_of_an_inspection_is_there() {
    let bare = |(id,): (String,)| {
        future::ok(TaskStatus {
            name: String::new(),
            state: TaskState::Unknown,
            started_at: None,
            completed_at: None,
            exit: None,
            attributes: [].into(),
            network: None,
            id,
        })
    };
    let plugin = behind_a_wire(ScriptedDriver::new().on_inspect_task(bare)).await;
    let request = wire::InspectTaskRequest { task_id: "id".into() };
    let answer = raw(&plugin).inspect_task(request).await.unwrap().into_inner();
    let task = answer.task.unwrap();
    assert!(answer.driver.is_some() && task.result.is_some());
    assert_eq!(task.started_at.unwrap().seconds, GO_ZERO);
    assert_eq!(task.completed_at.unwrap().seconds, GO_ZERO);
}

#[tokio::test]
async fn every_part_of_an_end_is_there() {
    let ended = |_| future::ok(ExitResult::default());
    let plugin = behind_a_wire(ScriptedDriver::new().on_wait_task(ended)).await;
    let request = wire::WaitTaskRequest { task_id: "id".into() };
    let answer = raw(&plugin).wait_task(request).await.unwrap().into_inner();
    assert_eq!(answer.result, Some(wire::ExitResult::default()));
}

#[tokio::test]
async fn a_kill_for_want_of_memory_is_told_in_words_too() {
    let killed = |_| {
        future::ok(ExitResult {
            oom_killed: true,
            ..ExitResult::signal(9)
        })
    };
    let plugin = behind_a_wire(ScriptedDriver::new().on_wait_task(killed)).await;
    let request = wire::WaitTaskRequest { task_id: "id".into() };
    let answer = raw(&plugin).wait_task(request).await.unwrap().into_inner();
    assert_eq!(answer.err, "OOM Killed");
}

#[tokio::test]
async fn every_part_of_a_commands_answer_is_there() {
    let said = |_| future::ok(ExecOutput::default());
    let plugin = behind_a_wire(ScriptedDriver::new().on_exec_task(said)).await;
    let request = wire::ExecTaskRequest {
        task_id: "id".into(),
        command: vec!["true".into()],
        timeout: Some(SECOND),
    };
    let answer = raw(&plugin).exec_task(request).await.unwrap().into_inner();
    assert_eq!(answer.result, Some(wire::ExitResult::default()));
}

#[tokio::test]
async fn every_part_of_a_sample_is_there() {
    let sample = || TaskStats {
        timestamp: SystemTime::UNIX_EPOCH,
        total: ResourceUsage::default(),
        by_pid: [(1, ResourceUsage::default())].into(),
    };
    let driver = ScriptedDriver::new().on_task_stats(move |_| future::ok(stream::iter([Ok(sample())]).boxed()));
    let plugin = behind_a_wire(driver).await;
    let request = wire::TaskStatsRequest {
        task_id: "id".into(),
        collection_interval: Some(SECOND),
    };
    let mut samples = raw(&plugin).task_stats(request).await.unwrap().into_inner();
    let stats = samples.message().await.unwrap().unwrap().stats.unwrap();
    assert_eq!(stats.timestamp, Some(prost_types::Timestamp::default()));
    let usages = [
        stats.agg_resource_usage.unwrap(),
        stats.resource_usage_by_pid["1"].clone(),
    ];
    for usage in usages {
        assert!(usage.cpu.is_some() && usage.memory.is_some(), "{usage:?}");
    }
}

#[tokio::test]
async fn a_started_tasks_handle_holds_the_request_and_says_that_it_runs() {
    let plugin = behind_a_wire(ScriptedDriver::new()).await;
    let task = wire::TaskConfig {
        id: "id".into(),
        name: "web".into(),
        msgpack_driver_config: b"\x81\xa7command\xa1x".to_vec().into(),
        user: "nobody".into(),
        ..wire::TaskConfig::default()
    };
    let request = wire::StartTaskRequest {
        task: Some(task.clone()),
    };
    let answer = raw(&plugin).start_task(request).await.unwrap().into_inner();
    assert_eq!(answer.result(), wire::start_task_response::Result::Success);
    let handle = answer.handle.unwrap();
    assert_eq!(handle.config, Some(task));
    assert_eq!((handle.version, handle.state()), (1, wire::TaskState::Running));
    assert!(!handle.driver_state.is_empty());
}

#[tokio::test]
async fn capabilities_and_schemas_are_there() {
    let plugin = behind_a_wire(ScriptedDriver::new()).await;
    let capabilities = raw(&plugin).capabilities(wire::CapabilitiesRequest {}).await.unwrap();
    assert!(capabilities.into_inner().capabilities.is_some());
    let schema = raw(&plugin)
        .task_config_schema(wire::TaskConfigSchemaRequest {})
        .await
        .unwrap();
    assert!(schema.into_inner().spec.is_some());
    let mut base = base::base_plugin_client::BasePluginClient::new(plugin.cable().channel());
    let schema = base.config_schema(base::ConfigSchemaRequest {}).await.unwrap();
    assert!(schema.into_inner().spec.is_some());
}

#[tokio::test]
async fn a_fingerprint_that_fails_says_so_where_hosts_look() {
    let looks = || stream::iter([Err(Error::fatal("no engine")), Ok(Fingerprint::healthy([]))]);
    let plugin = behind_a_wire(ScriptedDriver::new().on_fingerprint(move |()| future::ok(looks().boxed()))).await;
    let answer = raw(&plugin).fingerprint(wire::FingerprintRequest {}).await.unwrap();
    let mut looks = answer.into_inner();
    assert_eq!(looks.message().await.unwrap().unwrap().err, "no engine");
    let healthy = looks.message().await.unwrap().unwrap();
    assert_eq!(healthy.health(), wire::fingerprint_response::HealthState::Healthy);
    assert_eq!(healthy.err, "");
}

#[tokio::test]
async fn a_recoverable_error_is_the_first_detail_of_its_status() {
    let plugin =
        behind_a_wire(ScriptedDriver::new().on_start_task(|_| future::err(Error::recoverable("no space")))).await;
    let status = raw(&plugin)
        .start_task(wire::StartTaskRequest::default())
        .await
        .unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::FailedPrecondition, "no space")
    );
    let details = rpc::Status::decode(status.details()).unwrap();
    assert_eq!(
        details.details[0].type_url,
        "type.googleapis.com/hashicorp.nomad.plugins.shared.structs.RecoverableError"
    );
    let detail = structs::RecoverableError::decode(details.details[0].value.as_slice()).unwrap();
    assert!(detail.recoverable);
}

#[tokio::test]
async fn other_errors_are_of_unknown_code_and_have_their_text() {
    let fail = |(id,)| future::err(Error::TaskNotFound(id));
    let plugin = behind_a_wire(ScriptedDriver::new().on_inspect_task(fail)).await;
    let request = wire::InspectTaskRequest { task_id: "a/b".into() };
    let status = raw(&plugin).inspect_task(request).await.unwrap_err();
    assert_eq!(status.code(), Code::Unknown);
    assert!(status.message().starts_with("task not found for given id"), "{status}");
}

#[tokio::test]
async fn requests_that_lack_a_part_are_refused_or_read_as_if_it_were_empty() {
    let plugin = behind_a_wire(ScriptedDriver::new()).await;
    let mut raw = raw(&plugin);
    let refused = [
        raw.recover_task(wire::RecoverTaskRequest::default()).await.map(drop),
        raw.stop_task(wire::StopTaskRequest::default()).await.map(drop),
        raw.task_stats(wire::TaskStatsRequest::default()).await.map(drop),
        raw.exec_task(wire::ExecTaskRequest::default()).await.map(drop),
        raw.exec_task_streaming(stream::iter([wire::ExecTaskStreamingRequest::default()]))
            .await
            .map(drop),
        raw.exec_task_streaming(stream::empty()).await.map(drop),
    ];
    for answer in refused {
        assert_eq!(answer.unwrap_err().code(), Code::InvalidArgument);
    }
    raw.start_task(wire::StartTaskRequest::default()).await.unwrap();
    raw.wait_task(wire::WaitTaskRequest::default()).now_or_pending().await;
    raw.destroy_task(wire::DestroyTaskRequest::default()).await.unwrap();
    raw.inspect_task(wire::InspectTaskRequest::default()).await.unwrap();
    let empty = wire::RecoverTaskRequest {
        handle: Some(wire::TaskHandle::default()),
        ..wire::RecoverTaskRequest::default()
    };
    raw.recover_task(empty).await.unwrap();
    let network = raw.destroy_network(wire::DestroyNetworkRequest::default()).await;
    assert_eq!(network.unwrap_err().code(), Code::Unimplemented);
}

/// Neither an answer nor an error.
trait Pending: Future + Sized {
    async fn now_or_pending(self) {
        let answered = tokio::time::timeout(Duration::from_millis(50), self).await;
        assert!(answered.is_err(), "an answer");
    }
}

impl<F: Future> Pending for F {}

#[tokio::test]
async fn values_that_no_host_means_are_refused_by_name() {
    let plugin = behind_a_wire(ScriptedDriver::new()).await;
    let mut raw = raw(&plugin);
    let port = wire::PortMapping {
        value: 70_000,
        ..wire::PortMapping::default()
    };
    let tasks = [
        wire::TaskConfig {
            resources: Some(wire::Resources {
                ports: vec![port],
                ..wire::Resources::default()
            }),
            ..wire::TaskConfig::default()
        },
        wire::TaskConfig {
            mounts: vec![wire::Mount {
                propagation_mode: "sideways".into(),
                ..wire::Mount::default()
            }],
            ..wire::TaskConfig::default()
        },
        wire::TaskConfig {
            msgpack_driver_config: b"\xc1".to_vec().into(),
            ..wire::TaskConfig::default()
        },
        wire::TaskConfig {
            msgpack_driver_config: b"\x81\xa7command\x93\x01\x02\x03".to_vec().into(),
            ..wire::TaskConfig::default()
        },
    ];
    for task in tasks {
        let status = raw
            .start_task(wire::StartTaskRequest { task: Some(task) })
            .await
            .unwrap_err();
        assert!(status.message().contains(['.', ':']), "{status}");
    }
    let negative = wire::StopTaskRequest {
        timeout: Some(prost_types::Duration { seconds: -1, nanos: 0 }),
        ..wire::StopTaskRequest::default()
    };
    let status = raw.stop_task(negative).await.unwrap_err();
    assert!(status.message().starts_with("timeout"), "{status}");
}
