//! What all tests share: tasks, an engine to run them on, and waiting with a deadline.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use encamp_docker::{BollardEngine, Docker};
use encamp_driver::{Driver, Plugin, PluginConfig, Resources, TaskConfig, TaskOutput};
use encamp_hclspec::Value;

pub(crate) use crate::busybox::IMAGE;
use crate::busybox::import_busybox;

/// A task in a directory of its own, and the driver that runs it. All that it leaves is removed with it.
pub(crate) struct Place {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) socket: String,
    pub(crate) docker: Arc<Docker>,
}

impl Place {
    /// A place on the engine that `DOCKER_HOST` names.
    pub(crate) fn shared() -> Self {
        let socket = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
        Self::on(&socket)
    }

    pub(crate) fn on(socket: &str) -> Self {
        import_busybox(socket);
        let dir = tempfile::tempdir().unwrap();
        let docker = driver(socket, dir.path());
        Self {
            dir,
            socket: socket.to_owned(),
            docker,
        }
    }

    /// A second life of the driver, over the same state.
    pub(crate) fn restart(&mut self) {
        self.docker = driver(&self.socket, self.dir.path());
    }

    pub(crate) fn task(&self, script: &str, more: &[(&str, Value)]) -> TaskConfig {
        task_in(self.dir.path(), script, more)
    }

    /// All that is in the files of one stream.
    pub(crate) fn output(&self, stream: &str) -> Vec<u8> {
        output_in(&self.dir.path().join("alloc/logs"), "t", stream)
    }

    pub(crate) fn text(&self, stream: &str) -> String {
        String::from_utf8_lossy(&self.output(stream)).into_owned()
    }

    pub(crate) fn cli(&self, arguments: &[&str]) -> String {
        cli(&self.socket, arguments)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let label = format!("label=dev.encamp.test={}", self.dir.path().display());
        let ids = Command::new("docker")
            .args(["-H", &self.socket, "ps", "-aq", "--filter", &label])
            .output();
        let ids = ids
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
            .unwrap_or_default();
        for id in ids.split_whitespace() {
            drop(
                Command::new("docker")
                    .args(["-H", &self.socket, "rm", "-fv", id])
                    .output(),
            );
        }
    }
}

fn driver(socket: &str, dir: &Path) -> Arc<Docker> {
    let engine = BollardEngine::connect(Some(socket)).unwrap();
    Arc::new(Docker::new(Arc::new(engine), dir.join("state")))
}

pub(crate) fn cli(socket: &str, arguments: &[&str]) -> String {
    let output = Command::new("docker")
        .arg("-H")
        .arg(socket)
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "docker {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

pub(crate) fn task_in(dir: &Path, script: &str, more: &[(&str, Value)]) -> TaskConfig {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let alloc_id = format!("{:08x}-0000-4000-8000-{n:012x}", std::process::id());
    let logs = dir.join("alloc/logs");
    for own in [&logs, &dir.join("t/local"), &dir.join("t/secrets")] {
        std::fs::create_dir_all(own).unwrap();
    }
    let label = Value::object([("dev.encamp.test", dir.display().to_string())]);
    let basics = [
        ("image", Value::from(IMAGE)),
        ("command", Value::from("/bin/sh")),
        ("args", Value::tuple(["-c", script])),
        ("labels", Value::tuple([label])),
        ("network_mode", Value::from("none")),
    ];
    TaskConfig {
        id: format!("{alloc_id}/t/{n:08x}"),
        name: "t".to_owned(),
        alloc_id,
        job_id: "job".to_owned(),
        job_name: "job".to_owned(),
        task_group_name: "group".to_owned(),
        namespace: "default".to_owned(),
        node_name: "node".to_owned(),
        node_id: "node".to_owned(),
        driver_config: Value::object(basics.into_iter().chain(more.iter().cloned())),
        env: [("GREETING", "hello")].into_iter().collect(),
        device_env: std::iter::empty::<(String, String)>().collect(),
        resources: Resources {
            cpu_mhz: 100,
            memory_mb: 64,
            ..Resources::default()
        },
        alloc_dir: dir.to_owned(),
        output: TaskOutput::Files {
            dir: logs,
            max_files: 10,
            max_file_size: 1024 * 1024 * 1024,
        },
        ..TaskConfig::default()
    }
}

pub(crate) fn output_in(logs: &Path, task: &str, stream: &str) -> Vec<u8> {
    let file = |n: u32| std::fs::read(logs.join(format!("{task}.{stream}.{n}"))).ok();
    (0..1000).filter_map(file).flatten().collect()
}

/// Lets time pass, where that is what is tested.
#[expect(clippy::disallowed_methods, reason = "the one place that waits by the clock")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Waits until `ready` gives something; fails with the last thing it said instead.
pub(crate) fn until<T>(limit: Duration, what: &str, mut ready: impl FnMut() -> Result<T, String>) -> T {
    let end = Instant::now() + limit;
    loop {
        match ready() {
            Ok(value) => return value,
            Err(last) => assert!(
                Instant::now() < end,
                "{what} did not happen within {limit:?}; last: {last}"
            ),
        }
        pause(Duration::from_millis(20));
    }
}

/// The same without blocking the runtime.
pub(crate) async fn until_async<T>(limit: Duration, what: &str, mut ready: impl FnMut() -> Result<T, String>) -> T {
    let end = Instant::now() + limit;
    loop {
        match ready() {
            Ok(value) => return value,
            Err(last) => assert!(
                Instant::now() < end,
                "{what} did not happen within {limit:?}; last: {last}"
            ),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Sets options of the driver's operator; all others have their defaults.
pub(crate) async fn configure(place: &Place, options: &[(&str, Value)]) {
    let config = PluginConfig::new(Value::object(options.iter().cloned()));
    place.docker.set_config(config).await.unwrap();
}

/// Starts a task and waits for its end.
pub(crate) async fn run(place: &Place, task: &TaskConfig) -> encamp_driver::ExitResult {
    place.docker.start_task(task.clone()).await.unwrap();
    let end = tokio::time::timeout(Duration::from_mins(1), place.docker.wait_task(&task.id)).await;
    end.expect("the task ends").unwrap()
}

/// The numbers `1..=last`, one a line, and nothing else.
#[track_caller]
pub(crate) fn assert_counted(output: &[u8], last: u64) {
    let text = String::from_utf8_lossy(output);
    let mut next = 1;
    for line in text.lines() {
        let number: u64 = line
            .split(' ')
            .next()
            .unwrap()
            .parse()
            .unwrap_or_else(|_| panic!("odd line {line:?}"));
        assert_eq!(number, next, "line {next} of {last}");
        next += 1;
    }
    assert_eq!(next - 1, last, "the last line");
    assert!(output.ends_with(b"\n"));
}

/// The example that runs a task in a process of its own.
pub(crate) fn run_example() -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    let profile = exe.parent().and_then(Path::parent).unwrap();
    let example = profile.join("examples/run");
    assert!(
        example.exists(),
        "{} is missing; build it with `cargo build --examples`",
        example.display()
    );
    example
}
