//! With HashiCorp's library in Go on the other end.
//!
//! `tests/go` holds a host and a plugin for that. The tests look for both, as `kv-host` and `kv-plugin`, in the directory
//! that `ENCAMP_GO_PEERS` names:
//!
//! ```sh
//! (cd tests/go && go build -o "$ENCAMP_GO_PEERS" ./kv-host ./kv-plugin)
//! cargo test --test it interop -- --ignored
//! ```

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use encamp_goplugin::{Client, Host, LogLevel, Output, Program};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tonic::Code;

use crate::bed::{Bed, client, example, is_alive, poll, soon};
use crate::both::{check_broker, get, put};

fn peer(name: &str) -> PathBuf {
    let folder = std::env::var_os("ENCAMP_GO_PEERS").expect("ENCAMP_GO_PEERS names the directory of the Go programs");
    let path = Path::new(&folder).join(name);
    assert!(path.exists(), "{} is not there", path.display());
    path
}

/// What the Go host prints of a scenario that goes well.
async fn go_host(scenario: &str, argument: &str, temp: &Path) -> String {
    let mut command = Command::new(peer("kv-host"));
    command
        .arg(scenario)
        .arg(argument)
        .env("TMPDIR", temp)
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let output = soon(scenario, command.output()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{scenario}: {said}");
    assert!(!said.contains("[WARN]") && !said.contains("[ERROR]"), "{said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
#[ignore = "needs go"]
async fn a_go_host_uses_our_plugin() {
    for scenario in ["plain", "automtls", "mux", "mux-automtls"] {
        let temp = tempfile::tempdir().unwrap();
        go_host(scenario, example().to_str().unwrap(), temp.path()).await;
        let left = std::fs::read_dir(temp.path()).unwrap().count();
        assert_eq!(left, 0, "{scenario}");
    }
}

#[tokio::test]
#[ignore = "needs go"]
async fn a_go_host_finds_our_plugin_again_although_its_standard_error_is_closed() {
    let temp = tempfile::tempdir().unwrap();
    let record = go_host("leave", example().to_str().unwrap(), temp.path()).await;
    go_host("reattach", record.trim(), temp.path()).await;
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 0);
}

async fn launch(bed: &Bed, host: &Host) -> Client {
    // Go's sockets are where the host says, too.
    let plugin = host.launch(Program::new(peer("kv-plugin"))).await.unwrap();
    assert!(
        plugin
            .address()
            .to_string()
            .starts_with(bed.sockets().to_str().unwrap())
    );
    plugin
}

/// Everything that a host can do with a plugin that it has launched.
async fn check(ask: impl Fn(Host) -> Host) {
    let bed = Bed::new();
    let plugin = launch(&bed, &ask(bed.host())).await;
    assert_eq!(plugin.version(), 1);
    plugin.ping().await.unwrap();
    let status = client(&plugin).get(get("nothing")).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert!(!plugin.life().explains(&status).await);
    let large = vec![7; 16 * 1024 * 1024];
    client(&plugin).put(put("large", &large)).await.unwrap();
    let mut client = client(&plugin).max_decoding_message_size(encamp_goplugin::MAX_MESSAGE_SIZE);
    assert!(client.get(get("large")).await.unwrap().into_inner().value == large);
    check_broker(&plugin).await;
    // Go answers such a call with its first message only: it stays open until the plugin ends.
    let open = tokio::spawn(async move { client.follow(()).await });
    let started = Instant::now();
    let killed = plugin.kill().await;
    assert!(killed.graceful, "{killed:?}");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert!(soon("the end of the call", open).await.unwrap().is_err());
    // Where it multiplexes, Go leaves its socket.
    bed.nothing_is_left().await;
}

#[tokio::test]
#[ignore = "needs go"]
async fn our_host_uses_a_go_plugin() {
    check(|host| host).await;
}

#[tokio::test]
#[ignore = "needs go"]
async fn our_host_uses_a_go_plugin_with_automtls() {
    check(|host| host.auto_mtls(true)).await;
}

#[tokio::test]
#[ignore = "needs go"]
async fn our_host_uses_a_go_plugin_over_one_connection() {
    check(|host| host.multiplex(true)).await;
}

#[tokio::test]
#[ignore = "needs go"]
async fn our_host_uses_a_go_plugin_over_one_connection_with_automtls() {
    check(|host| host.multiplex(true).auto_mtls(true)).await;
}

#[tokio::test]
#[ignore = "needs go"]
async fn what_a_go_plugin_logs_and_prints_arrives() {
    let bed = Bed::new();
    let (writer, mut reader) = tokio::io::duplex(1024);
    let program = Program::new(peer("kv-plugin")).output(Output::default().stdout(writer));
    let plugin = bed.host().launch(program).await.unwrap();
    client(&plugin).put(put("key", b"value")).await.unwrap();
    let mut printed = [0; 4];
    soon("what was printed", reader.read_exact(&mut printed)).await.unwrap();
    assert_eq!(&printed, b"key\n");
    bed.logged("Putting a value").await;
    let record = bed
        .logs()
        .into_iter()
        .find(|record| record.message == "Putting a value")
        .unwrap();
    assert_eq!((record.level, record.plugin.as_str()), (LogLevel::Info, "kv-plugin"));
    assert!(
        record.fields.contains(&("key".to_owned(), "key".to_owned())),
        "{record:?}"
    );
    assert!(
        record.fields.contains(&("bytes".to_owned(), "5".to_owned())),
        "{record:?}"
    );
    // A line of 1 MiB on the real standard output is read away.
    client(&plugin)
        .put(put("flood the original standard output", b""))
        .await
        .unwrap();
    client(&plugin)
        .put(put("flood the original standard output", b""))
        .await
        .unwrap();
}

#[tokio::test]
#[ignore = "needs go"]
async fn a_go_plugin_that_does_not_end_is_killed() {
    let bed = Bed::new();
    let program = Program::new(peer("kv-plugin")).env("KV_NEVER_ENDS", "1");
    let plugin = bed
        .host()
        .stop_timeout(Duration::from_millis(300))
        .launch(program)
        .await
        .unwrap();
    let killed = plugin.kill().await;
    assert!(!killed.graceful);
    assert_eq!(killed.exit.unwrap().signal(), Some(9));
    bed.nothing_is_left().await;
}

#[tokio::test]
#[ignore = "needs go"]
async fn a_go_plugin_that_was_detached_is_found_again() {
    let bed = Bed::new();
    let plugin = launch(&bed, &bed.host()).await;
    client(&plugin).put(put("a", b"b")).await.unwrap();
    let record = plugin.detach().unwrap();
    let plugin = bed.host().reattach(&record, Output::default()).await.unwrap();
    // It must not log: Go ends at the next line that nobody reads.
    assert_eq!(client(&plugin).get(get("a")).await.unwrap().into_inner().value, b"b");
    assert!(plugin.kill().await.graceful);
    poll("end of the plugin", || !is_alive(record.pid), || record.pid.to_string()).await;
    bed.nothing_is_left().await;
}
