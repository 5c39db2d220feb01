//! A driver behind a driver: frames of exec sessions are passed on as the bytes that they are.

use std::sync::Mutex;

use bytes::{BufMut as _, Bytes};
use encamp_base_grpc::{BaseService, MAX_MESSAGE};
use encamp_driver::{BoxStream, Error, ExitResult};
use encamp_driver_grpc::{DriverServer, RawExec, RemoteDriver};
use encamp_testkit::{Cable, Session};
use futures_util::{StreamExt as _, future, stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tonic::Status;
use tonic::service::Routes;

use super::*;

/// A host before a plugin whose driver is `driver`, with exec sessions passed on to `raw`.
async fn before(driver: Arc<dyn Driver>, raw: Arc<dyn RawExec>) -> (Cable, RemoteDriver) {
    let server = DriverServer::new(Arc::clone(&driver)).with_raw_exec(raw);
    let cable = Cable::to(Routes::new(server).add_service(BaseService::server(driver))).unwrap();
    let driver = RemoteDriver::connect(cable.channel(), cable.life()).await.unwrap();
    (cable, driver)
}

async fn proxy(plugin: &Loopback) -> (Cable, RemoteDriver) {
    before(shared(plugin), Arc::new(plugin.driver().clone())).await
}

/// Answers with its own frames, and keeps those that it was sent.
#[derive(Clone)]
struct Odd {
    seen: Arc<Mutex<Vec<Bytes>>>,
    answers: Vec<Bytes>,
}

#[async_trait::async_trait]
impl RawExec for Odd {
    async fn exec_frames(
        &self,
        requests: BoxStream<Result<Bytes, Status>>,
    ) -> Result<BoxStream<Result<Bytes, Status>>, Status> {
        let frames: Vec<_> = requests.map(Result::unwrap).collect().await;
        self.seen.lock().unwrap().extend(frames);
        Ok(stream::iter(self.answers.clone()).map(Ok).boxed())
    }
}

/// Frames that no version of the protocol knows: unknown fields, fields out of order, no message at all.
fn odd_frames() -> Vec<Bytes> {
    let mut big = vec![0x7a, 0x80, 0x80, 0x80, 0x02];
    big.put_bytes(0x5a, 4 << 20);
    vec![
        Bytes::from_static(b""),
        Bytes::from_static(b"\xf8\x07\x2a\x0a\x02hi"),
        Bytes::from_static(b"\x1a\x02\x10\x01\x0a\x00"),
        Bytes::from_static(b"\xff\xff\xff no message"),
        Bytes::from(big),
    ]
}

#[tokio::test]
async fn frames_are_passed_on_as_the_bytes_that_they_are_in_both_directions() {
    let odd = Odd {
        seen: Arc::default(),
        answers: odd_frames(),
    };
    let driver: Arc<dyn Driver> = Arc::new(ScriptedDriver::new());
    let (_inner, remote) = before(Arc::clone(&driver), Arc::new(odd.clone())).await;
    let (_outer, host) = before(driver, Arc::new(remote)).await;
    let sent = odd_frames();
    let answers = host
        .exec_frames(stream::iter(sent.clone()).map(Ok).boxed())
        .await
        .unwrap();
    let answers: Vec<_> = within("the answers", answers.map(Result::unwrap).collect()).await;
    assert!(answers == odd_frames(), "answers were changed");
    assert!(*odd.seen.lock().unwrap() == sent, "requests were changed");
}

#[tokio::test]
async fn a_session_through_a_proxy_is_a_session() {
    let driver = ScriptedDriver::new().on_exec_task_streaming(|(id, options, mut io)| async move {
        let said = format!("{id} {}\n", options.command.join(" "));
        io.stderr.write_all(said.as_bytes()).await.unwrap();
        tokio::io::copy(&mut io.stdin, &mut io.stdout).await.unwrap();
        Ok(ExitResult::code(5))
    });
    let plugin = behind_a_wire(driver).await;
    let (_cable, host) = proxy(&plugin).await;
    let mut session = Session::start(Arc::new(host), "a/b", &["cat", "-"], None);
    let mut stdin = session.stdin.take().unwrap();
    stdin.write_all(b"hello").await.unwrap();
    drop(stdin);
    let said = within("the exit", session.finish()).await.unwrap();
    assert_eq!(
        (said.stdout.as_str(), said.stderr.as_str(), said.exit),
        ("hello", "a/b cat -\n", ExitResult::code(5))
    );
}

#[tokio::test]
async fn other_calls_are_answered_by_the_driver_of_the_proxy() {
    let plugin = behind_a_wire(ScriptedDriver::new().on_wait_task(|_| future::ok(ExitResult::code(9)))).await;
    let (_cable, host) = proxy(&plugin).await;
    assert_eq!(host.wait_task("id").await.unwrap(), ExitResult::code(9));
}

#[tokio::test]
async fn a_session_through_a_proxy_that_cannot_start_says_why() {
    let driver = ScriptedDriver::new().on_exec_task_streaming(|(id, ..)| future::err(Error::TaskNotFound(id)));
    let plugin = behind_a_wire(driver).await;
    let (_cable, host) = proxy(&plugin).await;
    let mut session = Session::start(Arc::new(host), "a/b", &["sh"], None);
    let error = within("the answer", session.exit()).await.unwrap_err();
    assert!(matches!(&error, Error::TaskNotFound(id) if id == "a/b"), "{error:?}");
}

#[tokio::test]
async fn the_death_of_a_driver_behind_a_proxy_ends_its_sessions_with_an_error() {
    let driver = ScriptedDriver::new().on_exec_task_streaming(|(_, _, mut io)| async move {
        io.stdout.write_all(b"x").await.unwrap();
        future::pending().await
    });
    let plugin = behind_a_wire(driver).await;
    let (_cable, host) = proxy(&plugin).await;
    let mut session = Session::start(Arc::new(host), "a/b", &["sh"], None);
    within("output", session.stdout.read_u8()).await.unwrap();
    plugin.kill();
    let error = within("the answer", session.exit()).await.unwrap_err();
    assert!(!matches!(error, Error::PluginShutdown), "it is not the proxy that died");
}

#[tokio::test]
async fn a_session_that_its_user_leaves_ends_behind_the_proxy() {
    let held = Arc::new(());
    let token = Arc::clone(&held);
    let driver = ScriptedDriver::new().on_exec_task_streaming(move |(_, _, mut io)| {
        let token = Arc::clone(&token);
        async move {
            io.stdout.write_all(b"x").await.unwrap();
            let never = future::pending().await;
            drop(token);
            never
        }
    });
    let plugin = behind_a_wire(driver).await;
    let (_cable, host) = proxy(&plugin).await;
    let mut session = Session::start(Arc::new(host), "a/b", &["sh"], None);
    within("output", session.stdout.read_u8()).await.unwrap();
    drop(session);
    poll("no session", || Arc::strong_count(&held), |count| *count == 2).await;
}

#[tokio::test]
async fn a_frame_of_64_mebibytes_passes() {
    let frame = Bytes::from(vec![0x5a; 64 << 20]);
    assert!(frame.len() < MAX_MESSAGE);
    let odd = Odd {
        seen: Arc::default(),
        answers: vec![frame.clone()],
    };
    let driver: Arc<dyn Driver> = Arc::new(ScriptedDriver::new());
    let (_cable, host) = before(driver, Arc::new(odd.clone())).await;
    let answers = host
        .exec_frames(stream::iter([Ok(frame.clone())]).boxed())
        .await
        .unwrap();
    let answers: Vec<_> = within("the answer", answers.map(Result::unwrap).collect()).await;
    assert!(answers == [frame.clone()] && *odd.seen.lock().unwrap() == [frame]);
}

#[tokio::test]
async fn the_death_of_a_driver_behind_a_proxy_is_seen_where_a_child_of_it_holds_the_connection() {
    let driver = ScriptedDriver::new().on_exec_task_streaming(|(_, _, mut io)| async move {
        io.stdout.write_all(b"x").await.unwrap();
        future::pending().await
    });
    let plugin = behind_a_wire(driver).await;
    let (_cable, host) = proxy(&plugin).await;
    let mut session = Session::start(Arc::new(host), "a/b", &["sh"], None);
    within("output", session.stdout.read_u8()).await.unwrap();
    plugin.cable().end_life();
    let error = within("the answer", session.exit()).await.unwrap_err();
    assert_eq!(error.to_string(), "plugin is shut down");
    assert!(!matches!(error, Error::PluginShutdown), "it is not the proxy that died");
}
