//! Every call arrives as it was made, and its answer as it was given.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::SystemTime;

use encamp_driver::{
    Attribute, Capabilities, ConfigError, CpuField, CpuUsage, Device, DnsConfig, Error, ExecOutput, ExitResult,
    Fingerprint, FsIsolation, Health, HostsConfig, LinuxResources, MemoryField, MemoryUsage, Mount, MountConfigs,
    NetworkIsolation, NetworkIsolationMode, NetworkOverride, NetworkPort, NetworkResource, Plugin, PluginConfig,
    PluginInfo, PortMapping, Propagation, ResourceUsage, Resources, StartedTask, TaskEvent, TaskHandle, TaskOutput,
    TaskState, TaskStats, TaskStatus, Topology,
};
use encamp_hclspec::{Spec, Type, Value};
use futures_util::{StreamExt as _, future, stream};

use super::*;

/// Keeps what the driver was given.
struct Seen<T>(Arc<Mutex<Vec<T>>>);

impl<T> Seen<T> {
    fn new() -> (Self, impl Fn(T) + Send + Sync + 'static)
    where
        T: Send + 'static,
    {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&seen);
        (Self(seen), move |what| keep.lock().unwrap().push(what))
    }

    #[track_caller]
    fn one(&self) -> T {
        let mut seen = self.0.lock().unwrap();
        assert_eq!(seen.len(), 1, "calls that arrived");
        seen.pop().unwrap()
    }
}

/// Keeps it, and is content.
fn taken<T, E>(see: impl Fn(T)) -> impl Fn(T) -> future::Ready<Result<(), E>> {
    move |what| {
        see(what);
        future::ok(())
    }
}

/// A task of which everything is said.
fn whole_task() -> TaskConfig {
    TaskConfig {
        id: "3ac4/web/01234567".into(),
        name: "web".into(),
        alloc_id: "3ac4".into(),
        job_id: "job-id".into(),
        job_name: "job".into(),
        parent_job_id: Some("parent".into()),
        task_group_name: "group".into(),
        namespace: "prod".into(),
        node_name: "node".into(),
        node_id: "1".into(),
        driver_config: Value::object([("command", "/bin/true")]),
        env: [("TOKEN", "hunter2"), ("EMPTY", "")].into_iter().collect(),
        device_env: [("GPU", "0")].into_iter().collect(),
        resources: whole_resources(),
        mounts: vec![Mount {
            task_path: "/data".into(),
            host_path: "/srv/data".into(),
            readonly: true,
            propagation: Propagation::HostToTask,
            selinux_label: "z".into(),
            request_name: "data".into(),
        }],
        devices: vec![Device {
            task_path: "/dev/a".into(),
            host_path: "/dev/b".into(),
            cgroup_permissions: "rw".into(),
        }],
        user: Some("nobody".into()),
        alloc_dir: "/var/alloc/3ac4".into(),
        output: TaskOutput::Fifo {
            stdout: "/var/alloc/3ac4/alloc/logs/.web.stdout.fifo".into(),
            stderr: "/var/alloc/3ac4/alloc/logs/.web.stderr.fifo".into(),
        },
        network_isolation: Some(network()),
        dns: Some(DnsConfig {
            servers: vec!["1.1.1.1".into()],
            searches: vec!["example.org".into()],
            options: vec!["ndots:2".into()],
        }),
    }
}

fn whole_resources() -> Resources {
    let port = |label: &str, value| NetworkPort {
        label: label.into(),
        value,
    };
    Resources {
        cpu_mhz: 500,
        memory_mb: 64,
        memory_max_mb: -1,
        networks: vec![NetworkResource {
            device: "eth0".into(),
            cidr: "10.0.0.0/8".into(),
            ip: "10.0.0.1".into(),
            mbits: 10,
            reserved_ports: vec![port("ssh", 22)],
            dynamic_ports: vec![port("http", 20_000)],
        }],
        linux: LinuxResources {
            cpu_period: 1,
            cpu_quota: 2,
            cpu_shares: 500,
            memory_limit_bytes: 3,
            oom_score_adj: -4,
            cpuset_cpus: "0-1".into(),
            cpuset_cgroup: "/sys/fs/cgroup/x".into(),
            percent_ticks: 0.25,
        },
        ports: vec![PortMapping {
            label: "http".into(),
            value: 20_000,
            to: 80,
            host_ip: "10.0.0.1".into(),
        }],
    }
}

