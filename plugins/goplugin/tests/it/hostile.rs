//! Plugins that are wrong, broken or malicious, under our host.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use encamp_goplugin::{Checksum, Client, LaunchError, LogLevel, Program};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::service::Routes;
use tonic_health::ServingStatus;

use crate::bed::{Bed, SOON, client, example, is_alive, poll, soon};
use crate::both::{chain, get, pid, put};

/// What the launch of a script fails with, which must be soon and leave nothing behind.
#[track_caller]
fn refused(script: &str, expected: &[&str]) -> impl Future<Output = LaunchError> {
    let caller = std::panic::Location::caller();
    let (script, expected) = (
        script.to_owned(),
        expected.iter().map(ToString::to_string).collect::<Vec<_>>(),
    );
    async move {
        let bed = Bed::new();
        let host = bed.host().start_timeout(Duration::from_secs(2));
        let program = bed.script(&format!("echo $$ > {}/pid\n{script}", bed.dir.path().display()));
        let error = soon("an error", host.launch(program)).await.unwrap_err();
        let text = chain(&error);
        for expected in expected {
            assert!(text.contains(&expected), "{caller}: no {expected:?} in {text}");
        }
        assert!(text.len() < 20_000, "{caller}: {} bytes", text.len());
        let pid: u32 = fs::read_to_string(bed.dir.path().join("pid"))
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        poll("end of the plugin", || !is_alive(pid), || pid.to_string()).await;
        bed.nothing_is_left().await;
        error
    }
}

#[tokio::test]
async fn a_first_line_without_end_is_refused() {
    let error = refused(
        "head -c 3000000 /dev/zero | tr '\\0' x; exec sleep 300",
        &["no line break in 1 MiB"],
    )
    .await;
    assert!(matches!(error, LaunchError::Endless { .. }));
}

#[tokio::test]
async fn a_first_line_of_nearly_a_mebibyte_is_read_and_refused() {
    refused(
        "head -c 1000000 /dev/zero | tr '\\0' x; echo; exec sleep 300",
        &["not a plugin's handshake", "it is a script"],
    )
    .await;
}

#[tokio::test]
async fn silence_is_a_timeout_that_shows_the_last_words() {
    let error = refused(
        "echo waiting for the database >&2; printf '1|1|unix|/x|grpc|'; exec sleep 300",
        &["not ready within 2s", "waiting for the database"],
    );
    assert!(matches!(error.await, LaunchError::Timeout { .. }));
}

#[tokio::test]
async fn a_plugin_that_ends_says_how_and_why() {
    let error = refused(
        "echo cannot open libfoo.so >&2; exit 3",
        &["exited with code 3", "cannot open libfoo.so"],
    );
    assert!(matches!(error.await, LaunchError::Exited { .. }));
    refused("kill -SEGV $$", &["killed by signal 11"]).await;
    refused(
        "echo '1|1|unix|/nonexistent/socket|grpc|'; exit 7",
        &["exited with code 7"],
    )
    .await;
    refused("exec >&-; sleep 0.1; exit 8", &["exited with code 8"]).await;
}

#[tokio::test]
async fn a_lie_about_the_socket_is_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let other = dir.path().join("other");
    let _listener = tokio::net::UnixListener::bind(&other).unwrap();
    let say = |address: &str| format!("echo '1|1|{address}|grpc|'; exec sleep 300");
    refused(&say(&format!("unix|{}", other.display())), &["which is not the plugin"]).await;
    assert!(other.exists(), "somebody else's socket is removed");
    refused(&say("unix|/nonexistent/socket"), &["cannot connect", "No such file"]).await;
    refused(&say("unix|/etc/passwd"), &["cannot connect", "Connection refused"]).await;
    refused(&say(&format!("unix|/tmp/{}", "x".repeat(200))), &["cannot connect"]).await;
    refused(&say("tcp|127.0.0.1:1"), &["cannot connect", "Connection refused"]).await;
    refused(&say("tcp|example.com:80"), &["is no tcp address"]).await;
}

