//! The end of the plugin's process is one error from everything that was asked of it.

use encamp_base_grpc::CallError;
use encamp_driver::{BoxStream, ConfigError, Error, NetworkIsolation, Plugin, PluginConfig, Result, TaskHandle};
use encamp_hclspec::Value;
use encamp_testkit::Session;
use futures_util::future::{self, BoxFuture};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// How long after its end everybody knows.
const KNOWN: Duration = Duration::from_secs(4);

/// How a plugin comes to its end, as its host sees it.
#[derive(Clone, Copy, Debug)]
enum End {
    /// Connection and process at once.
    Killed,
    /// The connection first.
    Slow,
    /// The process; a child of its still holds the connection.
    Held,
}

const ENDS: [End; 3] = [End::Killed, End::Slow, End::Held];

async fn end(plugin: &Loopback, how: End) {
    match how {
        End::Killed => plugin.kill(),
        End::Slow => {
            plugin.cable().cut();
            tokio::time::sleep(Duration::from_millis(700)).await;
            plugin.cable().end_life();
        }
        End::Held => plugin.cable().end_life(),
    }
}

/// A driver that takes every call and answers none, and how many it has taken.
fn silent() -> (ScriptedDriver, Arc<AtomicUsize>) {
    let taken = Arc::new(AtomicUsize::new(0));
    macro_rules! never {
        ($($on:ident),*) => {
            ScriptedDriver::new()$(.$on({
                let taken = Arc::clone(&taken);
                move |_| {
                    taken.fetch_add(1, Ordering::SeqCst);
                    future::pending()
                }
            }))*
        };
    }
    let driver = never!(
        on_set_config,
        on_init,
        on_capabilities,
        on_fingerprint,
        on_recover_task,
        on_start_task,
        on_wait_task,
        on_stop_task,
        on_destroy_task,
        on_inspect_task,
        on_task_stats,
        on_task_events,
        on_signal_task,
        on_exec_task,
        on_exec_task_streaming,
        on_create_network,
        on_destroy_network,
        on_shutdown
    );
    (driver, taken)
}

/// Every call there is, but for the schema, which a start asks for itself.
fn calls(driver: &Arc<dyn Driver>) -> Vec<(&'static str, BoxFuture<'static, Result<()>>)> {
    macro_rules! call {
        ($($call:ident($($argument:expr),*)),*) => {
            vec![$({
                let driver = Arc::clone(driver);
                let call = async move { driver.$call($($argument),*).await.map(drop) };
                (stringify!($call), call.boxed())
            }),*]
        };
    }
    let second = Duration::from_secs(1);
    let mut calls = call![
        init(),
        capabilities(),
        recover_task(TaskHandle::default()),
        start_task(task("id")),
        wait_task("id"),
        stop_task("id", second, None),
        destroy_task("id", true),
        inspect_task("id"),
        signal_task("id", "SIGHUP"),
        exec_task("id", &["true".to_owned()], Duration::from_mins(1)),
        create_network("3ac4", None),
        destroy_network("3ac4", &NetworkIsolation::default()),
        shutdown()
    ];
    macro_rules! stream {
        ($($call:ident($($argument:expr),*)),*) => {
            $({
                let driver = Arc::clone(driver);
                let call = async move {
                    let mut stream = driver.$call($($argument),*).await?;
                    stream.next().await.unwrap().map(drop)
                };
                calls.push((stringify!($call), call.boxed()));
            })*
        };
    }
    stream![fingerprint(), task_stats("id", second), task_events()];
    let session = Session::start(Arc::clone(driver), "id", &["sh"], None);
    let session = async move {
        let mut session = session;
        session.exit().await.map(drop)
    };
    calls.push(("exec_task_streaming", session.boxed()));
    calls
}

#[tokio::test]
async fn every_call_that_waits_says_that_the_plugin_is_shut_down() {
    for how in ENDS {
        let (driver, taken) = silent();
        let plugin = behind_a_wire(driver).await;
        let calls = calls(&shared(&plugin));
        let count = calls.len();
        let running: Vec<_> = calls
            .into_iter()
            .map(|(name, call)| (name, tokio::spawn(call)))
            .collect();
        poll("calls taken", || taken.load(Ordering::SeqCst), |taken| *taken == count).await;
        end(&plugin, how).await;
        let deadline = Instant::now() + KNOWN;
        for (name, call) in running {
            let answer = tokio::time::timeout_at(deadline, call).await;
            let answer = answer.unwrap_or_else(|_| panic!("{how:?}: {name} waits on")).unwrap();
            assert!(
                matches!(answer, Err(Error::PluginShutdown)),
                "{how:?}: {name}: {answer:?}"
            );
        }
    }
}

#[tokio::test]
async fn every_call_after_the_end_says_so_at_once() {
    for how in ENDS {
        let (driver, _) = silent();
        let plugin = behind_a_wire(driver).await;
        end(&plugin, how).await;
        for (name, call) in calls(&shared(&plugin)) {
            let answer = tokio::time::timeout(KNOWN, call).await;
            let answer = answer.unwrap_or_else(|_| panic!("{how:?}: {name} waits on"));
            assert!(
                matches!(answer, Err(Error::PluginShutdown)),
                "{how:?}: {name}: {answer:?}"
            );
        }
    }
}

