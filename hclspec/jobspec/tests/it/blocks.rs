//! Every block of job files, with everything in it.

use std::fmt::Debug;

use encamp_hclspec::Source;
use encamp_jobspec::spec::Service;
use encamp_jobspec::{Group, Job, Options, Task, Unsupported, parse_with};

/// A job file with everything that there is.
pub(crate) const WHOLE: &str = include_str!("whole.nomad.hcl");

pub(crate) fn read(name: &str, text: &str) -> Job {
    let options = Options::default().with_unsupported(Unsupported::Note);
    let parsed = parse_with(Source::new(name, text.to_owned()), &options);
    parsed.unwrap_or_else(|errors| panic!("{errors}")).job
}

fn job() -> Job {
    read("whole.nomad.hcl", WHOLE)
}

fn group() -> Group {
    job().groups.remove(0)
}

fn service() -> Service {
    group().services.remove(0)
}

fn task() -> Task {
    group().tasks.remove(0)
}

/// What a value says, without its places.
pub(crate) fn said(value: &impl Debug) -> String {
    let mut text = format!("{value:?}");
    while let Some(start) = text.find("Place { ") {
        let end = start + text[start..].find('}').unwrap() + 1;
        text.replace_range(start..end, "..");
    }
    text.replace("Time(", "(").replace("Some(", "(")
}

#[track_caller]
fn check(value: &impl Debug, expected: &str) {
    assert_eq!(said(value), expected);
}

