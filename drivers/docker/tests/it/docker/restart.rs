//! An engine that goes away and comes back, while a task runs.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::File;
use std::process::{Child, Command};
use std::time::Duration;

use encamp_driver::{Driver, Health, TaskState};
use futures_util::StreamExt as _;

use crate::support::{Place, assert_counted, until, until_async};

const LONG: Duration = Duration::from_mins(1);

/// A private engine: its own data, its own socket, no network.
struct Engine {
    dir: tempfile::TempDir,
    live_restore: bool,
    process: Option<Child>,
}

impl Engine {
    fn start(live_restore: bool) -> Self {
        let mut engine = Self {
            dir: tempfile::Builder::new().prefix("dockerd").tempdir().unwrap(),
            live_restore,
            process: None,
        };
        engine.up();
        engine
    }

    fn socket(&self) -> String {
        format!("unix://{}/sock", self.dir.path().display())
    }

    fn up(&mut self) {
        let at = |name: &str| self.dir.path().join(name).display().to_string();
        drop(std::fs::remove_file(at("pid")));
        let log = File::options().append(true).create(true).open(at("log")).unwrap();
        // In a network namespace of its own: an engine without a bridge removes the one that it finds.
        let mut command = Command::new("unshare");
        command
            .args(["--net", "dockerd"])
            .args([
                "--data-root",
                &at("root"),
                "--exec-root",
                &at("exec"),
                "--pidfile",
                &at("pid"),
            ])
            .args([
                "--host",
                &self.socket(),
                "--bridge=none",
                "--iptables=false",
                "--storage-driver=vfs",
            ])
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        if self.live_restore {
            command.arg("--live-restore");
        }
        self.process = Some(command.spawn().expect("dockerd is installed"));
        until(LONG, "the engine", || {
            let answer = Command::new("docker")
                .args(["-H", &self.socket(), "version"])
                .output()
                .unwrap();
            if answer.status.success() {
                Ok(())
            } else {
                Err(format!("{answer:?}"))
            }
        });
    }

    /// Ends it the hard way, or asks it to end, which stops its containers unless they outlive it.
    fn down(&mut self, hard: bool) {
        let Some(mut process) = self.process.take() else { return };
        if hard {
            process.kill().unwrap();
        } else {
            signal(&process.id().to_string(), Signal::SIGTERM);
        }
        process.wait().unwrap();
        // Its helper goes a moment later, and one that is found alive by the next engine is waited for in vain.
        until(LONG, "the end of containerd", || {
            let left = self.processes("containerd\0--config");
            if left.is_empty() {
                Ok(())
            } else {
                Err(format!("{left:?}"))
            }
        });
        drop(std::fs::remove_file(
            self.dir.path().join("exec/containerd/containerd.pid"),
        ));
    }

    /// The processes whose command line names this engine's directory, and `what`.
    fn processes(&self, what: &str) -> Vec<String> {
        let dir = self.dir.path().display().to_string();
        let named = |entry: std::fs::DirEntry| {
            let line = std::fs::read(entry.path().join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).into_owned();
            let pid = entry.file_name().to_string_lossy().into_owned();
            (line.contains(&dir) && line.contains(what)).then_some(pid)
        };
        std::fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter_map(named)
            .collect()
    }
}

impl Drop for Engine {
    /// Never fails: whatever a failed test left is removed, by force if the engine does not do it.
    fn drop(&mut self) {
        let socket = self.socket();
        if let Some(mut process) = self.process.take() {
            let ids = Command::new("docker").args(["-H", &socket, "ps", "-aq"]).output();
            let ids = ids.map(|output| output.stdout).unwrap_or_default();
            for id in String::from_utf8_lossy(&ids).split_whitespace() {
                drop(Command::new("docker").args(["-H", &socket, "rm", "-fv", id]).output());
            }
            signal(&process.id().to_string(), Signal::SIGTERM);
            drop(process.wait());
        }
        for pid in self.processes("containerd") {
            let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
            for pid in children.split_whitespace().chain([pid.as_str()]) {
                signal(pid, Signal::SIGKILL);
            }
        }
        let inside = format!("{}/", self.dir.path().display());
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        for mount in mounts.lines().rev().filter_map(|line| line.split(' ').nth(1)) {
            if mount.starts_with(&inside) {
                drop(Command::new("umount").args(["-l", mount]).output());
            }
        }
    }
}

