//! Cgroups on trees of plain files: what is written where.

use std::fs;
use std::path::{Path, PathBuf};

use encamp_cgroup::{Hierarchy, Limits};

/// A directory that looks like a v2 mount with these controllers.
fn mount(controllers: &str) -> tempfile::TempDir {
    let mount = tempfile::tempdir().expect("temporary directory");
    fill(mount.path(), controllers);
    mount
}

fn fill(dir: &Path, controllers: &str) {
    fs::create_dir_all(dir).expect("create");
    fs::write(dir.join("cgroup.procs"), "").expect("write");
    fs::write(dir.join("cgroup.controllers"), controllers).expect("write");
    fs::write(dir.join("cgroup.subtree_control"), "cpu\n").expect("write");
}

/// A task's directory with the files that the kernel would put there.
fn task_dir(mount: &Path, files: &[&str]) -> PathBuf {
    fill(&mount.join("parent"), "cpu memory pids");
    let dir = mount.join("parent/a.web.scope");
    fs::create_dir_all(&dir).expect("create");
    for file in files {
        fs::write(dir.join(file), "").expect("write");
    }
    dir
}

#[test]
fn limits_are_written_in_v2_terms() {
    let mount = mount("cpu memory pids");
    let files = ["memory.max", "memory.low", "cpu.weight", "cpuset.cpus", "pids.max"];
    let dir = task_dir(mount.path(), &files);
    let cgroup = Hierarchy::at(mount.path(), "parent").task("a/web");
    let limits = Limits {
        memory_hard: Some(200 << 20),
        memory_soft: Some(100 << 20),
        swappiness: Some(0),
        cpu_shares: Some(1024),
        cpuset: Some("0-1".into()),
        pids: Some(64),
    };
    let above = mount.path().join("parent/memory.low");
    fs::write(&above, "0").expect("write");
    cgroup.create(&limits).expect("create");
    assert_eq!(
        fs::read_to_string(&above).expect("read"),
        "max",
        "else the task's own has no effect"
    );
    let written = files.map(|file| fs::read_to_string(dir.join(file)).expect("read"));
    assert_eq!(written, ["209715200", "104857600", "100", "0-1", "64"]);
    assert_eq!(
        cgroup.procs_files(),
        Vec::<PathBuf>::new(),
        "the fake has no cgroup.procs"
    );

    cgroup.create(&Limits::default()).expect("create without limits");
    let lifted = ["memory.max", "memory.low", "pids.max"].map(|file| fs::read_to_string(dir.join(file)).expect("read"));
    assert_eq!(lifted, ["max", "0", "max"]);
}

#[test]
fn shares_are_clamped_before_they_become_a_weight() {
    for (shares, weight) in [
        (0, "1"),
        (2, "1"),
        (100, "17"),
        (500, "58"),
        (1024, "100"),
        (1 << 30, "10000"),
    ] {
        let mount = mount("cpu");
        let dir = task_dir(mount.path(), &["cpu.weight"]);
        let cgroup = Hierarchy::at(mount.path(), "parent").task("a/web");
        let limits = Limits {
            cpu_shares: Some(shares),
            ..Limits::default()
        };
        cgroup.create(&limits).expect("create");
        assert_eq!(
            fs::read_to_string(dir.join("cpu.weight")).expect("read"),
            weight,
            "{shares}"
        );
    }
}

#[test]
fn a_creation_that_fails_leaves_nothing() {
    let mount = mount("cpu memory pids");
    let cgroup = Hierarchy::at(mount.path(), "parent").task("a/web");
    fill(&mount.path().join("parent"), "cpu memory pids");
    let limits = Limits {
        memory_hard: Some(1 << 20),
        ..Limits::default()
    };
    let error = cgroup
        .create(&limits)
        .expect_err("no memory.max in a plain directory")
        .to_string();
    assert!(
        error.contains("write \"1048576\" to") && error.contains("memory.max"),
        "{error}"
    );
    assert!(!cgroup.exists());
}

#[test]
fn stats_and_oom_kills_are_read_where_the_kernel_has_them() {
    let mount = mount("cpu memory");
    let dir = task_dir(mount.path(), &[]);
    let cgroup = Hierarchy::at(mount.path(), "parent").task("a/web");
    assert_eq!(cgroup.oom_kills().expect("no file"), 0);
    for (file, content) in [
        (
            "cpu.stat",
            "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_throttled 2\nthrottled_usec 7\n",
        ),
        ("memory.stat", "anon 11\nfile 12\nkernel 13\n"),
        ("memory.current", "40\n"),
        ("memory.events", "low 0\noom 3\noom_kill 2\n"),
    ] {
        fs::write(dir.join(file), content).expect("write");
    }
    let stats = cgroup.stats().expect("stats");
    assert_eq!(stats.memory.rss, Some(11));
    assert_eq!(stats.memory.cache, Some(12));
    assert_eq!(stats.memory.kernel, Some(13));
    assert_eq!(
        (stats.memory.usage, stats.memory.max_usage, stats.memory.swap),
        (Some(40), None, None)
    );
    assert_eq!(
        (stats.cpu.total_ns, stats.cpu.user_ns, stats.cpu.system_ns),
        (Some(30_000), Some(20_000), Some(10_000))
    );
    assert_eq!(
        (stats.cpu.throttled_periods, stats.cpu.throttled_ns),
        (Some(2), Some(7_000))
    );
    assert_eq!(cgroup.oom_kills().expect("events"), 2);
}

#[test]
fn where_there_are_no_cgroups_everything_is_a_quiet_nothing() {
    let cgroup = Hierarchy::Off.task("a/web");
    cgroup
        .create(&Limits {
            memory_hard: Some(1),
            ..Limits::default()
        })
        .expect("create");
    assert!(cgroup.is_off() && !cgroup.exists() && cgroup.procs_files().is_empty());
    assert!(cgroup.pids().expect("pids").is_empty());
    cgroup.remove().expect("remove");
}

#[test]
fn a_limit_whose_v1_controller_is_not_mounted_is_an_error_that_names_it() {
    let root = tempfile::tempdir().expect("temporary directory");
    fill(&root.path().join("freezer"), "");
    let cgroup = Hierarchy::at(root.path(), "parent").task("a/web");
    let none = Limits::default;
    for (limits, missing) in [
        (
            Limits {
                memory_soft: Some(1),
                ..none()
            },
            "memory",
        ),
        (
            Limits {
                cpu_shares: Some(2),
                ..none()
            },
            "cpu",
        ),
        (
            Limits {
                cpuset: Some("0".into()),
                ..none()
            },
            "cpuset",
        ),
        (
            Limits {
                pids: Some(1),
                ..none()
            },
            "pids",
        ),
    ] {
        let error = cgroup.create(&limits).expect_err(missing);
        assert_eq!(
            error.source.to_string(),
            format!("the host has no v1 controller {missing}")
        );
        assert!(!cgroup.exists());
    }
    cgroup.create(&none()).expect("create without limits");
}
