//! Between the client library's types and ours. Nothing here does any I/O.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use bollard::ClientVersion;
use bollard::errors::Error;
use bollard::models;

use crate::engine::{
    Container, ContainerSpec, ContainerState, EngineError, EngineInfo, EngineResult, Image, LogQuery, PullProgress,
    StatsSample,
};

pub(super) fn error(call: &'static str, error: Error) -> EngineError {
    match error {
        Error::DockerResponseServerError { status_code, message } => EngineError::from_status(status_code, message),
        Error::DockerStreamError { error } => EngineError::Stream(error),
        Error::RequestTimeoutError => EngineError::Timeout {
            call,
            after: Duration::from_secs(u64::from(u32::MAX)),
        },
        Error::JsonDataError { message, .. } => EngineError::Protocol { call, reason: message },
        Error::JsonSerdeError { err } => EngineError::Protocol {
            call,
            reason: err.to_string(),
        },
        Error::SocketNotFoundError(path) => EngineError::Unreachable(format!("{path} does not exist")),
        other => EngineError::Unreachable(causes(&other)),
    }
}

/// The error and what it came of; the library's own text stops short of the interesting part.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

/// The newest API version that both sides know.
pub(super) fn agreed_api(theirs: Option<&str>, ours: &ClientVersion) -> String {
    let parsed = theirs.and_then(|text| {
        let (major, minor) = text.split_once('.')?;
        Some((major.parse::<usize>().ok()?, minor.parse::<usize>().ok()?))
    });
    let newest = (ours.major_version, ours.minor_version);
    let (major, minor) = parsed.unwrap_or(newest).min(newest);
    format!("{major}.{minor}")
}

pub(super) fn info(info: models::SystemInfo) -> EngineInfo {
    let mut runtimes: Vec<String> = info.runtimes.unwrap_or_default().into_keys().collect();
    runtimes.sort();
    EngineInfo {
        version: info.server_version.unwrap_or_default(),
        os_type: info.os_type.unwrap_or_default(),
        runtimes,
    }
}

/// The first gateway of the network `bridge` that is an address at all.
pub(super) fn bridge_gateway(networks: Vec<models::Network>) -> Option<String> {
    let bridge = networks
        .into_iter()
        .find(|network| network.name.as_deref() == Some("bridge"))?;
    let configs = bridge.ipam?.config?;
    configs.into_iter().find_map(|config| {
        let gateway = config.gateway?;
        let address: std::net::IpAddr = gateway.parse().ok()?;
        (!address.is_unspecified()).then_some(gateway)
    })
}

pub(super) fn image(image: models::ImageInspect) -> Image {
    let user = image.config.and_then(|config| config.user);
    Image {
        id: image.id.unwrap_or_default(),
        user: user.filter(|user| !user.is_empty()),
        tags: image.repo_tags.unwrap_or_default(),
    }
}

/// Whether a reference has a tag or a digest.
pub(super) fn names_one_image(reference: &str) -> bool {
    let name = reference.rsplit('/').next().unwrap_or(reference);
    name.contains([':', '@'])
}

pub(super) fn progress(info: models::CreateImageInfo) -> PullProgress {
    let bytes = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok());
    let detail = info.progress_detail.unwrap_or_default();
    PullProgress {
        layer: info.id.unwrap_or_default(),
        status: info.status.unwrap_or_default(),
        current: bytes(detail.current),
        total: bytes(detail.total),
    }
}

/// The library's body, by way of the JSON that both spell alike.
pub(super) fn create_body(spec: &ContainerSpec) -> EngineResult<models::ContainerCreateBody> {
    let json = serde_json::to_value(spec).and_then(serde_json::from_value);
    json.map_err(|error| EngineError::Protocol {
        call: "create",
        reason: error.to_string(),
    })
}

pub(super) fn container(found: models::ContainerInspectResponse) -> Container {
    let config = found.config.unwrap_or_default();
    let log_config = found.host_config.and_then(|host| host.log_config).unwrap_or_default();
    let networks = found
        .network_settings
        .and_then(|settings| settings.networks)
        .unwrap_or_default();
    let address = |endpoint: models::EndpointSettings| endpoint.ip_address.filter(|ip| !ip.is_empty());
    Container {
        id: found.id.unwrap_or_default(),
        name: found.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        image_id: found.image.unwrap_or_default(),
        labels: config.labels.unwrap_or_default().into_iter().collect(),
        state: state(found.state.unwrap_or_default()),
        tty: config.tty.unwrap_or(false),
        stop_signal: config.stop_signal.filter(|signal| !signal.is_empty()),
        log_driver: log_config.typ.unwrap_or_default(),
        log_options: log_config.config.unwrap_or_default().into_iter().collect(),
        log_path: PathBuf::from(found.log_path.unwrap_or_default()),
        addresses: networks
            .into_iter()
            .filter_map(|(name, endpoint)| Some((name, address(endpoint)?)))
            .collect(),
    }
}

