//! The driver with real processes.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests say what is wrong as tests do"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use encamp_cgroup::Hierarchy;
use encamp_driver::{
    Driver, Error, ExecIo, ExecOptions, ExitResult, Health, Plugin, PluginConfig, Resources, TaskConfig, TaskEvent,
    TaskHandle, TaskOutput, TaskState, TerminalSize,
};
use encamp_executor::{Executor, testing};
use encamp_hclspec::{Body, Context, Source, Spellings, Value, decode_with};
use encamp_raw_exec::RawExec;
use futures_util::StreamExt;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

mod agent;
mod plugin;
mod root;

const PATIENCE: Duration = Duration::from_secs(20);

/// A driver with directories of its own. What a test that fails leaves running is ended with it.
struct Bed {
    dir: TempDir,
    cgroups: Hierarchy,
}

impl Drop for Bed {
    fn drop(&mut self) {
        testing::destroy_all(&self.dir.path().join("state"));
    }
}

impl Bed {
    fn new(cgroups: Hierarchy) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["alloc/web/local", "alloc/alloc/logs"] {
            fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        Self { dir, cgroups }
    }

    /// Another life of the driver.
    async fn driver(&self, config: &str) -> RawExec {
        let executor = Executor::new(testing::program(), self.dir.path().join("state"));
        let driver = RawExec::new(executor, self.cgroups.clone());
        let config = hcl(&driver.config_schema(), config);
        driver.set_config(PluginConfig::new(config)).await.unwrap();
        driver
    }

    fn logs(&self) -> PathBuf {
        self.dir.path().join("alloc/alloc/logs")
    }

    async fn task(&self, driver: &RawExec, config: &str) -> TaskConfig {
        let schema = driver.task_config_schema().await.unwrap();
        TaskConfig {
            id: "3ac4/web/01234567".into(),
            name: "web".into(),
            alloc_id: "3ac4".into(),
            job_id: "job".into(),
            job_name: "job".into(),
            task_group_name: "group".into(),
            namespace: "default".into(),
            node_name: "node".into(),
            node_id: "1".into(),
            driver_config: hcl(&schema, config),
            env: [
                ("PATH", "/usr/bin:/bin"),
                ("SECRET_KEY", "hunter2"),
                ("COLOUR", "green"),
            ]
            .into_iter()
            .collect(),
            resources: Resources {
                cpu_mhz: 100,
                memory_mb: 64,
                ..Resources::default()
            },
            alloc_dir: self.dir.path().join("alloc"),
            output: TaskOutput::Files {
                dir: self.logs(),
                max_files: 3,
                max_file_size: 1 << 20,
            },
            ..TaskConfig::default()
        }
    }

    fn stdout(&self) -> String {
        fs::read_to_string(self.logs().join("web.stdout.0")).unwrap_or_default()
    }