mod points_elsewhere {
    use encamp_proto::plugin::ConnInfo;
    use encamp_proto::plugin::grpc_broker_server::GrpcBroker;
    use futures_util::StreamExt as _;
    use futures_util::stream::{self, BoxStream};
    use tonic::{Request, Response, Status, Streaming};

    pub(super) struct Broker(pub(super) String);

    #[tonic::async_trait]
    impl GrpcBroker for Broker {
        type StartStreamStream = BoxStream<'static, Result<ConnInfo, Status>>;

        async fn start_stream(
            &self,
            _: Request<Streaming<ConnInfo>>,
        ) -> Result<Response<Self::StartStreamStream>, Status> {
            let info = ConnInfo {
                service_id: 1,
                network: "unix".to_owned(),
                address: self.0.clone(),
                knock: None,
            };
            Ok(Response::new(stream::iter([Ok(info)]).chain(stream::pending()).boxed()))
        }
    }
}

#[tokio::test]
async fn the_broker_does_not_lead_to_somebody_elses_socket() {
    use encamp_proto::plugin::grpc_broker_server::GrpcBrokerServer;

    let bed = Bed::new();
    let other = bed.dir.path().join("other");
    let _listener = tokio::net::UnixListener::bind(&other).unwrap();
    let broker = points_elsewhere::Broker(other.to_str().unwrap().to_owned());
    let address = well(Routes::new(GrpcBrokerServer::new(broker))).await;
    let program = bed.script(&format!("echo '1|1|tcp|{address}|grpc|'; exec sleep 300"));
    let plugin = bed.host().launch(program).await.unwrap();
    let error = chain(&soon("an answer", plugin.broker().dial(1)).await.unwrap_err());
    assert!(error.contains("which is not the plugin"), "{error}");
}

#[tokio::test]
async fn who_accepts_and_says_nothing_is_not_waited_for() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let error = refused(
        &format!("echo '1|1|tcp|{address}|grpc|'; exec sleep 300"),
        &["not ready within 2s"],
    )
    .await;
    assert!(matches!(error, LaunchError::Timeout { .. }));
}

#[tokio::test]
async fn who_speaks_something_else_is_refused() {
    let http = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = http.local_addr().unwrap();
    tokio::spawn(async move {
        use tokio::io::AsyncWriteExt as _;

        while let Ok((mut stream, _)) = http.accept().await {
            drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await);
        }
    });
    let error = refused(
        &format!("echo '1|1|tcp|{address}|grpc|'; exec sleep 300"),
        &["does not answer as a plugin does"],
    )
    .await;
    assert!(matches!(error, LaunchError::Unwell { .. }));
}

#[tokio::test]
async fn a_plugin_without_the_certificate_that_was_asked_for_is_refused() {
    let bed = Bed::new();
    let host = bed.host().auto_mtls(true);
    for (certificate, expected) in [("", "no certificate"), ("%%%", "not base64")] {
        let program = bed.script(&format!(
            "echo '1|1|tcp|127.0.0.1:1|grpc|{certificate}'; exec sleep 300"
        ));
        let error = chain(&host.launch(program).await.unwrap_err());
        assert!(error.contains(expected), "{error}");
    }
    // It shows a certificate, and then speaks without.
    let address = well(Routes::default()).await;
    let program = bed.script(&format!("echo '1|1|tcp|{address}|grpc|MIIB'; exec sleep 300"));
    let error = chain(&host.launch(program).await.unwrap_err());
    assert!(error.contains("cannot connect"), "{error}");
    // One that was not asked for is not looked at.
    let program = bed.script(&format!(
        "echo '1|1|tcp|{address}|grpc|{}'; exec sleep 300",
        "MIIB".repeat(20)
    ));
    bed.host().launch(program).await.unwrap().ping().await.unwrap();
}

