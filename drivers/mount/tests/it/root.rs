//! The interpreter, run in a process with namespaces of its own.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use encamp_mount::{Bind, Builder, Kind, Mount, Propagation, Rootfs, Switch};

const PLAN: &str = "ENCAMP_MOUNT_TEST_PLAN";
const SCRIPT: &str = "ENCAMP_MOUNT_TEST_SCRIPT";

/// The helper process of the tests here: enters the plan, then becomes a shell that runs the script.
#[test]
#[ignore = "needs root"]
fn child() {
    let Ok(plan) = std::env::var(PLAN) else { return };
    let rootfs: Rootfs = serde_json::from_str(&plan).expect("a plan");
    if let Err(error) = rootfs.enter() {
        println!(
            "MOUNT-ERROR {error}: {}",
            std::error::Error::source(&error).expect("a cause")
        );
        return;
    }
    let script = std::env::var(SCRIPT).expect("a script");
    let error = Command::new("/bin/sh").args(["-c", &format!("echo; {script}")]).exec();
    panic!("/bin/sh: {error}");
}

/// An allocation with one task.
struct World {
    dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        assert!(rustix::process::geteuid().is_root(), "needs root");
        let world = Self {
            dir: tempfile::tempdir().expect("temporary directory"),
        };
        for dir in [
            "task/local",
            "task/secrets",
            "task/tmp",
            "task/private",
            "alloc/logs",
            "alloc/data",
            "kept",
        ] {
            fs::create_dir_all(world.path(dir)).expect("create");
        }
        fs::write(world.path("task/private/token"), "hidden").expect("write");
        fs::write(world.path("kept/file"), "kept").expect("write");
        world
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn plan(&self) -> Builder {
        Rootfs::for_task(self.path("task")).shared_alloc(self.path("alloc"))
    }
}

#[track_caller]
fn check(plan: Builder, script: &str, expected: &[&str]) {
    assert_eq!(enter(plan, script).expect("enter"), expected, "{script}");
}

/// What a script prints inside the plan, one line after the other; or how the plan failed.
fn enter(plan: Builder, script: &str) -> Result<Vec<String>, String> {
    let namespaces = ["--mount", "--pid", "--ipc", "--fork", "--propagation", "unchanged"];
    run(&plan.build(), script, &namespaces)
}