fn network() -> NetworkIsolation {
    NetworkIsolation {
        mode: NetworkIsolationMode::Group,
        path: "/var/run/netns/3ac4".into(),
        labels: [("docker_sandbox_hostname".to_owned(), "x".to_owned())].into(),
        hosts: Some(HostsConfig {
            hostname: "web".into(),
            address: "172.26.64.2".into(),
        }),
    }
}

fn address() -> NetworkOverride {
    NetworkOverride {
        port_map: [("http".to_owned(), 80)].into(),
        address: "172.17.0.2".into(),
        auto_advertise: true,
    }
}

#[tokio::test]
async fn a_plugin_says_who_it_is_and_what_may_be_configured() {
    let schema = Spec::object([("enabled", Spec::attr("enabled", Type::Bool).required())]);
    let info = PluginInfo {
        api_versions: vec!["v0.1.0".into(), "v0.2.0".into()],
        ..PluginInfo::driver("mine", "1.2.3")
    };
    let driver = ScriptedDriver::new()
        .with_info(info.clone())
        .with_config_schema(schema.clone());
    let plugin = behind_a_wire(driver).await;
    assert_eq!(plugin.driver().info(), info);
    assert_eq!(plugin.driver().config_schema(), schema);
    assert!(plugin.driver().plugin().is_configurable());
}

#[tokio::test]
async fn a_configuration_arrives_with_all_that_is_known_of_the_node() {
    let (seen, see) = Seen::new();
    let driver = ScriptedDriver::new()
        .with_config_schema(Spec::object([("enabled", Spec::attr("enabled", Type::Bool))]))
        .on_set_config(taken(see));
    let plugin = behind_a_wire(driver).await;
    let config = PluginConfig {
        topology: Some(Arc::new(Topology::uniform(2, 3000))),
        client_ports: Some(14_000..=14_512),
        ..PluginConfig::new(Value::object([("enabled", true)]))
    };
    plugin.driver().set_config(config.clone()).await.unwrap();
    assert_eq!(seen.one(), config);
}

#[tokio::test]
async fn a_configuration_that_is_refused_says_why() {
    let refuse = |_| future::err(ConfigError::new("gc.image_delay", "is negative"));
    let plugin = behind_a_wire(ScriptedDriver::new().on_set_config(refuse)).await;
    let config = PluginConfig::new(Value::object::<String, Value>([]));
    let error = plugin.driver().set_config(config).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("gc.image_delay") && text.contains("is negative"),
        "{text}"
    );
    assert_eq!(error, ConfigError::new("gc.image_delay", "is negative"));
}

#[tokio::test]
async fn what_a_plugin_says_of_no_option_is_told_as_it_says_it() {
    // The end of a plugin behind the plugin is not the plugin's.
    for refusal in [
        ConfigError::Failed("not `now`: later".to_owned()),
        ConfigError::PluginShutdown,
    ] {
        let said = refusal.to_string();
        let refuse = move |_| future::err(refusal.clone());
        let plugin = behind_a_wire(ScriptedDriver::new().on_set_config(refuse)).await;
        let config = PluginConfig::new(Value::object::<String, Value>([]));
        let error = plugin.driver().set_config(config).await.unwrap_err();
        assert_eq!(error, ConfigError::Failed(format!("SetConfig failed: {said}")));
    }
}

#[tokio::test]
async fn init_and_shutdown_arrive_and_their_errors_come_back() {
    let (seen, see) = Seen::new();
    let driver = ScriptedDriver::new().on_init(taken(see));
    let plugin = behind_a_wire(driver.on_shutdown(|()| future::err(Error::fatal("the disk is full")))).await;
    plugin.driver().init().await.unwrap();
    seen.one();
    let error = plugin.driver().shutdown().await.unwrap_err();
    assert_eq!(error.to_string(), "the disk is full");
}

