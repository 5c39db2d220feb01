//! What holds under an agent: its named pipes, its restarts, a root that it has filled, its cgroups, and what it must not
//! get to see.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use encamp_base::{Plugin, PluginConfig};
use encamp_driver::{
    Driver, Error, ExitResult, FsIsolation, StartedTask, TaskConfig, TaskHandle, TaskOutput, TaskState,
};
use encamp_exec::Exec;
use encamp_hclspec::Value;
use futures_util::StreamExt;
use nix::sys::stat::Mode;

use crate::support::{World, poll};

const SOON: Duration = Duration::from_secs(20);

fn logs(world: &World) -> PathBuf {
    world.alloc().join("alloc/logs")
}

/// A task as an agent starts it: with the paths of named pipes for its output.
async fn given(world: &World, script: &str) -> TaskConfig {
    let mut task = world.script(script).await;
    task.output = TaskOutput::Fifo {
        stdout: logs(world).join(".web.stdout.fifo"),
        stderr: logs(world).join(".web.stderr.fifo"),
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

fn mkfifo(path: &Path) {
    nix::unistd::mkfifo(path, Mode::from_bits_truncate(0o666)).expect("mkfifo");
}

async fn end(driver: &Exec, task: &TaskConfig) -> ExitResult {
    let end = tokio::time::timeout(SOON, driver.wait_task(&task.id)).await;
    end.expect("the task ends").expect("wait")
}

async fn disables_collection(world: &World) -> bool {
    world
        .driver
        .capabilities()
        .await
        .expect("capabilities")
        .disable_log_collection
}

#[tokio::test]
#[ignore = "needs root"]
async fn an_agents_task_has_its_log_files_from_the_start_and_no_pipe_is_needed() {
    let world = World::new();
    assert!(disables_collection(&world).await);
    mkfifo(&world.task_dir().join("local/go"));
    let task = given(&world, "read line < /local/go; echo out; echo err >&2").await;
    world.driver.start_task(task.clone()).await.expect("start");
    let read = |stream: &str| fs::read_to_string(logs(&world).join(format!("web.{stream}.0"))).expect("a log file");
    assert_eq!(read("stdout") + &read("stderr"), "");
    fs::write(world.task_dir().join("local/go"), "go\n").expect("write");
    end(&world.driver, &task).await;
    assert_eq!((read("stdout").as_str(), read("stderr").as_str()), ("out\n", "err\n"));
    world.driver.destroy_task(&task.id, false).await.expect("destroy");
    assert_eq!(fs::read_dir(logs(&world)).expect("list").count(), 2, "no pipes");
}

#[tokio::test]
#[ignore = "needs root"]
async fn an_agent_that_collects_reads_its_pipes() {
    let world = World::new();
    world.configure("log_collection = \"agent\"").await;
    assert!(!disables_collection(&world).await);
    for stream in ["stdout", "stderr"] {
        mkfifo(&logs(&world).join(format!(".web.{stream}.fifo")));
    }
    let task = given(&world, "echo out; read line < /local/go; echo after").await;
    mkfifo(&world.task_dir().join("local/go"));
    world.driver.start_task(task.clone()).await.expect("start");
    let pipe = logs(&world).join(".web.stdout.fifo");
    let reader = std::thread::spawn(move || fs::read_to_string(pipe).expect("read"));
    fs::write(world.task_dir().join("local/go"), "go\n").expect("write");
    end(&world.driver, &task).await;
    world.driver.destroy_task(&task.id, false).await.expect("destroy");
    let read = tokio::task::spawn_blocking(move || reader.join().expect("reader"));
    let read = tokio::time::timeout(SOON, read)
        .await
        .expect("the pipe ends with the task");
    assert_eq!(read.expect("join"), "out\nafter\n");
    assert!(!logs(&world).join("web.stdout.0").exists());
}

#[tokio::test]
#[ignore = "needs root"]
async fn output_that_nobody_is_to_have_goes_nowhere() {
    let world = World::new();
    world.configure("log_collection = \"none\"").await;
    assert!(disables_collection(&world).await);
    let task = given(&world, "echo out").await;
    world.driver.start_task(task.clone()).await.expect("start");
    assert_eq!(end(&world.driver, &task).await, ExitResult::code(0));
    assert_eq!(fs::read_dir(logs(&world)).expect("list").count(), 0);
    world.driver.destroy_task(&task.id, false).await.expect("destroy");
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_task_is_recovered_without_its_configuration_and_its_output_goes_on() {
    let world = World::new();
    mkfifo(&world.task_dir().join("local/go"));
    let task = given(&world, "echo before; read line < /local/go; echo after; exit 3").await;
    let started = world.driver.start_task(task.clone()).await.expect("start");
    assert!(!started.driver_state.is_empty(), "that would be an interrupted start");
    let driver = world.another_driver();
    for _ in 0..3 {
        driver.recover_task(kept(&task, &started)).await.expect("recover");
    }
    let status = driver.inspect_task(&task.id).await.expect("inspect");
    assert_eq!((status.state, status.name.as_str()), (TaskState::Running, "web"));
    fs::write(world.task_dir().join("local/go"), "go\n").expect("write");
    assert_eq!(end(&driver, &task).await, ExitResult::code(3));

    // Now it has ended while nobody looked.
    let driver = world.another_driver();
    driver.recover_task(kept(&task, &started)).await.expect("recover");
    let status = driver.inspect_task(&task.id).await.expect("inspect");
    assert_eq!(
        (status.state, status.exit),
        (TaskState::Exited, Some(ExitResult::code(3)))
    );
    assert_eq!(end(&driver, &task).await, ExitResult::code(3));
    driver.destroy_task(&task.id, true).await.expect("destroy");
    assert_eq!(world.printed(), ["before", "after"]);
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_host_that_has_nothing_to_configure_gets_the_defaults() {
    let world = World::new();
    world.configure("fs_isolation = \"chroot\"").await;
    for _ in 0..2 {
        world
            .driver
            .set_config(PluginConfig::new(Value::NULL))
            .await
            .expect("accepted");
    }
    assert_eq!(world.run_script("echo out").await, ["out"]);
}

// === A root that the agent has filled

/// Fills a task's directory as an agent does, with a static busybox for all programs.
fn fill(world: &World) {
    let root = world.task_dir();
    for dir in ["bin", "etc"] {
        fs::create_dir(root.join(dir)).expect("create");
    }
    fs::copy("/bin/busybox", root.join("bin/busybox")).expect("a static busybox at /bin/busybox");
    for program in ["sh", "ls", "cat", "grep", "sleep"] {
        std::os::unix::fs::symlink("busybox", root.join("bin").join(program)).expect("symlink");
    }
    fs::write(root.join("etc/filled"), "by the agent\n").expect("write");
}

#[tokio::test]
#[ignore = "needs root"]
async fn the_root_is_the_directory_that_the_agent_filled_and_nothing_of_the_hosts() {
    let world = World::new();
    let isolation = async || world.driver.capabilities().await.expect("capabilities").fs_isolation;
    assert_eq!(isolation().await, FsIsolation::Image);
    world.configure("fs_isolation = \"chroot\"").await;
    assert_eq!(isolation().await, FsIsolation::Chroot);
    fill(&world);
    let script = "ls -d /*; ls /bin /etc; cat /etc/filled; echo x > /etc/new && echo written; \
                  (echo x > /alloc/logs/new) 2>/dev/null || echo read-only; echo out > /alloc/data/out";
    let printed = world.run_script(script).await;
    let root = [
        "/alloc", "/bin", "/dev", "/etc", "/local", "/private", "/proc", "/secrets", "/sys", "/tmp",
    ];
    let programs = [
        "/bin:", "busybox", "cat", "grep", "ls", "sh", "sleep", "", "/etc:", "filled",
    ];
    let rest = ["by the agent", "written", "read-only"];
    assert_eq!(printed, [&root[..], &programs, &rest].concat());
    assert_eq!(
        fs::read_to_string(world.task_dir().join("etc/new")).expect("written"),
        "x\n"
    );
    assert_eq!(
        fs::read_to_string(world.alloc().join("alloc/data/out")).expect("written"),
        "out\n"
    );
    assert!(world.mounts().is_empty());
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_filled_root_that_lacks_the_program_is_told_of() {
    let world = World::new();
    world.configure("fs_isolation = \"chroot\"").await;
    let task = world.script("true").await;
    let error = world.driver.start_task(task).await.expect_err("there is no shell");
    assert!(error.to_string().contains("command \"/bin/sh\" not found"), "{error}");
    assert!(world.mounts().is_empty() && world.cgroups().is_empty());
}

#[tokio::test]
#[ignore = "needs root"]
async fn commands_run_in_a_filled_root_and_know_the_groups_names() {
    let world = World::new();
    world.configure("fs_isolation = \"chroot\"").await;
    fill(&world);
    let mut task = world.script("sleep 60").await;
    task.dns = Some(encamp_driver::DnsConfig {
        servers: vec!["192.0.2.1".into()],
        ..encamp_driver::DnsConfig::default()
    });
    world.driver.start_task(task.clone()).await.expect("start");
    let command = ["cat", "/etc/filled", "/etc/resolv.conf"].map(str::to_owned);
    let output = world.driver.exec_task(&task.id, &command, SOON).await.expect("exec");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "by the agent\nnameserver 192.0.2.1\n"
    );
    world.driver.destroy_task(&task.id, true).await.expect("destroy");
}

// === Cgroups

/// A cpuset for a task's own cores, as an agent makes it on v1: without cores yet.
struct Reserved(PathBuf);

impl Reserved {
    fn new(world: &World) -> Self {
        let name = format!("nomad-{}", world.dir.path().file_name().expect("name").display());
        let root = Path::new("/sys/fs/cgroup/cpuset").join(name);
        for (dir, files) in [
            ("", &["cpuset.mems", "cpuset.cpus"][..]),
            ("reserve", &["cpuset.mems", "cpuset.cpus"]),
            ("reserve/3ac4.web", &["cpuset.mems"]),
        ] {
            let dir = root.join(dir);
            fs::create_dir(&dir).expect("cgroup v1 with cpusets");
            for file in files {
                let above = fs::read_to_string(dir.parent().expect("parent").join(file)).expect("read");
                fs::write(dir.join(file), above).expect("write");
            }
        }
        Self(root)
    }

    fn path(&self) -> PathBuf {
        self.0.join("reserve/3ac4.web")
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        for dir in ["reserve/3ac4.web", "reserve", ""] {
            drop(fs::remove_dir(self.0.join(dir)));
        }
    }
}

#[tokio::test]
#[ignore = "needs root"]
async fn an_agents_cpuset_is_joined_with_the_reserved_cores_and_left_to_it() {
    let world = World::new();
    let cpuset = Reserved::new(&world);
    let mut task = world
        .script("while :; do grep Cpus_allowed_list /proc/self/status; sleep 1; done")
        .await;
    task.resources.linux.cpuset_cgroup = cpuset.path().to_str().expect("utf-8").to_owned();
    task.resources.linux.cpuset_cpus = "1".to_owned();
    world.driver.start_task(task.clone()).await.expect("start");
    let log = logs(&world).join("web.stdout.0");
    poll(
        async || fs::read_to_string(&log).unwrap_or_default(),
        |text| text == "Cpus_allowed_list:\t1\n",
    )
    .await;
    let pid = world.driver.inspect_task(&task.id).await.expect("inspect").attributes["pid"].clone();
    let joined = fs::read_to_string(format!("/proc/{pid}/cgroup")).expect("read");
    let own = cpuset.path();
    let own = own.strip_prefix("/sys/fs/cgroup/cpuset").expect("below").display();
    assert!(joined.contains(&format!("cpuset:/{own}\n")), "{joined}");
    assert!(
        joined.contains("memory:/encamp-exec-test-"),
        "limits are its own: {joined}"
    );
    world.driver.destroy_task(&task.id, true).await.expect("destroy");
    assert!(world.cgroups().is_empty() && cpuset.path().exists());
    fs::remove_dir(cpuset.path()).expect("nobody is in it any more");
}

// === What other drivers get wrong

#[tokio::test]
#[ignore = "needs root"]
async fn a_command_that_does_not_exist_leaves_the_task_alone() {
    let world = World::new();
    let task = world.script("sleep 300").await;
    let started = world.driver.start_task(task.clone()).await.expect("start");
    let interval = Duration::from_millis(50);
    let mut samples = world.driver.task_stats(&task.id, interval).await.expect("stats");
    let missing = world
        .driver
        .exec_task(&task.id, &["no-such-command".into()], SOON)
        .await;
    missing.expect_err("no command");
    for _ in 0..3 {
        let sample = tokio::time::timeout(SOON, samples.next()).await.expect("soon");
        sample.expect("the task lives").expect("a sample");
    }
    let status = world.driver.inspect_task(&task.id).await.expect("inspect");
    assert_eq!(status.state, TaskState::Running);
    let driver = world.another_driver();
    driver.recover_task(kept(&task, &started)).await.expect("recover");
    world.driver.destroy_task(&task.id, true).await.expect("destroy");
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_command_ends_at_its_deadline() {
    let world = World::new();
    let task = world.script("sleep 300").await;
    world.driver.start_task(task.clone()).await.expect("start");
    let before = Instant::now();
    let sleep = ["sleep", "30"].map(str::to_owned);
    let late = world.driver.exec_task(&task.id, &sleep, Duration::from_secs(1)).await;
    assert!(matches!(late, Err(Error::DeadlineExceeded(_))), "{late:?}");
    assert!(before.elapsed() < Duration::from_secs(5), "{:?}", before.elapsed());
    world.driver.destroy_task(&task.id, true).await.expect("destroy");
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_stop_that_has_to_kill_reports_the_signal() {
    let world = World::new();
    let task = world
        .script("trap '' INT TERM; echo up; while :; do sleep 0.01; done")
        .await;
    world.driver.start_task(task.clone()).await.expect("start");
    let log = logs(&world).join("web.stdout.0");
    poll(
        async || fs::read_to_string(&log).unwrap_or_default(),
        |text| text == "up\n",
    )
    .await;
    let grace = Duration::from_millis(100);
    let (waited, stopped) = tokio::join!(end(&world.driver, &task), world.driver.stop_task(&task.id, grace, None));
    stopped.expect("stop");
    assert_eq!(waited, ExitResult::signal(9));
    world.driver.destroy_task(&task.id, false).await.expect("destroy");
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_status_that_is_not_zero_is_no_error() {
    let world = World::new();
    let task = world.script("exit 42").await;
    world.driver.start_task(task.clone()).await.expect("start");
    let exit = end(&world.driver, &task).await;
    assert_eq!((exit.exit_code, exit.err), (42, None));
    let status = world.driver.inspect_task(&task.id).await.expect("inspect");
    assert_eq!(
        (status.state, status.exit),
        (TaskState::Exited, Some(ExitResult::code(42)))
    );
    world.driver.destroy_task(&task.id, false).await.expect("destroy");
}