fn run(plan: &Rootfs, script: &str, unshare: &[&str]) -> Result<Vec<String>, String> {
    let output = Command::new("unshare")
        .args(unshare)
        .arg(std::env::current_exe().expect("own path"))
        .args([
            "--exact",
            "root::child",
            "--nocapture",
            "--include-ignored",
            "--test-threads=1",
        ])
        .env(PLAN, serde_json::to_string(plan).expect("serialise"))
        .env(SCRIPT, script)
        .output()
        .expect("unshare");
    let text = String::from_utf8_lossy(&output.stdout);
    if let Some((_, error)) = text.split_once("MOUNT-ERROR ") {
        return Err(error.lines().next().unwrap_or_default().to_owned());
    }
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    let start = lines
        .iter()
        .position(|line| line.starts_with("test root::child ..."))
        .expect(&text);
    assert!(
        output.status.code().is_some(),
        "{text} {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(lines.into_iter().skip(start + 1).collect())
}

#[test]
#[ignore = "needs root"]
fn the_root_is_the_tasks_directory_with_the_hosts_in_it() {
    let world = World::new();
    let mut expected: Vec<String> = ["alloc", "dev", "local", "private", "proc", "secrets", "sys", "tmp"]
        .map(str::to_owned)
        .into();
    let host = encamp_mount::HOST_DIRECTORIES
        .iter()
        .filter(|path| Path::new(path).symlink_metadata().is_ok());
    expected.extend(host.filter_map(|path| path.split('/').nth(1)).map(str::to_owned));
    expected.sort();
    expected.dedup();
    let expected: Vec<_> = expected.iter().map(String::as_str).collect();
    check(world.plan(), "ls -1 /", &expected);
}

#[test]
#[ignore = "needs root"]
fn the_task_is_alone_with_its_processes() {
    let world = World::new();
    check(
        world.plan(),
        "echo $$; ls -d /proc/[0-9]* | head -1; pwd",
        &["1", "/proc/1", "/"],
    );
}

#[test]
#[ignore = "needs root"]
fn the_hosts_directories_and_the_logs_cannot_be_written_to_and_its_own_can() {
    let world = World::new();
    let script = "for d in /etc /usr /bin/. /alloc/logs /sys /proc/sys/kernel /local /secrets /tmp /alloc/data /dev/shm /dev /; do \
                  if (echo x > $d/encamp-test) 2>/dev/null; then echo $d; fi; done";
    check(
        world.plan(),
        script,
        &["/local", "/secrets", "/tmp", "/alloc/data", "/dev/shm", "/dev", "/"],
    );
    assert_eq!(
        fs::read_to_string(world.path("alloc/data/encamp-test")).expect("shared"),
        "x\n"
    );
    for path in ["/etc", "/usr", "/usr/bin"] {
        assert!(!Path::new(path).join("encamp-test").exists(), "{path}");
    }
}

#[test]
#[ignore = "needs root"]
fn mounts_inside_a_read_only_bind_are_read_only_too() {
    let world = World::new();
    // A mount in the source, made where only the child sees it.
    let script = "for f in /ro/f /ro/sub/f; do (echo x > $f) 2>/dev/null && echo wrote $f; done; ls /ro/sub";
    fs::create_dir_all(world.path("kept/sub")).expect("create");
    let plan = world
        .plan()
        .bind(Bind::new(world.path("kept"), "/ro").read_only())
        .build();
    let mount = format!(
        "mount -t tmpfs inner {0} && touch {0}/inside && exec \"$@\"",
        world.path("kept/sub").display()
    );
    let wrapper = ["--mount", "--pid", "--fork", "sh", "-ec", &mount, "sh"];
    assert_eq!(run(&plan, script, &wrapper).expect("enter"), ["inside"]);
}

#[test]
#[ignore = "needs root"]
fn devices_work_and_cannot_be_made_or_changed() {
    let world = World::new();
    let before = fs::metadata("/dev/null").expect("stat").mode();
    let script = "echo x > /dev/null && head -c 1 /dev/zero | wc -c; head -c 1 /dev/urandom | wc -c; \
                  chmod 600 /dev/null 2>/dev/null || echo kept; \
                  for d in /dev /local /dev/shm /; do mknod $d/made c 1 5 2>/dev/null; \
                  (head -c 1 $d/made >/dev/null) 2>/dev/null && echo opened $d/made; done; \
                  readlink /dev/fd /dev/ptmx; stat -c %a /dev/shm /dev/pts/ptmx; ls /dev/mqueue | wc -l";
    check(
        world.plan(),
        script,
        &["1", "1", "kept", "/proc/self/fd", "pts/ptmx", "1777", "666", "0"],
    );
    assert_eq!(fs::metadata("/dev/null").expect("stat").mode(), before);
}

#[test]
#[ignore = "needs root"]
fn a_terminal_can_be_had() {
    let world = World::new();
    check(
        world.plan(),
        "script -qc tty /dev/null </dev/null | tr -d '\\r'",
        &["/dev/pts/0"],
    );
}

#[test]
#[ignore = "needs root"]
fn what_is_masked_shows_nothing() {
    let world = World::new();
    let script = "cat /proc/kcore 2>/dev/null | wc -c; ls /sys/firmware 2>/dev/null | wc -l; ls /private | wc -l; \
                  (echo c > /proc/sysrq-trigger) 2>/dev/null || echo no";
    check(world.plan(), script, &["0", "0", "0", "no"]);
}

#[test]
#[ignore = "needs root"]
fn a_file_of_its_own_takes_the_place_of_the_hosts() {
    let world = World::new();
    let plan = world
        .plan()
        .file("/etc/hostname", "inside\n")
        .file("/local/new", "new\n")
        .bind(Bind::new(world.path("kept/file"), "/etc/passwd"));
    let script = "cat /etc/hostname /local/new /etc/passwd; echo; (echo x > /local/new) 2>/dev/null || echo no; grep -c /file /proc/self/mountinfo";
    check(plan, script, &["inside", "new", "kept", "no", "3"]);
    assert_ne!(fs::read_to_string("/etc/hostname").expect("read"), "inside\n");
    assert_eq!(
        fs::read_to_string(world.path("task/local/new")).expect("mount point"),
        ""
    );
}

#[test]
#[ignore = "needs root"]
fn mount_points_are_made_where_they_are_missing() {
    let world = World::new();
    let plan = world
        .plan()
        .bind(Bind::new(world.path("kept"), "/srv/deep/dir"))
        .bind(Bind::new(world.path("kept/file"), "/srv/deep/file"))
        .bind(Bind::device("/dev/full", "/dev/extra"));
    let script = "cat /srv/deep/dir/file /srv/deep/file; echo; head -c 1 /dev/extra | wc -c";
    check(plan, script, &["keptkept", "1"]);
}

#[test]
#[ignore = "needs root"]
fn mount_points_that_the_hosts_directories_lack_are_put_into_them() {
    let world = World::new();
    let mode = |path: &str| fs::metadata(path).expect("stat").permissions().mode() & 0o7777;
    let plan = world
        .plan()
        .bind(Bind::new(world.path("kept"), "/etc/encamp-test/deep/dir"))
        .bind(Bind::new(world.path("kept/file"), "/etc/encamp-test/file"))
        .bind(Bind::new(world.path("kept"), "/usr/share/encamp-test"))
        .bind(Bind::new(world.path("kept/file"), "/etc/hostname"))
        .file("/etc/resolv.conf", "nameserver 192.0.2.1\n")
        .file("/bin/encamp-test", "#!/bin/sh\n");
    let script = "cat /etc/encamp-test/deep/dir/file /etc/encamp-test/file /usr/share/encamp-test/file /etc/hostname; echo; \
                  cat /etc/resolv.conf /usr/bin/encamp-test; grep -c ^root: /etc/passwd; stat -c %a /etc /usr/share; \
                  for d in /etc /etc/encamp-test /usr/share; do (echo > $d/x) 2>/dev/null && echo wrote $d; done; true";
    let (etc, share) = (format!("{:o}", mode("/etc")), format!("{:o}", mode("/usr/share")));
    check(
        plan,
        script,
        &[
            "keptkeptkeptkept",
            "nameserver 192.0.2.1",
            "#!/bin/sh",
            "1",
            &etc,
            &share,
        ],
    );
    assert!(!Path::new("/etc/encamp-test").exists() && !Path::new("/usr/share/encamp-test").exists());
}

#[test]
#[ignore = "needs root"]
fn a_file_takes_the_place_of_a_dangling_link_of_the_hosts() {
    let world = World::new();
    let host = world.path("kept").display().to_string();
    symlink("/run/nowhere/resolv.conf", world.path("kept/resolv.conf")).expect("symlink");
    let mut plan = world.plan().file("/conf/resolv.conf", "nameserver 192.0.2.1\n").build();
    let directory = Kind::HostDirectory(host.into());
    plan.mounts.insert(
        0,
        Mount {
            target: "/conf".into(),
            kind: directory,
        },
    );
    let namespaces = ["--mount", "--pid", "--ipc", "--fork", "--propagation", "unchanged"];
    let seen = run(&plan, "cat /conf/file; echo; cat /conf/resolv.conf", &namespaces).expect("enter");
    assert_eq!(seen, ["kept", "nameserver 192.0.2.1"]);
}

#[test]
#[ignore = "needs root"]
fn links_that_a_task_planted_lead_nowhere() {
    let world = World::new();
    let kept = world.path("kept");
    for name in ["alloc", "dev", "proc", "etc", "usr", "run", "sys"] {
        symlink(&kept, world.path("task").join(name)).expect("symlink");
    }
    symlink(&kept, world.path("task/local/out")).expect("symlink");
    symlink("../../../../../../../../../..", world.path("task/local/up")).expect("symlink");
    // Inside, both lead to places of the task.
    let inside = format!("{}/made", kept.display());
    fs::create_dir_all(world.path("task").join(kept.strip_prefix("/").expect("absolute"))).expect("create");
    let plan = world
        .plan()
        .bind(Bind::new(world.path("alloc"), "/local/out/made"))
        .file("/local/up/planted", "x");
    check(plan, &format!("ls {inside}; cat /planted"), &["data", "logs", "x"]);
    let listing: Vec<_> = fs::read_dir(&kept)
        .expect("list")
        .map(|entry| entry.expect("entry").file_name())
        .collect();
    assert_eq!(listing, ["file"]);
    assert!(!Path::new("/planted").exists());
    assert!(
        world.path("task/planted").exists(),
        "the mount point is in the task's directory"
    );
}

#[test]
#[ignore = "needs root"]
fn logs_that_became_a_link_do_not_show_the_host() {
    let world = World::new();
    fs::remove_dir(world.path("alloc/logs")).expect("remove");
    symlink("/etc", world.path("alloc/logs")).expect("symlink");
    symlink(world.path("kept"), world.path("alloc/kept")).expect("symlink");
    let plan = world.plan();
    assert!(
        enter(plan, "cat /alloc/kept/file 2>/dev/null; echo end")
            .expect("enter")
            .ends_with(&["end".to_owned()])
    );
}

#[test]
#[ignore = "needs root"]
fn what_stands_in_the_way_is_named() {
    let world = World::new();
    fs::write(world.path("task/proc"), "").expect("write");
    let error = enter(world.plan(), "true").expect_err("a file in the place of /proc");
    assert!(
        error.starts_with("cannot mount /proc (proc): Not a directory"),
        "{error}"
    );
    fs::remove_file(world.path("task/proc")).expect("remove");

    let error = enter(world.plan().bind(Bind::new("/nonexistent", "/x")), "true").expect_err("no source");
    assert!(
        error.starts_with("cannot bind /nonexistent to /x: No such file"),
        "{error}"
    );
    let error = enter(world.plan().bind(Bind::new(world.path("kept"), "/a/../../x")), "true").expect_err("..");
    assert!(error.contains("\"..\""), "{error}");
    let error = enter(world.plan().bind(Bind::new(world.path("kept"), "/etc/passwd")), "true").expect_err("a file");
    assert!(error.contains("directory cannot be mounted over the file"), "{error}");
}

#[test]
#[ignore = "needs root"]
fn nothing_of_the_old_root_is_left_and_nothing_shows_on_the_host() {
    let world = World::new();
    let before = fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
    let script = "awk '{print $5}' /proc/self/mountinfo | sort -u | head -1; ls -a / | grep -c old; ls -di / /..";
    let inode = fs::metadata(world.path("task")).expect("stat").ino();
    let root = format!("{inode} /");
    check(world.plan(), script, &["/", "0", &root, &format!("{root}..")]);
    let mounts = |table: &str| {
        table
            .lines()
            .filter(|line| line.contains(&world.path("").display().to_string()))
            .count()
    };
    assert_eq!(
        mounts(&before),
        mounts(&fs::read_to_string("/proc/self/mountinfo").expect("mountinfo"))
    );
}

#[test]
#[ignore = "needs root"]
fn the_root_can_be_moved_where_it_cannot_be_pivoted() {
    let world = World::new();
    check(
        world.plan().switch(Switch::MoveMount),
        "ls /alloc; pwd; cat /private/token 2>/dev/null; echo $$",
        &["data", "logs", "/", "1"],
    );
}

#[test]
#[ignore = "needs root"]
fn setuid_programs_in_the_tasks_own_directories_are_plain_ones() {
    let world = World::new();
    fs::copy("/usr/bin/id", world.path("task/local/id")).expect("copy");
    fs::set_permissions(world.path("task/local/id"), fs::Permissions::from_mode(0o4755)).expect("chmod");
    let script = "setpriv --reuid 65534 --regid 65534 --clear-groups /local/id -u";
    check(world.plan(), script, &["65534"]);
}

#[test]
#[ignore = "needs root"]
fn mounts_travel_as_far_as_they_are_told_to() {
    check_propagation(Propagation::Private, &[]);
    check_propagation(Propagation::HostToTask, &["task-sees"]);
    check_propagation(Propagation::Bidirectional, &["task-sees", "host-sees"]);
}

/// A shared mount of this test alone stands for the host; both sides mount something in it and look for the other's.
#[track_caller]
fn check_propagation(propagation: Propagation, expected: &[&str]) {
    let world = World::new();
    let shared = world.path("kept").display().to_string();
    let plan = world
        .plan()
        .bind(Bind::new(&shared, "/vol").propagation(propagation))
        .build();
    let plan_file = world.path("task/local/go");
    let host = format!(
        "mount -t tmpfs shared {shared}; mount --make-shared {shared}; mkdir {shared}/host {shared}/task; \
         unshare --mount --propagation unchanged \"$@\" & \
         for i in $(seq 500); do [ -e {go} ] && break; sleep 0.01; done; \
         mount -t tmpfs h {shared}/host; touch {shared}/host/seen; touch {go}.host; wait; \
         [ -e {shared}/task/seen ] && echo host-sees; true",
        go = plan_file.display()
    );
    let script = "mount -t tmpfs t /vol/task; touch /vol/task/seen; touch /local/go; \
                  for i in $(seq 500); do [ -e /local/go.host ] && break; sleep 0.01; done; \
                  [ -e /vol/host/seen ] && echo task-sees; true";
    let wrapper = ["--mount", "--propagation", "private", "sh", "-ec", &host, "sh"];
    let seen = run(&plan, script, &wrapper).expect("enter");
    assert_eq!(seen, expected, "{propagation:?}");
}
