//! What a task costs: the time to start and to end, and the memory of what supervises it, beside `runc` in the same run.
#![expect(clippy::print_stdout, reason = "a bench prints")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a bench that cannot run has nothing else to say"
)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use encamp_cgroup::{Hierarchy, Limits};
use encamp_executor::{Executor, Output, Plan, Program};
use tokio::runtime::Runtime;

const TASKS: usize = 100;

/// The one named in `ENCAMP_EXECUTOR` (a release build differs from a bench build), else this build's own.
fn program() -> Program {
    let named = std::env::var_os("ENCAMP_EXECUTOR");
    named.map_or_else(
        || Program::new(env!("CARGO_BIN_EXE_encamp-executor")),
        |path| Program::new(Path::new(&path)),
    )
}

fn plan(logs: &Path, cgroups: &Hierarchy, id: &str, command: &str, args: &[&str]) -> Plan {
    Plan {
        args: args.iter().map(ToString::to_string).collect(),
        env: (0..30)
            .map(|n| format!("NOMAD_VARIABLE_NUMBER_{n}=some value of a usual length"))
            .collect(),
        output: Output::Files {
            dir: logs.to_owned(),
            name: "task".into(),
            max_files: 10,
            max_file_size: 10 << 20,
        },
        cgroup: (!cgroups.is_off()).then(|| cgroups.task(id)),
        limits: Limits {
            memory_hard: Some(64 << 20),
            cpu_shares: Some(1024),
            ..Limits::default()
        },
        ..Plan::new(command)
    }
}

/// What one task takes: until it runs, until its end is known, until nothing is left of it.
#[derive(Clone, Copy, Default)]
struct Times {
    running: Duration,
    ended: Duration,
    gone: Duration,
}

async fn run_true(executor: &Executor, logs: &Path, cgroups: &Hierarchy) -> Times {
    let before = Instant::now();
    let process = executor
        .launch("bench/true/1", &plan(logs, cgroups, "bench/true/1", "/bin/true", &[]))
        .await
        .unwrap();
    let running = before.elapsed();
    let exit = process.wait().await;
    let ended = before.elapsed();
    assert_eq!(exit.exit_code, 0);
    process.destroy(false).await.unwrap();
    Times {
        running,
        ended,
        gone: before.elapsed(),
    }
}

fn start(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let logs = dir.path().join("logs");
    fs::create_dir(&logs).unwrap();
    let executor = Executor::new(program(), dir.path().join("state"));
    let runtime = Runtime::new().unwrap();
    let mut medians = Vec::new();
    let mut group = criterion.benchmark_group("supervised_true");
    for (name, cgroups) in [("with cgroups", Hierarchy::detect()), ("without", Hierarchy::Off)] {
        let mut all: Vec<Times> = (0..200)
            .map(|_| runtime.block_on(run_true(&executor, &logs, &cgroups)))
            .collect();
        let mut median = |of: fn(&Times) -> Duration| {
            all.sort_by_key(of);
            of(&all[all.len() / 2])
        };
        let (running, ended, gone) = (median(|t| t.running), median(|t| t.ended), median(|t| t.gone));
        println!("/bin/true, {name}: p50 running {running:?}, ended {ended:?}, destroyed {gone:?}");
        medians.push(ended);
        group.bench_function(BenchmarkId::new("ours", name), |bencher| {
            bencher.iter(|| runtime.block_on(run_true(&executor, &logs, &cgroups)));
        });
    }
    let bundle = bundle();
    group.bench_function(BenchmarkId::new("runc", "with cgroups"), |bencher| {
        bencher.iter(|| runc(bundle.path()));
    });
    group.finish();
    let mut runs: Vec<Duration> = (0..50).map(|_| runc(bundle.path())).collect();
    runs.sort_unstable();
    let peer = runs[runs.len() / 2];
    let bare = bare();
    println!("bare fork and exec of /bin/true: p50 {bare:?}");
    println!(
        "runc run of the same: p50 {peer:?}; {:.1} x ours",
        peer.as_secs_f64() / medians[0].as_secs_f64()
    );
}

fn bare() -> Duration {
    let mut runs: Vec<Duration> = (0..200)
        .map(|_| {
            let before = Instant::now();
            assert!(Command::new("/bin/true").status().unwrap().success());
            before.elapsed()
        })
        .collect();
    runs.sort_unstable();
    runs[runs.len() / 2]
}