/// A process that is gone already is as good.
fn signal(pid: &str, signal: Signal) {
    if let Ok(pid) = pid.parse() {
        let _gone = kill(Pid::from_raw(pid), signal);
    }
}

const TICKING: &str = "i=0; while [ $i -lt 400 ]; do i=$((i+1)); echo $i; usleep 25000; done; exit 11";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a docker engine"]
async fn with_live_restore_a_task_outlives_its_engine_and_no_line_is_lost() {
    let mut engine = Engine::start(true);
    let place = Place::on(&engine.socket());
    let task = place.task(TICKING, &[]);
    let mut events = place.docker.task_events().await.unwrap();
    place.docker.start_task(task.clone()).await.unwrap();
    for hard in [true, false] {
        let before = place.output("stdout").len();
        until_async(LONG, "output", || {
            let now = place.output("stdout").len();
            if now > before {
                Ok(())
            } else {
                Err(format!("{now} bytes"))
            }
        })
        .await;
        engine.down(hard);
        let told = tokio::time::timeout(LONG, events.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        assert!(
            told.message.starts_with("engine unreachable, waiting"),
            "{}",
            told.message
        );
        assert_eq!(place.docker.inspect_task(&task.id).await.unwrap().exit, None);
        tokio::time::sleep(Duration::from_secs(1)).await;
        engine.up();
        let told = tokio::time::timeout(LONG, events.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        assert_eq!(told.message, "engine is back");
        let status = place.docker.inspect_task(&task.id).await.unwrap();
        assert_eq!(status.state, TaskState::Running);
    }
    let exit = tokio::time::timeout(LONG, place.docker.wait_task(&task.id))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(exit.exit_code, 11, "{exit:?}");
    assert_counted(&place.output("stdout"), 400);
    place.docker.destroy_task(&task.id, false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a docker engine"]
async fn without_live_restore_the_end_is_what_the_engine_says_when_it_is_back() {
    let mut engine = Engine::start(false);
    let place = Place::on(&engine.socket());
    let task = place.task("echo up; sleep 1000", &[]);
    let mut events = place.docker.task_events().await.unwrap();
    place.docker.start_task(task.clone()).await.unwrap();
    engine.down(true);
    let told = tokio::time::timeout(LONG, events.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(
        told.message.starts_with("engine unreachable, waiting"),
        "{}",
        told.message
    );
    engine.up();
    let exit = tokio::time::timeout(LONG, place.docker.wait_task(&task.id))
        .await
        .unwrap()
        .unwrap();
    assert_ne!(exit.exit_code, 0, "{exit:?}");
    assert_eq!(place.text("stdout"), "up\n");
    place.docker.destroy_task(&task.id, false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a docker engine"]
async fn an_engine_that_is_away_is_unhealthy_and_holds_nothing_up() {
    let mut engine = Engine::start(false);
    let place = Place::on(&engine.socket());
    let mut looks = place.docker.fingerprint().await.unwrap();
    assert_eq!(looks.next().await.unwrap().unwrap().health, Health::Healthy);
    engine.down(false);
    let look = tokio::time::timeout(LONG, looks.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(look.health, Health::Unhealthy);
    assert!(look.attributes.is_empty());
    let refused = tokio::time::timeout(LONG, place.docker.start_task(place.task("true", &[]))).await;
    assert!(refused.unwrap().unwrap_err().is_recoverable());
    engine.up();
    let look = tokio::time::timeout(LONG, looks.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(look.health, Health::Healthy);
}
