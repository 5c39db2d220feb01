//! Whether a plugin lives, and how it has ended.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::process::Child;
use tokio::sync::watch;
use tonic::{Code, Status, TimeoutExpired};

use crate::peer;

/// How long it may take until a plugin whose connection is lost is seen to have ended.
const DOUBT: Duration = Duration::from_secs(3);

/// How often a process is looked for where the kernel does not tell of its end.
const POLL: Duration = Duration::from_millis(500);

/// How a plugin has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(Option<ExitStatus>);

impl Exit {
    /// Its exit code, where it has exited and this process is its parent.
    pub fn code(self) -> Option<i32> {
        self.0?.code()
    }

    /// The signal that has killed it, where this process is its parent.
    pub fn signal(self) -> Option<i32> {
        self.0?.signal()
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code(), self.signal()) {
            (Some(code), _) => write!(f, "exited with code {code}"),
            (_, Some(signal)) => write!(f, "was killed by signal {signal}"),
            _ => f.write_str("has ended"),
        }
    }
}

/// Whether a plugin lives. A clone tells of the same plugin, and keeps nothing alive.
#[derive(Clone, Debug)]
pub struct Life(watch::Receiver<Option<Exit>>);

impl Life {
    /// How the plugin has ended, if it has.
    pub fn exit(&self) -> Option<Exit> {
        *self.0.borrow()
    }

    /// Waits until the plugin has ended.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn over(&self) -> Exit {
        let mut exit = self.0.clone();
        // Whoever watches the process tells of its end, and ends without that only with the whole runtime.
        let over = exit.wait_for(Option::is_some).await;
        over.ok().and_then(|exit| *exit).unwrap_or(Exit(None))
    }

    /// Whether `status` is what a call or a stream gets from a plugin that has ended. A status that comes from the lost
    /// connection waits up to 3 s for the plugin's end; one that the plugin has sent itself does not wait.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn explains(&self, status: &Status) -> bool {
        use std::error::Error as _;

        let lost = match status.code() {
            Code::Unavailable => true,
            // A deadline of the caller's own is no sign of death.
            Code::Cancelled => status.message() != TimeoutExpired(()).to_string(),
            Code::DeadlineExceeded => false,
            // This end has made it, for want of an answer.
            _ => status.source().is_some(),
        };
        lost && (self.exit().is_some() || tokio::time::timeout(DOUBT, self.over()).await.is_ok())
    }
}

#[expect(
    deprecated,
    reason = "an owned descriptor cannot be closed while it is registered; the rest is `unsafe`"
)]
fn registered(pidfd: Arc<OwnedFd>) -> io::Result<AsyncFd<Arc<OwnedFd>>> {
    AsyncFd::with_interest(pidfd, Interest::READABLE)
}

/// Tells when `child` has ended.
pub(super) fn watch_child(mut child: Child) -> Life {
    let (sender, receiver) = watch::channel(None);
    tokio::spawn(async move {
        let status = child.wait().await;
        sender.send_replace(Some(Exit(status.ok())));
    });
    Life(receiver)
}

/// A process that can be killed, and never another one that has got its number.
#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) pid: u32,
    /// Not there on kernels before 5.3.
    pidfd: Option<Arc<OwnedFd>>,
    start: Option<u64>,
}

impl Process {
    /// The process that has this number now.
    pub(super) fn find(pid: u32) -> io::Result<Self> {
        let number = i32::try_from(pid)
            .ok()
            .and_then(Pid::from_raw)
            .ok_or(io::ErrorKind::InvalidInput)?;
        let pidfd = match rustix::process::pidfd_open(number, PidfdFlags::NONBLOCK) {
            Ok(pidfd) => Some(Arc::new(pidfd)),
            Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => None,
            Err(error) => return Err(error.into()),
        };
        let start = peer::start_time(pid);
        if pidfd.is_none() && start.is_none() {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(Self { pid, pidfd, start })
    }

    /// When it was started, in the kernel's ticks since boot.
    pub(super) fn start(&self) -> Option<u64> {
        self.start
    }

    /// Whether this very process serves its own host, as it may in tests.
    pub(super) fn is_own(&self) -> bool {
        self.pid == std::process::id()
    }

    pub(super) fn kill(&self) {
        if self.is_own() {
            return;
        }
        let result = match &self.pidfd {
            Some(pidfd) => rustix::process::pidfd_send_signal(pidfd, Signal::KILL),
            None if !self.is_there() => return,
            None => match i32::try_from(self.pid).ok().and_then(Pid::from_raw) {
                Some(pid) => rustix::process::kill_process(pid, Signal::KILL),
                None => return,
            },
        };
        match result {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => tracing::warn!(pid = self.pid, %error, "Cannot kill a plugin"),
        }
    }

    /// Tells when this process, which is somebody else's child, has ended.
    pub(super) fn watch(&self) -> io::Result<Life> {
        let (sender, receiver) = watch::channel(None);
        let ended = self.pidfd.clone().map(registered).transpose()?;
        let process = self.clone();
        tokio::spawn(async move {
            match ended {
                Some(ended) => drop(ended.readable().await),
                None => {
                    while process.is_there() {
                        tokio::time::sleep(POLL).await;
                    }
                }
            }
            sender.send_replace(Some(Exit(None)));
        });
        Ok(Life(receiver))
    }

    /// Whether the process of this number is still this one.
    fn is_there(&self) -> bool {
        peer::start_time(self.pid).is_some_and(|start| Some(start) == self.start)
    }
}