/// A server in this process that says that it is well, and has `routes`.
async fn well(routes: Routes) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status("plugin", ServingStatus::Serving).await;
    let routes = routes.add_service(health);
    tokio::spawn(tonic::transport::Server::builder().serve_with_incoming(routes, TcpListenerStream::new(listener)));
    address
}

/// A script that is a plugin as long as it does not end.
async fn launch(bed: &Bed, script: &str) -> Client {
    let address = well(Routes::default()).await;
    let program = bed.script(&format!("echo '1|1|tcp|{address}|grpc|'\n{script}"));
    bed.host().launch(program).await.unwrap()
}

#[tokio::test]
async fn a_plugin_that_does_not_end_when_asked_is_killed() {
    let bed = Bed::new();
    let address = well(Routes::default()).await;
    let program = bed.script(&format!(
        "trap '' TERM INT HUP\necho '1|1|tcp|{address}|grpc|'\nexec sleep 300"
    ));
    let plugin = bed
        .host()
        .stop_timeout(Duration::from_millis(200))
        .launch(program)
        .await
        .unwrap();
    let started = Instant::now();
    let killed = plugin.kill().await;
    assert!(!killed.graceful);
    assert_eq!(killed.exit.unwrap().signal(), Some(9));
    assert!(started.elapsed() < Duration::from_secs(2));
    // Again is the same.
    assert_eq!(plugin.kill().await.exit, killed.exit);
    bed.nothing_is_left().await;
}

mod never_answers {
    use encamp_proto::plugin::Empty;
    use encamp_proto::plugin::grpc_controller_server::GrpcController;
    use tonic::{Request, Response, Status};

    pub(super) struct Controller;

    #[tonic::async_trait]
    impl GrpcController for Controller {
        async fn shutdown(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
            std::future::pending().await
        }
    }
}

