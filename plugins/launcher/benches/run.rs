//! What a whole command takes, beside `runc run` in the same run; and what a group of 100 tasks takes and weighs.
#![expect(clippy::print_stdout, reason = "a bench prints")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a bench that cannot run has nothing else to say"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};

const TASKS: u32 = 100;

struct Camp {
    dir: tempfile::TempDir,
}

impl Camp {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn encamp(&self, args: &[&str]) -> Output {
        let executor = std::env::var_os("ENCAMP_EXECUTOR").map(PathBuf::from);
        let executor = executor.unwrap_or_else(|| encamp_executor::testing::program().path().to_owned());
        let mut command = Command::new(env!("CARGO_BIN_EXE_encamp"));
        command.env("ENCAMP_DATA_DIR", self.dir.path().join("data"));
        let output = command.env("ENCAMP_EXECUTOR", executor).args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        output
    }

    fn job(&self, tasks: u32, command: &str, argument: &str) -> PathBuf {
        let mut text = String::from("job \"bench\" {\n type = \"batch\"\n group \"g\" {\n");
        for n in 0..tasks {
            let config = format!("command = \"{command}\"\n args = [\"{argument}\"]");
            let resources = "resources {\n memory = 16\n }\n kill_timeout = \"1s\"";
            writeln!(
                text,
                "task \"t{n}\" {{\n driver = \"raw_exec\"\n config {{\n {config}\n }}\n {resources}\n }}"
            )
            .unwrap();
        }
        text.push_str("}\n}\n");
        let path = self.dir.path().join("job.hcl");
        fs::write(&path, text).unwrap();
        path
    }

    /// An OCI bundle that runs `true` from the machine's busybox.
    fn bundle(&self) -> PathBuf {
        let bundle = self.dir.path().join("bundle");
        fs::create_dir_all(bundle.join("rootfs/bin")).unwrap();
        fs::copy("/bin/busybox", bundle.join("rootfs/bin/true")).unwrap();
        let made = Command::new("runc")
            .arg("spec")
            .current_dir(&bundle)
            .status()
            .expect("runc is installed");
        assert!(made.success());
        let path = bundle.join("config.json");
        let mut spec: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let process = spec.get_mut("process").unwrap();
        *process.get_mut("terminal").unwrap() = false.into();
        *process.get_mut("args").unwrap() = vec!["/bin/true"].into();
        fs::write(&path, spec.to_string()).unwrap();
        bundle
    }
}

fn run_true(criterion: &mut Criterion) {
    let camp = Camp::new();
    let job = camp.job(1, "true", "");
    let bundle = camp.bundle();
    let mut group = criterion.benchmark_group("run_true");
    group.sample_size(20);
    group.bench_function("ours", |bencher| {
        bencher.iter(|| camp.encamp(&["run", job.to_str().unwrap()]));
    });
    group.bench_function("runc", |bencher| {
        let mut count = 0;
        bencher.iter(|| {
            count += 1;
            let name = format!("encamp-bench-{}-{count}", std::process::id());
            let status = Command::new("runc")
                .args(["run", &name])
                .current_dir(&bundle)
                .status()
                .unwrap();
            assert!(status.success());
        });
    });
    group.finish();
}

fn group_of_100(_: &mut Criterion) {
    let camp = Camp::new();
    let job = camp.job(TASKS, "sleep", "3600");
    let began = Instant::now();
    camp.encamp(&["run", "--detach", job.to_str().unwrap()]);
    let started = began.elapsed();
    let (supervisors, runner) = private_dirty(camp.dir.path());
    let began = Instant::now();
    camp.encamp(&["stop", "--all"]);
    let stopped = began.elapsed();
    println!("group of {TASKS} raw_exec tasks: all running after {started:.2?}, stopped and gone in {stopped:.2?}");
    println!(
        "  private dirty memory: {supervisors} KiB in the supervising processes together, {} KiB a task; {runner} KiB in the runner",
        supervisors / u64::from(TASKS)
    );
}

/// KiB in the supervising processes and in the runner of an installation.
fn private_dirty(dir: &Path) -> (u64, u64) {
    let (mut supervisors, mut runner) = (0, 0);
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let read = |file: &str| fs::read(entry.path().join(file)).unwrap_or_default();
        let program = fs::read_link(entry.path().join("exe")).unwrap_or_default();
        let ours = String::from_utf8_lossy(&read("environ")).contains(&*dir.to_string_lossy());
        let rollup = String::from_utf8_lossy(&read("smaps_rollup")).into_owned();
        let kib = rollup.lines().find_map(|line| line.strip_prefix("Private_Dirty:"));
        let kib: u64 = kib
            .and_then(|text| text.trim().trim_end_matches(" kB").parse().ok())
            .unwrap_or_default();
        match program.file_name().and_then(|name| name.to_str()) {
            Some("encamp-executor") if cwd_is_below(&entry.path(), dir) || ours => supervisors += kib,
            Some("encamp") if ours => runner += kib,
            _ => {}
        }
    }
    (supervisors, runner)
}

fn cwd_is_below(process: &Path, dir: &Path) -> bool {
    fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(dir))
}

criterion_group!(benches, run_true, group_of_100);
criterion_main!(benches);
