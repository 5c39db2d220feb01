//! Our plugin under our host.

use std::time::{Duration, Instant};

use encamp_goplugin::{Address, Output, Program};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tonic::Code;
use tonic::service::Routes;

use crate::bed::kv::kv_client::KvClient;
use crate::bed::kv::watcher_server::{Watcher, WatcherServer};
use crate::bed::kv::{Change, GetRequest, PutRequest, SubscribeRequest};
use crate::bed::{Bed, client, example, is_alive, poll, soon};

pub(crate) fn put(key: &str, value: &[u8]) -> PutRequest {
    PutRequest {
        key: key.to_owned(),
        value: value.to_vec(),
    }
}

pub(crate) fn get(key: &str) -> GetRequest {
    GetRequest { key: key.to_owned() }
}

#[tokio::test]
async fn a_plugin_is_launched_used_and_ends_when_asked() {
    let bed = Bed::new();
    let plugin = bed.launch().await;
    assert_eq!(plugin.version(), 1);
    plugin.ping().await.unwrap();
    client(&plugin).put(put("a", b"b")).await.unwrap();
    assert_eq!(client(&plugin).get(get("a")).await.unwrap().into_inner().value, b"b");
    bed.logged("Putting a value").await;
    let started = Instant::now();
    let killed = plugin.kill().await;
    assert!(killed.graceful);
    assert_eq!(killed.exit.unwrap().code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    bed.nothing_is_left().await;
}

#[tokio::test]
async fn everything_can_be_done_in_tasks_of_their_own() {
    let bed = Bed::new();
    let host = bed.host();
    let launched = tokio::spawn(async move { host.launch(Program::new(example())).await });
    let plugin = launched.await.unwrap().unwrap();
    let (record, host) = (plugin.reattach_config().unwrap(), bed.host());
    let found = tokio::spawn(async move { host.reattach(&record, Output::default()).await });
    let again = found.await.unwrap().unwrap();
    let broker = again.broker().clone();
    let accepted = tokio::spawn(async move { broker.accept(broker.next_id()).await });
    drop(accepted.await.unwrap().unwrap());
    assert!(tokio::spawn(async move { again.kill().await }).await.unwrap().graceful);
    plugin.exited().await;
}

#[tokio::test]
async fn open_streams_do_not_keep_a_plugin_from_ending() {
    let bed = Bed::new();
    let plugin = bed.launch().await;
    let mut stream = client(&plugin).follow(()).await.unwrap().into_inner();
    let killed = plugin.kill().await;
    assert!(killed.graceful, "{killed:?}");
    let status = soon("the end of the stream", stream.message()).await.unwrap_err();
    assert!(plugin.life().explains(&status).await, "{status:?}");
}

#[tokio::test]
async fn calls_and_streams_of_a_killed_plugin_are_explained_by_its_death() {
    let bed = Bed::new();
    let plugin = bed.launch().await;
    let status = client(&plugin).get(get("nothing")).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert!(!plugin.life().explains(&status).await);
    let mut stream = client(&plugin).follow(()).await.unwrap().into_inner();
    let life = plugin.life().clone();
    let waiting = tokio::spawn(async move { life.explains(&stream.message().await.unwrap_err()).await });
    nix::sys::signal::kill(pid(plugin.pid()), nix::sys::signal::Signal::SIGKILL).unwrap();
    assert!(soon("the stream's end", waiting).await.unwrap());
    assert_eq!(plugin.exited().await.signal(), Some(9));
    let status = client(&plugin).get(get("a")).await.unwrap_err();
    assert!(plugin.life().explains(&status).await, "{status:?}");
    bed.nothing_is_left().await;
}

#[tokio::test]
async fn a_client_that_is_dropped_takes_its_plugin_with_it() {
    let bed = Bed::new();
    let plugin = bed.launch().await;
    let pid = plugin.pid();
    drop(plugin);
    poll("end of the plugin", || !is_alive(pid), || pid.to_string()).await;
    bed.nothing_is_left().await;
}

#[tokio::test]
async fn what_a_plugin_prints_reaches_its_host_and_no_more() {
    let bed = Bed::new();
    let (writer, mut reader) = tokio::io::duplex(1024 * 1024);
    let program = Program::new(example()).output(Output::default().stdout(writer));
    let plugin = bed.host().launch(program).await.unwrap();
    let key = "x".repeat(200_000);
    client(&plugin).put(put(&key, b"")).await.unwrap();
    let mut printed = vec![0; key.len() + 1];
    soon("what was printed", reader.read_exact(&mut printed)).await.unwrap();
    assert_eq!(printed, format!("{key}\n").into_bytes());
    // Now with nobody who listens: it is thrown away, and the plugin prints on.
    drop(reader);
    for _ in 0..20 {
        soon("a plugin that prints", client(&plugin).put(put(&key, b"")))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn messages_may_be_large_both_ways() {
    let bed = Bed::new();
    let plugin = bed.launch().await;
    let mut client = client(&plugin).max_decoding_message_size(encamp_goplugin::MAX_MESSAGE_SIZE);
    let value = vec![7; 64 * 1024 * 1024];
    client.put(put("large", &value)).await.unwrap();
    assert!(client.get(get("large")).await.unwrap().into_inner().value == value);
}

#[tokio::test]
async fn a_thousand_streams_stay_open_beside_other_calls() {
    let bed = Bed::new();
    let plugin = bed.launch().await;
    let mut streams = Vec::new();
    for _ in 0..1000 {
        streams.push(client(&plugin).follow(()).await.unwrap());
    }
    client(&plugin).put(put("a", b"")).await.unwrap();
    plugin.ping().await.unwrap();
    assert!(plugin.kill().await.graceful);
}

struct Tell(tokio::sync::mpsc::Sender<String>);

#[tonic::async_trait]
impl Watcher for Tell {
    async fn changed(&self, change: tonic::Request<Change>) -> Result<tonic::Response<()>, tonic::Status> {
        self.0.send(change.into_inner().key).await.unwrap();
        Ok(tonic::Response::new(()))
    }
}

/// A connection in each direction.
pub(crate) async fn check_broker(plugin: &encamp_goplugin::Client) {
    let (sender, mut changes) = tokio::sync::mpsc::channel(4);
    let connection = plugin.broker().next_id();
    let accepted = plugin.broker().accept(connection).await.unwrap();
    let serving = tokio::spawn(accepted.serve(Routes::new(WatcherServer::new(Tell(sender)))));
    client(plugin).subscribe(SubscribeRequest { connection }).await.unwrap();
    client(plugin).put(put("told", b"")).await.unwrap();
    assert_eq!(soon("the change", changes.recv()).await.unwrap(), "told");

    let connection = client(plugin).open(()).await.unwrap().into_inner().connection;
    let channel = plugin.broker().dial(connection).await.unwrap();
    KvClient::new(channel).put(put("second", b"2")).await.unwrap();
    assert_eq!(soon("the change", changes.recv()).await.unwrap(), "second");
    assert_eq!(
        client(plugin).get(get("second")).await.unwrap().into_inner().value,
        b"2"
    );
    serving.abort();
}

#[tokio::test]
async fn the_broker_connects_both_ways() {
    let bed = Bed::new();
    let plugin = bed.launch().await;
    check_broker(&plugin).await;
    let nobody = soon("an answer", plugin.broker().dial(77)).await.unwrap_err();
    assert_eq!(
        nobody.to_string(),
        "the other end has not accepted connection 77 within 5 s"
    );
    assert!(plugin.kill().await.graceful);
    bed.nothing_is_left().await;
}

#[tokio::test]
async fn both_ends_of_automtls_trust_each_other_also_in_the_broker() {
    let bed = Bed::new();
    let plugin = bed
        .host()
        .auto_mtls(true)
        .launch(Program::new(example()))
        .await
        .unwrap();
    check_broker(&plugin).await;
    assert_eq!(plugin.reattach_config(), None);
    // Whoever has no certificate gets no answer.
    let Address::Unix(path) = plugin.address().clone() else {
        panic!("not a unix socket")
    };
    let mut stranger = tokio::net::UnixStream::connect(&path).await.unwrap();
    stranger
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .unwrap();
    let mut answer = Vec::new();
    drop(soon("the end of the connection", stranger.read_to_end(&mut answer)).await);
    assert!(answer.len() < 16, "no more than an alert: {answer:?}");
    // Whoever says nothing keeps nobody from ending.
    let _silent = tokio::net::UnixStream::connect(&path).await.unwrap();
    plugin.ping().await.unwrap();
    assert!(plugin.kill().await.graceful);
    bed.nothing_is_left().await;
}

#[tokio::test]
async fn the_brokers_connections_go_through_one_where_the_host_asks_for_it() {
    for auto_mtls in [false, true] {
        let bed = Bed::new();
        let host = bed.host().multiplex(true).auto_mtls(auto_mtls);
        let plugin = host.launch(Program::new(example())).await.unwrap();
        check_broker(&plugin).await;
        let sockets = std::fs::read_dir(bed.sockets())
            .unwrap()
            .flat_map(|dir| std::fs::read_dir(dir.unwrap().path()).unwrap());
        assert_eq!(sockets.count(), 1);
        let nobody = soon("an answer", plugin.broker().dial(77)).await.unwrap_err();
        assert_eq!(
            nobody.to_string(),
            "the other end has not accepted connection 77 within 5 s"
        );
        assert_eq!(plugin.reattach_config(), None);
        assert!(plugin.kill().await.graceful);
        bed.nothing_is_left().await;
    }
}

#[tokio::test]
async fn a_plugin_that_was_detached_is_found_again() {
    let bed = Bed::new();
    let plugin = bed.launch().await;
    client(&plugin).put(put("a", b"b")).await.unwrap();
    let record = plugin.detach().unwrap();
    let record = serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
    let plugin = bed.host().reattach(&record, Output::default()).await.unwrap();
    assert_eq!(client(&plugin).get(get("a")).await.unwrap().into_inner().value, b"b");
    for _ in 0..10 {
        client(&plugin).put(put("c", b"d")).await.unwrap();
    }
    check_broker(&plugin).await;
    assert!(plugin.kill().await.graceful);
    assert!(!is_alive(record.pid));
    bed.nothing_is_left().await;
}

#[tokio::test]
async fn what_a_plugin_prints_last_arrives_before_it_is_gone() {
    let bed = Bed::new();
    let (writer, mut reader) = tokio::io::duplex(1024 * 1024);
    let program = Program::new(example()).output(Output::default().stdout(writer));
    let plugin = bed.host().launch(program).await.unwrap();
    client(&plugin).put(put(&"x".repeat(100_000), b"")).await.unwrap();
    assert!(plugin.kill().await.graceful);
    drop(plugin);
    let mut printed = Vec::new();
    soon("the end of the output", reader.read_to_end(&mut printed))
        .await
        .unwrap();
    assert_eq!(printed.len(), 100_001);
}

#[tokio::test]
async fn a_killed_plugin_leaves_no_socket_wherever_it_has_made_it() {
    let bed = Bed::new();
    let program = Program::new(example()).env("TMPDIR", bed.dir.path().join("s"));
    let plugin = bed.host().sockets_anywhere().launch(program).await.unwrap();
    assert!(
        plugin
            .address()
            .to_string()
            .starts_with(bed.sockets().to_str().unwrap())
    );
    nix::sys::signal::kill(pid(plugin.pid()), nix::sys::signal::Signal::SIGKILL).unwrap();
    soon("the end", plugin.exited()).await;
    bed.nothing_is_left().await;
}

#[tokio::test]
async fn what_a_plugin_leaves_that_has_ended_alone_is_removed_by_whoever_looks_for_it() {
    let bed = Bed::new();
    let record = bed.launch().await.detach().unwrap();
    nix::sys::signal::kill(pid(record.pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    poll("end of the plugin", || !is_alive(record.pid), || record.pid.to_string()).await;
    assert!(record.socket_dir.as_ref().unwrap().exists());
    let error = bed.host().reattach(&record, Output::default()).await.unwrap_err();
    assert!(chain(&error).contains("has ended"), "{error}");
    bed.nothing_is_left().await;
}

#[tokio::test]
async fn another_process_is_never_taken_for_a_plugin() {
    let bed = Bed::new();
    let plugin = bed.launch().await;
    let record = plugin.reattach_config().unwrap();
    let other = bed.launch().await;
    let check = async |change: &dyn Fn(&mut encamp_goplugin::ReattachConfig), expected: &str| {
        let mut record = record.clone();
        change(&mut record);
        let error = bed
            .host()
            .reattach(&record, Output::default())
            .await
            .map(|_| ())
            .unwrap_err();
        let text = chain(&error);
        assert!(text.contains(expected), "{text}");
    };
    check(&|record| record.start_time = Some(1), "has ended").await;
    check(&|record| record.pid = 4_000_000, "has ended").await;
    check(&|record| record.version = 2, "version 2").await;
    check(
        &|record| record.address = Address::Unix("/nonexistent".into()),
        "cannot connect",
    )
    .await;
    check(&|record| record.address = other.address().clone(), "is not the plugin").await;
    check(
        &|record| (record.pid, record.start_time) = (other.pid(), None),
        "is not the plugin",
    )
    .await;
    check(
        &|record| (record.address, record.start_time) = (Address::Tcp(([127, 0, 0, 1], 1).into()), None),
        "nothing proves",
    )
    .await;
    // None of that has done anything to either.
    plugin.ping().await.unwrap();
    other.ping().await.unwrap();
}

pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

pub(crate) fn pid(pid: u32) -> nix::unistd::Pid {
    nix::unistd::Pid::from_raw(pid.try_into().unwrap())
}
