//! What holds under an agent: its log files, its restarts, its cgroups, and what it must not get to see.

use std::path::Path;
use std::time::{Duration, Instant};

use encamp_driver::{Driver, Error, ExitResult, StartedTask, TaskConfig, TaskHandle, TaskOutput, TaskState};
use encamp_hclspec::Value;

use crate::support::{Place, configure, run, until_async};

const SOON: Duration = Duration::from_secs(20);
/// Ends when it is told to.
const WAITS: &str = "echo before; until [ -e /local/go ]; do usleep 10000; done; echo after; exit 3";

/// A task as an agent starts it: with the paths of named pipes for its output, which nobody made.
fn given(place: &Place, script: &str) -> TaskConfig {
    let logs = place.dir.path().join("alloc/logs");
    let mut task = place.task(script, &[]);
    task.output = TaskOutput::Fifo {
        stdout: logs.join(".t.stdout.fifo"),
        stderr: logs.join(".t.stderr.fifo"),
    };
    task
}

/// What an agent keeps across its own restart: everything but the driver's configuration.
fn kept(config: &TaskConfig, started: &StartedTask) -> TaskHandle {
    TaskHandle {
        version: started.version,
        config: TaskConfig {
            driver_config: Value::NULL,
            ..config.clone()
        },
        state: TaskState::Unknown,
        driver_state: started.driver_state.clone(),
    }
}

fn go(place: &Place) {
    std::fs::write(place.dir.path().join("t/local/go"), "").unwrap();
}

async fn end(place: &Place, task: &TaskConfig) -> ExitResult {
    let end = tokio::time::timeout(SOON, place.docker.wait_task(&task.id)).await;
    end.expect("the task ends").unwrap()
}

async fn has_printed(place: &Place, wanted: &str) {
    until_async(SOON, "the output", || {
        let text = place.text("stdout");
        if text.contains(wanted) { Ok(()) } else { Err(text) }
    })
    .await;
}

