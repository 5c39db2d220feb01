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
            // Also when it could not be signalled.
            thaw(&state, "THAWED").and(signalled)
        } else {
            signalled
        }
    })
}

/// Kills what is in a v2 cgroup: at one stroke where the kernel can (5.14), else frozen, as on v1.
pub(crate) fn v2(dir: &Path) -> Result<(), CgroupError> {
    until_empty(dir, || match fs::write(&dir.join("cgroup.kill"), "1") {
        Err(error) if error.is_missing() => frozen_v2(dir),
        other => other,
    })
}

/// Freezes, signals, thaws. A frozen process dies of a `SIGKILL` all the same.
fn frozen_v2(dir: &Path) -> Result<(), CgroupError> {
    let (freeze, events) = (dir.join("cgroup.freeze"), dir.join("cgroup.events"));
    let frozen = fs::write(&freeze, "1").is_ok();
    if frozen {
        fs::wait_until(FREEZE_LIMIT, || {
            let events = fs::read_if_any(&events)?;
            Ok(events.is_none_or(|events| fs::keyed(&events, "frozen") == Some(1)))
        })?;
    }
    let signalled = signal(dir, signal::SIGKILL as i32);
    if frozen {
        thaw(&freeze, "0").and(signalled)
    } else {
        signalled
    }
}

/// Lets what is left run again; a cgroup that is gone has nothing left.
fn thaw(file: &Path, value: &str) -> Result<(), CgroupError> {
    match fs::write(file, value) {
        Err(error) if !error.is_missing() => Err(error),
        _ => Ok(()),
    }
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

#[cfg(test)]
mod tests {
    mod root {
        use std::path::PathBuf;
        use std::process::{Command, Stdio};

        use super::super::*;

        #[test]
        #[ignore = "needs root"]
        fn one_round_ends_processes_that_fork_all_the_time_also_where_v2_cannot_kill() {
            let dir = PathBuf::from(format!("/sys/fs/cgroup/unified/encamp-kill-{}", std::process::id()));
            std::fs::create_dir(&dir).expect("a v2 tree");
            let script = format!(
                "echo 0 > {}/cgroup.procs; f() {{ f & }}; f; exec sleep 60",
                dir.display()
            );
            let mut children: Vec<_> = (0..4)
                .map(|_| {
                    let mut command = Command::new("sh");
                    command.args(["-c", &script]).stdin(Stdio::null()).spawn().expect("sh")
                })
                .collect();
            // Each shell becomes a sleep, and leaves a chain of shells behind, each of which forks and ends.
            let ready = fs::wait_until(KILL_LIMIT, || Ok(pids(&dir)?.len() >= 8)).expect("pids");
            let killed = frozen_v2(&dir);
            let left = fs::wait_until(Duration::from_secs(1), || Ok(pids(&dir)?.is_empty()));
            v2(&dir).expect("kill what is left");
            for child in &mut children {
                child.wait().expect("wait");
            }
            let thawed = fs::read(&dir.join("cgroup.freeze")).expect("read");
            fs::wait_until(KILL_LIMIT, || Ok(std::fs::remove_dir(&dir).is_ok())).expect("remove");
            assert!(ready, "the processes do not run");
            killed.expect("kill");
            assert!(left.expect("pids"), "processes escaped");
            assert_eq!(thawed.trim(), "0");
        }
    }
}
