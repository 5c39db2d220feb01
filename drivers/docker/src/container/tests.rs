use encamp_driver::{Mount, NetworkIsolation, NetworkIsolationMode, PortMapping, Resources, TaskConfig};
use encamp_hclspec::{Body, Context, Source, Spellings, decode_with};
use serde_json::{Value as Json, json};

use super::*;

/// A task whose allocation is in `dir`.
fn task(dir: &std::path::Path) -> TaskConfig {
    TaskConfig {
        id: "alloc/web/1".into(),
        name: "web".into(),
        alloc_id: "alloc".into(),
        job_id: "job-id".into(),
        job_name: "job".into(),
        task_group_name: "group".into(),
        namespace: "default".into(),
        node_name: "node".into(),
        node_id: "node-id".into(),
        env: [("TOKEN", "hunter2")].into_iter().collect(),
        device_env: std::iter::empty::<(String, String)>().collect(),
        resources: Resources {
            cpu_mhz: 500,
            memory_mb: 256,
            ports: vec![PortMapping {
                label: "http".into(),
                value: 20_000,
                to: 80,
                host_ip: "10.0.0.1".into(),
            }],
            ..Resources::default()
        },
        user: Some("nobody".into()),
        alloc_dir: dir.to_owned(),
        ..TaskConfig::default()
    }
}

/// The options in a job's text, by the schema.
fn options(text: &str) -> TaskOptions {
    let body = Body::parse(Source::new("config", format!("image = \"redis:7\"\n{text}"))).unwrap();
    let value = decode_with(&TaskOptions::spec(), &body, &Context::default(), Spellings::Every).unwrap();
    TaskOptions::from_value(value).unwrap()
}

fn body(text: &str, plugin: &PluginOptions, change: impl Fn(&mut TaskConfig)) -> Result<Json> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("web/local")).unwrap();
    let mut task = task(dir.path());
    change(&mut task);
    let spec = container(&task, &options(text), plugin, &mut Stage::none())?;
    let text = serde_json::to_string(&spec).unwrap();
    Ok(serde_json::from_str(&text.replace(&dir.path().display().to_string(), "DIR")).unwrap())
}

/// What the job's text makes of one part of the container's description.
#[track_caller]
fn check(text: &str, pointer: &str, want: &Json) {
    let body = body(text, &PluginOptions::default(), |_| {}).unwrap();
    assert_eq!(
        body.pointer(pointer).unwrap_or(&Json::Null),
        want,
        "{text} at {pointer}"
    );
}

#[track_caller]
fn check_refused(text: &str, why: &str) {
    let error = body(text, &PluginOptions::default(), |_| {}).unwrap_err();
    assert!(
        !error.is_recoverable() && error.to_string().contains(why),
        "{text}: {error}"
    );
}