#[tokio::test]
async fn schema_and_capabilities_are_the_drivers() {
    let schema = Spec::object([
        ("image", Spec::attr("image", Type::String).required()),
        ("ports", Spec::attr("ports", Type::list(Type::String))),
    ]);
    let capabilities = Capabilities {
        send_signals: true,
        exec: false,
        fs_isolation: FsIsolation::Unveil,
        network_isolation_modes: vec![
            NetworkIsolationMode::Host,
            NetworkIsolationMode::Group,
            NetworkIsolationMode::Task,
            NetworkIsolationMode::None,
        ],
        must_initiate_network: true,
        mount_configs: MountConfigs::None,
        disable_log_collection: true,
        dynamic_workload_users: true,
    };
    let answer = (schema.clone(), capabilities.clone());
    let driver = ScriptedDriver::new().on_task_config_schema(move |()| future::ok(answer.0.clone()));
    let plugin = behind_a_wire(driver.on_capabilities(move |()| future::ok(answer.1.clone()))).await;
    assert_eq!(plugin.driver().task_config_schema().await.unwrap(), schema);
    assert_eq!(plugin.driver().capabilities().await.unwrap(), capabilities);
}

#[tokio::test]
async fn fingerprints_come_with_all_their_facts() {
    let looks = [
        Fingerprint {
            attributes: BTreeMap::from([
                ("driver.x.version".to_owned(), Attribute::from("29.5.0")),
                ("driver.x.memory".to_owned(), Attribute::from(15).in_unit("GiB")),
                ("driver.x.share".to_owned(), Attribute::from(0.5)),
                ("driver.x".to_owned(), Attribute::from(true)),
            ]),
            health: Health::Healthy,
            health_description: "Healthy".into(),
        },
        Fingerprint::unhealthy("engine is away"),
        Fingerprint::undetected("no engine"),
    ];
    let answer = looks.clone();
    let driver = ScriptedDriver::new()
        .on_fingerprint(move |()| future::ok(stream::iter(answer.clone().map(Ok)).chain(stream::pending()).boxed()));
    let plugin = behind_a_wire(driver).await;
    let seen: Vec<_> = plugin.driver().fingerprint().await.unwrap().take(3).collect().await;
    let seen: Vec<_> = seen.into_iter().map(Result::unwrap).collect();
    assert_eq!(seen, looks);
}

#[tokio::test]
async fn a_start_arrives_whole_and_its_handle_comes_back() {
    let (seen, see) = Seen::new();
    let started = StartedTask {
        version: 7,
        driver_state: vec![0, 255, 10],
        network: Some(address()),
    };
    let answer = started.clone();
    let plugin = behind_a_wire(ScriptedDriver::new().on_start_task(move |(task,)| {
        see(task);
        future::ok(answer.clone())
    }))
    .await;
    assert_eq!(plugin.driver().start_task(whole_task()).await.unwrap(), started);
    assert_eq!(seen.one(), whole_task());
}

#[tokio::test]
async fn a_task_of_which_nothing_is_said_arrives_as_that() {
    let (seen, see) = Seen::new();
    let driver = ScriptedDriver::new().on_start_task(move |(task,)| {
        see(task);
        future::ok(StartedTask::new(vec![1]))
    });
    let plugin = behind_a_wire(driver).await;
    plugin.driver().start_task(TaskConfig::default()).await.unwrap();
    assert_eq!(seen.one(), TaskConfig::default());
}

#[tokio::test]
async fn a_recovery_arrives_whole_or_without_the_configuration_that_agents_lose() {
    for config in [Value::object([("command", "/bin/true")]), Value::NULL] {
        let (seen, see) = Seen::new();
        let plugin = behind_a_wire(ScriptedDriver::new().on_recover_task(taken(see))).await;
        let handle = TaskHandle {
            version: 3,
            config: TaskConfig {
                driver_config: config,
                ..whole_task()
            },
            state: TaskState::Running,
            driver_state: vec![1, 2, 3],
        };
        plugin.driver().recover_task(handle.clone()).await.unwrap();
        assert_eq!(seen.one(), (handle,));
    }
}

