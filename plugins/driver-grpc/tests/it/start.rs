//! Starts that nobody waits for.

use std::sync::Mutex;

use encamp_driver::{Error, StartedTask};
use encamp_driver_grpc::DriverServer;
use futures_util::{FutureExt as _, future};
use tokio::sync::Notify;
use tonic::codegen::{Service as _, http};

use super::*;

/// A driver whose starts take until they are let go, and the tasks that it has.
fn slow() -> (ScriptedDriver, Arc<Notify>, Arc<Mutex<Vec<String>>>) {
    let (go, tasks) = (Arc::new(Notify::new()), Arc::new(Mutex::new(Vec::new())));
    let (until, started, destroyed) = (Arc::clone(&go), Arc::clone(&tasks), Arc::clone(&tasks));
    let driver = ScriptedDriver::new()
        .on_start_task(move |(task,)| {
            let (until, started) = (Arc::clone(&until), Arc::clone(&started));
            async move {
                started.lock().unwrap().push(task.id);
                until.notified().await;
                Ok(StartedTask::new(vec![1]))
            }
        })
        .on_destroy_task(move |(id, force)| {
            assert!(force);
            destroyed.lock().unwrap().retain(|task| *task != id);
            future::ok(())
        });
    (driver, go, tasks)
}

#[tokio::test]
async fn a_start_whose_host_gives_up_is_undone() {
    let (driver, go, tasks) = slow();
    let plugin = behind_a_wire(driver).await;
    let driver = shared(&plugin);
    let starting = tokio::spawn(async move { driver.start_task(task("id")).await.map(drop) });
    let look = || tasks.lock().unwrap().clone();
    poll("the start", look, |tasks| tasks.len() == 1).await;
    starting.abort();
    // The host's word must have arrived before the start is through.
    tokio::time::sleep(Duration::from_millis(100)).await;
    go.notify_one();
    poll("the task's removal", look, Vec::is_empty).await;
}

#[tokio::test]
async fn a_start_whose_answer_nobody_takes_is_undone() {
    let (driver, go, tasks) = slow();
    let mut server = DriverServer::new(Arc::new(driver));
    // A message of six bytes: a task whose id is `id`.
    let request = http::Request::post("/hashicorp.nomad.plugins.drivers.proto.Driver/StartTask")
        .header("content-type", "application/grpc")
        .body(String::from("\0\0\0\0\u{6}\n\u{4}\n\u{2}id"));
    let mut starting = server.call(request.unwrap());
    let look = || tasks.lock().unwrap().clone();
    while look().is_empty() {
        assert!((&mut starting).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    go.notify_one();
    // The driver has answered, and is heard no more.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    drop(starting);
    poll("the task's removal", look, Vec::is_empty).await;
}

#[tokio::test]
async fn a_start_whose_host_dies_is_undone() {
    let (driver, go, tasks) = slow();
    let plugin = behind_a_wire(driver).await;
    let driver = shared(&plugin);
    let starting = tokio::spawn(async move { driver.start_task(task("id")).await });
    let look = || tasks.lock().unwrap().clone();
    poll("the start", look, |tasks| tasks.len() == 1).await;
    plugin.kill();
    assert!(matches!(
        within("the answer", starting).await.unwrap(),
        Err(Error::PluginShutdown)
    ));
    go.notify_one();
    poll("the task's removal", look, Vec::is_empty).await;
}

#[tokio::test]
async fn a_start_that_is_waited_for_stays() {
    let (driver, go, tasks) = slow();
    let plugin = behind_a_wire(driver).await;
    go.notify_one();
    plugin.driver().start_task(task("id")).await.unwrap();
    assert_eq!(*tasks.lock().unwrap(), ["id"]);
}

#[tokio::test]
async fn a_driver_that_panics_in_a_start_is_an_error() {
    let plugin = behind_a_wire(ScriptedDriver::new().on_start_task(|_| async { panic!("no") })).await;
    let error = within("the answer", plugin.driver().start_task(task("id")))
        .await
        .unwrap_err();
    assert!(error.is_recoverable(), "{error:?}");
    within("the next call", plugin.driver().inspect_task("id"))
        .await
        .unwrap();
}