#[test]
fn every_option_reaches_its_place() {
    check("", "/Image", &json!("redis:7"));
    check("", "/User", &json!("nobody"));
    check("", "/Env", &json!(["TOKEN=hunter2"]));
    check("args = [\"a\", \"b\"]", "/Cmd", &json!(["a", "b"]));
    check("command = \"c\"\nargs = [\"a\"]", "/Cmd", &json!(["c", "a"]));
    check("", "/Cmd", &Json::Null);
    check("entrypoint = [\"/e\"]", "/Entrypoint", &json!(["/e"]));
    check("work_dir = \"/w\"", "/WorkingDir", &json!("/w"));
    check("hostname = \"h\"", "/Hostname", &json!("h"));
    check("tty = true", "/Tty", &json!(true));
    check("interactive = true", "/OpenStdin", &json!(true));
    check("init = true", "/HostConfig/Init", &json!(true));
    check("", "/HostConfig/Init", &Json::Null);
    check("readonly_rootfs = true", "/HostConfig/ReadonlyRootfs", &json!(true));
    check("network_mode = \"host\"", "/HostConfig/NetworkMode", &json!("host"));
    check(
        "extra_hosts = [\"a:1.2.3.4\"]",
        "/HostConfig/ExtraHosts",
        &json!(["a:1.2.3.4"]),
    );
    check("dns_servers = [\"1.1.1.1\"]", "/HostConfig/Dns", &json!(["1.1.1.1"]));
    check("shm_size = 1024", "/HostConfig/ShmSize", &json!(1024));
    check("pids_limit = 7", "/HostConfig/PidsLimit", &json!(7));
    check(
        "sysctl = { \"net.core.somaxconn\" = 16 }",
        "/HostConfig/Sysctls",
        &json!({ "net.core.somaxconn": "16" }),
    );
    check("sysctl { a = \"1\" }", "/HostConfig/Sysctls", &json!({ "a": "1" }));
    check(
        "sysctl = [{ a = \"1\" }, { b = \"2\" }]",
        "/HostConfig/Sysctls",
        &json!({ "a": "1", "b": "2" }),
    );
    let nofile = json!([{ "Name": "nofile", "Soft": 1, "Hard": 2 }]);
    check("ulimit { nofile = \"1:2\" }", "/HostConfig/Ulimits", &nofile);
    check(
        "security_opt = [\"no-new-privileges\"]",
        "/HostConfig/SecurityOpt",
        &json!(["no-new-privileges"]),
    );
}

#[test]
fn logging_is_the_operators_unless_the_job_says_anything() {
    let operators = json!({ "Type": "json-file", "Config": { "max-file": "10", "max-size": "2m" } });
    check("", "/HostConfig/LogConfig", &operators);
    check(
        "logging { type = \"local\" }",
        "/HostConfig/LogConfig",
        &json!({ "Type": "local", "Config": {} }),
    );
    check(
        "logging { driver = \"local\" }",
        "/HostConfig/LogConfig",
        &json!({ "Type": "local", "Config": {} }),
    );
    let both = "logging {\n type = \"journald\"\n config { tag = \"x\" }\n}";
    check(
        both,
        "/HostConfig/LogConfig",
        &json!({ "Type": "journald", "Config": { "tag": "x" } }),
    );
}

#[test]
fn ports_are_published_by_label_for_both_protocols() {
    let binding = json!([{ "HostIp": "10.0.0.1", "HostPort": "20000" }]);
    check(
        "ports = [\"http\"]",
        "/HostConfig/PortBindings",
        &json!({ "80/tcp": binding, "80/udp": binding }),
    );
    check(
        "ports = [\"http\"]",
        "/ExposedPorts",
        &json!({ "80/tcp": {}, "80/udp": {} }),
    );
    check(
        "ports = [\"http\"]\nnetwork_mode = \"host\"",
        "/HostConfig/PortBindings",
        &json!({}),
    );
    check_refused("ports = [\"htpp\"]", "`htpp` is not one of the group's; it has http");
}

#[test]
fn capabilities_are_counted_from_what_the_engine_gives() {
    check("", "/HostConfig/CapDrop", &json!(["net_raw"]));
    check("cap_add = [\"CAP_KILL\"]", "/HostConfig/CapAdd", &json!(["kill"]));
    check(
        "cap_drop = [\"all\"]\ncap_add = [\"chown\"]",
        "/HostConfig/CapDrop",
        &json!(["all"]),
    );
    check_refused("cap_add = [\"sys_admin\", \"chown\"]", "sys_admin not allowed");
    let everything = PluginOptions {
        allow_caps: vec!["ALL".to_owned()],
        ..PluginOptions::default()
    };
    let body = body("cap_add = [\"sys_admin\"]", &everything, |_| {}).unwrap();
    assert_eq!(body["HostConfig"]["CapAdd"], json!(["sys_admin"]));
    assert_eq!(body["HostConfig"]["CapDrop"], json!([]));
}

