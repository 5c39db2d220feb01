//! Our plugin, as its environment makes it.

use std::collections::BTreeSet;
use std::fs::{self, FileTimes};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use encamp_goplugin::{Address, Environment, Listening, LogRecord, Network, Server};
use nix::sys::signal::Signal;
use tokio::process::Command;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::bed::{Bed, client, cookie, example, poll, soon};
use crate::both::{pid, put};

fn server() -> Server {
    Server::new(cookie())
        .version(2, |_, _| {})
        .version(3, |_, _| {})
        .version(5, |_, _| {})
}

async fn listen(environment: Environment) -> Listening {
    server().listen(&environment).await.unwrap()
}

#[tokio::test]
async fn a_person_is_told_what_the_program_is() {
    for cookie in [None, Some("goodbye"), Some("")] {
        let mut command = Command::new(example());
        command.env_remove("KV_PLUGIN").stdin(Stdio::null());
        if let Some(cookie) = cookie {
            command.env("KV_PLUGIN", cookie);
        }
        let output = soon("the end", command.output()).await.unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.starts_with("this program is a plugin"), "{said}");
    }
}

#[tokio::test]
async fn the_highest_common_version_is_chosen_or_the_lowest_of_ours() {
    for (offered, chosen) in [("1,2,3,4", 3), ("5", 5), ("2,5,x", 5), ("7", 2), ("", 2)] {
        let listening = listen(Environment::new().with("PLUGIN_PROTOCOL_VERSIONS", offered)).await;
        assert_eq!(listening.version(), chosen, "{offered}");
    }
}

#[tokio::test]
async fn the_line_has_no_more_than_the_host_asked_for() {
    let plain = listen(Environment::new()).await;
    assert_eq!(plain.handshake(), format!("1|2|unix|{}|grpc|", plain.address()));
    let multiplexed = listen(Environment::new().with("PLUGIN_MULTIPLEX_GRPC", "true")).await;
    assert_eq!(
        multiplexed.handshake(),
        format!("1|2|unix|{}|grpc||true", multiplexed.address())
    );
    let error = server()
        .listen(&Environment::new().with("PLUGIN_CLIENT_CERT", "no certificate"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("cannot be read"), "{error}");
    let ports = Environment::new()
        .with("PLUGIN_MIN_PORT", "20000")
        .with("PLUGIN_MAX_PORT", "20100");
    let tcp = server().network(Network::Tcp).listen(&ports).await.unwrap();
    assert!(
        tcp.handshake().starts_with("1|2|tcp|127.0.0.1:20"),
        "{}",
        tcp.handshake()
    );
}

#[tokio::test]
async fn sockets_are_where_the_host_says_and_for_whom_it_says() {
    let temp = tempfile::tempdir().unwrap();
    let group = nix::unistd::getgid().to_string();
    let environment = Environment::new()
        .with("PLUGIN_UNIX_SOCKET_DIR", temp.path())
        .with("PLUGIN_UNIX_SOCKET_GROUP", group);
    let listening = listen(environment).await;
    let Address::Unix(path) = listening.address() else {
        panic!("not a unix socket")
    };
    assert_eq!(path.parent(), Some(temp.path()));
    assert_eq!(fs::metadata(path).unwrap().mode() & 0o777, 0o660);
    let unknown = Environment::new().with("PLUGIN_UNIX_SOCKET_GROUP", "no such group");
    let error = server().listen(&unknown).await.unwrap_err();
    assert!(crate::both::chain(&error).contains("there is no group"), "{error}");
}

#[tokio::test]
async fn a_plugin_and_its_host_can_be_in_one_process() {
    let listening = listen(Environment::new()).await;
    let record = listening.reattach_config();
    let serving = tokio::spawn(listening.serve());
    let host = encamp_goplugin::Host::new(cookie(), [2]);
    let plugin = host
        .reattach(&record, encamp_goplugin::Output::default())
        .await
        .unwrap();
    drop(plugin);
    let plugin = host
        .reattach(&record, encamp_goplugin::Output::default())
        .await
        .unwrap();
    plugin.ping().await.unwrap();
    assert!(plugin.kill().await.graceful);
    soon("the end", serving).await.unwrap();
}

#[tokio::test]
async fn health_is_told_by_the_names_that_hosts_ask_for() {
    let bed = Bed::new();
    let plugin = bed.launch().await;
    let mut health = HealthClient::new(plugin.channel());
    for name in ["", "plugin"] {
        health
            .check(HealthCheckRequest {
                service: name.to_owned(),
            })
            .await
            .unwrap();
    }
    let unknown = health
        .check(HealthCheckRequest {
            service: "kv".to_owned(),
        })
        .await
        .unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
}

#[tokio::test]
async fn reflection_names_all_services() {
    use tonic_reflection::pb::v1::ServerReflectionRequest;
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

    let bed = Bed::new();
    let plugin = bed.launch().await;
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let answer = ServerReflectionClient::new(plugin.channel())
        .server_reflection_info(tokio_stream::once(request))
        .await;
    let answer = soon("an answer", answer.unwrap().into_inner().message())
        .await
        .unwrap()
        .unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("{answer:?}")
    };
    let names: BTreeSet<_> = list.service.into_iter().map(|service| service.name).collect();
    for name in [
        "kv.Kv",
        "plugin.GRPCBroker",
        "plugin.GRPCStdio",
        "plugin.GRPCController",
        "grpc.health.v1.Health",
    ] {
        assert!(names.contains(name), "no {name} in {names:?}");
    }
}