#[tokio::test]
async fn a_recovery_arrives_without_a_configuration_that_the_driver_does_not_understand_any_more() {
    let (seen, see) = Seen::new();
    let plugin = behind_a_wire(ScriptedDriver::new().on_recover_task(taken(see))).await;
    let older = Value::object([("command", Value::object([("path", "/bin/true")]))]);
    let handle = |driver_config| TaskHandle {
        config: TaskConfig {
            driver_config,
            ..whole_task()
        },
        driver_state: vec![1, 2, 3],
        ..TaskHandle::default()
    };
    plugin.driver().recover_task(handle(older)).await.unwrap();
    assert_eq!(seen.one(), (handle(Value::NULL),));
}

#[tokio::test]
async fn ends_of_every_kind_come_back() {
    let ends = [
        ExitResult::code(0),
        ExitResult::code(3),
        ExitResult::signal(9),
        ExitResult {
            oom_killed: true,
            ..ExitResult::signal(9)
        },
        ExitResult {
            err: Some("the supervisor is gone".into()),
            ..ExitResult::code(-1)
        },
    ];
    for end in ends {
        let (seen, see) = Seen::new();
        let answer = end.clone();
        let driver = ScriptedDriver::new().on_wait_task(move |(id,)| {
            see(id);
            future::ok(answer.clone())
        });
        let plugin = behind_a_wire(driver).await;
        assert_eq!(plugin.driver().wait_task("a/b/c").await.unwrap(), end);
        assert_eq!(seen.one(), "a/b/c");
    }
}

#[tokio::test]
async fn a_stop_arrives_with_its_timeout_and_signal() {
    for (timeout, signal) in [(Duration::from_millis(1500), Some("SIGHUP")), (Duration::ZERO, None)] {
        let (seen, see) = Seen::new();
        let plugin = behind_a_wire(ScriptedDriver::new().on_stop_task(taken(see))).await;
        plugin.driver().stop_task("id", timeout, signal).await.unwrap();
        assert_eq!(seen.one(), ("id".to_owned(), timeout, signal.map(str::to_owned)));
    }
}

#[tokio::test]
async fn a_destruction_arrives_with_its_force() {
    for force in [true, false] {
        let (seen, see) = Seen::new();
        let plugin = behind_a_wire(ScriptedDriver::new().on_destroy_task(taken(see))).await;
        plugin.driver().destroy_task("id", force).await.unwrap();
        assert_eq!(seen.one(), ("id".to_owned(), force));
    }
}

#[tokio::test]
async fn what_is_known_of_a_task_comes_back() {
    let time = SystemTime::UNIX_EPOCH + Duration::new(1_790_000_000, 5);
    let running = TaskStatus {
        id: "id".into(),
        name: "web".into(),
        state: TaskState::Running,
        started_at: Some(time),
        completed_at: None,
        exit: None,
        attributes: [("pid".to_owned(), "17".to_owned())].into(),
        network: Some(address()),
    };
    let exited = TaskStatus {
        state: TaskState::Exited,
        completed_at: Some(time + Duration::from_secs(1)),
        exit: Some(ExitResult::signal(15)),
        network: None,
        ..running.clone()
    };
    let unknown = TaskStatus {
        state: TaskState::Unknown,
        started_at: None,
        attributes: BTreeMap::new(),
        ..running.clone()
    };
    for status in [running, exited, unknown] {
        let answer = status.clone();
        let plugin = behind_a_wire(ScriptedDriver::new().on_inspect_task(move |_| future::ok(answer.clone()))).await;
        assert_eq!(plugin.driver().inspect_task("id").await.unwrap(), status);
    }
}

