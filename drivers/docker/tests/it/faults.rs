//! An engine that fails half way, or answers nothing.

use std::sync::Arc;
use std::time::Duration;

use encamp_docker::{BollardEngine, Docker, Engine as _, EngineError, LogQuery, PullProgress};
use encamp_driver::{Driver, TaskConfig, TaskHandle, TaskState};
use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::scripted::{Fault, Scripted};
use crate::support::{output_in, task_in, until_async};

struct Place {
    dir: tempfile::TempDir,
    engine: Scripted,
    docker: Arc<Docker>,
}

fn place(engine: Scripted) -> Place {
    let dir = tempfile::tempdir().unwrap();
    let docker = Docker::new(Arc::new(engine.clone()), dir.path().join("state"));
    Place {
        dir,
        engine,
        docker: Arc::new(docker),
    }
}

impl Place {
    fn task(&self) -> TaskConfig {
        task_in(self.dir.path(), "true", &[])
    }
}

/// A start that meets these faults leaves one container, which runs.
async fn check_started(faults: &[(&'static str, &[Fault])]) {
    let place = place(Scripted::with_image());
    for (call, faults) in faults {
        place.engine.faults(call, faults);
    }
    let task = place.task();
    place
        .docker
        .start_task(task.clone())
        .await
        .unwrap_or_else(|error| panic!("{faults:?}: {}", error.chain()));
    let left = place.engine.containers();
    assert_eq!(left.len(), 1, "{faults:?}: {left:?}");
    assert!(left[0].state.running, "{faults:?}");
    place.docker.destroy_task(&task.id, true).await.unwrap();
    assert!(place.engine.containers().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_start_survives_every_single_fault() {
    use Fault::{DoneInSilence, Fails, FailsAfterwards, Refused};
    for fault in [Fails, FailsAfterwards, DoneInSilence, Refused] {
        for call in ["create", "start", "inspect"] {
            check_started(&[(call, &[fault])]).await;
            check_started(&[(call, &[fault, fault])]).await;
        }
    }
    check_started(&[("create", &[FailsAfterwards]), ("find", &[Refused, Refused])]).await;
    check_started(&[
        ("create", &[DoneInSilence]),
        ("start", &[DoneInSilence]),
        ("inspect", &[Fails]),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_start_that_fails_for_good_leaves_nothing_once_the_engine_answers_again() {
    let place = place(Scripted::with_image());
    place.engine.faults("start", &[Fault::Fails; 20]);
    // Nor can it be looked for and removed at first.
    place.engine.faults("find", &[Fault::Refused; 2]);
    let error = place.docker.start_task(place.task()).await.unwrap_err();
    assert!(error.is_recoverable(), "{}", error.chain());
    until_async(Duration::from_mins(10), "the removal", || {
        let left = place.engine.containers();
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_away_is_not_an_exit() {
    let place = place(Scripted::with_image());
    let task = place.task();
    let mut events = place.docker.task_events().await.unwrap();
    place.engine.faults("wait", &[Fault::Refused, Fault::Fails]);
    place.docker.start_task(task.clone()).await.unwrap();
    place.engine.faults("inspect", &[Fault::Refused; 5]);
    let mut told = Vec::new();
    while told.len() < 2 {
        let message = events.next().await.unwrap().unwrap().message;
        if message.starts_with("engine") {
            told.push(message);
        }
    }
    assert!(
        told[0].starts_with("engine unreachable, waiting") && told[1] == "engine is back",
        "{told:?}"
    );
    assert_eq!(
        place.docker.inspect_task(&task.id).await.unwrap().state,
        TaskState::Running
    );
    place.engine.end(3);
    assert_eq!(place.docker.wait_task(&task.id).await.unwrap().exit_code, 3);
}

#[tokio::test(start_paused = true)]
async fn a_container_that_vanished_while_nobody_looked_ends_the_task() {
    let place = place(Scripted::with_image());
    let task = place.task();
    place.engine.faults("wait", &[Fault::Refused]);
    place.docker.start_task(task.clone()).await.unwrap();
    let id = place.engine.containers()[0].id.clone();
    place.engine.remove(&id).await.unwrap();
    let exit = place.docker.wait_task(&task.id).await.unwrap();
    assert!(exit.err.unwrap().contains("removed by somebody else"));
    place
        .docker
        .stop_task(&task.id, Duration::from_secs(1), None)
        .await
        .unwrap();
    place.docker.destroy_task(&task.id, false).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_kill_timeout_of_many_minutes_is_kept() {
    let place = place(Scripted::with_image());
    let task = place.task();
    place.docker.start_task(task.clone()).await.unwrap();
    let begun = tokio::time::Instant::now();
    place
        .docker
        .stop_task(&task.id, Duration::from_secs(1000), None)
        .await
        .unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1000), "{:?}", begun.elapsed());
    assert_eq!(place.docker.wait_task(&task.id).await.unwrap().exit_code, 137);
}

#[tokio::test(start_paused = true)]
async fn an_end_is_not_told_before_all_output_was_taken_over_however_long_that_takes() {
    let place = place(Scripted::with_image());
    place.engine.output("last words\n");
    let task = place.task();
    place.docker.start_task(task.clone()).await.unwrap();
    place.engine.end(3);
    let hour = Duration::from_hours(1);
    let early = tokio::time::timeout(hour, place.docker.wait_task(&task.id)).await;
    assert!(early.is_err(), "{early:?}");
    let early = tokio::time::timeout(hour, place.docker.destroy_task(&task.id, true)).await;
    assert!(early.is_err(), "not even force throws output away: {early:?}");
    place.engine.let_output_come();
    assert_eq!(place.docker.wait_task(&task.id).await.unwrap().exit_code, 3);
    let logs = place.dir.path().join("alloc/logs");
    assert_eq!(output_in(&logs, "t", "stdout"), b"last words\n");
    place.docker.destroy_task(&task.id, false).await.unwrap();
    assert!(place.engine.containers().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_container_removed_before_its_output_was_read_is_told_of() {
    let place = place(Scripted::with_image());
    place.engine.output("never read\n");
    place.engine.faults("logs", &[Fault::NotYet; 2]);
    let task = place.task();
    let mut events = place.docker.task_events().await.unwrap();
    place.docker.start_task(task.clone()).await.unwrap();
    place.engine.end(0);
    place.docker.wait_task(&task.id).await.unwrap();
    let told = events.next().await.unwrap().unwrap();
    assert!(told.message.contains("output may be missing"), "{}", told.message);
}

#[tokio::test(start_paused = true)]
async fn a_created_container_is_no_task_to_take_back_but_one_to_start() {
    let place = place(Scripted::with_image());
    let task = place.task();
    place.docker.start_task(task.clone()).await.unwrap();
    // A second life, in which the first one died between create and start.
    let engine = place.engine.clone();
    let made = place.engine.containers()[0].clone();
    engine.remove(&made.id).await.unwrap();
    let spec = encamp_docker::ContainerSpec {
        labels: made.labels.clone(),
        ..Default::default()
    };
    engine.create(&made.name, &spec).await.unwrap();
    let second = Docker::new(Arc::new(engine.clone()), place.dir.path().join("state"));
    let handle = TaskHandle {
        version: 1,
        config: task.clone(),
        state: TaskState::Unknown,
        driver_state: Vec::new(),
    };
    assert!(second.recover_task(handle).await.is_err());
    second.start_task(task).await.unwrap();
    assert_eq!(engine.containers().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_pull_serves_all_and_its_progress_is_told_by_layer() {
    let place = place(Scripted::default());
    let layer = |status: &str, current| PullProgress {
        layer: "abc".to_owned(),
        status: status.to_owned(),
        current: Some(current),
        total: Some(10),
    };
    place.engine.pulls(vec![
        Ok(layer("Downloading", 1)),
        Ok(layer("Downloading", 2)),
        Ok(PullProgress {
            layer: "abc".to_owned(),
            status: "Download complete".to_owned(),
            ..PullProgress::default()
        }),
        Ok(layer("Pull complete", 10)),
    ]);
    let mut events = place.docker.task_events().await.unwrap();
    let start = |task: TaskConfig| {
        let docker = Arc::clone(&place.docker);
        tokio::spawn(async move { docker.start_task(task).await })
    };
    let starts = [start(place.task()), start(place.task()), start(place.task())];
    let mut layers = Vec::new();
    while layers.last().map(String::as_str) != Some("Pull complete 10/10") {
        let event = events.next().await.unwrap().unwrap();
        assert_eq!(event.message, "Downloading image");
        let note = |name: &str| event.annotations.get(name).cloned().unwrap_or_default();
        if note("layer") == "abc" {
            layers.push(format!("{} {}/{}", note("status"), note("current"), note("total")));
        }
    }
    assert!(
        layers.contains(&"Download complete 10/10".to_owned()),
        "the size is told when the engine has stopped to: {layers:?}"
    );
    place.engine.let_pull_go_on();
    for start in starts {
        start.await.unwrap().unwrap();
    }
    assert_eq!(place.engine.calls("pull"), 1);
}

#[tokio::test(start_paused = true)]
async fn an_image_that_another_pull_has_just_brought_is_not_pulled_again() {
    let place = place(Scripted::with_image());
    place.engine.faults("image", &[Fault::NotYet]);
    place.docker.start_task(place.task()).await.unwrap();
    assert_eq!(place.engine.calls("pull"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_pull_without_progress_and_one_without_end_are_given_up() {
    let place = place(Scripted::default());
    let begun = tokio::time::Instant::now();
    let error = place.docker.start_task(place.task()).await.unwrap_err();
    assert!(error.is_recoverable(), "{}", error.chain());
    assert_eq!(begun.elapsed().as_secs(), 120, "the activity timeout");

    place
        .engine
        .pulls(vec![Err(EngineError::Stream("manifest unknown".to_owned()))]);
    let error = place.docker.start_task(place.task()).await.unwrap_err();
    assert!(!error.is_recoverable(), "{}", error.chain());
}

/// A socket on which an engine of API 1.41 would listen.
fn listener() -> (tempfile::TempDir, tokio::net::UnixListener, BollardEngine) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let engine = BollardEngine::connect(Some(&format!("unix://{}", path.display()))).unwrap();
    (dir, listener, engine)
}

#[tokio::test]
async fn every_request_names_the_agreed_api_version() {
    let (_dir, listener, engine) = listener();
    let server = async {
        let mut seen = Vec::new();
        for body in [r#"{"ApiVersion":"1.41"}"#, "[]"] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 4096];
            let read = stream.read(&mut head).await.unwrap();
            seen.push(
                String::from_utf8_lossy(&head[..read])
                    .lines()
                    .next()
                    .unwrap()
                    .to_owned(),
            );
            let length = body.len();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        seen
    };
    let (found, seen) = tokio::join!(engine.find("a", "b"), server);
    assert!(found.unwrap().is_empty());
    assert!(seen[0].starts_with("GET /version "), "{seen:?}");
    assert!(seen[1].starts_with("GET /v1.41/containers/json?"), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wedged_engine_holds_up_no_call() {
    let (_dir, listener, engine) = listener();
    // Takes connections and never answers.
    let silent = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok(connection) = listener.accept().await {
            held.push(connection);
        }
    });
    let begun = tokio::time::Instant::now();
    assert!(engine.info().await.unwrap_err().is_unreachable());
    assert!(engine.inspect("x").await.unwrap_err().is_unreachable());
    assert!(engine.kill("x", "SIGTERM").await.unwrap_err().is_unreachable());
    assert!(engine.logs("x", &LogQuery::default()).await.is_err());
    assert!(begun.elapsed() < Duration::from_mins(2), "{:?}", begun.elapsed());
    silent.abort();
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_unreachable_and_others_are_refused_by_name() {
    let engine = BollardEngine::connect(Some("unix:///no/such/sock")).unwrap();
    assert!(engine.info().await.unwrap_err().is_unreachable());
    for endpoint in ["tcp://1.2.3.4:2375", "/var/run/docker.sock", "unix://relative"] {
        let error = BollardEngine::connect(Some(endpoint)).unwrap_err();
        assert!(
            matches!(error, EngineError::Endpoint { .. }) && error.to_string().contains(endpoint),
            "{error}"
        );
    }
}
