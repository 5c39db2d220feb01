//! A task from start to exit, and its output, beside the docker command line in the same run.
//!
//! Needs a Docker Engine (`DOCKER_HOST`) and a static `/bin/busybox`, of which it makes its image.
#![expect(clippy::print_stdout, reason = "a bench prints")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench that cannot run has nothing else to say"
)]

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use encamp_docker::{BollardEngine, Docker};
use encamp_driver::{Driver as _, Resources, TaskConfig, TaskOutput};
use encamp_hclspec::Value;

#[path = "../tests/it/busybox.rs"]
mod busybox;

use self::busybox::{IMAGE, import_busybox};

const STARTS: usize = 20;
const LINES: u32 = 500_000;

fn main() {
    let socket = std::env::var("DOCKER_HOST").expect("DOCKER_HOST names the engine");
    import_busybox(&socket);
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let engine = BollardEngine::connect(Some(&socket)).unwrap();
        let docker = Docker::new(Arc::new(engine), dir.path().join("state"));
        starts(&docker, &socket, dir.path()).await;
        output(&docker, &socket, dir.path()).await;
    });
}

/// `true`, from the call to its exit and removal, taking turns with `docker run`.
async fn starts(docker: &Docker, socket: &str, dir: &Path) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let task = task(dir, &["true"]);
        let begun = Instant::now();
        docker.start_task(task.clone()).await.unwrap();
        assert!(docker.wait_task(&task.id).await.unwrap().successful());
        docker.destroy_task(&task.id, true).await.unwrap();
        ours.push(begun.elapsed());

        let begun = Instant::now();
        let run = run_like_us(socket, dir).args([IMAGE, "true"]).status().unwrap();
        assert!(run.success());
        theirs.push(begun.elapsed());
    }
    report(
        "start to exit and removal of true, p50",
        median(ours),
        median(theirs),
        "docker run --rm",
    );
}

/// Half a million lines, from the start to the last byte in the file; the command line follows the same container's log
/// from the start and throws it away.
async fn output(docker: &Docker, socket: &str, dir: &Path) {
    let script = format!(
        "i=0; exec awk 'BEGIN {{ for (i = 1; i <= {LINES}; i++) print i \" {}\" }}'",
        "x".repeat(85)
    );
    let task = task(dir, &["/bin/sh", "-c", &script]);
    let begun = Instant::now();
    docker.start_task(task.clone()).await.unwrap();
    docker.wait_task(&task.id).await.unwrap();
    let ours = begun.elapsed();
    let file = dir.join("alloc/logs/t.stdout.0");
    let bytes = std::fs::metadata(&file).unwrap().len();
    docker.destroy_task(&task.id, true).await.unwrap();

    let begun = Instant::now();
    // Its own log must be large enough to keep all: the command line loses what is rotated away.
    let id = cli(socket)
        .args(["run", "-d", "--network=none", IMAGE, "/bin/sh", "-c", &script])
        .output()
        .unwrap();
    let id = String::from_utf8(id.stdout).unwrap().trim().to_owned();
    cli(socket)
        .args(["logs", "-f", &id])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    let theirs = begun.elapsed();
    drop(cli(socket).args(["rm", "-f", &id]).output());
    println!("{LINES} lines, {bytes} bytes kept by us");
    report(
        "output of a busy container, start to last byte",
        ours,
        theirs,
        "docker logs -f",
    );
}

/// `docker run` with the limits and directories that a task has: they are a good part of a start.
fn run_like_us(socket: &str, dir: &Path) -> Command {
    let mut command = cli(socket);
    command.args([
        "run",
        "--rm",
        "--network=none",
        "--memory=64m",
        "--memory-swap=64m",
        "--cpu-shares=100",
    ]);
    command.args(["--cap-drop=net_raw", "--log-opt=max-file=10", "--log-opt=max-size=2m"]);
    for (host, inside) in [
        ("alloc", "/alloc"),
        ("t/local", "/local"),
        ("t/secrets", "/secrets"),
        ("alloc/logs", "/alloc/logs:ro"),
    ] {
        command.arg(format!("--volume={}:{inside}", dir.join(host).display()));
    }
    command
}

fn report(what: &str, ours: Duration, theirs: Duration, peer: &str) {
    let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
    println!("{what}: {ours:.1?}; {peer}: {theirs:.1?}; {ratio:.2} times as fast");
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn cli(socket: &str) -> Command {
    let mut command = Command::new("docker");
    command.args(["-H", socket]);
    command
}

fn task(dir: &Path, words: &[&str]) -> TaskConfig {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let alloc_id = format!("{:08x}-0000-4000-9000-{n:012x}", std::process::id());
    let logs = dir.join("alloc/logs");
    for own in [&logs, &dir.join("t/local"), &dir.join("t/secrets")] {
        std::fs::create_dir_all(own).unwrap();
    }
    let driver_config = Value::object([
        ("image", Value::from(IMAGE)),
        ("args", Value::tuple(words.iter().copied())),
        ("network_mode", Value::from("none")),
    ]);
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
        driver_config,
        env: std::iter::empty::<(String, String)>().collect(),
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
