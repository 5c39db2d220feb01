//! Finding, signalling and killing all that is in a cgroup.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal;
use nix::unistd::Pid;

use crate::{CgroupError, fs};

/// How long processes may take to end once they are killed.
const KILL_LIMIT: Duration = Duration::from_secs(10);
/// How long processes are given before they are killed once more; doubled each time.
const FIRST_INTERVAL: Duration = Duration::from_millis(50);
/// How long the freezer may take; a process that the kernel cannot stop now is killed all the same.
const FREEZE_LIMIT: Duration = Duration::from_millis(200);

/// The processes in `dir` and in the cgroups below it.
pub(crate) fn pids(dir: &Path) -> Result<Vec<i32>, CgroupError> {
    let own = fs::read_if_any(&dir.join("cgroup.procs"))?.unwrap_or_default();
    // A process of a foreign process namespace is listed as 0, which would mean "everybody" to kill.
    let mut pids: Vec<i32> = own
        .lines()
        .filter_map(|line| line.parse().ok())
        .filter(|pid| *pid > 0)
        .collect();
    for child in fs::children(dir)? {
        pids.extend(self::pids(&child)?);
    }
    Ok(pids)
}

/// Signals every process in `dir` and below.
pub(crate) fn signal(dir: &Path, number: i32) -> Result<(), CgroupError> {
    let invalid = |source: nix::errno::Errno| CgroupError::new(format!("send signal {number} to"), dir, source);
    let signal = signal::Signal::try_from(number).map_err(invalid)?;
    for pid in pids(dir)? {
        match signal::kill(Pid::from_raw(pid), signal) {
            Ok(()) | Err(nix::errno::Errno::ESRCH) => {}
            Err(source) => return Err(invalid(source)),
        }
    }
    Ok(())
}

/// Kills what is in a v1 cgroup: nothing can fork or end, and no pid be used again, while it is frozen.
pub(crate) fn v1(dir: &Path) -> Result<(), CgroupError> {
    let state = dir.join("freezer.state");
    until_empty(dir, || {
        let frozen = fs::write(&state, "FROZEN").is_ok();
        if frozen {
            fs::wait_until(FREEZE_LIMIT, || {
                Ok(fs::read_if_any(&state)?.is_none_or(|state| state.trim() == "FROZEN"))
            })?;
        }
        let signalled = signal(dir, signal::SIGKILL as i32);
        if frozen {
            let thawed = fs::write(&state, "THAWED");
            signalled.and(thawed.or_else(|error| if error.is_missing() { Ok(()) } else { Err(error) }))
        } else {
            signalled
        }
    })
}

/// Kills what is in a v2 cgroup: at one stroke where the kernel can (5.14), else one by one.
pub(crate) fn v2(dir: &Path) -> Result<(), CgroupError> {
    until_empty(dir, || match fs::write(&dir.join("cgroup.kill"), "1") {
        Err(error) if error.is_missing() => signal(dir, signal::SIGKILL as i32),
        other => other,
    })
}

/// Repeats `kill` until nothing is left, at ever longer intervals: processes that have little of the processor take their
/// time to end, and one that is stopped again and again does not get there.
fn until_empty(dir: &Path, mut kill: impl FnMut() -> Result<(), CgroupError>) -> Result<(), CgroupError> {
    let mut interval = FIRST_INTERVAL;
    let mut next = Instant::now();
    let empty = fs::wait_until(KILL_LIMIT, || {
        if pids(dir)?.is_empty() {
            return Ok(true);
        }
        if Instant::now() >= next {
            kill()?;
            next = Instant::now() + interval;
            interval *= 2;
        }
        Ok(pids(dir)?.is_empty())
    })?;
    if empty {
        Ok(())
    } else {
        Err(CgroupError::new("kill all processes in", dir, io::ErrorKind::TimedOut))
    }
}
