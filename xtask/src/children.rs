//! The processes that this one starts, and what is left of them.
//!
//! Every child is the leader of a process group of its own, and a signal that this process gets is passed on to all of
//! those groups: nothing that was started is left behind, and this process lives on to clean up. With [`adopt_orphans`]
//! the descendants whose parent ended become our children, so that none of them escapes the leak check.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// The children that somebody here waits for; the signal thread reaps only the others.
static OWNED: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// The signal that asked this process to end, or 0.
static INTERRUPTED: AtomicI32 = AtomicI32::new(0);

/// A child that its owner waits for. Dropping it leaves it running.
pub(crate) struct Owned {
    child: Child,
    pub(crate) pid: Pid,
}

impl Owned {
    /// Starts a command at the head of a process group of its own.
    pub(crate) fn spawn(command: &mut Command) -> std::io::Result<Self> {
        use std::os::unix::process::CommandExt;
        // The lock is held until the child is listed: the signal thread cannot take it for an orphan.
        let mut owned = owned();
        let child = command.process_group(0).spawn()?;
        let pid = Pid::from_raw(child.id().cast_signed());
        owned.push(pid);
        Ok(Self { child, pid })
    }

    pub(crate) fn wait(&mut self) -> std::io::Result<ExitStatus> {
        let status = self.child.wait();
        self.disown();
        status
    }

    pub(crate) fn try_wait(&mut self) -> std::io::Result<Option<ExitStatus>> {
        let status = self.child.try_wait();
        if !matches!(status, Ok(None)) {
            self.disown();
        }
        status
    }

    /// The end of its standard output that is ours, when it was piped.
    pub(crate) fn stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.child.stdout.take()
    }

    fn disown(&self) {
        owned().retain(|pid| *pid != self.pid);
    }
}

/// Runs a command to its end and gives its standard output; fails unless it succeeds.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let mut child = Owned::spawn(command.stdout(Stdio::piped())).ok()?;
    let mut bytes = Vec::new();
    child.stdout()?.read_to_end(&mut bytes).ok()?;
    child
        .wait()
        .ok()?
        .success()
        .then(|| String::from_utf8_lossy(&bytes).into_owned())
}

/// Starts a thread that takes the signals which end a process, remembers them and passes them on.
///
/// Handlers, rather than a blocked mask: a child inherits a mask, but gets no handlers.
pub(crate) fn watch_signals() -> Result<()> {
    let status = std::fs::read_to_string("/proc/self/status").context("cannot read /proc/self/status")?;
    let ignored = ignored_signals(&status);
    // What our own parent ignores for us (nohup, a background job) stays ignored.
    let is_ignored = |signal: i32| ignored & (1 << (signal - 1)) != 0;
    let ending = [SIGINT, SIGTERM, SIGHUP]
        .into_iter()
        .filter(|signal| !is_ignored(*signal));
    let mut signals = Signals::new(ending.chain([SIGCHLD])).context("cannot handle signals")?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in signals.forever() {
            match signal {
                SIGCHLD => reap_orphans(),
                signal => pass_on(signal),
            }
        }
    })?;
    Ok(())
}

/// The number of the signal that asked this process to end.
pub(crate) fn interrupted() -> Option<u8> {
    u8::try_from(INTERRUPTED.load(Ordering::Relaxed))
        .ok()
        .filter(|signal| *signal != 0)
}

/// From now on a descendant whose parent ended becomes a child of this process, rather than of the init process.
pub(crate) fn adopt_orphans() -> Result<()> {
    nix::sys::prctl::set_child_subreaper(true).context("cannot become the reaper of orphans")
}

fn pass_on(signal: i32) {
    INTERRUPTED.store(signal, Ordering::Relaxed);
    let signal = Signal::try_from(signal).unwrap_or(Signal::SIGTERM);
    for group in owned().iter() {
        _ = killpg(*group, signal);
    }
}

/// Reaps the dead children that nobody here waits for.
fn reap_orphans() {
    let owned = owned();
    let ours = std::process::id();
    for process in crate::leaks::process::all()
        .into_iter()
        .filter(|process| process.parent == ours && process.dead)
    {
        let pid = Pid::from_raw(process.pid.cast_signed());
        if !owned.contains(&pid) {
            _ = waitpid(pid, Some(WaitPidFlag::WNOHANG));
        }
    }
}

/// The mask of ignored signals in `/proc/self/status`.
fn ignored_signals(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

fn owned() -> MutexGuard<'static, Vec<Pid>> {
    OWNED.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::ignored_signals;

    #[test]
    fn the_mask_of_ignored_signals_is_hexadecimal() {
        assert_eq!(ignored_signals("Name:\tx\nSigIgn:\t0000000000000003\nSigCgt:\t00\n"), 3);
        assert_eq!(ignored_signals("Name:\tx\n"), 0);
    }
}
