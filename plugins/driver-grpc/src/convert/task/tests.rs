use std::time::Duration;

use encamp_driver::{
    DnsConfig, LinuxResources, NetworkIsolation, NetworkOverride, NetworkPort, NetworkResource, PortMapping, Resources,
};

use super::*;

/// A task's configuration as a driver with a schema of this type takes it.
fn read(message: wire::TaskConfig, schema: &Type) -> Result<TaskConfig> {
    let config = config(&message.msgpack_driver_config, schema)?;
    from_message(message, config)
}

fn whole() -> TaskConfig {
    TaskConfig {
        id: "alloc/web/0a1b2c3d".to_owned(),
        name: "web".to_owned(),
        alloc_id: "alloc".to_owned(),
        job_id: "job/dispatch-1".to_owned(),
        job_name: "job".to_owned(),
        parent_job_id: Some("job".to_owned()),
        task_group_name: "group".to_owned(),
        namespace: "default".to_owned(),
        node_name: "node".to_owned(),
        node_id: "1234".to_owned(),
        driver_config: Value::object([("image", Value::from("busybox")), ("pids", Value::from(5))]),
        env: [("A", "1")].into_iter().collect(),
        device_env: [("B", "2")].into_iter().collect(),
        resources: Resources {
            cpu_mhz: 500,
            memory_mb: 256,
            memory_max_mb: 512,
            networks: vec![NetworkResource {
                device: "eth0".to_owned(),
                cidr: "10.0.0.0/8".to_owned(),
                ip: "10.0.0.1".to_owned(),
                mbits: 10,
                reserved_ports: vec![NetworkPort {
                    label: "http".to_owned(),
                    value: 80,
                }],
                dynamic_ports: vec![NetworkPort {
                    label: "admin".to_owned(),
                    value: 20_000,
                }],
            }],
            linux: LinuxResources {
                cpu_period: 1,
                cpu_quota: 2,
                cpu_shares: 500,
                memory_limit_bytes: 512 << 20,
                oom_score_adj: -3,
                cpuset_cpus: "0-1".to_owned(),
                cpuset_cgroup: "/sys/fs/cgroup/x".to_owned(),
                percent_ticks: 0.25,
            },
            ports: vec![PortMapping {
                label: "http".to_owned(),
                value: 20_001,
                to: 8080,
                host_ip: "10.0.0.1".to_owned(),
            }],
        },
        mounts: [
            Propagation::Private,
            Propagation::HostToTask,
            Propagation::Bidirectional,
        ]
        .map(|propagation| Mount {
            task_path: "/data".into(),
            host_path: "/srv/data".into(),
            readonly: true,
            propagation,
            selinux_label: "z".to_owned(),
            request_name: "data".to_owned(),
        })
        .into(),
        devices: vec![Device {
            task_path: "/dev/fuse".into(),
            host_path: "/dev/fuse".into(),
            cgroup_permissions: "rw".to_owned(),
        }],
        user: Some("nobody".to_owned()),
        alloc_dir: "/var/lib/alloc".into(),
        output: TaskOutput::Fifo {
            stdout: "/a/.web.stdout.fifo".into(),
            stderr: "/a/.web.stderr.fifo".into(),
        },
        network_isolation: Some(NetworkIsolation::default()),
        dns: Some(DnsConfig::default()),
    }
}

#[track_caller]
fn check(task: &TaskConfig) {
    let schema = task.driver_config.ty();
    let message = to_message(task.clone()).unwrap();
    let back = read(message.clone(), &schema).unwrap();
    assert_eq!(back.driver_config, task.driver_config);
    // What `Debug` keeps to itself is compared where it was sent.
    assert_eq!(to_message(back).unwrap(), message);
}

#[test]
fn a_task_survives_the_wire() {
    check(&whole());
    check(&TaskConfig::default());
}

#[test]
fn every_field_of_the_message_is_used() {
    let schema = whole().driver_config.ty();
    let back = read(to_message(whole()).unwrap(), &schema).unwrap();
    let (back, whole) = (back, whole());
    assert_eq!(back.resources, whole.resources);
    assert_eq!(back.mounts, whole.mounts);
    assert_eq!(back.devices, whole.devices);
    assert_eq!((back.env, back.device_env), (whole.env, whole.device_env));
    assert_eq!(back.parent_job_id, whole.parent_job_id);
    assert_eq!(back.output, whole.output);
    assert_eq!((back.network_isolation, back.dns), (whole.network_isolation, whole.dns));
}

#[test]
fn a_task_without_its_configuration_is_known_by_the_rest() {
    let mut message = to_message(whole()).unwrap();
    message.msgpack_driver_config.clear();
    let back = read(message, &whole().driver_config.ty()).unwrap();
    assert!(back.driver_config.is_null());
    assert_eq!(back.id, whole().id);
}

#[test]
fn output_to_nowhere_is_discarded() {
    for nowhere in ["", "/dev/null"] {
        assert_eq!(output(nowhere.to_owned(), nowhere.to_owned()), TaskOutput::Discard);
    }
    let half = output("/a/fifo".to_owned(), String::new());
    let stderr = PathBuf::from("/dev/null");
    assert!(matches!(half, TaskOutput::Fifo { stderr: given, .. } if given == stderr));
}

#[test]
fn a_propagation_that_is_none_is_an_error() {
    let mut message = to_message(whole()).unwrap();
    message.mounts[0].propagation_mode = "slave".to_owned();
    let error = read(message, &Type::Any).unwrap_err();
    assert!(
        error.to_string().starts_with("mounts.propagation_mode: \"slave\""),
        "{error}"
    );
}

#[test]
fn a_status_survives_the_wire() {
    let status = TaskStatus {
        id: "id".to_owned(),
        name: "web".to_owned(),
        state: TaskState::Exited,
        started_at: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(5)),
        completed_at: None,
        exit: Some(ExitResult::signal(9)),
        attributes: [("pid".to_owned(), "17".to_owned())].into(),
        network: Some(NetworkOverride::default()),
    };
    assert_eq!(super::status(status_message(status.clone())).unwrap(), status);
}

#[test]
fn an_answer_without_a_task_is_an_error() {
    super::status(wire::InspectTaskResponse::default()).unwrap_err();
}