fn entries(logs: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(logs).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn an_agents_task_has_its_log_files_from_the_start_and_no_pipe_is_needed() {
    let place = Place::shared();
    let task = given(&place, WAITS);
    place.docker.start_task(task.clone()).await.unwrap();
    let files = ["t.stderr.0", "t.stdout.0"];
    assert_eq!(entries(&place.dir.path().join("alloc/logs")), files);
    go(&place);
    assert_eq!(end(&place, &task).await, ExitResult::code(3));
    assert_eq!(place.text("stdout"), "before\nafter\n");
    assert_eq!(entries(&place.dir.path().join("alloc/logs")), files);
    place.docker.destroy_task(&task.id, true).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn the_operators_limits_hold_for_log_files() {
    let place = Place::shared();
    configure(&place, &[("log_max_files", 2.into()), ("log_max_file_size", 1.into())]).await;
    let task = given(&place, "yes 123456789012345 | head -c 3500000");
    assert_eq!(run(&place, &task).await.exit_code, 0);
    let logs = place.dir.path().join("alloc/logs");
    assert_eq!(entries(&logs), ["t.stderr.0", "t.stdout.2", "t.stdout.3"]);
    assert_eq!(std::fs::metadata(logs.join("t.stdout.2")).unwrap().len(), 1 << 20);
    place.docker.destroy_task(&task.id, true).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn output_that_nobody_is_to_have_stays_with_the_engine() {
    for options in [
        ("log_collection", Value::from("none")),
        ("disable_log_collection", true.into()),
    ] {
        let place = Place::shared();
        configure(&place, std::slice::from_ref(&options)).await;
        let task = given(&place, "echo out");
        assert_eq!(run(&place, &task).await.exit_code, 0);
        let none: [&str; 0] = [];
        assert_eq!(entries(&place.dir.path().join("alloc/logs")), none, "{options:?}");
        let name = place.cli(&["ps", "-aq", "--filter", &format!("name={}", task.alloc_id)]);
        assert_eq!(place.cli(&["logs", &name]), "out");
        place.docker.destroy_task(&task.id, true).await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_task_is_recovered_without_its_configuration_and_its_output_goes_on() {
    let mut place = Place::shared();
    let task = given(&place, WAITS);
    let started = place.docker.start_task(task.clone()).await.unwrap();
    assert!(!started.driver_state.is_empty(), "that would be an interrupted start");
    has_printed(&place, "before").await;
    place.restart();
    // The operator may have changed his mind meanwhile: that is for tasks to come.
    configure(&place, &[("log_collection", "none".into())]).await;
    for _ in 0..3 {
        place.docker.recover_task(kept(&task, &started)).await.unwrap();
    }
    let status = place.docker.inspect_task(&task.id).await.unwrap();
    assert_eq!((status.state, status.name.as_str()), (TaskState::Running, "t"));
    go(&place);
    assert_eq!(end(&place, &task).await, ExitResult::code(3));
    assert_eq!(place.text("stdout"), "before\nafter\n");
    place.docker.destroy_task(&task.id, true).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn the_exit_and_the_output_of_a_task_that_ended_while_nobody_looked_are_known() {
    let mut place = Place::shared();
    let task = given(&place, WAITS);
    let started = place.docker.start_task(task.clone()).await.unwrap();
    has_printed(&place, "before").await;
    place.restart();
    go(&place);
    let name = place.cli(&["ps", "-aq", "--filter", &format!("name={}", task.alloc_id)]);
    assert_eq!(place.cli(&["wait", &name]), "3");
    place.docker.recover_task(kept(&task, &started)).await.unwrap();
    assert_eq!(end(&place, &task).await, ExitResult::code(3));
    let status = place.docker.inspect_task(&task.id).await.unwrap();
    assert_eq!(
        (status.state, status.exit),
        (TaskState::Exited, Some(ExitResult::code(3)))
    );
    assert_eq!(place.text("stdout"), "before\nafter\n");
    place.docker.destroy_task(&task.id, true).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_task_starts_on_the_cores_that_nobody_has_reserved() {
    let place = Place::shared();
    let cgroup = place.dir.path().join("nomad/share");
    std::fs::create_dir_all(&cgroup).unwrap();
    std::fs::write(cgroup.join("cpuset.effective_cpus"), "1\n").unwrap();
    let mut task = given(&place, "grep Cpus_allowed_list /proc/self/status");
    task.resources.linux.cpuset_cgroup = cgroup.to_str().unwrap().to_owned();
    assert_eq!(run(&place, &task).await.exit_code, 0);
    assert_eq!(place.text("stdout"), "Cpus_allowed_list:\t1\n");
    place.docker.destroy_task(&task.id, true).await.unwrap();
}

// === What other drivers get wrong

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_command_ends_at_its_deadline() {
    let place = Place::shared();
    let task = given(&place, "exec sleep 600");
    place.docker.start_task(task.clone()).await.unwrap();
    let before = Instant::now();
    let sleep = ["sleep", "30"].map(str::to_owned);
    let late = place.docker.exec_task(&task.id, &sleep, Duration::from_secs(1)).await;
    assert!(matches!(late, Err(Error::DeadlineExceeded(_))), "{late:?}");
    assert!(before.elapsed() < Duration::from_secs(5), "{:?}", before.elapsed());
    place.docker.destroy_task(&task.id, true).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_stop_that_has_to_kill_reports_the_signal() {
    let place = Place::shared();
    let task = given(&place, "trap '' TERM INT; echo up; while :; do usleep 10000; done");
    place.docker.start_task(task.clone()).await.unwrap();
    has_printed(&place, "up").await;
    let grace = Duration::from_millis(100);
    let (waited, stopped) = tokio::join!(end(&place, &task), place.docker.stop_task(&task.id, grace, None));
    stopped.unwrap();
    assert_eq!(waited, ExitResult::signal(9));
    place.docker.destroy_task(&task.id, false).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_status_that_is_not_zero_is_no_error_and_the_task_has_exited() {
    let place = Place::shared();
    let task = given(&place, "exit 42");
    let exit = run(&place, &task).await;
    assert_eq!((exit.exit_code, exit.signal, exit.err), (42, 0, None));
    let status = place.docker.inspect_task(&task.id).await.unwrap();
    assert_eq!(
        (status.state, status.exit),
        (TaskState::Exited, Some(ExitResult::code(42)))
    );
    assert!(status.started_at.is_some() && status.completed_at >= status.started_at);
    place.docker.destroy_task(&task.id, true).await.unwrap();
}
