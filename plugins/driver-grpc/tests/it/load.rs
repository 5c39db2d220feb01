//! Much at once, and much in one piece.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use encamp_driver::{Error, ExecOutput, ExitResult, ResourceUsage, StartedTask, TaskStats};
use encamp_hclspec::Value;
use futures_util::{StreamExt as _, future, stream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::*;

const MANY: usize = 1000;

/// A driver whose tasks end all at once, and how many waits there are.
fn until(ended: watch::Receiver<bool>) -> (ScriptedDriver, Arc<AtomicUsize>) {
    let waits = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&waits);
    let driver = ScriptedDriver::new().on_wait_task(move |(id,)| {
        let (mut ended, count) = (ended.clone(), Arc::clone(&count));
        async move {
            count.fetch_add(1, Ordering::SeqCst);
            drop(ended.wait_for(|ended| *ended).await);
            Ok(ExitResult::code(id.parse().unwrap()))
        }
    });
    (driver, waits)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_waits_and_a_thousand_stats_run_on_one_connection() {
    let (end, ended) = watch::channel(false);
    let (driver, waits) = until(ended);
    let sample = || TaskStats {
        timestamp: SystemTime::now(),
        total: ResourceUsage::default(),
        by_pid: [].into(),
    };
    let driver = driver.on_task_stats(move |_| {
        let first = stream::once(future::ready(Ok(sample())));
        future::ok(first.chain(stream::pending()).boxed())
    });
    let plugin = behind_a_wire(driver).await;
    let mut waiting = JoinSet::new();
    let mut stats = Vec::new();
    for n in 0..MANY {
        let driver = plugin.driver().clone();
        waiting.spawn(async move { (n, driver.wait_task(&n.to_string()).await) });
        let id = n.to_string();
        let opened = within(
            "a stats stream",
            plugin.driver().task_stats(&id, Duration::from_secs(1)),
        )
        .await;
        stats.push(opened.unwrap());
    }
    for stats in &mut stats {
        within("a sample", stats.next()).await.unwrap().unwrap();
    }
    poll("waits", || waits.load(Ordering::SeqCst), |waits| *waits == MANY).await;
    within("another call", plugin.driver().inspect_task("id"))
        .await
        .unwrap();
    end.send(true).unwrap();
    while let Some(ended) = within("the end of a wait", waiting.join_next()).await {
        let (n, exit) = ended.unwrap();
        assert_eq!(usize::try_from(exit.unwrap().exit_code).unwrap(), n);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_waits_that_are_given_up_at_once_leave_the_connection_whole() {
    let (_end, ended) = watch::channel(false);
    let (driver, waits) = until(ended);
    let plugin = behind_a_wire(driver).await;
    for round in 1..=3 {
        let mut waiting = JoinSet::new();
        for n in 0..MANY {
            let driver = plugin.driver().clone();
            waiting.spawn(async move { driver.wait_task(&n.to_string()).await.map(drop) });
        }
        poll("waits", || waits.load(Ordering::SeqCst), |waits| *waits == round * MANY).await;
        waiting.shutdown().await;
        within("another call", plugin.driver().inspect_task("id"))
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waits_that_are_given_up_before_they_arrive_leave_the_connection_whole() {
    let (_end, ended) = watch::channel(false);
    let (driver, _) = until(ended);
    let plugin = behind_a_wire(driver).await;
    for n in 0..MANY {
        let mut wait = plugin.driver().wait_task("1");
        let first = future::poll_immediate(&mut wait).await;
        assert!(first.is_none(), "an answer");
        if n % 3 == 0 {
            tokio::task::yield_now().await;
        }
        drop(wait);
    }
    within("another call", plugin.driver().inspect_task("id"))
        .await
        .unwrap();
}

#[tokio::test]
async fn messages_of_64_mebibytes_pass_in_both_directions() {
    let big = "x".repeat(64 << 20);
    let answer = big.clone();
    let driver = ScriptedDriver::new()
        .on_start_task(move |(task,)| {
            let command = task.driver_config.get("command").and_then(Value::as_str).map(str::len);
            assert_eq!(command, Some(64 << 20));
            future::ok(StartedTask::new(vec![1; 64 << 20]))
        })
        .on_exec_task(move |_| {
            future::ok(ExecOutput {
                stdout: answer.clone().into_bytes(),
                ..ExecOutput::default()
            })
        })
        .on_inspect_task(|_| future::err(Error::fatal("y".repeat(4096))));
    let plugin = behind_a_wire(driver).await;
    let task = TaskConfig {
        driver_config: Value::object([("command", big)]),
        ..task("id")
    };
    let started = plugin.driver().start_task(task).await.unwrap();
    assert_eq!(started.driver_state.len(), 64 << 20);
    let output = plugin
        .driver()
        .exec_task("id", &["x".to_owned()], PATIENCE)
        .await
        .unwrap();
    assert_eq!(output.stdout.len(), 64 << 20);
    let error = plugin.driver().inspect_task("id").await.unwrap_err();
    assert_eq!(error.to_string().len(), 4096);
}

#[tokio::test]
async fn an_error_too_long_for_a_header_is_still_an_error() {
    let driver = ScriptedDriver::new().on_inspect_task(|_| future::err(Error::fatal("y".repeat(1 << 20))));
    let plugin = behind_a_wire(driver).await;
    within("the answer", plugin.driver().inspect_task("id"))
        .await
        .unwrap_err();
    within("the next call", plugin.driver().wait_task("1"))
        .now_or_never_ends()
        .await;
}

/// A call that goes on waiting: the connection was not lost.
trait GoesOn: Future + Sized {
    async fn now_or_never_ends(self) {
        let answered = tokio::time::timeout(Duration::from_millis(300), self).await;
        assert!(answered.is_err(), "the call ended");
    }
}

impl<F: Future> GoesOn for F {}
