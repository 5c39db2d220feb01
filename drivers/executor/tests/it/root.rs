//! What only root can do.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use encamp_caps::CapabilitySet;
use encamp_cgroup::{Hierarchy, Limits};
use encamp_executor::{AdoptError, Event, Isolation, Plan, SessionIo, TerminalSize};
use encamp_mount::Rootfs;
use encamp_users::Identity;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::signal::Signal;
use tokio::io::AsyncReadExt;

use crate::support::{Bed, announced_pid, eventually, is_alive, is_gone, kill, program, supervisor, within};

mod escape;

fn shell(script: &str) -> Vec<String> {
    ["/bin/sh", "-c", script].map(String::from).to_vec()
}

const MINUTE: Duration = Duration::from_mins(1);

fn with_cgroup(bed: &Bed, script: &str, limits: Limits) -> Plan {
    let cgroups = Hierarchy::detect();
    assert!(!cgroups.is_off(), "this host has no cgroups");
    let name = bed.dir.path().file_name().unwrap().to_string_lossy().into_owned();
    Plan {
        cgroup: Some(cgroups.task(&name)),
        limits,
        ..bed.script(script)
    }
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_task_and_its_sessions_live_in_its_cgroup_and_nothing_of_it_is_left() {
    let bed = Bed::new();
    let plan = with_cgroup(&bed, "echo pid=$$; sleep 60", Limits::default());
    let process = bed.executor.launch("a/task/1", &plan).await.unwrap();
    let cgroup = process.cgroup().unwrap().clone();
    announced_pid(&bed).await;
    assert!(cgroup.pids().unwrap().contains(&process.pid()));
    assert!(
        !cgroup.pids().unwrap().contains(&supervisor(&bed.state())),
        "what supervises is not the task's to pay for"
    );
    let output = process.exec(&shell("cat /proc/self/cgroup"), MINUTE).await.unwrap();
    let own = fs::read_to_string(format!("/proc/{}/cgroup", process.pid())).unwrap();
    assert_eq!(String::from_utf8(output.output).unwrap(), own);
    process.destroy(true).await.unwrap();
    assert!(!cgroup.exists());
}

#[tokio::test]
#[ignore = "needs root"]
async fn nobody_holds_what_the_caller_has_left_open() {
    let bed = Bed::new();
    let left_open = fs::File::create(bed.dir.path().join("lock")).unwrap();
    nix::fcntl::fcntl(&left_open, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty())).unwrap();
    let process = bed.launch("sleep 60").await;
    for pid in [supervisor(&bed.state()), process.pid()] {
        let held = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
        let held: Vec<_> = held.filter_map(|entry| fs::read_link(entry.path()).ok()).collect();
        assert!(!held.contains(&bed.dir.path().join("lock")), "{pid}: {held:?}");
    }
    process.destroy(true).await.unwrap();
}

