//! Upstream's raw_exec, as a plugin of its own, under our host.

use std::path::Path;
use std::time::Duration;

use encamp_driver::{
    Driver as _, Error, ExecIo, ExecOptions, ExitResult, Health, Plugin as _, PluginConfig, TaskConfig, TaskHandle,
    TaskOutput, TaskState,
};
use encamp_driver_grpc::LaunchedDriver;
use encamp_goplugin::Program;
use encamp_hclspec::{Body, Context, Source, Spec, Value, decode};
use futures_util::StreamExt as _;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::peer;

/// The driver, ready for tasks, and a directory for their files.
async fn upstream() -> (LaunchedDriver, TempDir) {
    let plugin = LaunchedDriver::launch(Program::new(peer("nomad"))).await.unwrap();
    let config = value(&plugin.config_schema(), "enabled = true");
    plugin.set_config(PluginConfig::new(config)).await.unwrap();
    plugin.init().await.unwrap();
    (plugin, tempfile::tempdir().unwrap())
}

fn value(schema: &Spec, text: &str) -> Value {
    let body = Body::parse(Source::new("test", text.to_owned())).unwrap();
    decode(schema, &body, &Context::default()).unwrap()
}

async fn task(plugin: &LaunchedDriver, dir: &Path, script: &str) -> TaskConfig {
    for dir in ["alloc/logs", "web/local", "web/secrets", "web/tmp"].map(|sub| dir.join(sub)) {
        std::fs::create_dir_all(dir).unwrap();
    }
    let schema = plugin.task_config_schema().await.unwrap();
    let config = format!("command = \"/bin/sh\"\nargs = [\"-c\", {script:?}]");
    TaskConfig {
        id: format!("alloc/web/{:08x}", std::process::id()),
        alloc_id: "5f3e1a34-7b5c-4d0f-9f43-6d3bb9a6a111".to_owned(),
        name: "web".to_owned(),
        driver_config: value(&schema, &config),
        env: [("PATH", "/bin:/usr/bin")].into_iter().collect(),
        alloc_dir: dir.to_owned(),
        output: TaskOutput::Discard,
        ..TaskConfig::default()
    }
}

/// What a script comes to, from its start until nothing is left of it.
async fn check(script: &str) -> ExitResult {
    let (plugin, dir) = upstream().await;
    let task = task(&plugin, dir.path(), script).await;
    let id = task.id.clone();
    plugin.start_task(task).await.unwrap();
    let exit = plugin.wait_task(&id).await.unwrap();
    assert_eq!(plugin.inspect_task(&id).await.unwrap().state, TaskState::Exited);
    plugin.destroy_task(&id, true).await.unwrap();
    assert!(plugin.kill().await.graceful);
    exit
}

#[tokio::test]
#[ignore = "needs go"]
async fn upstreams_driver_says_who_it_is() {
    let (plugin, _dir) = upstream().await;
    assert_eq!(plugin.info().name, "raw_exec");
    let capabilities = plugin.capabilities().await.unwrap();
    assert!(capabilities.exec && capabilities.send_signals);
    let mut looks = plugin.fingerprint().await.unwrap();
    let look = timeout(Duration::from_secs(10), looks.next()).await.unwrap().unwrap();
    assert_eq!(look.unwrap().health, Health::Healthy);
}

#[tokio::test]
#[ignore = "needs go"]
async fn a_task_of_upstreams_driver_runs_to_its_exit() {
    assert_eq!(check("exit 3").await.exit_code, 3);
    assert_eq!(check("true").await, ExitResult::code(0));
}

#[tokio::test]
#[ignore = "needs go"]
async fn usage_and_sessions_come_from_upstreams_driver() {
    let (plugin, dir) = upstream().await;
    let task = task(&plugin, dir.path(), "sleep 60").await;
    let id = task.id.clone();
    plugin.start_task(task).await.unwrap();
    let mut usage = plugin.task_stats(&id, Duration::from_millis(100)).await.unwrap();
    let sample = timeout(Duration::from_secs(10), usage.next()).await.unwrap().unwrap();
    assert!(!sample.unwrap().total.memory.measured.is_empty());

    let command = ["/bin/sh", "-c", "read line; echo got $line; echo problems >&2; exit 5"].map(str::to_owned);
    let (stdin, mut typed) = tokio::io::duplex(64);
    tokio::io::AsyncWriteExt::write_all(&mut typed, b"input\n")
        .await
        .unwrap();
    let (stdout, mut printed) = tokio::io::duplex(1024);
    let (stderr, mut complained) = tokio::io::duplex(1024);
    let (_sizes, resize) = mpsc::channel(1);
    let io = ExecIo {
        stdin: Box::pin(stdin),
        stdout: Box::pin(stdout),
        stderr: Box::pin(stderr),
        resize,
    };
    let options = ExecOptions {
        command: command.into(),
        tty: None,
    };
    let exit = plugin.exec_task_streaming(&id, options, io).await.unwrap();
    assert_eq!(exit.exit_code, 5);
    let (mut out, mut err) = (String::new(), String::new());
    tokio::io::AsyncReadExt::read_to_string(&mut printed, &mut out)
        .await
        .unwrap();
    tokio::io::AsyncReadExt::read_to_string(&mut complained, &mut err)
        .await
        .unwrap();
    assert_eq!((out.as_str(), err.as_str()), ("got input\n", "problems\n"));

    plugin
        .stop_task(&id, Duration::from_secs(1), Some("SIGTERM"))
        .await
        .unwrap();
    plugin.destroy_task(&id, true).await.unwrap();
    assert!(matches!(plugin.inspect_task(&id).await, Err(Error::TaskNotFound(_))));
}

#[tokio::test]
#[ignore = "needs go"]
async fn a_deadline_that_upstreams_driver_ignores_is_held() {
    let (plugin, dir) = upstream().await;
    let task = task(&plugin, dir.path(), "sleep 60").await;
    let id = task.id.clone();
    plugin.start_task(task).await.unwrap();
    let command = ["/bin/sh", "-c", "sleep 30"].map(str::to_owned);
    let exec = plugin.exec_task(&id, &command, Duration::from_secs(1));
    let answer = timeout(Duration::from_secs(10), exec).await.unwrap();
    assert!(matches!(answer, Err(Error::DeadlineExceeded(_))), "{answer:?}");
    plugin.destroy_task(&id, true).await.unwrap();
}

#[tokio::test]
#[ignore = "needs go"]
async fn a_task_is_found_again_after_upstreams_plugin_was_killed() {
    let (plugin, dir) = upstream().await;
    let task = task(&plugin, dir.path(), "sleep 3; exit 6").await;
    let (id, config) = (task.id.clone(), task.clone());
    let started = plugin.start_task(task).await.unwrap();
    let pid = i32::try_from(plugin.client().pid()).unwrap();
    let waiting = plugin.wait_task(&id);
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    assert!(matches!(waiting.await, Err(Error::PluginShutdown)));

    let (fresh, _unused) = upstream().await;
    let handle = TaskHandle {
        version: started.version,
        config,
        state: TaskState::Running,
        driver_state: started.driver_state,
    };
    fresh.recover_task(handle).await.unwrap();
    assert_eq!(fresh.wait_task(&id).await.unwrap().exit_code, 6);
    fresh.destroy_task(&id, true).await.unwrap();
}