    async fn has_output(&self, wanted: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.stdout().contains(wanted) {
            assert!(Instant::now() < deadline, "no {wanted:?} in {:?}", self.stdout());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn hcl(schema: &encamp_hclspec::Spec, text: &str) -> Value {
    let body = Body::parse(Source::new("test", text.to_owned())).unwrap();
    decode_with(schema, &body, &Context::default(), Spellings::Every).unwrap()
}

fn shell(script: &str) -> String {
    format!("command = \"/bin/sh\"\nargs = [\"-c\", {script:?}]")
}

fn handle(config: &TaskConfig, driver_state: &[u8]) -> TaskHandle {
    TaskHandle {
        version: 1,
        config: config.clone(),
        state: TaskState::Running,
        driver_state: driver_state.to_vec(),
    }
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

const ENABLED: &str = "enabled = true";

#[tokio::test]
async fn a_task_runs_from_start_to_destruction() {
    let bed = Bed::new(Hierarchy::Off);
    let driver = bed.driver(ENABLED).await;
    let task = bed.task(&driver, &shell("echo $COLOUR; pwd; exit 3")).await;
    let id = task.id.clone();
    let started = driver.start_task(task).await.unwrap();
    assert!(!started.driver_state.is_empty());
    assert_eq!(
        within("the end", driver.wait_task(&id)).await.unwrap(),
        ExitResult::code(3)
    );
    assert_eq!(bed.stdout(), format!("green\n{}/alloc/web\n", bed.dir.path().display()));
    let status = driver.inspect_task(&id).await.unwrap();
    assert_eq!(
        (status.state, status.exit),
        (TaskState::Exited, Some(ExitResult::code(3)))
    );
    assert!(status.attributes["pid"].parse::<i32>().unwrap() > 1 && status.completed_at >= status.started_at);
    driver.destroy_task(&id, false).await.unwrap();
    assert!(matches!(driver.wait_task(&id).await, Err(Error::TaskNotFound(_))));
}

#[tokio::test]
async fn a_test_that_fails_leaves_no_task_running() {
    let bed = Bed::new(Hierarchy::Off);
    let driver = bed.driver(ENABLED).await;
    let task = bed.task(&driver, &shell("while :; do :; done")).await;
    let id = task.id.clone();
    driver.start_task(task).await.unwrap();
    let pid = driver.inspect_task(&id).await.unwrap().attributes["pid"].clone();
    drop(bed);
    let deadline = Instant::now() + PATIENCE;
    // Whoever inherits the orphan may take its time to bury it.
    let is_running = || fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
    while is_running() {
        assert!(Instant::now() < deadline, "{pid} still runs");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn the_driver_is_off_until_it_is_switched_on_and_its_fingerprint_follows() {
    let bed = Bed::new(Hierarchy::Off);
    let driver = bed.driver("").await;
    let task = bed.task(&driver, &shell("exit 0")).await;
    let error = driver.start_task(task).await.unwrap_err();
    assert!(error.to_string().contains("enabled = true") && !error.is_recoverable());
    let mut looks = driver.fingerprint().await.unwrap();
    let first = within("a look", looks.next()).await.unwrap().unwrap();
    assert_eq!((first.health, first.attributes.len()), (Health::Undetected, 0));
    driver
        .set_config(PluginConfig::new(hcl(&driver.config_schema(), ENABLED)))
        .await
        .unwrap();
    let second = within("a look", looks.next()).await.unwrap().unwrap();
    assert_eq!(second.health, Health::Healthy);
    assert!(second.attributes.contains_key("driver.raw_exec"));
}

#[tokio::test]
async fn a_refused_configuration_leaves_the_last_one_in_force() {
    let bed = Bed::new(Hierarchy::Off);
    let driver = bed.driver(ENABLED).await;
    let bad = hcl(&driver.config_schema(), "enabled = false\ndenied_host_gids = \"9-1\"");
    let error = driver.set_config(PluginConfig::new(bad)).await.unwrap_err();
    assert_eq!(error.option(), Some("denied_host_gids"));
    let task = bed.task(&driver, &shell("exit 0")).await;
    let id = task.id.clone();
    driver.start_task(task).await.unwrap();
    within("the end", driver.wait_task(&id)).await.unwrap();
    driver.destroy_task(&id, true).await.unwrap();
}

#[tokio::test]
async fn denied_variables_do_not_reach_the_task() {
    let bed = Bed::new(Hierarchy::Off);
    let driver = bed.driver("enabled = true\ndenied_envvars = [\"SECRET_*\"]").await;
    let task = bed
        .task(&driver, &format!("{}\ndenied_envvars = [\"COL*R\"]", shell("env")))
        .await;
    let id = task.id.clone();
    driver.start_task(task).await.unwrap();
    within("the end", driver.wait_task(&id)).await.unwrap();
    let text = bed.stdout();
    assert!(
        text.contains("PATH=") && !text.contains("SECRET_KEY") && !text.contains("COLOUR"),
        "{text}"
    );
    driver.destroy_task(&id, false).await.unwrap();
}

#[tokio::test]
async fn denied_and_unknown_users_and_what_the_driver_cannot_do_are_refused() {
    let bed = Bed::new(Hierarchy::Off);
    let driver = bed.driver("enabled = true\ndenied_host_uids = \"65534\"").await;
    let task = bed.task(&driver, &shell("exit 0")).await;
    let with_user = |user: &str| TaskConfig {
        user: Some(user.into()),
        ..task.clone()
    };
    let denied = driver.start_task(with_user("nobody")).await.unwrap_err();
    assert!(
        matches!(&denied, Error::InvalidConfig(text) if text.contains("65534")),
        "{denied}"
    );
    let unknown = driver.start_task(with_user("no-such-user")).await.unwrap_err();
    assert!(
        matches!(&unknown, Error::InvalidConfig(text) if text.contains("no-such-user")),
        "{unknown}"
    );
    let mut mounted = task.clone();
    mounted.devices.push(encamp_driver::Device {
        task_path: "/dev/x".into(),
        host_path: "/dev/null".into(),
        cgroup_permissions: "r".into(),
    });
    assert!(matches!(driver.start_task(mounted).await, Err(Error::InvalidConfig(_))));
    let missing = bed.task(&driver, "command = \"no-such-command\"").await;
    let error = driver.start_task(missing).await.unwrap_err();
    assert!(
        error.to_string().contains("not found") && !error.is_recoverable(),
        "{error}"
    );
}

#[tokio::test]
async fn stopping_sends_the_signal_and_reports_the_one_that_ended_it() {
    let bed = Bed::new(Hierarchy::Off);
    let driver = bed.driver(ENABLED).await;
    for (trap, signal, expected) in [
        ("trap 'exit 5' TERM", Some("SIGTERM"), ExitResult::code(5)),
        ("trap 'exit 6' INT", None, ExitResult::code(6)),
        ("trap '' INT", None, ExitResult::signal(9)),
    ] {
        drop(fs::remove_file(bed.logs().join("web.stdout.0")));
        let task = bed
            .task(
                &driver,
                &shell(&format!("{trap}; echo up; while :; do sleep 0.01; done")),
            )
            .await;
        let id = task.id.clone();
        driver.start_task(task).await.unwrap();
        bed.has_output("up").await;
        let unknown = driver
            .stop_task(&id, Duration::ZERO, Some("SIGNONSENSE"))
            .await
            .unwrap_err();
        assert!(unknown.to_string().contains("SIGNONSENSE"));
        assert!(matches!(
            driver.destroy_task(&id, false).await,
            Err(Error::TaskRunning(_))
        ));
        let grace = Duration::from_millis(if expected.signal == 9 { 200 } else { 10_000 });
        within("the stop", driver.stop_task(&id, grace, signal)).await.unwrap();
        assert_eq!(driver.wait_task(&id).await.unwrap(), expected);
        driver.stop_task(&id, grace, signal).await.unwrap();
        driver.destroy_task(&id, false).await.unwrap();
    }
}

#[tokio::test]
async fn signals_go_by_name_and_an_unknown_name_is_an_error() {
    let bed = Bed::new(Hierarchy::Off);
    let driver = bed.driver(ENABLED).await;
    let task = bed
        .task(
            &driver,
            &shell("trap 'echo caught' USR1; echo up; while :; do sleep 0.01; done"),
        )
        .await;
    let id = task.id.clone();
    driver.start_task(task).await.unwrap();
    bed.has_output("up").await;
    assert!(driver.signal_task(&id, "USR1").await.is_err());
    driver.signal_task(&id, "SIGUSR1").await.unwrap();
    bed.has_output("caught").await;
    driver.destroy_task(&id, true).await.unwrap();
}

#[tokio::test]
async fn another_life_of_the_driver_takes_its_tasks_back() {
    let bed = Bed::new(Hierarchy::Off);
    let driver = bed.driver(ENABLED).await;
    let task = bed.task(&driver, &shell("echo up; read line < go; exit 9")).await;
    let id = task.id.clone();
    assert!(
        std::process::Command::new("mkfifo")
            .arg(bed.dir.path().join("alloc/web/go"))
            .status()
            .unwrap()
            .success()
    );
    let started = driver.start_task(task.clone()).await.unwrap();
    bed.has_output("up").await;
    let again = driver.start_task(task.clone()).await;
    assert!(matches!(again, Err(Error::TaskExists(_))));
    drop(driver);
    let driver = bed.driver(ENABLED).await;
    driver.recover_task(handle(&task, &started.driver_state)).await.unwrap();
    driver.recover_task(handle(&task, &started.driver_state)).await.unwrap();
    assert_eq!(driver.inspect_task(&id).await.unwrap().state, TaskState::Running);
    fs::write(bed.dir.path().join("alloc/web/go"), "go\n").unwrap();
    assert_eq!(
        within("the end", driver.wait_task(&id)).await.unwrap(),
        ExitResult::code(9)
    );
    drop(driver);
    let driver = bed.driver(ENABLED).await;
    driver.recover_task(handle(&task, &started.driver_state)).await.unwrap();
    assert_eq!(driver.wait_task(&id).await.unwrap(), ExitResult::code(9));
    driver.destroy_task(&id, false).await.unwrap();
    let gone = driver.recover_task(handle(&task, &started.driver_state)).await;
    assert!(matches!(gone, Err(Error::TaskNotFound(_))));
}

#[tokio::test]
async fn a_start_that_was_broken_off_is_found_by_recovery_without_state_and_by_another_start() {
    let bed = Bed::new(Hierarchy::Off);
    let driver = bed.driver(ENABLED).await;
    let task = bed.task(&driver, &shell("echo up; exec sleep 60")).await;
    let id = task.id.clone();
    let nothing = driver.recover_task(handle(&task, b"")).await;
    assert!(matches!(nothing, Err(Error::TaskNotFound(_))));
    driver.start_task(task.clone()).await.unwrap();
    let pid = driver.inspect_task(&id).await.unwrap().attributes["pid"].clone();
    for recover in [true, false] {
        let driver = bed.driver(ENABLED).await;
        if recover {
            driver.recover_task(handle(&task, b"")).await.unwrap();
        } else {
            driver.start_task(task.clone()).await.unwrap();
        }
        assert_eq!(driver.inspect_task(&id).await.unwrap().attributes["pid"], pid);
    }
    driver.destroy_task(&id, true).await.unwrap();
}

#[tokio::test]
async fn commands_run_in_the_task_with_deadlines_that_hold() {
    let bed = Bed::new(Hierarchy::Off);
    let driver = bed.driver(ENABLED).await;
    let task = bed.task(&driver, &shell("exec sleep 60")).await;
    let id = task.id.clone();
    driver.start_task(task).await.unwrap();
    let command = |script: &str| ["/bin/sh", "-c", script].map(String::from).to_vec();
    let output = driver
        .exec_task(&id, &command("echo out; echo $COLOUR >&2; exit 4"), PATIENCE)
        .await
        .unwrap();
    assert_eq!(
        (output.stdout.as_slice(), output.exit),
        (&b"out\ngreen\n"[..], ExitResult::code(4))
    );
    let before = Instant::now();
    let late = driver
        .exec_task(&id, &command("sleep 30"), Duration::from_millis(300))
        .await
        .unwrap_err();
    assert!(matches!(late, Error::DeadlineExceeded(_)) && before.elapsed() < Duration::from_secs(5));
    let missing = driver
        .exec_task(&id, &["no-such-command".into()], PATIENCE)
        .await
        .unwrap_err();
    assert!(missing.to_string().contains("not found"));
    assert_eq!(driver.inspect_task(&id).await.unwrap().state, TaskState::Running);
    driver.destroy_task(&id, true).await.unwrap();
}

#[tokio::test]
async fn a_streaming_session_has_its_terminal_and_its_resizes() {
    let bed = Bed::new(Hierarchy::Off);
    let driver = Arc::new(bed.driver(ENABLED).await);
    let task = bed.task(&driver, &shell("exec sleep 60")).await;
    let id = task.id.clone();
    driver.start_task(task).await.unwrap();
    let (mut stdin, near_in) = tokio::io::duplex(64);
    let (near_out, mut stdout) = tokio::io::duplex(64);
    let (sizes, resize) = tokio::sync::mpsc::channel(1);
    let io = ExecIo {
        stdin: Box::pin(near_in),
        stdout: Box::pin(near_out),
        stderr: Box::pin(tokio::io::sink()),
        resize,
    };
    let options = ExecOptions {
        command: ["/bin/sh", "-c", "read line; stty size; exit 6"]
            .map(String::from)
            .to_vec(),
        tty: Some(TerminalSize { height: 1, width: 1 }),
    };
    let running = tokio::spawn({
        let (driver, id) = (Arc::clone(&driver), id.clone());
        async move { driver.exec_task_streaming(&id, options, io).await }
    });
    for size in [
        TerminalSize { height: 24, width: 80 },
        TerminalSize { height: 50, width: 132 },
    ] {
        within("the resize", sizes.send(size)).await.unwrap();
    }
    // Taken by now, or as soon as the next one finds room.
    within("the resize", sizes.send(TerminalSize { height: 50, width: 132 }))
        .await
        .unwrap();
    stdin.write_all(b"go\n").await.unwrap();
    let mut text = String::new();
    within("the output", stdout.read_to_string(&mut text)).await.unwrap();
    assert!(text.contains("50 132\r\n"), "{text:?}");
    assert_eq!(within("the exit", running).await.unwrap().unwrap(), ExitResult::code(6));
    driver.destroy_task(&id, true).await.unwrap();
}

#[tokio::test]
async fn a_killed_supervisor_is_an_exit_with_a_reason() {
    let bed = Bed::new(Hierarchy::Off);
    let driver = bed.driver(ENABLED).await;
    let task = bed.task(&driver, &shell("exec sleep 60")).await;
    let id = task.id.clone();
    driver.start_task(task).await.unwrap();
    let record = fs::read(bed.dir.path().join("state/task-3ac4%2fweb%2f01234567/supervisor.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    let pid = Pid::from_raw(i32::try_from(record["pid"].as_i64().unwrap()).unwrap());
    kill(pid, Signal::SIGKILL).unwrap();
    let exit = within("the end", driver.wait_task(&id)).await.unwrap();
    assert_eq!(exit.exit_code, -1);
    assert!(exit.err.unwrap().contains("supervising process was killed"));
    driver.destroy_task(&id, false).await.unwrap();
}

#[tokio::test]
async fn stats_come_at_once_and_end_with_the_task_also_without_cgroups() {
    let bed = Bed::new(Hierarchy::Off);
    let driver = bed.driver(ENABLED).await;
    let task = bed.task(&driver, &shell("while :; do :; done")).await;
    let id = task.id.clone();
    driver.start_task(task).await.unwrap();
    check_stats(&driver, &id).await;
    driver.destroy_task(&id, true).await.unwrap();
}

async fn check_stats(driver: &RawExec, id: &str) {
    let mut samples = driver.task_stats(id, Duration::from_millis(100)).await.unwrap();
    let first = within("a sample", samples.next()).await.unwrap().unwrap();
    let memory = &first.total.memory;
    // The kernel counts anonymous pages in batches: a small task's first ones show in the sum only.
    let is_used = memory.rss.max(memory.usage) > 0;
    assert!(first.total.cpu.percent.abs() < f64::EPSILON && is_used, "{first:?}");
    let mut percent: f64 = 0.0;
    for _ in 0..10 {
        let sample = within("a sample", samples.next()).await.unwrap().unwrap();
        percent = percent.max(sample.total.cpu.percent);
    }
    assert!(percent > 1.0, "{percent}");
    driver.stop_task(id, Duration::ZERO, None).await.unwrap();
    while let Some(sample) = within("the end of samples", samples.next()).await {
        sample.unwrap();
    }
}

#[tokio::test]
async fn output_that_nobody_takes_is_told_as_an_event() {
    let bed = Bed::new(Hierarchy::Off);
    let driver = bed.driver("enabled = true\nlog_collection = \"agent\"").await;
    let fifo = bed.dir.path().join("fifo");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let mut task = bed
        .task(&driver, &shell("head -c 500000 /dev/zero; exec sleep 60"))
        .await;
    task.output = TaskOutput::Fifo {
        stdout: fifo,
        stderr: "/dev/null".into(),
    };
    let id = task.id.clone();
    let mut events = driver.task_events().await.unwrap();
    driver.start_task(task).await.unwrap();
    let event: TaskEvent = within("an event", events.next()).await.unwrap().unwrap();
    assert_eq!(
        (event.task_id.as_str(), event.annotations),
        (id.as_str(), BTreeMap::new())
    );
    assert!(
        event.message.contains("stdout") && event.message.contains("lost"),
        "{}",
        event.message
    );
    driver.destroy_task(&id, true).await.unwrap();
}