#[tokio::test]
#[ignore = "needs root"]
async fn processes_that_left_the_session_are_killed_through_the_cgroup_when_the_supervisor_is_killed() {
    let bed = Bed::new();
    let script = "setsid sh -c 'echo pid=$$; exec sleep 60' & wait; sleep 60";
    let process = bed
        .executor
        .launch("a/task/1", &with_cgroup(&bed, script, Limits::default()))
        .await
        .unwrap();
    let daemon = announced_pid(&bed).await;
    kill(supervisor(&bed.state()), Signal::SIGKILL);
    let exit = within("the end", process.wait()).await;
    assert_eq!(exit.exit_code, -1);
    is_gone(daemon).await;
    process.destroy(false).await.unwrap();
    assert!(!process.cgroup().unwrap().exists());
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_cgroup_made_by_a_launch_that_was_broken_off_is_removed_by_adopt() {
    let bed = Bed::new();
    let plan = with_cgroup(&bed, "", Limits::default());
    let cgroup = plan.cgroup.unwrap();
    cgroup.create(&plan.limits).unwrap();
    fs::create_dir_all(bed.state()).unwrap();
    let record = serde_json::json!({ "boot_id": "x", "pid": 1, "start": 1, "cgroup": cgroup });
    fs::write(bed.state().join("supervisor.json"), record.to_string()).unwrap();
    assert!(matches!(
        bed.executor.adopt("a/task/1").await,
        Err(AdoptError::NotFound { .. })
    ));
    assert!(!cgroup.exists() && !bed.state().exists());
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_task_that_wants_too_much_memory_is_reported_as_killed_for_it() {
    let bed = Bed::new();
    let limits = Limits {
        memory_hard: Some(16 << 20),
        swappiness: Some(0),
        ..Limits::default()
    };
    let plan = with_cgroup(&bed, "exec head -c 200000000 /dev/zero | tail", limits);
    let process = bed.executor.launch("a/task/1", &plan).await.unwrap();
    let exit = within("the end", process.wait()).await;
    assert!(exit.oom_killed && exit.exit_code == 137, "{exit:?}");
    process.destroy(false).await.unwrap();
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_task_runs_as_its_user_with_its_groups_and_no_others() {
    let bed = Bed::new();
    let user = Identity {
        groups: vec![65534, 4242],
        ..Identity::lookup("nobody").unwrap()
    };
    chown(bed.dir.path(), Some(user.uid), Some(user.gid)).unwrap();
    let script = "id -u; id -g; id -G; grep CapEff /proc/self/status; echo again > /dev/stdout; sleep 60";
    let plan = Plan {
        user: Some(user),
        ..bed.script(script)
    };
    let process = bed.executor.launch("a/task/1", &plan).await.unwrap();
    let expected = "65534\n65534\n65534 4242\nCapEff:\t0000000000000000\nagain\n";
    eventually("the output", || {
        if bed.stdout() == expected {
            Ok(())
        } else {
            Err(bed.stdout())
        }
    })
    .await;
    let output = process.exec(&shell("id -u; id -G"), MINUTE).await.unwrap();
    assert_eq!(output.output, b"65534\n65534 4242\n");
    process.destroy(true).await.unwrap();
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_user_may_start_in_a_directory_that_it_could_not_have_reached() {
    let bed = Bed::new();
    let closed = bed.dir.path().join("closed/task");
    fs::create_dir_all(&closed).unwrap();
    fs::set_permissions(closed.parent().unwrap(), fs::Permissions::from_mode(0o700)).unwrap();
    let plan = Plan {
        user: Some(Identity::lookup("nobody").unwrap()),
        work_dir: closed,
        ..bed.script("exit 0")
    };
    let process = bed.executor.launch("a/task/1", &plan).await.unwrap();
    assert_eq!(within("the end", process.wait()).await.exit_code, 0);
    process.destroy(false).await.unwrap();
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_task_and_its_sessions_join_the_network_namespace() {
    let bed = Bed::new();
    let mut holder = Command::new("unshare").args(["--net", "sleep", "60"]).spawn().unwrap();
    let path = format!("/proc/{}/ns/net", holder.id());
    let host = fs::read_link("/proc/self/ns/net").unwrap();
    eventually("the namespace", || match fs::read_link(&path) {
        Ok(link) if link != host => Ok(()),
        other => Err(other),
    })
    .await;
    let wanted = fs::read_link(&path).unwrap();
    let plan = Plan {
        network_namespace: Some(path.into()),
        ..bed.script("sleep 60")
    };
    let process = bed.executor.launch("a/task/1", &plan).await.unwrap();
    assert_eq!(
        fs::read_link(format!("/proc/{}/ns/net", process.pid())).unwrap(),
        wanted
    );
    let output = process
        .exec(&shell("readlink /proc/self/ns/net"), MINUTE)
        .await
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.output).trim(), wanted.to_str().unwrap());
    process.destroy(true).await.unwrap();
    holder.kill().unwrap();
    holder.wait().unwrap();
}

fn isolated(bed: &Bed, script: &str) -> Plan {
    let root = bed.dir.path().join("root");
    for dir in ["local", "tmp"] {
        fs::create_dir_all(root.join(dir)).unwrap();
    }
    let capabilities = CapabilitySet::nomad_defaults();
    let isolation = Isolation {
        rootfs: Rootfs::for_task(&root).build(),
        private_pid: true,
        private_ipc: true,
        capabilities,
    };
    Plan {
        isolation: Some(isolation),
        task_dir: "/".into(),
        work_dir: "/".into(),
        ..with_cgroup(bed, script, Limits::default())
    }
}

#[tokio::test]
#[ignore = "needs root"]
async fn an_isolated_task_sees_its_own_files_processes_and_capabilities() {
    let bed = Bed::new();
    fs::create_dir_all(bed.dir.path().join("root/local")).unwrap();
    let tool = bed.dir.path().join("root/local/tool");
    fs::write(&tool, "#!/bin/sh\necho the tool: $0\n").unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    let script = "echo pid=$$; ls /; ls /proc | grep -c '^[0-9]'; grep CapBnd /proc/self/status; local/tool";
    let mut plan = isolated(&bed, script);
    plan.user = Some(Identity::lookup("nobody").unwrap());
    let process = bed.executor.launch("a/task/1", &plan).await.unwrap();
    let exit = within("the end", process.wait()).await;
    let text = bed.stdout();
    assert_eq!(exit.exit_code, 0, "{text}");
    assert!(
        text.starts_with("pid=1\n") && text.contains("\nlocal\n") && !text.contains("\nroot\n"),
        "{text}"
    );
    assert!(
        text.contains("CapBnd:\t00000000a80405fb\nthe tool: local/tool\n"),
        "{text}"
    );
    process.destroy(false).await.unwrap();

    plan.command = "tool".into();
    plan.args.clear();
    let process = bed.executor.launch("a/task/1", &plan).await.unwrap();
    within("the end", process.wait()).await;
    assert!(bed.stdout().ends_with("the tool: /local/tool\n"), "{}", bed.stdout());
    process.destroy(false).await.unwrap();
}

#[tokio::test]
#[ignore = "needs root"]
async fn sessions_of_an_isolated_task_are_inside_it() {
    let bed = Bed::new();
    let process = bed
        .executor
        .launch("a/task/1", &isolated(&bed, "echo inside > /tmp/mark; sleep 60"))
        .await
        .unwrap();
    eventually("the mark", || {
        if bed.dir.path().join("root/tmp/mark").exists() {
            Ok(())
        } else {
            Err("missing")
        }
    })
    .await;
    let script = "cat /tmp/mark; cat /proc/1/cmdline | tr '\\0' ' '; for n in net ipc mnt pid; do readlink /proc/self/ns/$n /proc/1/ns/$n; done | uniq -c | grep -c ' 2 '; grep CapEff /proc/self/status";
    let output = process.exec(&shell(script), MINUTE).await.unwrap();
    let text = String::from_utf8(output.output).unwrap();
    assert!(text.starts_with("inside\n") && text.contains("echo inside"), "{text}");
    assert!(text.contains("4\nCapEff:\t00000000a80405fb\n"), "{text}");
    assert!(process.exec(&["no-such-command".into()], MINUTE).await.is_err());
    assert!(process.exit().is_none() && is_alive(process.pid()));

    let (near, mut stdout) = tokio::io::duplex(4096);
    let io = SessionIo {
        stdin: Box::pin(tokio::io::empty()),
        stdout: Box::pin(near),
        stderr: Box::pin(tokio::io::sink()),
        resize: Box::pin(futures_util::stream::pending()),
    };
    let size = TerminalSize { height: 7, width: 77 };
    let exit = within(
        "the session",
        process.exec_streaming(&shell("tty; stty size"), Some(size), io),
    )
    .await
    .unwrap();
    let mut text = String::new();
    stdout.read_to_string(&mut text).await.unwrap();
    // The task's own devpts numbers from zero.
    assert!(
        exit.exit_code == 0 && text.contains("/dev/pts/0\r\n7 77\r\n"),
        "{text:?}"
    );
    process.destroy(true).await.unwrap();
}

#[tokio::test]
#[ignore = "needs root"]
async fn an_isolated_task_ends_with_its_supervising_process_and_leaves_no_mount() {
    let bed = Bed::new();
    let process = bed
        .executor
        .launch("a/task/1", &isolated(&bed, "echo pid=$$; sleep 60"))
        .await
        .unwrap();
    announced_pid(&bed).await;
    let adopted = bed.executor.adopt("a/task/1").await.unwrap();
    kill(supervisor(&bed.state()), Signal::SIGKILL);
    assert_eq!(within("the end", adopted.wait()).await.exit_code, -1);
    is_gone(process.pid()).await;
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(!mounts.contains(bed.dir.path().to_str().unwrap()), "{mounts}");
    process.destroy(false).await.unwrap();
    assert!(!process.cgroup().unwrap().exists());
}

#[tokio::test]
#[ignore = "needs root"]
async fn an_isolated_task_that_ignores_everything_is_stopped() {
    let bed = Bed::new();
    let plan = isolated(&bed, "trap '' INT; sleep 60 & echo pid=$$; sleep 61");
    let process = bed.executor.launch("a/task/1", &plan).await.unwrap();
    announced_pid(&bed).await;
    let exit = within("the stop", process.stop(None, Duration::from_millis(200)))
        .await
        .unwrap();
    assert_eq!(exit.signal, 9);
    process.destroy(false).await.unwrap();
}

/// A file system of one MiB, for as long as this lives.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(at: &'a Path) -> Self {
        mount(Some("tmpfs"), at, Some("tmpfs"), MsFlags::empty(), Some("size=1m")).unwrap();
        Self(at)
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        umount2(self.0, MntFlags::MNT_DETACH).unwrap();
    }
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_full_disk_loses_output_but_not_the_task_and_says_so_once() {
    let bed = Bed::new();
    let logs = bed.logs();
    let _disk = SmallDisk::mount(&logs);
    fs::write(logs.join("ballast"), vec![0; 900_000]).unwrap();
    let script = "head -c 5000000 /dev/zero; touch full; while [ ! -e go ]; do sleep 0.01; done; echo; echo after; echo pid=$$; sleep 60";
    let process = bed.executor.launch("a/task/1", &bed.script(script)).await.unwrap();
    eventually("the writer to go on", || {
        if bed.dir.path().join("full").exists() {
            Ok(())
        } else {
            Err("held up")
        }
    })
    .await;
    // It is told also to who asks only now.
    let mut events = process.events();
    let event = within("an event", events.next()).await.unwrap();
    assert!(
        matches!(&event, Event::LogWriteFailed { lost, reason, .. } if *lost > 0 && reason.contains("No space")),
        "{event:?}"
    );
    fs::remove_file(logs.join("ballast")).unwrap();
    fs::write(bed.dir.path().join("go"), "").unwrap();
    let event = within("an event", events.next()).await.unwrap();
    let Event::LogRecovered { lost, .. } = event else {
        panic!("{event:?}")
    };
    assert!(lost > 3_000_000, "{lost}");
    eventually("output again", || {
        let text = String::from_utf8_lossy(&fs::read(logs.join("task.stdout.0")).unwrap()).into_owned();
        if text.contains("\nafter\n") {
            Ok(())
        } else {
            Err(text.len())
        }
    })
    .await;
    let exit = within("the stop", process.stop(None, Duration::ZERO)).await.unwrap();
    assert_eq!(exit.output_lost, lost);
    process.destroy(false).await.unwrap();
}

#[tokio::test]
#[ignore = "needs root"]
async fn an_exit_that_does_not_fit_on_the_disk_is_kept_until_it_is_asked_for() {
    let bed = Bed::new();
    let state = bed.dir.path().join("state");
    fs::create_dir(&state).unwrap();
    let _disk = SmallDisk::mount(&state);
    let process = bed.launch("while [ ! -e go ]; do sleep 0.01; done; exit 17").await;
    let mut size = 1 << 20;
    let ballast = fs::File::create(state.join("ballast")).unwrap();
    // To the last page.
    while size > 0 {
        if nix::fcntl::fallocate(&ballast, nix::fcntl::FallocateFlags::empty(), 0, size).is_ok() {
            break;
        }
        size -= 4096;
    }
    let keeper = supervisor(&bed.state());
    fs::write(bed.dir.path().join("go"), "").unwrap();
    assert_eq!(within("the end", process.wait()).await.exit_code, 17);
    assert!(is_alive(keeper));
    let adopted = bed.executor.adopt("a/task/1").await.unwrap();
    assert_eq!(adopted.exit().unwrap().exit_code, 17);
    adopted.destroy(false).await.unwrap();
    is_gone(keeper).await;
}

/// Runs `examples/launch` as `nobody`, in directories of the bed that are its own.
fn launch_as_nobody(bed: &Bed, script: &str) -> Command {
    use std::os::unix::process::CommandExt;
    let nobody = Identity::lookup("nobody").unwrap();
    // The build may be where nobody can go.
    let exe = std::env::current_exe().unwrap();
    let built = exe.parent().unwrap().parent().unwrap().join("examples/launch");
    for (from, name) in [(built.as_path(), "launch"), (program().path(), "encamp-executor")] {
        fs::copy(from, bed.dir.path().join(name)).unwrap();
    }
    fs::set_permissions(bed.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for dir in ["state", "logs"] {
        let dir = bed.dir.path().join(dir);
        fs::create_dir_all(&dir).unwrap();
        chown(dir, Some(nobody.uid), Some(nobody.gid)).unwrap();
    }
    let mut command = Command::new(bed.dir.path().join("launch"));
    command
        .uid(nobody.uid)
        .gid(nobody.gid)
        .arg(bed.dir.path().join("state"))
        .arg(bed.logs())
        .args(["a/task/1", "/bin/sh", "-c", script])
        .stdin(Stdio::null());
    command
}

#[tokio::test]
#[ignore = "needs root"]
async fn without_root_tasks_are_launched_adopted_and_destroyed_all_the_same() {
    let bed = Bed::new();
    let output = launch_as_nobody(&bed, "id -u; sleep 60 & exit 21").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.ends_with("exit code 21\n"), "{output:?}");
    assert_eq!(bed.stdout(), "65534\n");
    assert!(!bed.state().exists());
}

#[tokio::test]
#[ignore = "needs root"]
async fn what_supervises_a_task_is_closed_to_other_processes_of_its_user() {
    let bed = Bed::new();
    // The task itself can be read by its user, as any process; what supervises it cannot.
    let script = "cat /proc/$$/environ > /dev/null || exit 3; \
                  for file in environ mem exe maps fd/; do \
                      case $file in exe) readlink /proc/$PPID/exe;; fd/) ls /proc/$PPID/fd;; *) head -c 1 /proc/$PPID/$file;; esac \
                          2> /dev/null > /dev/null && echo open: $file; \
                  done; exit 21";
    let output = launch_as_nobody(&bed, script).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.ends_with("exit code 21\n"), "{output:?}");
    assert_eq!(bed.stdout(), "");
}

#[tokio::test]
#[ignore = "needs root"]
async fn without_root_a_proc_that_hides_the_processes_of_others_is_no_obstacle() {
    let bed = Bed::new();
    let launch = launch_as_nobody(&bed, "exit 22");
    let nobody = Identity::lookup("nobody").unwrap();
    let script = "mount -t proc -o hidepid=2 proc /proc && exec setpriv \"$@\"";
    let output = Command::new("unshare")
        .args(["--mount", "--propagation=private", "sh", "-c", script, "sh"])
        .arg(format!("--reuid={}", nobody.uid))
        .arg(format!("--regid={}", nobody.gid))
        .arg("--clear-groups")
        .arg(launch.get_program())
        .args(launch.get_args())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.ends_with("exit code 22\n"), "{output:?}");
}

#[tokio::test]
#[ignore = "needs root"]
async fn without_root_a_task_still_gets_its_oom_score() {
    let bed = Bed::new();
    let output = launch_as_nobody(&bed, "cat /proc/self/oom_score_adj")
        .env("OOM_SCORE_ADJ", "500")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.ends_with("exit code 0\n"), "{output:?}");
    assert_eq!(bed.stdout(), "500\n");
}
