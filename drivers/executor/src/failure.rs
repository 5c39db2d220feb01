//! [`Failure`]: what kept a command from being started.

use std::fmt;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What kept a command from being started, as the process that was to become it reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The step that failed.
    pub step: Step,
    /// What it failed on: a path, a command, a name.
    pub subject: String,
    /// The error number that the kernel gave; 0 where it was not the kernel.
    pub errno: i32,
    /// More, for people.
    pub detail: Option<String>,
}

/// A step on the way from a plan to a running command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Step {
    /// Reading the plan.
    Plan,
    /// Recording the start in the state directory.
    Record,
    /// Opening the log files or named pipes.
    Output,
    /// Making or joining the cgroup.
    Cgroup,
    /// Forking.
    Fork,
    /// Setting the OOM score.
    OomScore,
    /// Joining the network namespace.
    Network,
    /// Making or joining namespaces.
    Namespace,
    /// Making the file system.
    Rootfs,
    /// Opening a terminal.
    Terminal,
    /// Entering the work directory.
    WorkDir,
    /// Changing the user.
    User,
    /// Limiting capabilities.
    Capabilities,
    /// Finding the command.
    Lookup,
    /// Executing the command.
    Exec,
}

impl Failure {
    pub(crate) fn new(step: Step, subject: impl Into<String>, error: &io::Error) -> Self {
        let errno = error.raw_os_error().unwrap_or(0);
        Self {
            step,
            subject: subject.into(),
            errno,
            detail: (errno == 0).then(|| error.to_string()),
        }
    }

    pub(crate) fn path(step: Step, path: impl Into<PathBuf>, error: &io::Error) -> Self {
        Self::new(step, path.into().to_string_lossy(), error)
    }

    /// Whether the same plan may succeed later without a change to it: the machine was short of something.
    pub fn is_recoverable(&self) -> bool {
        use nix::libc::{EAGAIN, EBUSY, EDQUOT, EINTR, EIO, EMFILE, ENFILE, ENOMEM, ENOSPC, ETXTBSY};
        matches!(
            self.errno,
            EAGAIN | EBUSY | EDQUOT | EINTR | EIO | EMFILE | ENFILE | ENOMEM | ENOSPC | ETXTBSY
        )
    }

    fn reason(&self) -> String {
        match (&self.detail, self.errno) {
            (Some(detail), 0) => detail.clone(),
            (Some(detail), errno) => format!("{detail}: {}", io::Error::from_raw_os_error(errno)),
            (None, errno) => io::Error::from_raw_os_error(errno).to_string(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use nix::libc::{EACCES, ENOENT, ENOEXEC};
        let subject = &self.subject;
        match (self.step, self.errno) {
            (Step::Lookup, ENOENT) => {
                let looked = self.detail.as_deref().unwrap_or_default();
                write!(f, "command {subject:?} not found; looked for it {looked}")
            }
            (Step::Lookup | Step::Exec, EACCES) => write!(
                f,
                "command {subject} may not be executed by the task's user; \
                 check its permissions (chmod +x), those of the directories above it, and mounts with noexec"
            ),
            (Step::Exec, ENOENT) => write!(
                f,
                "command {subject} needs an interpreter or loader that is not there; \
                 check its first line, or what it is linked against"
            ),
            (Step::Exec, ENOEXEC) => write!(
                f,
                "command {subject} is not a program of this machine; \
                 a script needs a first line such as #!/bin/sh"
            ),
            (Step::WorkDir, ENOENT) => write!(f, "work directory {subject} does not exist"),
            (Step::Network, ENOENT) => write!(f, "network namespace {subject} does not exist"),
            (step, _) => write!(f, "cannot {} {subject}: {}", step.action(), self.reason()),
        }
    }
}

impl std::error::Error for Failure {}

impl Step {
    fn action(self) -> &'static str {
        match self {
            Self::Plan => "read the plan",
            Self::Record => "record the start in",
            Self::Output => "open for output",
            Self::Cgroup => "use the cgroup",
            Self::Fork => "fork for",
            Self::OomScore => "set the OOM score to",
            Self::Network => "join the network namespace",
            Self::Namespace => "enter the namespaces of",
            Self::Rootfs => "make the task's file system:",
            Self::Terminal => "open a terminal:",
            Self::WorkDir => "enter the work directory",
            Self::User => "become the user",
            Self::Capabilities => "limit capabilities:",
            Self::Lookup => "find the command",
            Self::Exec => "execute",
        }
    }
}
