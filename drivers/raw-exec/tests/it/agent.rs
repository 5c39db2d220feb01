//! What holds under an agent: its named pipes, its restarts, its cgroups, and what it must not get to see.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::thread::JoinHandle;

use encamp_driver::Capabilities;

use super::*;

/// A task as an agent starts it: with the paths of named pipes for its output.
async fn given(bed: &Bed, driver: &RawExec, script: &str) -> TaskConfig {
    let mut task = bed.task(driver, &shell(script)).await;
    let [stdout, stderr] = pipes(bed);
    task.output = TaskOutput::Fifo { stdout, stderr };
    task
}

fn pipes(bed: &Bed) -> [PathBuf; 2] {
    ["stdout", "stderr"].map(|stream| bed.logs().join(format!(".web.{stream}.fifo")))
}

fn make_fifo(path: &Path) {
    nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap();
}

/// What an agent keeps across its own restart: everything but the driver's configuration.
fn kept(config: &TaskConfig, started: &encamp_driver::StartedTask) -> TaskHandle {
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

async fn capabilities(driver: &RawExec) -> Capabilities {
    driver.capabilities().await.unwrap()
}

#[tokio::test]
async fn an_agents_task_has_its_log_files_from_the_start_and_no_pipe_is_needed() {
    let bed = Bed::new(Hierarchy::Off);
    let driver = bed.driver(ENABLED).await;
    assert!(capabilities(&driver).await.disable_log_collection);
    let task = given(&bed, &driver, "read line < go; echo out; echo err >&2").await;
    make_fifo(&bed.dir.path().join("alloc/web/go"));
    let id = task.id.clone();
    driver.start_task(task).await.unwrap();
    let read = |name: &str| fs::read_to_string(bed.logs().join(name)).unwrap();
    assert_eq!((read("web.stdout.0"), read("web.stderr.0")), Default::default());
    fs::write(bed.dir.path().join("alloc/web/go"), "go\n").unwrap();
    within("the end", driver.wait_task(&id)).await.unwrap();
    assert_eq!(
        (read("web.stdout.0").as_str(), read("web.stderr.0").as_str()),
        ("out\n", "err\n")
    );
    driver.destroy_task(&id, false).await.unwrap();
    assert!(pipes(&bed).iter().all(|pipe| !pipe.exists()));
}

#[tokio::test]
async fn the_operators_limits_hold_for_log_files() {
    let bed = Bed::new(Hierarchy::Off);
    let driver = bed
        .driver("enabled = true\nlog_max_files = 2\nlog_max_file_size = 1")
        .await;
    let task = given(&bed, &driver, "head -c 3500000 /dev/zero").await;
    let id = task.id.clone();
    driver.start_task(task).await.unwrap();
    within("the end", driver.wait_task(&id)).await.unwrap();
    let size = |n: u32| fs::metadata(bed.logs().join(format!("web.stdout.{n}"))).map(|file| file.len());
    let sizes: Vec<_> = (0..5).map(|n| size(n).ok()).collect();
    assert_eq!(sizes, [None, None, Some(1 << 20), Some(3_500_000 - (3 << 20)), None]);
    driver.destroy_task(&id, false).await.unwrap();
}

/// Reads so many lines, and goes away.
fn read_lines(pipe: &Path, count: usize) -> JoinHandle<Vec<String>> {
    let pipe = pipe.to_owned();
    std::thread::spawn(move || lines(File::open(pipe).unwrap(), count))
}

fn lines(pipe: File, count: usize) -> Vec<String> {
    let lines = BufReader::new(pipe).lines();
    lines.take(count).map(Result::unwrap).collect()
}

/// There is a reader when this is over.
fn open(pipe: &Path) -> JoinHandle<File> {
    let pipe = pipe.to_owned();
    std::thread::spawn(move || File::open(pipe).unwrap())
}

async fn joined<T: Send + 'static>(what: &str, thread: JoinHandle<T>) -> T {
    let joined = tokio::task::spawn_blocking(move || thread.join().unwrap());
    within(what, joined).await.unwrap()
}