#[test]
fn memory_limits_follow_reservation_maximum_and_hard_limit() {
    let mib = |n: u64| n * 1024 * 1024;
    // (memory, maximum, hard limit), and (hard, soft).
    let cases = [
        ((256, 0, 0), (256, 0)),
        ((256, 512, 0), (512, 256)),
        ((256, 0, 512), (512, 256)),
        ((256, 1024, 512), (1024, 256)),
        ((256, -1, 512), (0, 256)),
    ];
    for ((memory, maximum, hard_limit), (hard, soft)) in cases {
        let resources = Resources {
            memory_mb: memory,
            memory_max_mb: maximum,
            ..Resources::default()
        };
        let got = limits::memory(&resources, Some(hard_limit)).unwrap();
        assert_eq!(
            (got.hard, got.soft),
            (mib(hard), mib(soft)),
            "{memory} {maximum} {hard_limit}"
        );
    }
    check_refused("memory_hard_limit = 100", "less than the task's memory");
}

#[test]
fn the_tasks_directories_come_first_and_its_logs_are_read_only() {
    let binds = json!([
        "DIR/alloc:/alloc",
        "DIR/web/local:/local",
        "DIR/web/secrets:/secrets",
        "DIR/alloc/logs:/alloc/logs:ro",
        "DIR/web/local/x:/y:ro"
    ]);
    check("volumes = [\"local/x:/y:ro\"]", "/HostConfig/Binds", &binds);
    for outside in ["/etc:/e", "../../x:/e", "local:/e:ro:more", "local"] {
        check_refused(&format!("volumes = [\"{outside}\"]"), "volume");
    }
}

#[test]
fn mounts_say_what_they_are() {
    let tmpfs = "mount {\n type = \"tmpfs\"\n target = \"/t\"\n tmpfs_options {\n size = 10\n mode = 511\n }\n}";
    let want = json!([{ "Type": "tmpfs", "Target": "/t", "ReadOnly": false, "TmpfsOptions": { "SizeBytes": 10, "Mode": 511 } }]);
    check(tmpfs, "/HostConfig/Mounts", &want);
    let bind = "mount {\n type = \"bind\"\n source = \"local\"\n target = \"/t\"\n readonly = true\n bind_options { propagation = \"rslave\" }\n}";
    let want = json!([{ "Type": "bind", "Target": "/t", "Source": "DIR/web/local", "ReadOnly": true, "BindOptions": { "Propagation": "rslave" } }]);
    check(bind, "/HostConfig/Mounts", &want);
    check_refused(
        "mount {\n target = \"/t\"\n source = \"v\"\n}",
        "volumes are not allowed",
    );
    check_refused("mount {\n type = \"npipe\"\n target = \"/t\"\n}", "`npipe` is not");
    check_refused(
        "mount {\n type = \"tmpfs\"\n source = \"x\"\n target = \"/t\"\n}",
        "no `source`",
    );
}

#[test]
fn volumes_of_the_host_are_labelled_where_it_says_so() {
    let body = body("", &PluginOptions::default(), |task| {
        let volume = |name: &str, label: &str| Mount {
            host_path: format!("/srv/{name}").into(),
            task_path: format!("/{name}").into(),
            readonly: name == "a",
            selinux_label: label.into(),
            ..Mount::default()
        };
        task.mounts = vec![volume("a", "private"), volume("b", "shared"), volume("c", "")];
    });
    let body = body.unwrap();
    let binds = body["HostConfig"]["Binds"].as_array().unwrap();
    let own = ["/srv/a:/a:ro,Z,rprivate", "/srv/b:/b:rw,z,rprivate"];
    assert_eq!(binds[binds.len() - 2..], own.map(Json::from));
    let mounts = body["HostConfig"]["Mounts"].as_array().unwrap();
    assert_eq!((mounts.len(), &mounts[0]["Source"]), (1, &json!("/srv/c")));
}

