//! The host's own cgroups: v1 controllers, and a v2 tree without controllers where the host has one.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use encamp_cgroup::{Cgroup, Hierarchy, Limits};

const V1: &str = "/sys/fs/cgroup";
const V2: &str = "/sys/fs/cgroup/unified";

/// A cgroup of this test alone, removed when the test ends.
struct Owned(Cgroup);

impl Owned {
    fn new(root: &str, test: &str) -> Self {
        assert!(nix::unistd::geteuid().is_root(), "needs root");
        let hierarchy = Hierarchy::at(Path::new(root), &parent(test));
        assert!(!hierarchy.is_off(), "no cgroups at {root}");
        Self(hierarchy.task("alloc/task"))
    }
}

fn parent(test: &str) -> String {
    format!("encamp-test-{test}-{}", std::process::id())
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.remove().expect("remove");
        assert!(!self.0.exists());
    }
}

/// A shell that joins the cgroup, then runs the script.
fn shell(cgroup: &Cgroup, script: &str) -> Child {
    let joins: Vec<_> = cgroup
        .procs_files()
        .iter()
        .map(|file| format!("echo 0 > {};", file.display()))
        .collect();
    assert!(!joins.is_empty(), "no cgroup to join");
    let mut command = Command::new("sh");
    command
        .args(["-ec", &format!("{} {script}", joins.join(" "))])
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command.spawn().expect("sh")
}

