//! What a task's cgroup costs: made with limits, joined, killed, removed.
#![expect(clippy::expect_used, reason = "a benchmark that cannot run may panic")]

use std::process::{Command, Stdio};

use criterion::{Criterion, criterion_group, criterion_main};
use encamp_cgroup::{Cgroup, Hierarchy, Limits};

fn limits() -> Limits {
    Limits {
        memory_hard: Some(64 << 20),
        swappiness: Some(0),
        cpu_shares: Some(500),
        ..Limits::default()
    }
}

fn join(cgroup: &Cgroup, pid: u32) {
    for file in cgroup.procs_files() {
        std::fs::write(file, pid.to_string()).expect("join");
    }
}

fn lifecycle(c: &mut Criterion) {
    let hierarchy = Hierarchy::detect();
    assert!(!hierarchy.is_off(), "needs root and cgroups");
    let cgroup = hierarchy.task("bench");
    c.bench_function("create and remove", |b| {
        b.iter(|| {
            cgroup.create(&limits()).expect("create");
            cgroup.remove().expect("remove");
        });
    });
    c.bench_function("create, join, kill and remove", |b| {
        b.iter_batched(
            || {
                Command::new("sleep")
                    .arg("60")
                    .stdin(Stdio::null())
                    .spawn()
                    .expect("sleep")
            },
            |mut child| {
                cgroup.create(&limits()).expect("create");
                join(&cgroup, child.id());
                cgroup.remove().expect("remove");
                child.wait().expect("wait");
            },
            criterion::BatchSize::PerIteration,
        );
    });
    cgroup.create(&limits()).expect("create");
    c.bench_function("stats", |b| b.iter(|| cgroup.stats().expect("stats")));
    cgroup.remove().expect("remove");
}

criterion_group!(benches, lifecycle);
criterion_main!(benches);
