//! [`Plan`]: what is to be run, and how.

use std::fmt;
use std::path::PathBuf;

use encamp_caps::CapabilitySet;
use encamp_cgroup::{Cgroup, Limits};
use encamp_mount::Rootfs;
use encamp_users::Identity;
use serde::{Deserialize, Serialize};

/// What is to be run, and how.
///
/// It travels to the supervising process over a socket and is never written to disk: arguments and environment may
/// hold secrets, and `Debug` prints neither.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The program. It is looked for as `<task_dir>/local/<command>`, `<task_dir>/<command>`, as it stands if it is an
    /// absolute path, and last, if it has no slash, along the `PATH` of `env`.
    pub command: String,
    /// Its arguments, without its own name.
    pub args: Vec<String>,
    /// Its whole environment, as `NAME=value`. Nothing is added to it.
    pub env: Vec<String>,
    /// The task's own directory, as the task sees it.
    pub task_dir: PathBuf,
    /// The directory that it starts in, as the task sees it.
    pub work_dir: PathBuf,
    /// Who it runs as; who the caller is where there is none.
    pub user: Option<Identity>,
    /// Where its output goes.
    pub output: Output,
    /// The cgroup that it lives in. It is created before the command starts and removed by
    /// [`Process::destroy`](crate::Process::destroy).
    pub cgroup: Option<Cgroup>,
    /// The limits that the cgroup is created with.
    pub limits: Limits,
    /// `cgroup.procs` files of cgroups that somebody else owns and that it joins as well. They are not removed.
    pub join_procs: Vec<PathBuf>,
    /// What sets it off from the host; nothing where there is none.
    pub isolation: Option<Isolation>,
    /// The network namespace that it joins, as a file; the caller's where there is none.
    pub network_namespace: Option<PathBuf>,
    /// How readily the kernel kills it for want of memory, -1000 to 1000; as readily as the caller where there is none.
    pub oom_score_adj: Option<i32>,
}

impl Plan {
    /// Runs `command` in `/` with no arguments, an empty environment and no output, set off by nothing.
    pub fn new(command: impl Into<String>) -> Self {
        Self {
            command: command.into(),
            args: Vec::new(),
            env: Vec::new(),
            task_dir: PathBuf::from("/"),
            work_dir: PathBuf::from("/"),
            user: None,
            output: Output::Discard,
            cgroup: None,
            limits: Limits::default(),
            join_procs: Vec::new(),
            isolation: None,
            network_namespace: None,
            oom_score_adj: None,
        }
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("command", &self.command)
            .field("args", &format_args!("[{} redacted]", self.args.len()))
            .field("env", &format_args!("[{} redacted]", self.env.len()))
            .field("task_dir", &self.task_dir)
            .field("work_dir", &self.work_dir)
            .field("user", &self.user)
            .field("output", &self.output)
            .field("cgroup", &self.cgroup)
            .field("limits", &self.limits)
            .field("join_procs", &self.join_procs)
            .field("isolation", &self.isolation)
            .field("network_namespace", &self.network_namespace)
            .field("oom_score_adj", &self.oom_score_adj)
            .finish()
    }
}

/// Where a command's output goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// Nowhere.
    Discard,
    /// Into named pipes that exist and that somebody else reads. Output is held back for at most 5 s while nobody
    /// reads, then dropped and counted until somebody does.
    Fifo {
        /// The pipe for standard output.
        stdout: PathBuf,
        /// The pipe for standard error.
        stderr: PathBuf,
    },
    /// Into rotated files `<name>.stdout.<n>` and `<name>.stderr.<n>`. Both streams' first files exist before the
    /// command starts.
    Files {
        /// The directory, which exists.
        dir: PathBuf,
        /// The first part of the files' names: the task's name.
        name: String,
        /// How many files are kept for each stream.
        max_files: u32,
        /// How large each may grow, in bytes.
        max_file_size: u64,
    },
}

/// What sets a task off from the host. It always has a mount namespace of its own then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Isolation {
    /// Its file system.
    pub rootfs: Rootfs,
    /// Whether it sees only its own processes.
    pub private_pid: bool,
    /// Whether it has shared memory, semaphores and message queues of its own.
    pub private_ipc: bool,
    /// The capabilities that it keeps.
    pub capabilities: CapabilitySet,
}

/// A terminal's size in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalSize {
    /// Rows.
    pub height: u16,
    /// Columns.
    pub width: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_prints_neither_arguments_nor_environment() {
        let plan = Plan {
            args: vec!["--token=hunter2".into()],
            env: vec!["TOKEN=hunter2".into()],
            ..Plan::new("server")
        };
        let text = format!("{plan:?}");
        assert!(text.contains("server") && !text.contains("hunter2"), "{text}");
    }
}
