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

#[test]
fn a_cgroup_that_a_host_made_is_limited_and_nothing_above_it_is_touched() {
    let mount = mount("cpu memory pids cpuset");
    let slice = mount.path().join("nomad.slice/reserve.slice");
    let above = [mount.path().join("nomad.slice"), slice.clone()];
    for dir in &above {
        fill(dir, "cpu memory pids cpuset");
        fs::write(dir.join("memory.low"), "0").expect("write");
    }
    let given = slice.join("3ac4.web.scope");
    fs::create_dir(&given).expect("create");
    let files = ["memory.max", "memory.low", "cpu.weight", "cpuset.cpus", "cgroup.procs"];
    for file in files {
        fs::write(given.join(file), "").expect("write");
    }
    let hierarchy = Hierarchy::at(mount.path(), "parent");
    let cgroup = hierarchy.task_in("3ac4/web/01234567", &given);
    let limits = Limits {
        memory_hard: Some(2 << 20),
        memory_soft: Some(1 << 20),
        cpu_shares: Some(1024),
        cpuset: Some("1".into()),
        ..Limits::default()
    };
    cgroup.create(&limits).expect("create");
    let written = files.map(|file| fs::read_to_string(given.join(file)).expect("read"));
    assert_eq!(written, ["2097152", "1048576", "100", "1", ""]);
    assert_eq!(cgroup.procs_files(), [given.join("cgroup.procs")]);
    for dir in &above {
        let left =
            ["memory.low", "cgroup.subtree_control"].map(|file| fs::read_to_string(dir.join(file)).expect("read"));
        assert_eq!(left, ["0", "cpu\n"]);
    }
    assert!(!mount.path().join("parent").exists());

    // The kernel's files go with their directory; these have to go first.
    for file in files {
        fs::remove_file(given.join(file)).expect("remove");
    }
    for dir in &above {
        for file in [
            "cgroup.procs",
            "cgroup.controllers",
            "cgroup.subtree_control",
            "memory.low",
        ] {
            fs::remove_file(dir.join(file)).expect("remove");
        }
    }
    cgroup.remove().expect("remove");
    assert!(!given.exists());
    assert!(slice.exists(), "an empty slice is the host's all the same");
    cgroup.remove().expect("remove again");
    let again = serde_json::to_string(&cgroup).expect("JSON");
    assert_eq!(
        serde_json::from_str::<encamp_cgroup::Cgroup>(&again).expect("JSON"),
        cgroup
    );
}

#[test]
fn a_directory_outside_of_the_tree_is_no_cgroup_of_the_task() {
    let mount = mount("cpu memory");
    let hierarchy = Hierarchy::at(mount.path(), "parent");
    let own = hierarchy.task("a/web");
    for outside in [
        PathBuf::from("/etc"),
        mount.path().to_owned(),
        mount.path().join("a/../../etc"),
        PathBuf::from("nomad.slice/a"),
    ] {
        assert_eq!(hierarchy.task_in("a/web", &outside), own, "{}", outside.display());
    }
}

#[test]
fn a_reserved_v1_cpuset_gets_its_cores_and_is_joined_and_left() {
    let root = tempfile::tempdir().expect("temporary directory");
    for controller in ["freezer", "cpuset"] {
        fill(&root.path().join(controller), "");
        fs::create_dir(root.path().join(controller).join("parent")).expect("create");
    }
    let given = root.path().join("cpuset/nomad/reserve/3ac4.web");
    fs::create_dir_all(&given).expect("create");
    for file in ["cpuset.cpus", "cgroup.procs"] {
        fs::write(given.join(file), "").expect("write");
    }
    let hierarchy = Hierarchy::at(root.path(), "parent");
    let cgroup = hierarchy.task_in("3ac4/web/01234567", &given);
    let cores = |cores: &str| Limits {
        cpuset: Some(cores.into()),
        ..Limits::default()
    };
    cgroup.create(&cores("2-3")).expect("create");
    assert_eq!(fs::read_to_string(given.join("cpuset.cpus")).expect("read"), "2-3");
    assert_eq!(
        cgroup.procs_files(),
        [given.join("cgroup.procs")],
        "the fake has no others"
    );
    // Without cores it is a set that is shared.
    cgroup.create(&Limits::default()).expect("create");
    assert_eq!(fs::read_to_string(given.join("cpuset.cpus")).expect("read"), "2-3");
    cgroup.remove().expect("remove");
    assert!(!cgroup.exists() && given.join("cpuset.cpus").exists());
    assert!(!root.path().join("cpuset/parent/3ac4.web.01234567").exists());
}