#[tokio::test]
async fn an_agent_that_collects_reads_its_pipes_also_when_it_comes_late_and_is_restarted() {
    let bed = Bed::new(Hierarchy::Off);
    let driver = bed.driver("enabled = true\nlog_collection = \"agent\"").await;
    assert!(!capabilities(&driver).await.disable_log_collection);
    // Each step has a pipe of its own: whoever opens the last one's again too early finds its end and goes on.
    let script = "echo one; read line < go1; echo two; read line < go2; echo three; read line < go3; echo four";
    let task = given(&bed, &driver, script).await;
    let [stdout, stderr] = pipes(&bed);
    let step = |step| bed.dir.path().join(format!("alloc/web/go{step}"));
    for pipe in [&stdout, &stderr, &step(1), &step(2), &step(3)] {
        make_fifo(pipe);
    }
    let go = |n| fs::write(step(n), "go\n").unwrap();
    let id = task.id.clone();
    driver.start_task(task.clone()).await.unwrap();
    assert_eq!(joined("the late reader", read_lines(&stdout, 1)).await, ["one"]);
    // Nobody reads now; and whoever reads next is another one.
    go(1);
    assert_eq!(joined("the next reader", read_lines(&stdout, 1)).await, ["two"]);
    go(2);
    assert_eq!(joined("one more", read_lines(&stdout, 1)).await, ["three"]);
    // A task does not wait for a reader that comes after its end.
    let reader = joined("the last reader", open(&stdout)).await;
    go(3);
    within("the end", driver.wait_task(&id)).await.unwrap();
    let rest = joined("the rest", std::thread::spawn(move || lines(reader, 2))).await;
    assert_eq!(rest, ["four"], "the pipe ends with the task");
    driver.destroy_task(&id, false).await.unwrap();
    assert!(!bed.logs().join("web.stdout.0").exists());
}

#[tokio::test]
async fn output_that_nobody_is_to_have_goes_nowhere() {
    let bed = Bed::new(Hierarchy::Off);
    let driver = bed.driver("enabled = true\nlog_collection = \"none\"").await;
    assert!(capabilities(&driver).await.disable_log_collection);
    let task = given(&bed, &driver, "echo out").await;
    let id = task.id.clone();
    driver.start_task(task).await.unwrap();
    assert_eq!(
        within("the end", driver.wait_task(&id)).await.unwrap(),
        ExitResult::code(0)
    );
    assert_eq!(fs::read_dir(bed.logs()).unwrap().count(), 0);
    driver.destroy_task(&id, false).await.unwrap();
}

#[tokio::test]
async fn a_task_is_recovered_without_its_configuration_and_its_output_goes_on() {
    let bed = Bed::new(Hierarchy::Off);
    let driver = bed.driver(ENABLED).await;
    let task = given(&bed, &driver, "echo before; read line < go; echo after; exit 3").await;
    make_fifo(&bed.dir.path().join("alloc/web/go"));
    let started = driver.start_task(task.clone()).await.unwrap();
    assert!(!started.driver_state.is_empty(), "that would be an interrupted start");
    bed.has_output("before").await;
    drop(driver);
    // The operator may have changed his mind meanwhile: that is for tasks to come.
    let driver = bed.driver("enabled = false\nlog_collection = \"none\"").await;
    for _ in 0..3 {
        driver.recover_task(kept(&task, &started)).await.unwrap();
    }
    let status = driver.inspect_task(&task.id).await.unwrap();
    assert_eq!((status.state, status.name.as_str()), (TaskState::Running, "web"));
    fs::write(bed.dir.path().join("alloc/web/go"), "go\n").unwrap();
    assert_eq!(
        within("the end", driver.wait_task(&task.id)).await.unwrap(),
        ExitResult::code(3)
    );
    assert_eq!(bed.stdout(), "before\nafter\n");
    driver.recover_task(kept(&task, &started)).await.unwrap();
    driver.destroy_task(&task.id, true).await.unwrap();
}

#[tokio::test]
async fn the_exit_of_a_task_that_ended_while_nobody_looked_is_known() {
    let bed = Bed::new(Hierarchy::Off);
    let driver = bed.driver(ENABLED).await;
    let task = given(&bed, &driver, "echo up; exit 9").await;
    let started = driver.start_task(task.clone()).await.unwrap();
    within("the end", driver.wait_task(&task.id)).await.unwrap();
    drop(driver);
    let driver = bed.driver(ENABLED).await;
    driver.recover_task(kept(&task, &started)).await.unwrap();
    let status = driver.inspect_task(&task.id).await.unwrap();
    assert_eq!(
        (status.state, status.exit),
        (TaskState::Exited, Some(ExitResult::code(9)))
    );
    assert!(status.started_at.is_some() && status.completed_at >= status.started_at);
    assert_eq!(driver.wait_task(&task.id).await.unwrap(), ExitResult::code(9));
    driver.destroy_task(&task.id, true).await.unwrap();
}

