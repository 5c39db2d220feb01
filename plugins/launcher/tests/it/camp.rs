//! An installation of its own for each test, and a look at what it leaves.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// How long anything may take here.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A data directory, and the program over it.
pub(crate) struct Camp {
    dir: tempfile::TempDir,
}

/// What a run of the program gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) took: Duration,
}

impl Camp {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { dir }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The directory that all of it is in.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a job file.
    pub(crate) fn job(&self, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.path().join("job.nomad.hcl");
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_encamp"));
        command.args(args).env("ENCAMP_DATA_DIR", self.data());
        command.env("ENCAMP_EXECUTOR", encamp_executor::testing::program().path());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn spawn(&self, args: &[&str]) -> Child {
        self.command(args).spawn().unwrap()
    }

    /// Runs the program to its end.
    pub(crate) fn encamp(&self, args: &[&str]) -> Ran {
        self.feed(args, b"")
    }

    /// The same, with this variable in its environment.
    pub(crate) fn encamp_with(&self, (name, value): (&str, &str), args: &[&str]) -> Ran {
        let mut command = self.command(args);
        command.env(name, value);
        ran(command, b"")
    }

    /// The same, with something on standard input.
    pub(crate) fn feed(&self, args: &[&str], input: &[u8]) -> Ran {
        ran(self.command(args), input)
    }

    /// What `status` says of every allocation.
    pub(crate) fn status(&self) -> Vec<Value> {
        let ran = self.encamp(&["status", "--json"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let lines = ran.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|value| value.get("id").is_some()).collect()
    }

    /// Kills the runner of an allocation with SIGKILL.
    pub(crate) fn kill_runner_of(&self, id: &str) {
        let allocs = self.status();
        let alloc = allocs.iter().find(|alloc| alloc["id"] == id).unwrap();
        let pid = alloc["runner"].as_i64().unwrap();
        let pid = Pid::from_raw(i32::try_from(pid).unwrap());
        kill(pid, Signal::SIGKILL).unwrap();
        poll("the runner is gone", || kill(pid, None).is_err());
    }

    /// Waits until the one task of the one allocation is in this state.
    pub(crate) fn until_task_is(&self, state: &str) {
        let mut last = String::new();
        poll(&format!("task {state}"), || {
            let allocs = self.status();
            last = format!("{allocs:?}");
            allocs.iter().any(|alloc| alloc["tasks"][0]["state"] == state)
        });
    }

    /// Asserts that nothing of any allocation is left: no process, mount, cgroup or file.
    #[track_caller]
    pub(crate) fn assert_clean(&self) {
        let mut left = Vec::new();
        poll_quietly(Duration::from_secs(5), || {
            left = self.leftovers();
            left.is_empty()
        });
        assert!(left.is_empty(), "left behind: {left:#?}");
    }

    fn leftovers(&self) -> Vec<String> {
        let data = self.data();
        let mut left = Vec::new();
        for room in ["alloc", "state", "executor", "docker"] {
            let entries = fs::read_dir(data.join(room)).into_iter().flatten().flatten();
            left.extend(entries.map(|entry| format!("file {}", entry.path().display())));
        }
        let needle = data.to_string_lossy().into_owned();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        left.extend(
            mounts
                .lines()
                .filter(|line| line.contains(&needle))
                .map(|line| format!("mount {line}")),
        );
        left.extend(processes_with(&needle));
        left
    }
}

impl Drop for Camp {
    fn drop(&mut self) {
        // Whatever a failed test left running must not outlive it.
        drop(self.command(&["stop", "--all", "--force"]).output());
    }
}

/// Runs a program to its end.
pub(crate) fn ran(mut command: Command, input: &[u8]) -> Ran {
    let what = format!("{command:?}");
    let began = Instant::now();
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A program that does not read its input must not block the test.
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = wait(child, &[&what]);
    feeder.join().unwrap();
    Ran {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
        took: began.elapsed(),
    }
}

/// Processes that have a text in their environment or on their command line: an installation's directory, or a word of a
/// test's own.
pub(crate) fn processes_with(text: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let named = |path: &Path, file: &str| {
        let bytes = fs::read(path.join(file)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).contains(text)
    };
    let ours = entries.map(|entry| entry.path()).filter(|path| {
        let is_process = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().parse::<u32>().is_ok());
        is_process && (named(path, "environ") || named(path, "cmdline"))
    });
    ours.map(|path| {
        let line = fs::read(path.join("cmdline")).unwrap_or_default();
        format!(
            "process {} {}",
            path.display(),
            String::from_utf8_lossy(&line).replace('\0', " ")
        )
    })
    .collect()
}

/// Waits for the end of a process; kills it, and fails, when that takes too long.
pub(crate) fn wait(mut child: Child, what: &[&str]) -> Output {
    let pid = child.id();
    let (sender, receiver) = std::sync::mpsc::channel();
    let stdout = child.stdout.take();
    std::thread::spawn(move || {
        child.stdout = stdout;
        drop(sender.send(child.wait_with_output()));
    });
    if let Ok(output) = receiver.recv_timeout(PATIENCE) {
        return output.unwrap();
    }
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGKILL).unwrap();
    let output = receiver.recv().unwrap().unwrap();
    panic!("{what:?} did not end: {output:?}");
}

/// Waits for a condition.
#[track_caller]
pub(crate) fn poll(what: &str, holds: impl FnMut() -> bool) {
    assert!(poll_quietly(PATIENCE, holds), "still not: {what}");
}

pub(crate) fn poll_quietly(patience: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while began.elapsed() < patience {
        if holds() {
            return true;
        }
        #[expect(clippy::disallowed_methods, reason = "the one place that waits between two looks")]
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}