#[test]
fn the_blocks_of_a_job() {
    let job = job();
    check(&job.meta, r#"{"owner": "me"}"#);
    check(&job.priority, r"70");
    check(&job.all_at_once, r"true");
    check(&job.node_pool, r#"("fast")"#);
    check(
        &job.constraints,
        r#"[Constraint { attribute: ("${attr.kernel.name}"), operator: Equal, value: ("linux"), place: .. }, Constraint { attribute: ("${attr.cpu.arch}"), operator: Regexp, value: ("a.*64"), place: .. }, Constraint { attribute: None, operator: DistinctHosts, value: ("true"), place: .. }, Constraint { attribute: ("${meta.rack}"), operator: DistinctProperty, value: ("3"), place: .. }]"#,
    );
    check(
        &job.affinities,
        r#"[Affinity { attribute: ("${node.datacenter}"), operator: Equal, value: ("dc1"), weight: -20, place: .. }, Affinity { attribute: ("${meta.tags}"), operator: SetContainsAny, value: ("a,b"), weight: 50, place: .. }]"#,
    );
    check(
        &job.spreads,
        r#"[Spread { attribute: "${node.datacenter}", weight: 80, target: [SpreadTarget { value: "dc1", percent: (60), place: .. }, SpreadTarget { value: "dc2", percent: (40), place: .. }], place: .. }]"#,
    );
    check(
        &job.update,
        r"(Update { max_parallel: 2, health_check: TaskStates, min_healthy_time: (5s), healthy_deadline: (180s), progress_deadline: (420s), auto_revert: true, auto_promote: true, canary: 1, stagger: (40s), place: .. })",
    );
    check(
        &job.migrate,
        r"(Migrate { max_parallel: 3, health_check: Manual, min_healthy_time: (11s), healthy_deadline: (360s), place: .. })",
    );
    check(
        &job.reschedule,
        r"(Reschedule { attempts: (4), interval: ((3600s)), delay: ((30s)), delay_function: (Fibonacci), max_delay: ((600s)), unlimited: (false), place: .. })",
    );
    check(
        &job.periodic,
        r#"(Periodic { enabled: false, cron: None, crons: ["0 * * * *", "@daily"], prohibit_overlap: true, time_zone: "Europe/Berlin", place: .. })"#,
    );
    check(
        &job.parameterized,
        r#"(Parameterized { payload: Required, meta_required: ["a"], meta_optional: ["b"], place: .. })"#,
    );
    check(
        &job.multiregion,
        r#"(Multiregion { strategy: (Strategy { max_parallel: 1, on_failure: (FailAll) }), region: [Region { name: "west", count: 2, datacenters: ["w1"], node_pool: ("p"), meta: {"k": "v"}, place: .. }], place: .. })"#,
    );
    check(
        &job.consul,
        r#"(Consul { namespace: ("cn"), cluster: "cc", partition: ("cp"), place: .. })"#,
    );
    check(
        &job.vault,
        r#"(Vault { policies: ["p"], role: ("r"), namespace: ("vn"), cluster: "vc", env: false, disable_file: true, change_mode: Signal, change_signal: ("SIGHUP"), allow_token_expiration: true, place: .. })"#,
    );
    check(
        &job.secrets,
        r#"[Secret { name: "job", provider: "nomad", path: ("p"), config: None, env: {}, place: .. }]"#,
    );
    check(
        &job.ui,
        r#"(Ui { description: ("A **job**."), link: [Link { label: "Docs", url: "https://example.com" }], place: .. })"#,
    );
}

#[test]
fn the_blocks_of_a_group() {
    let group = group();
    check(&group.count, r"3");
    check(&group.meta, r#"{"dotted.key": "v"}"#);
    check(
        &group.restart,
        r"Restart { attempts: 5, interval: 600s, delay: 2s, mode: Delay }",
    );
    check(&group.shutdown_delay, r"(6s)");
    check(&group.max_run_duration, r"(3600s)");
    check(&group.stop_after_client_disconnect, r"(60s)");
    check(&group.max_client_disconnect, r"(120s)");
    check(&group.prevent_reschedule_on_lost, r"(true)");
    check(
        &group.networks,
        r#"[Network { mode: ("bridge"), hostname: ("h"), device: ("eth0"), cidr: ("10.0.0.0/8"), ip: ("10.0.0.1"), mbits: (10), port: [Port { label: "http", fixed: (8080), to: (80), host_network: ("public"), ignore_collision: true, place: .. }, Port { label: "any", fixed: None, to: (-1), host_network: None, ignore_collision: false, place: .. }], reserved_ports: [Port { label: "old", fixed: (22), to: None, host_network: None, ignore_collision: false, place: .. }], dns: (Dns { servers: ["1.1.1.1"], searches: ["example.com"], options: ["ndots:2"] }), cni: (Cni { args: {"a": "b"} }), place: .. }]"#,
    );
    check(
        &group.volumes,
        r#"[Volume { name: "data", volume_type: Csi, source: ("disk"), read_only: true, sticky: true, per_alloc: true, access_mode: (SingleNodeWriter), attachment_mode: (FileSystem), mount_options: (MountOptions { fs_type: ("ext4"), mount_flags: 1 }), place: .. }]"#,
    );
    check(
        &group.ephemeral_disk,
        r"(EphemeralDisk { size: 500, migrate: true, sticky: true, place: .. })",
    );
    check(
        &group.update,
        r"(Update { max_parallel: 2, health_check: TaskStates, min_healthy_time: (5s), healthy_deadline: (180s), progress_deadline: (420s), auto_revert: true, auto_promote: true, canary: 1, stagger: (40s), place: .. })",
    );
    check(
        &group.disconnect,
        r"(Disconnect { lost_after: ((21600s)), stop_on_client_after: None, replace: false, reconcile: KeepOriginal, place: .. })",
    );
    check(
        &group.scaling,
        r#"(Scaling { scaling_type: Horizontal, min: (1), max: 5, enabled: false, policy: ({"check", "cooldown"}), place: .. })"#,
    );
    check(
        &group.consul,
        r#"(Consul { namespace: ("cn"), cluster: "cc", partition: ("cp"), place: .. })"#,
    );
}

#[test]
fn a_service_and_its_check() {
    let service = service();
    check(&service.name, r#"("web")"#);
    check(&service.tags, r#"["a"]"#);
    check(&service.canary_tags, r#"["c"]"#);
    check(&service.enable_tag_override, r"true");
    check(&service.address_mode, r"Host");
    check(&service.address, r#"("1.2.3.4")"#);
    check(&service.task, r#"("t")"#);
    check(&service.on_update, r"IgnoreWarnings");
    check(&service.provider, r"Consul");
    check(&service.cluster, r#""cc""#);
    check(&service.kind, r#"("k")"#);
    check(&service.meta, r#"{"m": "1"}"#);
    check(&service.canary_meta, r#"{"m": "2"}"#);
    check(&service.tagged_addresses, r#"{"lan": "10.0.0.1"}"#);
    check(
        &service.identity,
        r#"(Identity { name: None, aud: ["consul"], change_mode: None, change_signal: None, env: false, file: true, filepath: None, service_name: None, ttl: ((3600s)), extra_claims: [], place: .. })"#,
    );
    check(&service.weights, r"(Weights { passing: 3, warning: 2 })");
    check(
        &service.check_restart,
        r"(CheckRestart { limit: 2, grace: (9s), ignore_warnings: true })",
    );
    check(
        &service.check,
        r#"[ServiceCheck { name: ("alive"), check_type: (Http), command: ("/bin/c"), args: ["-a"], path: ("/health"), protocol: ("https"), port: ("http"), expose: true, address_mode: (Alloc), advertise: ("x"), interval: ((10s)), timeout: ((2s)), initial_status: (Passing), notes: ("n"), tls_server_name: ("s"), tls_skip_verify: true, header: {"Accept": ["a", "b"]}, method: ("POST"), body: ("b"), grpc_service: ("gs"), grpc_use_tls: true, task: ("t"), success_before_passing: 1, failures_before_critical: 2, failures_before_warning: 3, on_update: (Ignore), check_restart: (CheckRestart { limit: 3, grace: (1s), ignore_warnings: false }), place: .. }]"#,
    );
}

#[test]
fn a_place_in_the_mesh() {
    let connect = service().connect.unwrap();
    check(&connect.native, r"false");
    check(
        &connect.sidecar_service,
        r#"(SidecarService { tags: ["s"], port: ("p"), disable_default_tcp_check: true, meta: {"x": "y"}, proxy: (Proxy { local_service_address: ("127.0.0.1"), local_service_port: (80), upstreams: [Upstream { destination_name: "db", destination_namespace: ("n"), destination_peer: ("p"), destination_partition: ("q"), destination_type: (Service), local_bind_port: (5432), local_bind_address: ("127.0.0.2"), local_bind_socket_path: ("/s"), local_bind_socket_mode: ("0600"), datacenter: ("dc1"), mesh_gateway: (MeshGateway { mode: (Local) }), config: ({"limit"}), place: .. }], expose: (Expose { path: [ExposePath { path: "/m", protocol: ("http"), local_path_port: 9000, listener_port: "m", place: .. }] }), transparent_proxy: (TransparentProxy { uid: ("101"), outbound_port: (15001), exclude_inbound_ports: ["22"], exclude_outbound_ports: [80], exclude_outbound_cidrs: ["10.0.0.0/8"], exclude_uids: ["0"], no_dns: true }), config: ({"bind_address"}) }) })"#,
    );
    check(
        &connect.sidecar_task,
        r#"(SidecarTask { name: ("envoy"), driver: ("docker"), user: ("u"), config: ({"image"}), env: {"SECRET"}, resources: (ResourcesBlock { cpu: (20), cores: None, memory: None, memory_max: None, disk: None, secrets: None, iops: None, network: [], device: [], numa: None }), meta: {"a": "b"}, kill_timeout: (9s), kill_signal: ("SIGINT"), shutdown_delay: ((3s)), logs: (LogsBlock { max_files: 2, max_file_size: 10, disabled: false, enabled: None }), volume_mount: [VolumeMount { volume: "data", destination: "/d", read_only: false, propagation_mode: Private, selinux_label: None, place: .. }], identity: [Identity { name: None, aud: [], change_mode: None, change_signal: None, env: true, file: false, filepath: None, service_name: None, ttl: None, extra_claims: [], place: .. }], place: .. })"#,
    );
    check(
        &connect.gateway,
        r#"(Gateway { proxy: (GatewayProxy { connect_timeout: (3s), envoy_gateway_bind_tagged_addresses: true, envoy_gateway_bind_addresses: [BindAddress { name: "default", address: ("0.0.0.0"), port: (8443) }], envoy_gateway_no_default_bind: true, envoy_dns_discovery_type: (StrictDns), config: ({"a"}) }), ingress: (Ingress { tls: (Tls { enabled: true, tls_min_version: ("TLSv1_2"), tls_max_version: ("TLSv1_3"), cipher_suites: ["x"], sds: (Sds { cluster_name: ("c"), cert_resource: ("r") }) }), listener: [Listener { port: 8080, protocol: Http, service: [IngressService { name: "web", hosts: ["a.example"], tls: (Tls { enabled: false, tls_min_version: None, tls_max_version: None, cipher_suites: [], sds: None }), request_headers: (Headers { add: {"a": "1"}, set: {"b": "2"}, remove: ["c"] }), response_headers: (Headers { add: {}, set: {}, remove: ["d"] }), max_connections: (1), max_pending_requests: (2), max_concurrent_requests: (3), place: .. }], place: .. }] }), terminating: (Terminating { service: [LinkedService { name: "legacy", ca_file: ("/ca"), cert_file: ("/cert"), key_file: ("/key"), sni: ("s"), place: .. }] }), mesh: (Mesh) })"#,
    );
}

#[test]
fn the_blocks_of_a_task() {
    let task = task();
    check(&task.env, r#"{"A": "8080", "NODE": "${node.unique.name}"}"#);
    check(
        &task.resources,
        r"Resources { cpu: 500, cores: None, memory: 256, memory_max: (512) }",
    );
    check(&task.logs, r"Logs { max_files: 3, max_file_size: 4, disabled: true }");
    check(&task.lifecycle, r"(Lifecycle { hook: Prestart, sidecar: true })");
    check(
        &task.restart,
        r"Restart { attempts: 1, interval: 600s, delay: 2s, mode: Delay }",
    );
    check(
        &task.constraints,
        r#"[Constraint { attribute: ("${attr.os.version}"), operator: Version, value: (">= 1.0"), place: .. }]"#,
    );
    check(
        &task.artifacts,
        r#"[Artifact { source: "https://example.com/a.tgz", destination: ("local/a"), mode: File, insecure: true, chown: true, options: {"checksum"}, headers: {"Authorization"}, place: .. }]"#,
    );
    check(
        &task.templates,
        r#"[Template { source: ("local/a.tpl"), destination: ("local/a"), change_mode: Script, change_signal: ("SIGUSR1"), change_script: (ChangeScript { command: "/bin/x", args: ["-v"], timeout: (7s), fail_on_error: true, run_on_first_render: true }), once: true, splay: (1s), perms: "600", env: false, wait: (Wait { min: ((1s)), max: ((2s)) }), place: .., .. }]"#,
    );
    check(
        &task.volume_mounts,
        r#"[VolumeMount { volume: "data", destination: "/data", read_only: true, propagation_mode: HostToTask, selinux_label: ("z"), place: .. }]"#,
    );
    check(
        &task.csi_plugin,
        r#"(CsiPlugin { id: "p", plugin_type: Monolith, mount_dir: "/m", stage_publish_base_dir: "/s", health_timeout: (20s), place: .. })"#,
    );
    check(
        &task.dispatch_payload,
        r#"(DispatchPayload { file: "input.json", place: .. })"#,
    );
    check(
        &task.identities,
        r#"[Identity { name: ("aws"), aud: ["aws"], change_mode: (Signal), change_signal: ("SIGHUP"), env: true, file: true, filepath: ("local/token"), service_name: ("web"), ttl: ((7200s)), extra_claims: ["c"], place: .. }]"#,
    );
    check(
        &task.secrets,
        r#"[Secret { name: "own", provider: "plugin", path: ("o"), config: ({"engine"}), env: {"TOKEN"}, place: .. }, Secret { name: "group", provider: "vault", path: ("g"), config: None, env: {}, place: .. }, Secret { name: "job", provider: "nomad", path: ("p"), config: None, env: {}, place: .. }]"#,
    );
    check(
        &task.vault,
        r#"(Vault { policies: ["p"], role: ("r"), namespace: ("vn"), cluster: "vc", env: false, disable_file: true, change_mode: Signal, change_signal: ("SIGHUP"), allow_token_expiration: true, place: .. })"#,
    );
    check(
        &task.scaling,
        r#"[TaskScaling { name: "cpu", scaling_type: None, min: (100), max: (1000), enabled: true, policy: ({"cooldown"}), place: .. }]"#,
    );
    check(
        &task.actions,
        r#"[Action { name: "flush", command: "/bin/flush", args: ["-all"], place: .. }]"#,
    );
    check(
        &task.schedule,
        r#"(Schedule { cron: (Cron { start: "0 9 * * *", end: "0 17 * * *", timezone: "UTC" }), place: .. })"#,
    );
    check(
        &task.devices,
        r#"[Device { name: "nvidia/gpu", count: 2, constraint: [Constraint { attribute: ("${device.attr.memory}"), operator: GreaterOrEqual, value: ("2 GiB"), place: .. }], affinity: [Affinity { attribute: ("${device.model}"), operator: Equal, value: ("x"), weight: 50, place: .. }], place: .. }]"#,
    );
    check(&task.numa, r#"(Numa { affinity: Require, devices: ["nvidia/gpu"] })"#);
    check(
        &task.networks,
        r"[Network { mode: None, hostname: None, device: None, cidr: None, ip: None, mbits: (5), port: [], reserved_ports: [], dns: None, cni: None, place: .. }]",
    );
    check(&task.disk, r"(100)");
    check(&task.secrets_size, r"(2)");
    check(&task.shutdown_delay, r"(4s)");
    check(&task.kind, r#"("connect-proxy:web")"#);
}

#[test]
fn what_is_not_printed_is_read_all_the_same() {
    let task = task();
    let template = &task.templates[0];
    assert_eq!(template.data.as_deref(), Some("{{ key }}"));
    assert_eq!((template.uid, template.gid), (Some(1000), Some(1001)));
    assert_eq!(
        (template.left_delimiter.as_str(), template.right_delimiter.as_str()),
        ("[[", "]]")
    );
    assert!(template.error_on_missing_key);
    assert_eq!(template.vault_grace.unwrap().as_secs(), 60);
    assert_eq!(task.artifacts[0].headers["Authorization"], "hunter2");
    assert_eq!(task.secrets[0].env["TOKEN"], "hunter2");
    let config = task.secrets[0].config.as_ref().unwrap();
    assert_eq!(config.get("engine").and_then(|engine| engine.as_str()), Some("kv"));
    let volume = &group().volumes[0];
    assert_eq!(volume.mount_options.as_ref().unwrap().mount_flags, ["noatime"]);
    assert!(!format!("{:?}", job()).contains("hunter2"));
}

#[test]
fn blocks_of_free_content_keep_their_labels() {
    let policy = group().scaling.unwrap().policy.unwrap();
    let json = serde_json::to_value(&*policy).unwrap();
    let strategy = serde_json::json!([{"target-value": {"target": 20}}]);
    let check = serde_json::json!([{"load": {"source": "prometheus", "strategy": strategy}}]);
    assert_eq!(json, serde_json::json!({"cooldown": "1m", "check": check}));
}

#[test]
fn blocks_know_their_places() {
    let job = job();
    let group = &job.groups[0];
    let text = |place: encamp_jobspec::Place| place.span(job.span.source()).text().to_owned();
    assert_eq!(text(job.constraints[1].place), "constraint");
    assert_eq!(text(group.networks[0].port[1].place), "port \"any\"");
    assert_eq!(text(group.services[0].check[0].place), "check");
    assert_eq!(text(group.tasks[0].devices[0].constraint[0].place), "constraint");
    assert_eq!(group.networks[0].port[1].place.span(job.span.source()).line(), 205);
}

#[test]
fn defaults_are_those_of_the_documentation() {
    let text = crate::job(
        "update {}\nmigrate {}\nephemeral_disk {}\ndisconnect {}\nservice {}\nreschedule {}",
        "template {\n data = \"\"\n destination = \"a\"\n}\nvault {}\nidentity {}\nartifact { source = \"s\" }",
    );
    let job = read("job.hcl", &text);
    let group = &job.groups[0];
    check(
        &group.update,
        "(Update { max_parallel: 1, health_check: Checks, min_healthy_time: (10s), healthy_deadline: (300s), progress_deadline: (600s), auto_revert: false, auto_promote: false, canary: 0, stagger: (30s), place: .. })",
    );
    check(
        &group.migrate,
        "(Migrate { max_parallel: 1, health_check: Checks, min_healthy_time: (10s), healthy_deadline: (300s), place: .. })",
    );
    check(
        &group.ephemeral_disk,
        "(EphemeralDisk { size: 300, migrate: false, sticky: false, place: .. })",
    );
    check(
        &group.disconnect,
        "(Disconnect { lost_after: None, stop_on_client_after: None, replace: true, reconcile: BestScore, place: .. })",
    );
    let service = &group.services[0];
    check(
        &(service.address_mode, service.on_update, service.provider),
        "(Auto, RequireHealthy, Consul)",
    );
    let task = &group.tasks[0];
    check(
        &task.templates,
        r#"[Template { source: None, destination: ("a"), change_mode: Restart, change_signal: None, change_script: None, once: false, splay: (5s), perms: "0644", env: false, wait: None, place: .., .. }]"#,
    );
    check(
        &task.vault,
        r#"(Vault { policies: [], role: None, namespace: None, cluster: "default", env: true, disable_file: false, change_mode: Restart, change_signal: None, allow_token_expiration: false, place: .. })"#,
    );
    check(
        &task.artifacts,
        r#"[Artifact { source: "s", destination: None, mode: Any, insecure: false, chown: false, options: {}, headers: {}, place: .. }]"#,
    );
    assert_eq!(task.artifacts[0].destination(), "local/");
    assert_eq!((job.priority, group.count), (50, 1));
}

#[test]
fn a_task_in_a_job_is_a_group_of_its_own() {
    let job = read(
        "job.hcl",
        "job \"j\" {\n task \"t\" {\n driver = \"exec\"\n}\n vault {\n role = \"r\"\n}\n}",
    );
    assert_eq!(
        (job.groups[0].name.as_str(), job.groups[0].tasks[0].name.as_str()),
        ("t", "t")
    );
    assert_eq!(
        job.groups[0].tasks[0].vault.as_ref().unwrap().role.as_deref(),
        Some("r")
    );
}