#[tokio::test]
async fn a_task_that_was_not_taken_back_is_destroyed_by_force_all_the_same() {
    let bed = Bed::new(Hierarchy::Off);
    let driver = bed.driver(ENABLED).await;
    let task = given(&bed, &driver, "echo $$; exec sleep 60").await;
    driver.start_task(task.clone()).await.unwrap();
    let pid = driver.inspect_task(&task.id).await.unwrap().attributes["pid"].clone();
    drop(driver);
    let driver = bed.driver(ENABLED).await;
    let gently = driver.destroy_task(&task.id, false).await;
    assert!(matches!(gently, Err(Error::TaskNotFound(_))), "{gently:?}");
    assert!(PathBuf::from(format!("/proc/{pid}")).exists());
    driver.destroy_task(&task.id, true).await.unwrap();
    let again = driver.destroy_task(&task.id, true).await;
    assert!(matches!(again, Err(Error::TaskNotFound(_))), "{again:?}");
    assert!(!PathBuf::from(format!("/proc/{pid}")).exists());
    assert_eq!(fs::read_dir(bed.dir.path().join("state")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_host_that_has_nothing_to_configure_gets_the_defaults() {
    let bed = Bed::new(Hierarchy::Off);
    let driver = bed.driver(ENABLED).await;
    for _ in 0..2 {
        driver.set_config(PluginConfig::new(Value::NULL)).await.unwrap();
    }
    let task = bed.task(&driver, &shell("true")).await;
    assert!(
        driver
            .start_task(task)
            .await
            .unwrap_err()
            .to_string()
            .contains("disabled")
    );
}

// === What other drivers get wrong

#[tokio::test]
async fn a_command_ends_at_its_deadline() {
    let bed = Bed::new(Hierarchy::Off);
    let driver = bed.driver(ENABLED).await;
    let task = bed.task(&driver, &shell("exec sleep 60")).await;
    driver.start_task(task.clone()).await.unwrap();
    let before = Instant::now();
    let sleep = ["/bin/sleep", "30"].map(String::from);
    let late = driver.exec_task(&task.id, &sleep, Duration::from_secs(1)).await;
    assert!(matches!(late, Err(Error::DeadlineExceeded(_))), "{late:?}");
    assert!(before.elapsed() < Duration::from_secs(5), "{:?}", before.elapsed());
    driver.destroy_task(&task.id, true).await.unwrap();
}

#[tokio::test]
async fn a_command_that_does_not_exist_leaves_the_task_alone() {
    let bed = Bed::new(Hierarchy::Off);
    let driver = bed.driver(ENABLED).await;
    let task = bed.task(&driver, &shell("exec sleep 60")).await;
    let started = driver.start_task(task.clone()).await.unwrap();
    let mut stats = driver.task_stats(&task.id, Duration::from_millis(50)).await.unwrap();
    let missing = driver.exec_task(&task.id, &["no-such-command".into()], PATIENCE).await;
    missing.unwrap_err();
    for _ in 0..3 {
        within("a sample", stats.next()).await.unwrap().unwrap();
    }
    assert_eq!(driver.inspect_task(&task.id).await.unwrap().state, TaskState::Running);
    let other = bed.driver(ENABLED).await;
    other.recover_task(kept(&task, &started)).await.unwrap();
    driver.destroy_task(&task.id, true).await.unwrap();
}

#[tokio::test]
async fn a_stop_that_has_to_kill_reports_the_signal() {
    let bed = Bed::new(Hierarchy::Off);
    let driver = bed.driver(ENABLED).await;
    let task = bed
        .task(
            &driver,
            &shell("trap '' INT TERM; echo up; while :; do sleep 0.01; done"),
        )
        .await;
    driver.start_task(task.clone()).await.unwrap();
    bed.has_output("up").await;
    let waited = driver.wait_task(&task.id);
    let grace = Duration::from_millis(100);
    let (waited, stopped) = tokio::join!(waited, driver.stop_task(&task.id, grace, None));
    stopped.unwrap();
    assert_eq!(waited.unwrap(), ExitResult::signal(9));
    driver.destroy_task(&task.id, false).await.unwrap();
}

#[tokio::test]
async fn a_status_that_is_not_zero_is_no_error() {
    let bed = Bed::new(Hierarchy::Off);
    let driver = bed.driver(ENABLED).await;
    let task = bed.task(&driver, &shell("exit 42")).await;
    driver.start_task(task.clone()).await.unwrap();
    let exit = within("the end", driver.wait_task(&task.id)).await.unwrap();
    assert_eq!((exit.exit_code, exit.err), (42, None));
    let status = driver.inspect_task(&task.id).await.unwrap();
    assert_eq!(
        (status.state, status.exit),
        (TaskState::Exited, Some(ExitResult::code(42)))
    );
    driver.destroy_task(&task.id, false).await.unwrap();
}