#[tokio::test]
async fn usage_comes_back_figure_by_figure() {
    let usage = ResourceUsage {
        cpu: CpuUsage {
            percent: 12.5,
            throttled_time: 7,
            measured: vec![CpuField::Percent, CpuField::ThrottledTime],
            ..CpuUsage::default()
        },
        memory: MemoryUsage {
            rss: 4096,
            measured: vec![MemoryField::Rss],
            ..MemoryUsage::default()
        },
    };
    let sample = TaskStats {
        timestamp: SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000),
        total: usage.clone(),
        by_pid: [(17, usage)].into(),
    };
    let (seen, see) = Seen::new();
    let answer = sample.clone();
    let driver = ScriptedDriver::new().on_task_stats(move |call| {
        see(call);
        future::ok(stream::iter([Ok(answer.clone()), Ok(answer.clone())]).boxed())
    });
    let plugin = behind_a_wire(driver).await;
    let samples = plugin
        .driver()
        .task_stats("id", Duration::from_millis(250))
        .await
        .unwrap();
    let samples: Vec<_> = within("the end of the task", samples.map(Result::unwrap).collect()).await;
    assert_eq!(samples, [sample.clone(), sample]);
    assert_eq!(seen.one(), ("id".to_owned(), Duration::from_millis(250)));
}

#[tokio::test]
async fn events_come_with_their_details() {
    let event = TaskEvent {
        task_id: "id".into(),
        task_name: "web".into(),
        alloc_id: "3ac4".into(),
        timestamp: SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000),
        message: "Downloading image".into(),
        annotations: [("image".to_owned(), "busybox".to_owned())].into(),
    };
    let answer = event.clone();
    let driver = ScriptedDriver::new()
        .on_task_events(move |()| future::ok(stream::iter([Ok(answer.clone())]).chain(stream::pending()).boxed()));
    let plugin = behind_a_wire(driver).await;
    let mut events = plugin.driver().task_events().await.unwrap();
    assert_eq!(events.next().await.unwrap().unwrap(), event);
}

#[tokio::test]
async fn a_signal_arrives() {
    let (seen, see) = Seen::new();
    let plugin = behind_a_wire(ScriptedDriver::new().on_signal_task(taken(see))).await;
    plugin.driver().signal_task("id", "SIGUSR1").await.unwrap();
    assert_eq!(seen.one(), ("id".to_owned(), "SIGUSR1".to_owned()));
}

#[tokio::test]
async fn a_command_arrives_and_its_output_comes_back() {
    let output = ExecOutput {
        stdout: vec![b'o', 0, 255],
        stderr: b"err".to_vec(),
        exit: ExitResult::code(4),
    };
    let (seen, see) = Seen::new();
    let answer = output.clone();
    let plugin = behind_a_wire(ScriptedDriver::new().on_exec_task(move |call| {
        see(call);
        future::ok(answer.clone())
    }))
    .await;
    let command = ["sh".to_owned(), "-c".to_owned(), String::new()];
    let answered = plugin.driver().exec_task("id", &command, Duration::from_secs(5)).await;
    assert_eq!(answered.unwrap(), output);
    assert_eq!(seen.one(), ("id".to_owned(), command.to_vec(), Duration::from_secs(5)));
}

#[tokio::test]
async fn networks_are_made_and_removed() {
    let (made, see) = Seen::new();
    let (gone, remove) = Seen::new();
    let driver = ScriptedDriver::new()
        .on_create_network(move |call| {
            see(call);
            future::ok((network(), true))
        })
        .on_destroy_network(taken(remove));
    let plugin = behind_a_wire(driver).await;
    let answer = plugin.driver().create_network("3ac4", Some("web")).await.unwrap();
    assert_eq!(answer, (network(), true));
    assert_eq!(made.one(), ("3ac4".to_owned(), Some("web".to_owned())));
    plugin.driver().destroy_network("3ac4", &network()).await.unwrap();
    assert_eq!(gone.one(), ("3ac4".to_owned(), network()));
}

