//! How tasks start, end, and are found again.

use std::fs;
use std::pin::Pin;
use std::time::{Duration, Instant};

use encamp_driver::{Driver, Error, ExecIo, ExecOptions, TaskConfig, TaskHandle, TaskState, TerminalSize};
use futures_util::StreamExt;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::sync::mpsc;

use crate::support::{World, poll};

#[tokio::test]
#[ignore = "needs root"]
async fn a_task_ends_with_its_status_and_leaves_nothing() {
    let world = World::new();
    let (printed, exit) = world.run(world.script("echo out; echo err >&2; exit 7").await).await;
    assert_eq!(
        (printed, exit.exit_code, exit.signal),
        (vec!["out".to_owned(), "err".to_owned()], 7, 0)
    );
    assert!(world.cgroups().is_empty() && world.mounts().is_empty());
    assert_eq!(
        fs::read_dir(world.dir.path().join("executor")).expect("list").count(),
        0
    );
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_command_is_found_in_the_tasks_own_directory_first() {
    let world = World::new();
    fs::write(world.task_dir().join("local/ls"), "#!/bin/sh\necho mine\n").expect("write");
    fs::set_permissions(
        world.task_dir().join("local/ls"),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .expect("chmod");
    let (printed, _) = world
        .run(world.task("command = \"ls\"\nwork_dir = \"/local\"").await)
        .await;
    assert_eq!(printed, ["mine"]);
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_command_that_is_not_there_leaves_nothing_behind() {
    let world = World::new();
    let error = world
        .driver
        .start_task(world.task("command = \"no-such-command\"").await)
        .await
        .expect_err("no command");
    assert!(
        error.to_string().contains("command \"no-such-command\" not found"),
        "{error}"
    );
    assert!(world.cgroups().is_empty() && world.mounts().is_empty());
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_task_over_its_memory_is_killed_and_says_so() {
    let world = World::new();
    let mut task = world.script("x=0123456789abcdef; while :; do x=$x$x; done").await;
    task.resources.memory_mb = 16;
    let (_, exit) = world.run(task).await;
    assert!(exit.oom_killed && !exit.successful(), "{exit:?}");
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_task_that_ignores_its_signal_is_killed_with_all_its_children() {
    let world = World::new();
    let task = world
        .script("trap '' INT TERM; setsid sleep 300 & sleep 300 & echo ready; wait; wait; sleep 300")
        .await;
    let id = start(&world, task).await;
    poll(async || world.cgroups(), |cgroups| !cgroups.is_empty()).await;
    let log = world.alloc().join("alloc/logs/web.stdout.0");
    poll(
        async || fs::read_to_string(&log).unwrap_or_default(),
        |text| text.contains("ready"),
    )
    .await;
    let begun = Instant::now();
    world
        .driver
        .stop_task(&id, Duration::from_millis(300), Some("SIGTERM"))
        .await
        .expect("stop");
    assert!(begun.elapsed() >= Duration::from_millis(300), "it was given its time");
    let exit = world.driver.wait_task(&id).await.expect("wait");
    assert_eq!((exit.exit_code, exit.signal), (137, 9));
    world.driver.destroy_task(&id, false).await.expect("destroy");
    assert!(world.cgroups().is_empty());
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_running_task_is_destroyed_by_force_only() {
    let world = World::new();
    let id = start(&world, world.task("command = \"sleep\"\nargs = [\"300\"]").await).await;
    assert!(matches!(
        world.driver.destroy_task(&id, false).await,
        Err(Error::TaskRunning(_))
    ));
    assert_eq!(
        world.driver.inspect_task(&id).await.expect("inspect").state,
        TaskState::Running
    );
    world.driver.destroy_task(&id, true).await.expect("destroy");
    assert!(matches!(
        world.driver.inspect_task(&id).await,
        Err(Error::TaskNotFound(_))
    ));
    assert!(world.cgroups().is_empty());
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_test_that_fails_leaves_no_task_running_and_no_cgroup() {
    let world = World::new();
    let id = start(&world, world.script("setsid sleep 300 & while :; do :; done").await).await;
    let pid = world.driver.inspect_task(&id).await.expect("inspect").attributes["pid"].clone();
    let cgroups = world.cgroups();
    assert!(!cgroups.is_empty());
    drop(world);
    assert!(cgroups.iter().all(|cgroup| !cgroup.exists()), "{cgroups:?}");
    let left = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    assert!(left.is_empty() || left.contains(") Z "), "{left}");
}

#[tokio::test]
#[ignore = "needs root"]
async fn an_id_is_started_once() {
    let world = World::new();
    let task = world.task("command = \"sleep\"\nargs = [\"300\"]").await;
    let id = start(&world, task.clone()).await;
    assert!(matches!(world.driver.start_task(task).await, Err(Error::TaskExists(_))));
    world.driver.destroy_task(&id, true).await.expect("destroy");
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_task_is_found_again_with_and_without_a_record_of_it() {
    let world = World::new();
    let task = world.script("read line < /local/go; echo $line; exit 3").await;
    nix::unistd::mkfifo(
        &world.task_dir().join("local/go"),
        nix::sys::stat::Mode::from_bits_truncate(0o666),
    )
    .expect("mkfifo");
    let state = world.driver.start_task(task.clone()).await.expect("start").driver_state;
    for driver_state in [state, Vec::new()] {
        let driver = world.another_driver();
        let handle = handle(&task, driver_state);
        driver.recover_task(handle.clone()).await.expect("recover");
        driver.recover_task(handle).await.expect("recover again");
        assert_eq!(
            driver.inspect_task(&task.id).await.expect("inspect").state,
            TaskState::Running
        );
    }
    let driver = world.another_driver();
    driver.recover_task(handle(&task, Vec::new())).await.expect("recover");
    fs::write(world.task_dir().join("local/go"), "went\n").expect("write");
    assert_eq!(driver.wait_task(&task.id).await.expect("wait").exit_code, 3);
    driver.destroy_task(&task.id, false).await.expect("destroy");
    assert_eq!(world.printed(), ["went"]);
    let gone = driver.recover_task(handle(&task, Vec::new())).await;
    assert!(matches!(gone, Err(Error::TaskNotFound(_))), "{gone:?}");
}

#[tokio::test]
#[ignore = "needs root"]
async fn the_death_of_its_supervisor_is_the_tasks_and_leaves_no_mounts_nor_cgroups() {
    let world = World::new();
    let id = start(&world, world.script("sleep 300 & setsid sleep 300 & wait").await).await;
    let pid = world.driver.inspect_task(&id).await.expect("inspect").attributes["pid"].clone();
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("stat");
    let supervisor = stat
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok())
        .expect("parent");
    kill(Pid::from_raw(supervisor), Signal::SIGKILL).expect("kill");
    let exit = world.driver.wait_task(&id).await.expect("wait");
    assert!(exit.err.is_some(), "{exit:?}");
    world.driver.destroy_task(&id, true).await.expect("destroy");
    assert!(world.cgroups().is_empty() && world.mounts().is_empty());
    // Whoever inherits the orphan may take its time to bury it.
    let left = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    assert!(left.is_empty() || left.contains(") Z "), "{left}");
}

#[tokio::test]
#[ignore = "needs root"]
async fn what_a_task_uses_is_measured_until_it_ends() {
    let world = World::new();
    let id = start(
        &world,
        world
            .script("x=$(head -c 400000 /dev/zero | tr '\\0' x); while :; do :; done")
            .await,
    )
    .await;
    let mut samples = world
        .driver
        .task_stats(&id, Duration::from_millis(50))
        .await
        .expect("stats");
    let busy = async {
        loop {
            let sample = samples.next().await.expect("a sample").expect("stats");
            if sample.total.cpu.percent > 0.0 && sample.total.memory.rss > 100_000 {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), busy)
        .await
        .expect("a busy task");
    world.driver.stop_task(&id, Duration::ZERO, None).await.expect("stop");
    let ended = async { while samples.next().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(5), ended)
        .await
        .expect("the stream ends with the task");
    world.driver.destroy_task(&id, false).await.expect("destroy");
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_command_runs_inside_the_task_as_its_user() {
    let world = World::new();
    let id = start(
        &world,
        world
            .task("command = \"sleep\"\nargs = [\"300\"]\nwork_dir = \"/local\"")
            .await,
    )
    .await;
    let script =
        "id -u; id -g; pwd; ls -d /alloc /root 2>/dev/null; cat /proc/1/comm; grep CapEff /proc/self/status; exit 5";
    let output = exec(&world, &id, &["sh", "-c", script]).await.expect("exec");
    let text = String::from_utf8(output.0).expect("utf-8");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(
        lines,
        [
            "65534",
            "65534",
            "/local",
            "/alloc",
            "sleep",
            "CapEff:\t00000000a80405fb"
        ]
    );
    assert_eq!(output.1, 5);
    let error = exec(&world, &id, &["no-such-command"]).await.expect_err("no command");
    assert!(error.to_string().contains("not found"), "{error}");
    let late = world
        .driver
        .exec_task(&id, &["sleep".into(), "60".into()], Duration::from_millis(100))
        .await;
    assert!(matches!(late, Err(Error::DeadlineExceeded(_))), "{late:?}");
    world.driver.destroy_task(&id, true).await.expect("destroy");
}

async fn exec(world: &World, id: &str, command: &[&str]) -> Result<(Vec<u8>, i32), Error> {
    let command: Vec<_> = command.iter().map(|word| (*word).to_owned()).collect();
    let output = world.driver.exec_task(id, &command, Duration::from_secs(20)).await?;
    Ok((output.stdout, output.exit.exit_code))
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_session_has_a_terminal_of_the_task() {
    let world = World::new();
    let id = start(&world, world.task("command = \"sleep\"\nargs = [\"300\"]").await).await;
    let (near, far) = tokio::io::duplex(4096);
    let (_resize, resized) = mpsc::channel(1);
    let sink: Pin<Box<dyn AsyncWrite + Send>> = Box::pin(tokio::io::sink());
    let io = ExecIo {
        stdin: Box::pin(tokio::io::empty()),
        stdout: Box::pin(far),
        stderr: sink,
        resize: resized,
    };
    let options = ExecOptions {
        command: ["sh", "-c", "tty; stty size; exit 4"].map(str::to_owned).to_vec(),
        tty: Some(TerminalSize { height: 40, width: 120 }),
    };
    let exit = world
        .driver
        .exec_task_streaming(&id, options, io)
        .await
        .expect("session");
    let mut text = String::new();
    let mut near = near;
    near.read_to_string(&mut text).await.expect("output");
    assert_eq!((text.as_str(), exit.exit_code), ("/dev/pts/0\r\n40 120\r\n", 4));
    world.driver.destroy_task(&id, true).await.expect("destroy");
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_signal_is_passed_on_and_a_wrong_one_refused() {
    let world = World::new();
    let id = start(
        &world,
        world
            .script("trap 'echo got; exit 6' USR1; echo ready; while :; do sleep 0.01; done")
            .await,
    )
    .await;
    let log = world.alloc().join("alloc/logs/web.stdout.0");
    poll(
        async || fs::read_to_string(&log).unwrap_or_default(),
        |text| text.contains("ready"),
    )
    .await;
    let error = world
        .driver
        .signal_task(&id, "SIGNOPE")
        .await
        .expect_err("no such signal");
    assert!(matches!(error, Error::InvalidConfig(_)), "{error}");
    world.driver.signal_task(&id, "SIGUSR1").await.expect("signal");
    assert_eq!(world.driver.wait_task(&id).await.expect("wait").exit_code, 6);
    world.driver.destroy_task(&id, false).await.expect("destroy");
}

async fn start(world: &World, task: TaskConfig) -> String {
    let id = task.id.clone();
    world
        .driver
        .start_task(task)
        .await
        .unwrap_or_else(|error| panic!("{}", error.chain()));
    id
}

fn handle(task: &TaskConfig, driver_state: Vec<u8>) -> TaskHandle {
    TaskHandle {
        version: 1,
        config: task.clone(),
        state: TaskState::Running,
        driver_state,
    }
}
