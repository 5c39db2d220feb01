//! What the tests share.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use encamp_executor::{Executor, Output, Plan, Process, Program};
use tempfile::TempDir;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// An executor with directories of its own.
pub(crate) struct Bed {
    pub(crate) dir: TempDir,
    pub(crate) executor: Executor,
}

impl Bed {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("logs")).unwrap();
        let executor = Executor::new(program(), dir.path().join("state"));
        Self { dir, executor }
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.dir.path().join("logs")
    }

    /// A shell script whose output goes to the log directory.
    pub(crate) fn script(&self, script: &str) -> Plan {
        Plan {
            args: vec!["-c".into(), script.into()],
            env: vec!["PATH=/usr/bin:/bin".into()],
            task_dir: self.dir.path().to_owned(),
            work_dir: self.dir.path().to_owned(),
            output: Output::Files {
                dir: self.logs(),
                name: "task".into(),
                max_files: 10,
                max_file_size: 10 << 20,
            },
            ..Plan::new("/bin/sh")
        }
    }

    pub(crate) async fn launch(&self, script: &str) -> Process {
        self.executor.launch("a/task/1", &self.script(script)).await.unwrap()
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.dir.path().join("state/task-a%2ftask%2f1")
    }

    pub(crate) fn stdout(&self) -> String {
        fs::read_to_string(self.logs().join("task.stdout.0")).unwrap()
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        encamp_executor::testing::destroy_all(&self.dir.path().join("state"));
    }
}

pub(crate) fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_encamp-executor"))
}

/// Waits until `look` is satisfied; what it saw last is in the message otherwise.
pub(crate) async fn eventually<T: std::fmt::Debug>(what: &str, mut look: impl FnMut() -> Result<(), T>) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let Err(seen) = look() else { return };
        assert!(
            Instant::now() < deadline,
            "{what}: not within {PATIENCE:?}; last seen: {seen:?}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

/// `true` while a process of that number runs and is no zombie.
pub(crate) fn is_alive(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest.starts_with('Z'));
    state == Some(false)
}

pub(crate) async fn is_gone(pid: i32) {
    eventually("the end of a process", || if is_alive(pid) { Err(pid) } else { Ok(()) }).await;
}

/// The pid of the process that supervises the task of a state directory.
pub(crate) fn supervisor(state: &Path) -> i32 {
    let record = fs::read(state.join("supervisor.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    i32::try_from(record["pid"].as_i64().unwrap()).unwrap()
}

pub(crate) fn kill(pid: i32, signal: nix::sys::signal::Signal) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).unwrap();
}

/// Waits for a line `pid=<n>` in the task's output.
pub(crate) async fn announced_pid(bed: &Bed) -> i32 {
    let mut pid = 0;
    eventually("a pid in the output", || {
        let text = bed.stdout();
        let found = text.lines().find_map(|line| line.strip_prefix("pid=")?.parse().ok());
        pid = found.unwrap_or(0);
        if pid > 0 { Ok(()) } else { Err(text) }
    })
    .await;
    pid
}