/// A bundle whose only program is busybox, with the same limits and no namespace but what runc insists on.
fn bundle() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let bin = dir.path().join("rootfs/bin");
    for name in ["bin", "proc", "dev", "sys"] {
        fs::create_dir_all(dir.path().join("rootfs").join(name)).unwrap();
    }
    fs::copy("/bin/busybox", bin.join("busybox")).unwrap();
    symlink("busybox", bin.join("true")).unwrap();
    let spec = Command::new("runc")
        .arg("spec")
        .current_dir(dir.path())
        .status()
        .expect("runc");
    assert!(spec.success());
    let path = dir.path().join("config.json");
    let mut config: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    config["process"]["args"] = serde_json::json!(["/bin/true"]);
    config["process"]["terminal"] = false.into();
    config["linux"]["resources"]["memory"] = serde_json::json!({ "limit": 64 << 20 });
    config["linux"]["resources"]["cpu"] = serde_json::json!({ "shares": 1024 });
    fs::write(path, config.to_string()).unwrap();
    dir
}

fn runc(bundle: &Path) -> Duration {
    let before = Instant::now();
    let status = Command::new("runc")
        .args(["run", "encamp-bench"])
        .current_dir(bundle)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    before.elapsed()
}

fn memory(_: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let logs = dir.path().join("logs");
    fs::create_dir(&logs).unwrap();
    let executor = Executor::new(program(), dir.path().join("state"));
    let cgroups = Hierarchy::detect();
    Runtime::new().unwrap().block_on(async {
        let before = Instant::now();
        let mut processes = Vec::new();
        for number in 0..TASKS {
            let id = format!("bench/sleep/{number}");
            let plan = plan(&logs, &cgroups, &id, "/bin/sleep", &["600"]);
            processes.push(executor.launch(&id, &plan).await.unwrap());
        }
        println!("{TASKS} x sleep, one after another: {:?}", before.elapsed());
        let keepers: Vec<u64> = (0..TASKS)
            .map(|number| supervisor(&dir.path().join("state"), number))
            .collect();
        for field in ["Private_Dirty", "Private_Clean", "Pss", "Rss"] {
            let sum: u64 = keepers.iter().map(|pid| rollup(*pid, field)).sum();
            println!(
                "{TASKS} supervising processes, {field}: {sum} KiB, {:.3} MiB each",
                sum as f64 / 1024.0 / TASKS as f64
            );
        }
        let before = Instant::now();
        for process in processes {
            process.destroy(true).await.unwrap();
        }
        println!("{TASKS} x kill and destroy: {:?}", before.elapsed());
    });
}

fn supervisor(state: &Path, number: usize) -> u64 {
    let record = fs::read(state.join(format!("task-bench%2fsleep%2f{number}/supervisor.json"))).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    record["pid"].as_u64().unwrap()
}

fn rollup(pid: u64, field: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// A task that prints 1 GiB, in full pipes, and one that prints it in lines.
fn output(_: &mut Criterion) {
    for (name, script) in [
        ("64 KiB chunks", "dd if=/dev/zero bs=64k count=16384 2>/dev/null"),
        (
            "lines of 92 bytes",
            "yes 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890 | head -c 1073741824",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let executor = Executor::new(program(), dir.path().join("state"));
        let plan = Plan {
            args: vec!["-c".into(), script.into()],
            output: Output::Files {
                dir: dir.path().to_owned(),
                name: "task".into(),
                max_files: 10,
                max_file_size: 10 << 20,
            },
            ..Plan::new("/bin/sh")
        };
        Runtime::new().unwrap().block_on(async {
            let before = Instant::now();
            let process = executor.launch("bench/print/1", &plan).await.unwrap();
            let exit = process.wait().await;
            let took = before.elapsed();
            assert_eq!((exit.exit_code, exit.output_lost), (0, 0));
            process.destroy(false).await.unwrap();
            println!(
                "1 GiB in {name}: {took:?}, {:.0} MB/s",
                1_073.741_824 / took.as_secs_f64()
            );
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(50).measurement_time(Duration::from_secs(3));
    targets = start, memory, output
}
criterion_main!(benches);