#[test]
fn what_a_job_may_not_ask_for_is_refused_by_name() {
    check_refused("privileged = true", "`allow_privileged`");
    check_refused("command = \" x\"", "`command`");
    check_refused("security_opt = [\"seccomp=/etc/shadow\"]", "seccomp");
    check_refused("ulimit { nofile = \"many\" }", "`nofile`: the soft limit");
    for image in ["", "../containers/x", "a b", "x:", "x?y", "a//b"] {
        assert!(image_reference(image).is_err(), "{image}");
    }
    assert_eq!(image_reference("https://redis:7").unwrap(), "redis:7");
}

#[test]
fn unknown_options_are_the_schemas_error() {
    let body = Body::parse(Source::new("config", "image = \"x\"\nimaeg = 1".to_owned())).unwrap();
    let error = decode_with(&TaskOptions::spec(), &body, &Context::default(), Spellings::Every).unwrap_err();
    assert!(error.to_string().contains("imaeg"), "{error}");
}

#[test]
fn a_group_network_is_joined_through_the_container_that_holds_it() {
    let join = |labels: &[(&str, &str)]| {
        body("", &PluginOptions::default(), |task| {
            task.network_isolation = Some(NetworkIsolation {
                mode: NetworkIsolationMode::Group,
                labels: labels
                    .iter()
                    .map(|(name, value)| ((*name).into(), (*value).into()))
                    .collect(),
                ..NetworkIsolation::default()
            });
        })
    };
    let joined = join(&[("docker_sandbox_container_id", "pause")]).unwrap();
    assert_eq!(joined["HostConfig"]["NetworkMode"], "container:pause");
    assert!(join(&[]).unwrap_err().to_string().contains("cannot join"));
}

#[test]
fn names_and_labels_find_a_container_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut task = task(dir.path());
    assert_eq!(container_name(&task), "web-alloc");
    for (name, container) in [("a/b c", "a_b_c-alloc"), ("_x", "task_x-alloc"), ("é", "task_-alloc")] {
        task.name = name.into();
        assert_eq!(container_name(&task), container);
    }
    task.name = "web".into();
    let own = [
        (ALLOC_LABEL.to_owned(), "forged".to_owned()),
        ("a".to_owned(), "b".to_owned()),
    ]
    .into();
    let labels = labels::labels(&task, &own, &["task*".to_owned(), "parent_job_id".to_owned()]);
    let want = [
        ("a", "b"),
        (ALLOC_LABEL, "alloc"),
        ("com.hashicorp.nomad.task_group_name", "group"),
        (TASK_LABEL, "web"),
        (TASK_ID_LABEL, "alloc/web/1"),
    ];
    assert_eq!(
        labels,
        want.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    );
}

#[test]
fn plugin_options_have_their_defaults_and_name_what_is_wrong() {
    let decoded = |text: &str| {
        let body = Body::parse(Source::new("config", text.to_owned())).unwrap();
        PluginOptions::from_value(
            decode_with(&PluginOptions::spec(), &body, &Context::default(), Spellings::Every).unwrap(),
        )
    };
    assert_eq!(decoded("").unwrap(), PluginOptions::default());
    let some = decoded("gc { image_delay = \"1h\" }\nvolumes { enabled = true }").unwrap();
    assert!(some.gc.image && some.gc.container && some.volumes.enabled);
    assert_eq!(some.gc.image_delay.as_secs(), 3600);
    let logging = decoded("logging {\n type = \"local\"\n}").unwrap().logging;
    assert_eq!((logging.kind.as_str(), logging.config.len()), ("local", 0));
    assert_eq!(
        decoded("gc { image_delay = \"soon\" }").unwrap_err().option(),
        Some("gc.image_delay")
    );
    assert_eq!(
        decoded("pull_activity_timeout = \"1s\"").unwrap_err().option(),
        Some("pull_activity_timeout")
    );
}