/// What an error of the driver's comes to at the other end.
async fn check_error(error: fn() -> Error, expected: fn(&Error) -> bool) {
    let plugin = behind_a_wire(ScriptedDriver::new().on_start_task(move |_| future::err(error()))).await;
    let found = plugin.driver().start_task(task("id")).await.unwrap_err();
    assert!(expected(&found), "{:?} came as {found:?}", error());
    assert_eq!(found.is_recoverable(), error().is_recoverable(), "{found:?}");
}

#[tokio::test]
async fn errors_keep_their_verdict() {
    check_error(
        || Error::recoverable("no space"),
        |error| error.to_string() == "no space",
    )
    .await;
    check_error(|| Error::fatal("no image"), |error| error.to_string() == "no image").await;
    check_error(
        || Error::InvalidConfig("image: is missing".into()),
        |error| error.to_string() == "image: is missing",
    )
    .await;
    check_error(
        || Error::fatal("cannot pull").because("connection refused"),
        |error| error.to_string() == "cannot pull: connection refused",
    )
    .await;
    check_error(
        || Error::TaskNotFound("id".into()),
        |error| matches!(error, Error::TaskNotFound(id) if id == "id"),
    )
    .await;
    check_error(
        || Error::TaskExists("id".into()),
        |error| error.to_string().contains("already"),
    )
    .await;
}

#[tokio::test]
async fn what_a_driver_does_not_have_is_unsupported_at_the_other_end() {
    let no = |text: &'static str| Error::Unsupported(text);
    let driver = ScriptedDriver::new()
        .on_task_stats(move |_| future::err(no("stats not implemented for driver")))
        .on_signal_task(move |_| future::err(no("SignalTask is not supported by this driver")))
        .on_exec_task(move |_| future::err(no("ExecTask is not supported by this driver")));
    let plugin = behind_a_wire(driver).await;
    let driver = shared(&plugin);
    let command = ["true".to_owned()];
    let errors = [
        driver.task_stats("id", Duration::from_secs(1)).await.err(),
        driver.signal_task("id", "SIGHUP").await.err(),
        driver.exec_task("id", &command, Duration::from_secs(1)).await.err(),
        driver.create_network("3ac4", None).await.err(),
        driver.destroy_network("3ac4", &network()).await.err(),
        encamp_testkit::Session::start(Arc::clone(&driver), "id", &["true"], None)
            .exit()
            .await
            .err(),
    ];
    for error in errors {
        assert!(matches!(error, Some(Error::Unsupported(_))), "{error:?}");
    }
}

#[tokio::test]
async fn a_command_that_outlives_its_deadline_is_known_as_such() {
    let late = |(_, _, deadline)| future::err(Error::DeadlineExceeded(deadline));
    let plugin = behind_a_wire(ScriptedDriver::new().on_exec_task(late)).await;
    let command = ["sleep".to_owned()];
    let error = plugin
        .driver()
        .exec_task("id", &command, Duration::from_secs(1))
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::DeadlineExceeded(time) if time == Duration::from_secs(1)),
        "{error:?}"
    );
}

#[tokio::test]
async fn destroying_a_running_task_is_refused_as_such() {
    let refuse = |(id, _)| future::err(Error::TaskRunning(id));
    let plugin = behind_a_wire(ScriptedDriver::new().on_destroy_task(refuse)).await;
    let error = plugin.driver().destroy_task("a/b", false).await.unwrap_err();
    assert!(matches!(&error, Error::TaskRunning(id) if id == "a/b"), "{error:?}");
}

#[tokio::test]
async fn a_path_that_the_protocol_cannot_carry_is_an_error_that_names_it() {
    use std::os::unix::ffi::OsStringExt as _;
    let plugin = behind_a_wire(ScriptedDriver::new()).await;
    let task = TaskConfig {
        alloc_dir: std::ffi::OsString::from_vec(vec![b'/', 0xff]).into(),
        ..task("id")
    };
    let error = plugin.driver().start_task(task).await.unwrap_err();
    assert!(error.to_string().starts_with("alloc_dir: "), "{error}");
}