/// Waits until `ready`, for 10 s at most.
fn poll<T: std::fmt::Debug>(mut look: impl FnMut() -> T, ready: impl Fn(&T) -> bool) -> T {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let seen = look();
        if ready(&seen) {
            return seen;
        }
        assert!(Instant::now() < deadline, "still {seen:?}");
        #[expect(clippy::disallowed_methods, reason = "the one helper that waits")]
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn count(cgroup: &Cgroup) -> usize {
    cgroup.pids().expect("pids").len()
}

#[test]
#[ignore = "needs root"]
fn the_host_is_detected() {
    assert!(Hierarchy::detect().version().is_some());
}

#[test]
#[ignore = "needs root"]
fn limits_reach_the_kernel_and_creation_is_idempotent() {
    let cgroup = Owned::new(V1, "limits");
    let limits = Limits {
        memory_hard: Some(64 << 20),
        memory_soft: Some(32 << 20),
        swappiness: Some(0),
        cpu_shares: Some(500),
        cpuset: Some("0".into()),
        pids: Some(10),
    };
    for _ in 0..2 {
        cgroup.0.create(&limits).expect("create");
        assert_limits(&cgroup.0, &["67108864", "33554432", "0", "500", "0", "10"]);
    }
    cgroup
        .0
        .create(&Limits {
            memory_hard: None,
            ..limits
        })
        .expect("create without a hard limit");
    let script = "exec sleep 60";
    let mut child = shell(&cgroup.0, script);
    poll(|| count(&cgroup.0), |count| *count == 1);
    cgroup.0.kill().expect("kill");
    child.wait().expect("wait");
}

fn assert_limits(cgroup: &Cgroup, expected: &[&str]) {
    let files = [
        ("memory", "memory.limit_in_bytes"),
        ("memory", "memory.soft_limit_in_bytes"),
        ("memory", "memory.swappiness"),
        ("cpu", "cpu.shares"),
        ("cpuset", "cpuset.cpus"),
        ("pids", "pids.max"),
    ];
    let procs = cgroup.procs_files();
    for ((controller, file), expected) in files.iter().zip(expected) {
        let controller = format!("/{controller}/");
        let dir = procs
            .iter()
            .find(|procs| procs.display().to_string().contains(&controller));
        let path = dir.and_then(|dir| dir.parent()).expect(file).join(file);
        assert_eq!(std::fs::read_to_string(path).expect(file).trim(), *expected, "{file}");
    }
}

#[test]
#[ignore = "needs root"]
fn only_what_limits_need_is_made() {
    let cgroup = Owned::new(V1, "few");
    cgroup.0.create(&Limits::default()).expect("create");
    let made: Vec<_> = cgroup
        .0
        .procs_files()
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    assert_eq!(made.len(), 3, "freezer, memory, cpuacct: {made:?}");
}

#[test]
#[ignore = "needs root"]
fn killing_reaches_forking_and_signal_ignoring_processes_in_nested_cgroups() {
    for (root, test) in [(V1, "kill1"), (V2, "kill2")] {
        let cgroup = Owned::new(root, test);
        cgroup.0.create(&Limits::default()).expect("create");
        let own = cgroup
            .0
            .procs_files()
            .first()
            .expect("created")
            .parent()
            .expect("directory")
            .join("nested");
        let script = format!(
            "trap '' TERM INT HUP; mkdir {0}; sh -c 'echo 0 > {0}/cgroup.procs; sleep 60' & \
             setsid sleep 60 & while :; do sleep 0.01; done",
            own.display()
        );
        let mut child = shell(&cgroup.0, &script);
        poll(|| count(&cgroup.0), |count| *count >= 4);
        poll(
            || std::fs::read_to_string(own.join("cgroup.procs")).unwrap_or_default(),
            |pids| !pids.is_empty(),
        );
        cgroup.0.remove().expect("remove");
        assert!(!cgroup.0.exists(), "{root}");
        child.wait().expect("wait");
    }
}

#[test]
#[ignore = "needs root"]
fn removal_right_after_a_kill_leaves_nothing_behind() {
    for round in 0..20 {
        for (root, test) in [(V1, "busy1"), (V2, "busy2")] {
            let cgroup = Owned::new(root, test);
            cgroup.0.create(&Limits::default()).expect("create");
            let mut child = shell(&cgroup.0, "for i in 1 2 3 4; do sleep 60 & done; wait");
            poll(|| count(&cgroup.0), |count| *count >= 5);
            cgroup.0.remove().expect("remove");
            assert!(!cgroup.0.exists(), "round {round} at {root}");
            child.wait().expect("wait");
        }
    }
}

#[test]
#[ignore = "needs root"]
fn a_task_over_its_memory_is_killed_and_counted_also_in_a_nested_cgroup() {
    let cgroup = Owned::new(V1, "oom");
    let limits = Limits {
        memory_hard: Some(16 << 20),
        swappiness: Some(0),
        ..Limits::default()
    };
    cgroup.0.create(&limits).expect("create");
    let hog = "sh -c 'x=0123456789abcdef; while :; do x=$x$x; done'";
    let mut child = shell(&cgroup.0, hog);
    assert!(!child.wait().expect("wait").success());
    assert_eq!(cgroup.0.oom_kills().expect("oom kills"), 1);

    let procs = cgroup.0.procs_files();
    let memory = procs
        .iter()
        .find(|file| file.display().to_string().contains("/memory/"))
        .expect("memory");
    let nested = memory.parent().expect("directory").join("nested");
    let script = format!("mkdir {0}; echo 0 > {0}/cgroup.procs; {hog}", nested.display());
    assert!(!shell(&cgroup.0, &script).wait().expect("wait").success());
    assert_eq!(cgroup.0.oom_kills().expect("oom kills"), 2);
}

#[test]
#[ignore = "needs root"]
fn what_a_task_uses_is_measured() {
    let cgroup = Owned::new(V1, "stats");
    cgroup.0.create(&Limits::default()).expect("create");
    let mut child = shell(
        &cgroup.0,
        "x=$(head -c 1000000 /dev/zero | tr '\\0' x); while :; do :; done",
    );
    let busy = |stats: &encamp_cgroup::Stats| stats.cpu.total_ns > Some(20_000_000) && stats.memory.rss > Some(0);
    let stats = poll(|| cgroup.0.stats().expect("stats"), busy);
    assert!(
        stats.cpu.user_ns > Some(0) && stats.memory.usage >= stats.memory.rss,
        "{stats:?}"
    );
    cgroup.0.kill().expect("kill");
    child.wait().expect("wait");
}

#[test]
#[ignore = "needs root"]
fn a_signal_reaches_every_process() {
    let cgroup = Owned::new(V1, "signal");
    cgroup.0.create(&Limits::default()).expect("create");
    let mut child = shell(&cgroup.0, "sleep 60 & sleep 60");
    poll(|| count(&cgroup.0), |count| *count == 3);
    cgroup.0.signal(15).expect("signal");
    child.wait().expect("wait");
    poll(|| count(&cgroup.0), |count| *count == 0);
    cgroup.0.signal(99).expect_err("no such signal");
}

#[test]
#[ignore = "needs root"]
fn a_creation_that_fails_half_way_leaves_nothing() {
    let cgroup = Owned::new(V1, "half");
    let error = cgroup
        .0
        .create(&Limits {
            cpuset: Some("999".into()),
            ..Limits::default()
        })
        .expect_err("no such core");
    assert!(error.to_string().contains("cpuset.cpus"), "{error}");
    assert!(!cgroup.0.exists());
    assert!(cgroup.0.procs_files().is_empty());
    let parent = format!("{V1}/freezer/encamp-test-half-{}", std::process::id());
    assert!(!Path::new(&parent).exists());
}

#[test]
#[ignore = "needs root"]
fn tasks_that_come_and_go_at_once_do_not_take_the_common_parent_from_each_other() {
    for (root, test) in [(V1, "hammer1"), (V2, "hammer2")] {
        let shared = Owned::new(root, test);
        let hierarchy = Hierarchy::at(Path::new(root), &parent(test));
        let limits = Limits {
            cpuset: (root == V1).then(|| "0".into()),
            ..Limits::default()
        };
        let creators_left = AtomicUsize::new(2);
        std::thread::scope(|scope| {
            for creator in 0..2 {
                let (cgroup, limits, creators_left) =
                    (hierarchy.task(&format!("a/{creator}")), &limits, &creators_left);
                scope.spawn(move || {
                    let failed = (0..300).find_map(|_| {
                        let created = cgroup.create(limits);
                        created.and_then(|()| cgroup.remove()).err()
                    });
                    creators_left.fetch_sub(1, Ordering::Relaxed);
                    assert!(failed.is_none(), "{root}: {failed:?}");
                });
            }
            // The last of many to leave, over and over: the common parent goes whenever it is empty.
            let (gone, creators_left) = (hierarchy.task("a/gone"), &creators_left);
            scope.spawn(move || {
                while creators_left.load(Ordering::Relaxed) > 0 {
                    gone.remove().expect("remove");
                }
            });
        });
        shared.0.create(&Limits::default()).expect("create afterwards");
    }
}

#[test]
#[ignore = "needs root"]
fn what_is_not_there_is_removed_without_complaint() {
    for root in [V1, V2] {
        let cgroup = Owned::new(root, "missing");
        cgroup.0.remove().expect("remove");
        assert!(cgroup.0.pids().expect("pids").is_empty());
        assert_eq!(cgroup.0.oom_kills().expect("oom kills"), 0);
    }
}
