//! What an isolated task costs: from `start_task` to the answer of `wait_task`, beside the same program started plainly.
#![expect(clippy::expect_used, reason = "a benchmark that cannot run may panic")]

use std::path::Path;
use std::process::Command;

use criterion::{Criterion, criterion_group, criterion_main};
use encamp_cgroup::Hierarchy;
use encamp_driver::{Driver, Resources, TaskConfig};
use encamp_exec::Exec;
use encamp_executor::Executor;
use encamp_hclspec::{Body, Context, Source, Spellings, decode_with};

fn task(alloc: &Path, config: &encamp_hclspec::Value) -> TaskConfig {
    TaskConfig {
        id: "3ac4/web/0a1b2c3d".into(),
        name: "web".into(),
        alloc_id: "3ac4".into(),
        job_id: "job".into(),
        job_name: "job".into(),
        task_group_name: "group".into(),
        namespace: "default".into(),
        node_name: "node".into(),
        node_id: "node".into(),
        driver_config: config.clone(),
        resources: Resources {
            cpu_mhz: 500,
            memory_mb: 64,
            ..Resources::default()
        },
        alloc_dir: alloc.to_owned(),
        ..TaskConfig::default()
    }
}

fn start(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("temporary directory");
    let alloc = dir.path().join("3ac4");
    for path in ["alloc/logs", "web/local", "web/tmp"] {
        std::fs::create_dir_all(alloc.join(path)).expect("create");
    }
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    let executor = Executor::new(encamp_executor::testing::program(), dir.path().join("executor"));
    let driver = Exec::new(executor, Hierarchy::detect());
    let spec = runtime.block_on(driver.task_config_schema()).expect("schema");
    let body = Body::parse(Source::new("bench", "command = \"/bin/true\"".to_owned())).expect("HCL");
    let config = decode_with(&spec, &body, &Context::default(), Spellings::Every).expect("config");

    let mut group = c.benchmark_group("isolated_true");
    group.bench_function("ours", |b| {
        b.to_async(&runtime).iter(async || {
            let task = task(&alloc, &config);
            let id = task.id.clone();
            driver.start_task(task).await.expect("start");
            driver.wait_task(&id).await.expect("wait");
            driver.destroy_task(&id, false).await.expect("destroy");
        });
    });
    group.bench_function("plain_spawn", |b| {
        b.iter(|| Command::new("/bin/true").status().expect("run"));
    });
    if Command::new("unshare").arg("--version").output().is_ok() {
        // Into a mount and a process namespace.
        group.bench_function("unshare", |b| {
            b.iter(|| {
                Command::new("unshare")
                    .args(["--mount", "--pid", "--fork", "/bin/true"])
                    .status()
                    .expect("run")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, start);
criterion_main!(benches);