#[tokio::test]
async fn an_interrupt_is_ignored_and_a_termination_ends_the_plugin_well() {
    let bed = Bed::new();
    let plugin = bed.launch().await;
    for _ in 0..3 {
        nix::sys::signal::kill(pid(plugin.pid()), Signal::SIGINT).unwrap();
        client(&plugin).put(put("a", b"")).await.unwrap();
    }
    nix::sys::signal::kill(pid(plugin.pid()), Signal::SIGTERM).unwrap();
    assert_eq!(soon("the end", plugin.exited()).await.code(), Some(0));
    bed.nothing_is_left().await;
}

#[tokio::test]
async fn a_plugin_that_is_terminated_before_it_is_introduced_leaves_nothing() {
    let temp = tempfile::tempdir().unwrap();
    // It waits until its line can be written.
    let (mut output, mut input) = std::io::pipe().unwrap();
    let capacity = rustix::pipe::fcntl_getpipe_size(&input).unwrap();
    input.write_all(&vec![b'\n'; capacity]).unwrap();
    let mut plugin = Command::new(example())
        .env("KV_PLUGIN", "hello")
        .env("TMPDIR", temp.path())
        .stdin(Stdio::null())
        .stdout(input)
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let sockets = || {
        fs::read_dir(temp.path())
            .unwrap()
            .map(|dir| dir.unwrap().path().join("socket"))
    };
    poll("a socket", || sockets().any(|socket| socket.exists()), String::new).await;
    nix::sys::signal::kill(pid(plugin.id().unwrap()), Signal::SIGTERM).unwrap();
    let reading = tokio::task::spawn_blocking(move || output.read_to_end(&mut Vec::new()));
    assert_eq!(soon("the end", plugin.wait()).await.unwrap().code(), Some(0));
    assert_eq!(sockets().count(), 0);
    reading.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_a_killed_plugin_has_left_is_removed_when_the_next_one_listens() {
    let temp = tempfile::tempdir().unwrap();
    let left = temp.path().join("plugin-0123456789abcdef");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("socket"), "").unwrap();
    let old = SystemTime::now() - Duration::from_hours(1);
    let times = FileTimes::new().set_modified(old);
    fs::File::open(&left).unwrap().set_times(times).unwrap();
    let listening = listen(Environment::new().with("TMPDIR", temp.path())).await;
    poll("removal", || !left.exists(), String::new).await;
    let Address::Unix(socket) = listening.address() else {
        panic!("not a unix socket")
    };
    assert!(socket.exists());
}

#[tokio::test]
async fn a_plugin_that_has_no_descriptors_left_says_so_once_until_it_has() {
    let bed = Bed::new();
    let program = bed.script(&format!("ulimit -n 40\nexec {}", example().display()));
    let plugin = bed.host().launch(program).await.unwrap();
    let Address::Unix(socket) = plugin.address().clone() else {
        panic!("not a unix socket")
    };
    let is_warning = |record: &LogRecord| record.message.contains("Cannot accept a connection");
    let warnings = || bed.logs().iter().filter(|record| is_warning(record)).count();
    let take_all = || -> Vec<_> { (0..50).map(|_| UnixStream::connect(&socket).unwrap()).collect() };
    let taken = take_all();
    poll("warning", || warnings() > 0, String::new).await;
    // It goes on trying all the while.
    let start = Instant::now();
    let has_lasted = || start.elapsed() > Duration::from_millis(300);
    poll("end of the while", has_lasted, String::new).await;
    assert_eq!(warnings(), 1);
    drop(taken);
    let _taken = take_all();
    poll("second warning", || warnings() > 1, String::new).await;
}