fn state(state: models::ContainerState) -> ContainerState {
    ContainerState {
        status: state.status.map(|status| status.to_string()).unwrap_or_default(),
        running: state.running.unwrap_or(false),
        oom_killed: state.oom_killed.unwrap_or(false),
        pid: state.pid.unwrap_or(0),
        exit_code: state.exit_code.unwrap_or(0),
        error: state.error.unwrap_or_default(),
        started_at: time(state.started_at.as_deref()),
        finished_at: time(state.finished_at.as_deref()),
    }
}

/// A time of the engine's; its zero time (year 1) means that there is none.
fn time(text: Option<&str>) -> Option<SystemTime> {
    humantime::parse_rfc3339(text?).ok()
}

pub(super) fn stats(sample: models::ContainerStatsResponse) -> StatsSample {
    let cpu = sample.cpu_stats.unwrap_or_default();
    let usage = cpu.cpu_usage.unwrap_or_default();
    let throttling = cpu.throttling_data.unwrap_or_default();
    let memory = sample.memory_stats.unwrap_or_default();
    let listed = usage.percpu_usage.map_or(0, |list| list.len() as u64);
    StatsSample {
        read: time(sample.read.as_deref()),
        cpu_total: usage.total_usage.unwrap_or(0),
        cpu_kernel: usage.usage_in_kernelmode.unwrap_or(0),
        cpu_user: usage.usage_in_usermode.unwrap_or(0),
        system: cpu.system_cpu_usage.unwrap_or(0),
        cpus: cpu.online_cpus.map_or(listed, u64::from),
        throttled_periods: throttling.throttled_periods.unwrap_or(0),
        throttled_time: throttling.throttled_time.unwrap_or(0),
        memory_usage: memory.usage.unwrap_or(0),
        memory_max: memory.max_usage.unwrap_or(0),
        memory: memory.stats.unwrap_or_default().into_iter().collect(),
    }
}

pub(super) fn log_query(query: &LogQuery) -> String {
    let flag = u8::from;
    let mut text = format!(
        "stdout=1&stderr=1&follow={}&timestamps={}",
        flag(query.follow),
        flag(query.timestamps)
    );
    if let Some(since) = &query.since {
        text.push_str("&since=");
        text.push_str(since);
    }
    if let Some(tail) = query.tail {
        text.push_str("&tail=");
        text.push_str(&tail.to_string());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_of_both_api_versions_is_agreed_on() {
        let ours = ClientVersion {
            major_version: 1,
            minor_version: 53,
        };
        for (theirs, agreed) in [
            (Some("1.41"), "1.41"),
            (Some("1.99"), "1.53"),
            (None, "1.53"),
            (Some("x"), "1.53"),
        ] {
            assert_eq!(agreed_api(theirs, &ours), agreed);
        }
    }

    #[test]
    fn a_bridge_without_a_real_gateway_has_none() {
        let bridge = |gateway: Option<&str>| {
            let config = models::IpamConfig {
                gateway: gateway.map(str::to_owned),
                ..Default::default()
            };
            let ipam = models::Ipam {
                config: Some(vec![config]),
                ..Default::default()
            };
            vec![models::Network {
                name: Some("bridge".into()),
                ipam: Some(ipam),
                ..Default::default()
            }]
        };
        assert_eq!(
            bridge_gateway(bridge(Some("172.17.0.1"))).as_deref(),
            Some("172.17.0.1")
        );
        for not_one in [None, Some(""), Some("0.0.0.0"), Some("invalid IP")] {
            assert_eq!(bridge_gateway(bridge(not_one)), None, "{not_one:?}");
        }
    }

    #[test]
    fn a_full_spec_survives_the_way_into_the_library() {
        let spec = ContainerSpec {
            image: "busybox".into(),
            exposed_ports: ["80/tcp".to_owned()].into(),
            env: [("A", "1")].into_iter().collect(),
            ..ContainerSpec::default()
        };
        let body = create_body(&spec).unwrap();
        assert_eq!(body.image.as_deref(), Some("busybox"));
        assert_eq!(body.env.unwrap(), ["A=1"]);
        assert_eq!(body.exposed_ports.unwrap(), ["80/tcp"]);
    }
}
