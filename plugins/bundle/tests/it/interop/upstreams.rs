//! Upstream's raw_exec, as a plugin of its own, under our host.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use encamp_driver::{
    Driver as _, Error, ExecIo, ExecOptions, ExitResult, Health, LinuxResources, Plugin as _, PluginConfig, Resources,
    TaskConfig, TaskHandle, TaskOutput, TaskState, Topology,
};
use encamp_driver_grpc::LaunchedDriver;
use encamp_goplugin::Program;
use encamp_hclspec::{Body, Context, Source, Spec, Value, decode};
use futures_util::StreamExt as _;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::peer;

const ALLOC: &str = "5f3e1a34-7b5c-4d0f-9f43-6d3bb9a6a111";
const TASK: &str = "web";

/// What an agent makes for a task before its start, and removes after its end.
struct Prepared {
    dir: TempDir,
    cgroup: String,
}

impl Prepared {
    fn new() -> Self {
        let output = Command::new(peer("cgroups"))
            .args(["setup", ALLOC, TASK])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let dir = tempfile::tempdir().unwrap();
        for dir in ["alloc/logs", "web/local", "web/secrets", "web/tmp"].map(|sub| dir.path().join(sub)) {
            std::fs::create_dir_all(dir).unwrap();
        }
        Self {
            dir,
            cgroup: String::from_utf8(output.stdout).unwrap().trim_end().to_owned(),
        }
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        drop(Command::new(peer("cgroups")).args(["teardown", ALLOC, TASK]).status());
    }
}

/// The driver, ready for tasks.
async fn upstream() -> LaunchedDriver {
    let plugin = LaunchedDriver::launch(Program::new(peer("nomad"))).await.unwrap();
    // Upstream's drivers take a host that does not say what the node is for one that only checks the configuration, and
    // fall over at the first task.
    let config = PluginConfig {
        topology: Some(Arc::new(Topology::uniform(2, 2000))),
        client_ports: Some(14000..=14512),
        ..PluginConfig::new(value(&plugin.config_schema(), "enabled = true"))
    };
    plugin.set_config(config).await.unwrap();
    plugin.init().await.unwrap();
    plugin
}

fn value(schema: &Spec, text: &str) -> Value {
    let body = Body::parse(Source::new("test", text.to_owned())).unwrap();
    decode(schema, &body, &Context::default()).unwrap()
}

async fn task(plugin: &LaunchedDriver, prepared: &Prepared, script: &str) -> TaskConfig {
    let schema = plugin.task_config_schema().await.unwrap();
    let config = format!("command = \"/bin/sh\"\nargs = [\"-c\", {script:?}]");
    TaskConfig {
        id: format!("{ALLOC}/{TASK}/{:08x}", std::process::id()),
        alloc_id: ALLOC.to_owned(),
        name: TASK.to_owned(),
        driver_config: value(&schema, &config),
        env: [("PATH", "/bin:/usr/bin")].into_iter().collect(),
        alloc_dir: prepared.dir.path().to_owned(),
        resources: Resources {
            cpu_mhz: 250,
            memory_mb: 64,
            linux: LinuxResources {
                cpu_shares: 250,
                memory_limit_bytes: 64 << 20,
                cpuset_cgroup: prepared.cgroup.clone(),
                ..LinuxResources::default()
            },
            ..Resources::default()
        },
        output: TaskOutput::Discard,
        ..TaskConfig::default()
    }
}

/// What a script comes to, from its start until nothing is left of it.
async fn check(script: &str) -> ExitResult {
    let (plugin, prepared) = (upstream().await, Prepared::new());
    let task = task(&plugin, &prepared, script).await;
    let id = task.id.clone();
    plugin.start_task(task).await.unwrap();
    let exit = plugin.wait_task(&id).await.unwrap();
    plugin.destroy_task(&id, true).await.unwrap();
    assert!(plugin.kill().await.graceful);
    exit
}

#[tokio::test]
#[ignore = "needs go"]
async fn upstreams_driver_says_who_it_is() {
    let plugin = upstream().await;
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
    let (plugin, prepared) = (upstream().await, Prepared::new());
    let task = task(&plugin, &prepared, "sleep 60").await;
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
    // Upstream waits for the end of the input before it tells of an exit.
    drop(typed);
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
    let (plugin, prepared) = (upstream().await, Prepared::new());
    let task = task(&plugin, &prepared, "sleep 60").await;
    let id = task.id.clone();
    plugin.start_task(task).await.unwrap();
    let pid_file = prepared.dir.path().join("pid");
    let script = format!("sleep 30 & echo $! > {}; wait", pid_file.display());
    let command = ["/bin/sh".to_owned(), "-c".to_owned(), script];
    let exec = plugin.exec_task(&id, &command, Duration::from_secs(1));
    let answer = timeout(Duration::from_secs(10), exec).await.unwrap();
    assert!(matches!(answer, Err(Error::DeadlineExceeded(_))), "{answer:?}");
    // Upstream leaves it running.
    let pid = std::fs::read_to_string(&pid_file).unwrap().trim().parse().unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    plugin.destroy_task(&id, true).await.unwrap();
}

#[tokio::test]
#[ignore = "needs go"]
async fn a_task_is_found_again_after_upstreams_plugin_was_killed() {
    let (plugin, prepared) = (upstream().await, Prepared::new());
    let task = task(&plugin, &prepared, "sleep 3; exit 6").await;
    let (id, config) = (task.id.clone(), task.clone());
    let started = plugin.start_task(task).await.unwrap();
    let pid = i32::try_from(plugin.client().pid()).unwrap();
    let waiting = plugin.wait_task(&id);
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    assert!(matches!(waiting.await, Err(Error::PluginShutdown)));

    let fresh = upstream().await;
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