#[tokio::test]
async fn a_plugin_that_never_answers_the_last_call_is_killed() {
    use encamp_proto::plugin::grpc_controller_server::GrpcControllerServer;

    let bed = Bed::new();
    let address = well(Routes::new(GrpcControllerServer::new(never_answers::Controller))).await;
    let program = bed.script(&format!("echo '1|1|tcp|{address}|grpc|'; exec sleep 300"));
    let plugin = bed
        .host()
        .stop_timeout(Duration::from_millis(300))
        .launch(program)
        .await
        .unwrap();
    let started = Instant::now();
    let killed = plugin.kill().await;
    assert_eq!((killed.graceful, killed.exit.unwrap().signal()), (false, Some(9)));
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_kill_that_nobody_waits_for_goes_on() {
    let bed = Bed::new();
    let plugin = launch(&bed, "exec sleep 300").await;
    let pid = plugin.pid();
    assert!(
        tokio::time::timeout(Duration::from_millis(1), plugin.kill())
            .await
            .is_err()
    );
    poll("end of the plugin", || !is_alive(pid), || pid.to_string()).await;
}

#[tokio::test]
async fn a_launch_that_is_given_up_leaves_nothing() {
    let bed = Bed::new();
    let pid_file = bed.dir.path().join("pid");
    let program = bed.script(&format!("echo $$ > {}; exec sleep 300", pid_file.display()));
    let host = bed.host();
    let launch = host.launch(program);
    let mut launch = Box::pin(launch);
    let started = || {
        fs::read_to_string(&pid_file)
            .ok()
            .and_then(|pid| pid.trim().parse::<u32>().ok())
    };
    tokio::select! {
        _ = &mut launch => panic!("it was launched"),
        () = poll("process", || started().is_some(), String::new) => {}
    }
    drop(launch);
    let pid = started().unwrap();
    poll("end of the plugin", || !is_alive(pid), || pid.to_string()).await;
    bed.nothing_is_left().await;
}

#[tokio::test]
async fn log_lines_of_any_kind_break_nothing() {
    let bed = Bed::new();
    let lines = r#"
cat >&2 <<'END'
{"@level":"info","@message":{"a":1},"@timestamp":5,"@module":[]}
{"@level":["info"],"@message":"x"}
{"@message":3}
[]
null
"text"
{"@level":"info","@message":"broken
END
head -c 200000 /dev/zero | tr '\0' y >&2; echo >&2
head -c 10000 /dev/urandom >&2; echo >&2
echo '{"@level":"warn","@message":"the end"}' >&2
exec sleep 300"#;
    let plugin = launch(&bed, lines).await;
    bed.logged("the end").await;
    let logs = bed.logs();
    assert_eq!(
        logs.first().map(|record| (record.level, record.message.as_str())),
        Some((LogLevel::Info, r#"{"a":1}"#))
    );
    assert_eq!(logs.last().map(|record| record.level), Some(LogLevel::Warn));
    plugin.ping().await.unwrap();
}

#[tokio::test]
async fn what_is_printed_after_the_handshake_never_blocks_the_plugin() {
    let bed = Bed::new();
    let _plugin = launch(
        &bed,
        "head -c 20000000 /dev/zero | tr '\\0' x; echo printed >&2; exec sleep 300",
    )
    .await;
    bed.logged("printed").await;
}

#[tokio::test]
async fn a_grandchild_that_holds_the_pipes_holds_nobody_up() {
    let bed = Bed::new();
    let file = bed.dir.path().join("grandchild");
    let script = format!("sleep 300 & echo $! > {}; wait", file.display());
    let plugin = launch(&bed, &script).await;
    let grandchild = || {
        fs::read_to_string(&file)
            .ok()
            .and_then(|pid| pid.trim().parse::<u32>().ok())
    };
    poll("grandchild", || grandchild().is_some(), String::new).await;
    nix::sys::signal::kill(pid(plugin.pid()), nix::sys::signal::Signal::SIGKILL).unwrap();
    assert_eq!(soon("the end", plugin.exited()).await.signal(), Some(9));
    let started = Instant::now();
    assert!(plugin.kill().await.exit.is_some());
    assert!(started.elapsed() < Duration::from_secs(2));
    bed.nothing_is_left().await;
    nix::sys::signal::kill(pid(grandchild().unwrap()), nix::sys::signal::Signal::SIGKILL).unwrap();
}

#[tokio::test]
async fn a_plugin_that_is_slow_to_start_is_waited_for() {
    let bed = Bed::new();
    let gate = bed.dir.path().join("gate");
    rustix::fs::mkfifoat(rustix::fs::CWD, &gate, rustix::fs::Mode::RWXU).unwrap();
    let address = well(Routes::default()).await;
    let program = bed.script(&format!(
        "printf '1|1|tcp|'; read _ < {}; echo '{address}|grpc|'; exec sleep 300",
        gate.display()
    ));
    let host = bed.host();
    let launch = tokio::spawn(async move { host.launch(program).await });
    // To open the gate is to wait until the plugin stands before it, half of its line said.
    tokio::task::spawn_blocking(move || fs::write(gate, "\n").unwrap())
        .await
        .unwrap();
    let plugin = soon("the plugin", launch).await.unwrap().unwrap();
    plugin.ping().await.unwrap();
}

#[tokio::test]
async fn a_wrapper_may_start_the_plugin() {
    let bed = Bed::new();
    let program = bed.script(&format!("{} \"$@\"\nexit $?", example().display()));
    let plugin = bed.host().launch(program).await.unwrap();
    plugin.ping().await.unwrap();
    assert!(plugin.kill().await.graceful);
}

#[tokio::test]
async fn a_file_that_cannot_be_started_says_why() {
    let bed = Bed::new();
    let check = async |content: Option<&[u8]>, mode, expected: &str| {
        use std::os::unix::fs::PermissionsExt as _;

        let path = bed.dir.path().join("program");
        drop(fs::remove_file(&path));
        if let Some(content) = content {
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let error = chain(&bed.host().launch(Program::new(path)).await.unwrap_err());
        assert!(error.contains("cannot start") && error.contains(expected), "{error}");
    };
    check(None, 0, "No such file").await;
    check(Some(b"text, and more text, but no program"), 0o755, "it is no program").await;
    check(Some(b"#!/bin/sh\nexit 0\n # not executable"), 0o644, "0644").await;
    check(
        Some(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x08\0"),
        0o755,
        "machine 8",
    )
    .await;
    bed.nothing_is_left().await;
}

#[tokio::test]
async fn only_a_program_with_its_checksum_is_started() {
    let bed = Bed::new();
    let program = bed.dir.path().join("program");
    fs::copy(example(), &program).unwrap();
    let sum = |path: &PathBuf| Checksum::Sha256(Sha256::digest(fs::read(path).unwrap()).into());
    let right = sum(&program);
    let plugin = bed
        .host()
        .launch(Program::new(&program).checksum(right.clone()))
        .await
        .unwrap();
    client(&plugin).put(put("a", b"")).await.unwrap();
    assert!(plugin.kill().await.graceful);
    fs::remove_file(&program).unwrap();
    fs::write(&program, "#!/bin/sh\ntouch started\n").unwrap();
    let error = bed
        .host()
        .launch(Program::new(&program).checksum(right).current_dir(bed.dir.path()))
        .await
        .unwrap_err();
    assert!(matches!(error, LaunchError::Checksum(_)), "{error}");
    assert!(!bed.dir.path().join("started").exists());
    bed.nothing_is_left().await;
}

#[tokio::test]
async fn a_plugin_gets_the_environment_that_it_is_meant_to_get() {
    let bed = Bed::new();
    let file = bed.dir.path().join("environment");
    let write = format!("env > {}; exit 9", file.display());
    let environment = async |change: &dyn Fn(Program) -> Program| {
        let program = change(bed.script(&write));
        drop(bed.host().launch(program).await);
        fs::read_to_string(&file).unwrap()
    };
    let full = environment(&|program| program.env("A", "b").env("PLUGIN_MIN_PORT", "9")).await;
    for line in [
        "A=b",
        "KV_PLUGIN=hello",
        "PLUGIN_PROTOCOL_VERSIONS=1",
        "PLUGIN_MIN_PORT=10000",
        "PLUGIN_MAX_PORT=25000",
    ] {
        assert!(full.lines().any(|found| found == line), "no {line} in {full}");
    }
    assert!(full.contains("CARGO_MANIFEST_DIR="), "{full}");
    assert!(full.contains("PLUGIN_UNIX_SOCKET_DIR="), "{full}");
    for name in [
        "PLUGIN_CLIENT_CERT",
        "PLUGIN_MULTIPLEX_GRPC",
        "PLUGIN_UNIX_SOCKET_GROUP",
    ] {
        assert!(!full.contains(name), "{full}");
    }
    let bare = environment(&|program| program.skip_host_env().env("A", "b")).await;
    assert!(bare.contains("A=b\n") && !bare.contains("CARGO_MANIFEST_DIR"), "{bare}");
}

#[tokio::test]
async fn a_plugin_that_freezes_is_killed_in_time() {
    let bed = Bed::new();
    let plugin = bed
        .host()
        .stop_timeout(Duration::from_millis(300))
        .launch(Program::new(example()))
        .await
        .unwrap();
    nix::sys::signal::kill(pid(plugin.pid()), nix::sys::signal::Signal::SIGSTOP).unwrap();
    let mut client = client(&plugin);
    let call = tokio::spawn(async move { client.get(get("a")).await });
    let started = Instant::now();
    let killed = plugin.kill().await;
    assert_eq!((killed.graceful, killed.exit.unwrap().signal()), (false, Some(9)));
    assert!(started.elapsed() < SOON / 4);
    let status = soon("the end of the call", call).await.unwrap().unwrap_err();
    assert!(plugin.life().explains(&status).await, "{status:?}");
    bed.nothing_is_left().await;
}