#[tokio::test]
async fn children_of_a_plugin_inherit_nothing_of_its_host() {
    let bed = Bed::new();
    let plugin = bed.launch().await;
    let process = format!("/proc/{}", plugin.pid());
    // Whoever runs the tests may leave something open for everybody.
    let own: BTreeSet<_> = fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .collect();
    for entry in fs::read_dir(format!("{process}/fd")).unwrap() {
        let path = entry.unwrap().path();
        let fd = path.file_name().unwrap().to_str().unwrap();
        if ["0", "1", "2"].contains(&fd) || own.contains(&fs::read_link(&path).unwrap()) {
            continue;
        }
        let info = fs::read_to_string(format!("{process}/fdinfo/{fd}")).unwrap();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
        let flags = u32::from_str_radix(flags.trim(), 8).unwrap();
        assert!(flags & 0o2_000_000 != 0, "descriptor {fd} is inherited: {info}");
    }
    // What is inherited as standard output and error are pipes of the plugin itself.
    for fd in ["1", "2"] {
        let target = fs::read_link(format!("{process}/fd/{fd}")).unwrap();
        assert!(
            target.to_str().unwrap().starts_with("pipe:") && !own.contains(&target),
            "{target:?}"
        );
    }
}

#[tokio::test]
async fn a_plugin_whose_standard_error_is_closed_serves_all_the_same() {
    let bed = Bed::new();
    // The plugin's standard error is a pipe that nobody reads any more.
    let program = bed.script(&format!("exec {} 2> >(exec true)", example().display()));
    let plugin = bed.host().launch(program).await.unwrap();
    for _ in 0..20 {
        client(&plugin).put(put("a", b"")).await.unwrap();
    }
    assert!(plugin.kill().await.graceful);
}

mod root {
    use std::path::{Path, PathBuf};

    use super::*;

    /// Who is neither root nor in any group.
    const NOBODY: u32 = 65534;

    /// What another local user gets who connects.
    fn connect_as_nobody(path: &Path) -> std::io::Result<UnixStream> {
        let path: PathBuf = path.to_owned();
        let connect = move || {
            let (user, group) = (rustix::fs::Uid::from_raw(NOBODY), rustix::fs::Gid::from_raw(NOBODY));
            rustix::thread::set_thread_groups(&[]).unwrap();
            rustix::thread::set_thread_res_gid(group, group, group).unwrap();
            rustix::thread::set_thread_res_uid(user, user, user).unwrap();
            UnixStream::connect(path)
        };
        std::thread::spawn(connect).join().unwrap()
    }

    #[tokio::test]
    #[ignore = "needs root"]
    async fn another_local_user_cannot_connect() {
        let temp = tempfile::tempdir().unwrap();
        fs::set_permissions(temp.path(), fs::Permissions::from_mode(0o777)).unwrap();
        // A directory that everybody can enter, as a host may give it; and one of the plugin's own.
        for variable in ["PLUGIN_UNIX_SOCKET_DIR", "TMPDIR"] {
            let listening = listen(Environment::new().with(variable, temp.path())).await;
            let Address::Unix(path) = listening.address().clone() else {
                panic!("not a unix socket")
            };
            UnixStream::connect(&path).unwrap();
            let error = connect_as_nobody(&path).unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied, "{variable}");
        }
        // And a real plugin's, under a real host.
        let bed = Bed::new();
        fs::set_permissions(bed.dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let plugin = bed.launch().await;
        let Address::Unix(path) = plugin.address().clone() else {
            panic!("not a unix socket")
        };
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
        assert_eq!(
            connect_as_nobody(&path).unwrap_err().kind(),
            std::io::ErrorKind::PermissionDenied
        );
        plugin.ping().await.unwrap();
    }

    #[tokio::test]
    #[ignore = "needs root"]
    async fn the_group_that_a_host_names_can_connect() {
        let bed = Bed::new();
        fs::set_permissions(bed.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let host = bed.host().socket_group(NOBODY.to_string());
        fs::set_permissions(bed.sockets(), fs::Permissions::from_mode(0o755)).unwrap();
        let plugin = host.launch(encamp_goplugin::Program::new(example())).await.unwrap();
        let Address::Unix(path) = plugin.address().clone() else {
            panic!("not a unix socket")
        };
        connect_as_nobody(&path).unwrap();
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!((metadata.mode() & 0o777, metadata.gid()), (0o660, NOBODY));
    }
}