async fn ends<T>(how: End, name: &str, mut stream: BoxStream<Result<T>>) {
    let last = tokio::time::timeout(KNOWN, stream.next()).await;
    let last = last.unwrap_or_else(|_| panic!("{how:?}: the stream of {name} stays"));
    let is_shutdown = matches!(last, Some(Err(Error::PluginShutdown)));
    assert!(is_shutdown, "{how:?}: {name}: {:?}", last.map(Result::err));
    let more = tokio::time::timeout(KNOWN, stream.next()).await.unwrap();
    assert!(more.is_none(), "{how:?}: {name} goes on");
}

#[tokio::test]
async fn every_stream_says_that_the_plugin_is_shut_down_and_ends() {
    for how in ENDS {
        let silent = ScriptedDriver::new().on_fingerprint(|()| future::ok(stream::pending().boxed()));
        let plugin = behind_a_wire(silent).await;
        let driver = plugin.driver();
        let fingerprint = driver.fingerprint().await.unwrap();
        let stats = driver.task_stats("id", Duration::from_secs(1)).await.unwrap();
        let events = driver.task_events().await.unwrap();
        end(&plugin, how).await;
        tokio::join!(
            ends(how, "fingerprint", fingerprint),
            ends(how, "task_stats", stats),
            ends(how, "task_events", events)
        );
    }
}

#[tokio::test]
async fn an_exec_session_in_full_flow_says_so_too() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    for how in ENDS {
        let driver = ScriptedDriver::new().on_exec_task_streaming(|(_, _, mut io)| async move {
            while io.stdout.write_all(&[b'y'; 1024]).await.is_ok() {
                tokio::task::yield_now().await;
            }
            future::pending().await
        });
        let plugin = behind_a_wire(driver).await;
        let mut session = Session::start(shared(&plugin), "id", &["yes"], None);
        let mut some = vec![0; 100_000];
        within("output", session.stdout.read_exact(&mut some)).await.unwrap();
        end(&plugin, how).await;
        let said = tokio::time::timeout(KNOWN, session.finish()).await;
        let said = said.unwrap_or_else(|_| panic!("{how:?}: the session stays"));
        assert!(matches!(said, Err(Error::PluginShutdown)), "{how:?}: {said:?}");
    }
}

#[tokio::test]
async fn an_exec_session_whose_output_nobody_reads_ends_with_the_plugin() {
    use tokio::io::AsyncWriteExt as _;
    for how in ENDS {
        let driver = ScriptedDriver::new().on_exec_task_streaming(|(_, _, mut io)| async move {
            while io.stdout.write_all(&[b'y'; 1024]).await.is_ok() {}
            future::pending().await
        });
        let plugin = behind_a_wire(driver).await;
        let mut session = Session::start(shared(&plugin), "id", &["yes"], None);
        tokio::time::sleep(Duration::from_millis(100)).await;
        end(&plugin, how).await;
        let exit = tokio::time::timeout(KNOWN, session.exit()).await;
        let exit = exit.unwrap_or_else(|_| panic!("{how:?}: the session stays"));
        assert!(matches!(exit, Err(Error::PluginShutdown)), "{how:?}: {exit:?}");
    }
}

#[tokio::test]
async fn configuring_a_plugin_that_ends_says_so() {
    let (driver, _) = silent();
    let plugin = behind_a_wire(driver).await;
    plugin.kill();
    let config = PluginConfig::new(Value::object::<String, Value>([]));
    let error = within("the answer", plugin.driver().set_config(config))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("plugin is shut down"), "{error}");
    assert_eq!(error, ConfigError::PluginShutdown);
}

#[tokio::test]
async fn connecting_to_a_plugin_that_ends_says_so() {
    let plugin = behind_a_wire(ScriptedDriver::new()).await;
    plugin.kill();
    let cable = plugin.cable();
    let connected = encamp_driver_grpc::RemoteDriver::connect(cable.channel(), cable.life());
    let error = within("the answer", connected).await.unwrap_err();
    let is_ended = matches!(
        &error,
        encamp_base_grpc::ConnectError::Call {
            source: CallError::Ended(_),
            ..
        }
    );
    assert!(is_ended, "{error:?}");
}

#[tokio::test]
async fn a_cut_connection_to_a_plugin_that_lives_is_no_end_and_may_be_tried_again() {
    let (driver, taken) = silent();
    let plugin = behind_a_wire(driver).await;
    let driver = shared(&plugin);
    let waiting = tokio::spawn(async move { driver.wait_task("id").await });
    poll("calls taken", || taken.load(Ordering::SeqCst), |taken| *taken == 1).await;
    plugin.cable().cut();
    let error = within("the end of the wait", waiting).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Failed { .. }), "{error:?}");
    let error = within("the next wait", plugin.driver().wait_task("id"))
        .await
        .unwrap_err();
    assert!(error.is_recoverable(), "{error:?}");
}
