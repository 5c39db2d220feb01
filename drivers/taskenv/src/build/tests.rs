use super::*;

fn builder() -> Builder {
    Builder {
        ids: Ids {
            alloc_id: "3ac4e1d2-0000-4000-8000-000000000000".into(),
            alloc_name: "shop.web[0]".into(),
            alloc_index: Some(0),
            task_name: "server".into(),
            group_name: "web".into(),
            job_id: "shop".into(),
            job_name: "shop".into(),
            namespace: "default".into(),
            region: "global".into(),
            datacenter: "dc1".into(),
            ..Ids::default()
        },
        dirs: Dirs::of_alloc("/data/alloc/3ac4", "server"),
        node: Node {
            name: "n1".into(),
            attributes: map(&[("cpu.arch", "amd64")]),
            meta: map(&[("rack", "r1")]),
            ..Node::default()
        },
        ..Builder::default()
    }
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn ordered(pairs: &[(&str, &str)]) -> IndexMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// What the environment of `builder` says: pairs are expected as they stand, `None` for what must not be there.
#[track_caller]
fn check(builder: &Builder, expected: &[(&str, Option<&str>)]) {
    let built = builder.build();
    for (name, value) in expected {
        assert_eq!(built.env.get(name), *value, "{name}");
    }
}

#[test]
fn a_task_knows_who_it_is() {
    check(
        &builder(),
        &[
            ("NOMAD_ALLOC_ID", Some("3ac4e1d2-0000-4000-8000-000000000000")),
            ("NOMAD_SHORT_ALLOC_ID", Some("3ac4e1d2")),
            ("NOMAD_ALLOC_NAME", Some("shop.web[0]")),
            ("NOMAD_ALLOC_INDEX", Some("0")),
            ("NOMAD_TASK_NAME", Some("server")),
            ("NOMAD_GROUP_NAME", Some("web")),
            ("NOMAD_JOB_ID", Some("shop")),
            ("NOMAD_JOB_NAME", Some("shop")),
            ("NOMAD_JOB_PARENT_ID", None),
            ("NOMAD_NAMESPACE", Some("default")),
            ("NOMAD_REGION", Some("global")),
            ("NOMAD_DC", Some("dc1")),
        ],
    );
}

#[test]
fn directories_are_the_hosts_or_the_tasks_own_by_isolation() {
    for (fs_isolation, alloc, local, secrets) in [
        (
            FsIsolation::None,
            "/data/alloc/3ac4/alloc",
            "/data/alloc/3ac4/server/local",
            "/data/alloc/3ac4/server/secrets",
        ),
        (FsIsolation::Image, "/alloc", "/local", "/secrets"),
        (FsIsolation::Chroot, "/alloc", "/local", "/secrets"),
    ] {
        let builder = Builder {
            fs_isolation,
            ..builder()
        };
        check(
            &builder,
            &[
                ("NOMAD_ALLOC_DIR", Some(alloc)),
                ("NOMAD_TASK_DIR", Some(local)),
                ("NOMAD_SECRETS_DIR", Some(secrets)),
            ],
        );
        let host = builder.build_for_host();
        assert_eq!(host.env.get("NOMAD_TASK_DIR"), Some("/data/alloc/3ac4/server/local"));
    }
}

#[test]
fn limits_that_are_not_set_are_not_there() {
    check(
        &builder(),
        &[
            ("NOMAD_MEMORY_LIMIT", None),
            ("NOMAD_CPU_LIMIT", None),
            ("NOMAD_CPU_CORES", None),
        ],
    );
    let limits = Limits {
        memory_mb: 256,
        memory_max_mb: -1,
        cpu_mhz: 500,
        cores: "0-1".into(),
    };
    check(
        &Builder { limits, ..builder() },
        &[
            ("NOMAD_MEMORY_LIMIT", Some("256")),
            ("NOMAD_MEMORY_MAX_LIMIT", Some("-1")),
            ("NOMAD_CPU_LIMIT", Some("500")),
            ("NOMAD_CPU_CORES", Some("0-1")),
        ],
    );
}

#[test]
fn ports_are_named_by_their_label() {
    let port = |label: &str, to, host_ip: &str| PortMapping {
        label: label.into(),
        value: 20000,
        to,
        host_ip: host_ip.into(),
    };
    let mut builder = builder();
    builder.ports = vec![port("http", 80, "10.0.0.1"), port("my-db", 0, "fd00::1")];
    check(
        &builder,
        &[
            ("NOMAD_PORT_http", Some("80")),
            ("NOMAD_ALLOC_PORT_http", Some("80")),
            ("NOMAD_HOST_PORT_http", Some("20000")),
            ("NOMAD_ADDR_http", Some("10.0.0.1:20000")),
            ("NOMAD_HOST_ADDR_http", Some("10.0.0.1:20000")),
            ("NOMAD_IP_http", Some("10.0.0.1")),
            ("NOMAD_HOST_IP_http", Some("10.0.0.1")),
            ("NOMAD_ALLOC_ADDR_http", None),
            ("NOMAD_PORT_my_db", Some("20000")),
            ("NOMAD_ADDR_my_db", Some("[fd00::1]:20000")),
            ("NOMAD_HOST_ADDR_my-db", Some("[fd00::1]:20000")),
        ],
    );
    builder.network = Some(NetworkStatus {
        interface: "eth0".into(),
        address: "172.26.64.2".into(),
    });
    check(
        &builder,
        &[
            ("NOMAD_ALLOC_INTERFACE_http", Some("eth0")),
            ("NOMAD_ALLOC_IP_http", Some("172.26.64.2")),
            ("NOMAD_ALLOC_ADDR_http", Some("172.26.64.2:80")),
            ("NOMAD_ALLOC_ADDR_my-db", Some("172.26.64.2:20000")),
        ],
    );
}

#[test]
fn meta_comes_in_the_jobs_case_and_in_capitals_and_is_interpolated() {
    let meta = ordered(&[
        ("owner", "ops@${node.unique.name}"),
        ("with-dash", "1"),
        ("${meta.rack}", "here"),
    ]);
    check(
        &Builder { meta, ..builder() },
        &[
            ("NOMAD_META_owner", Some("ops@n1")),
            ("NOMAD_META_OWNER", Some("ops@n1")),
            ("NOMAD_META_with_dash", Some("1")),
            ("NOMAD_META_WITH_DASH", Some("1")),
            ("NOMAD_META_r1", Some("here")),
        ],
    );
}

#[test]
fn the_hosts_environment_fills_gaps_unless_the_task_has_an_image() {
    let mut builder = builder();
    builder.host_env = map(&[("PATH", "/bin"), ("NOMAD_TASK_NAME", "imposter")]);
    builder.task_env = ordered(&[("PATH", "${PATH}:/local/bin")]);
    check(
        &builder,
        &[("PATH", Some("/bin:/local/bin")), ("NOMAD_TASK_NAME", Some("server"))],
    );
    builder.fs_isolation = FsIsolation::Image;
    check(&builder, &[("PATH", Some("${PATH}:/local/bin"))]);
}

#[test]
fn a_variable_may_use_those_declared_above_it_and_no_others() {
    let task_env = ordered(&[
        ("Z", "${NOMAD_TASK_NAME}"),
        ("A", "${Z}/${LATER}"),
        ("LATER", "${A}"),
        ("K_${attr.cpu.arch}", "${meta.rack}"),
    ]);
    for _ in 0..20 {
        check(
            &Builder {
                task_env: task_env.clone(),
                ..builder()
            },
            &[
                ("Z", Some("server")),
                ("A", Some("server/${LATER}")),
                ("LATER", Some("server/${LATER}")),
                ("K_amd64", Some("r1")),
            ],
        );
    }
}

#[test]
fn hooks_go_over_the_task_and_templates_over_hooks() {
    let mut builder = builder();
    builder.task_env = ordered(&[("A", "task"), ("B", "task"), ("C", "task")]);
    builder.hook_env = vec![
        [("B", "first"), ("C", "first")].into_iter().collect(),
        [("B", "second")].into_iter().collect(),
    ];
    builder.template_env = [("C", "template")].into_iter().collect();
    check(
        &builder,
        &[("A", Some("task")), ("B", Some("second")), ("C", Some("template"))],
    );
}

#[test]
fn tokens_are_given_with_what_belongs_to_them() {
    let mut builder = Builder {
        fs_isolation: FsIsolation::Image,
        ..builder()
    };
    builder.tokens.vault_namespace = Some("ns".into());
    check(&builder, &[("VAULT_NAMESPACE", None), ("NOMAD_UNIX_ADDR", None)]);
    builder.tokens.vault = Some("s.1".into());
    builder.tokens.nomad = Some("n.1".into());
    builder.tokens.identities = map(&[("aws", "j.1")]);
    check(
        &builder,
        &[
            ("VAULT_TOKEN", Some("s.1")),
            ("VAULT_NAMESPACE", Some("ns")),
            ("NOMAD_TOKEN", Some("n.1")),
            ("NOMAD_TOKEN_aws", Some("j.1")),
            ("NOMAD_UNIX_ADDR", Some("unix:///secrets/api.sock")),
        ],
    );
    let debug = format!("{builder:?} {:?} {:?}", builder.tokens, builder.build());
    assert!(!debug.contains("s.1") && !debug.contains("j.1"), "{debug}");
}

#[test]
fn configuration_can_name_the_environment_and_the_node() {
    let built = builder().build();
    assert_eq!(
        built.interpolate("${NOMAD_JOB_ID}-${attr.cpu.arch}-${meta.rack}-${meta.none}"),
        "shop-amd64-r1-${meta.none}"
    );
    assert_eq!(built.variables.get("node.unique.name").map(String::as_str), Some("n1"));
    assert_eq!(built.variables.get("NOMAD_JOB_ID").map(String::as_str), Some("shop"));
}
