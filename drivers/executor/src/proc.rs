//! Processes, as `/proc` tells of them.

use std::os::fd::{AsFd, BorrowedFd};
use std::{fs, io};

use nix::libc::{SIGKILL, SIGSTOP};
use nix::poll::{PollFd, PollFlags, PollTimeout};

use crate::sys;

/// How often more of a tree of processes is looked for, at most: one that could not be stopped may grow for ever.
const MAX_LOOKS: usize = 16;

/// What `/proc/<pid>/stat` says of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) pid: i32,
    pub(crate) is_zombie: bool,
    pub(crate) parent: i32,
    pub(crate) session: i32,
    /// When it started, in ticks since boot. Together with the pid, this is about one process only.
    pub(crate) start: u64,
}

impl Stat {
    pub(crate) fn of(pid: i32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    pub(crate) fn of_this_process() -> io::Result<Self> {
        let text = fs::read_to_string("/proc/self/stat")?;
        Self::parse(&text).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "/proc/self/stat makes no sense"))
    }

    fn parse(text: &str) -> Option<Self> {
        let (pid, _) = text.split_once(' ')?;
        let fields = stat_fields(text)?;
        Some(Self {
            pid: pid.parse().ok()?,
            is_zombie: matches!(*fields.first()?, "Z" | "X"),
            parent: fields.get(1)?.parse().ok()?,
            session: fields.get(3)?.parse().ok()?,
            start: fields.get(19)?.parse().ok()?,
        })
    }
}

/// The fields of `/proc/<pid>/stat` from the process's state on. Its name, before that, may hold spaces and parentheses:
/// they are counted from the last one.
pub(crate) fn stat_fields(text: &str) -> Option<Vec<&str>> {
    let (_, fields) = text.rsplit_once(") ")?;
    Some(fields.split(' ').collect())
}

/// Names this boot of the machine: pids and ticks of another one mean nothing.
pub(crate) fn boot_id() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}

/// Whether the process that `pidfd` is about has ended.
pub(crate) fn has_ended(pidfd: BorrowedFd<'_>) -> bool {
    let mut ready = [PollFd::new(pidfd, PollFlags::POLLIN)];
    matches!(nix::poll::poll(&mut ready, PollTimeout::ZERO), Ok(1))
}

/// Kills every process of a session; says how many there were.
pub(crate) fn kill_session(session: i32) -> usize {
    kill_all(&all().filter(|stat| stat.session == session).collect::<Vec<_>>())
}

/// Kills every process below `root` in the tree of processes; says how many there were.
pub(crate) fn kill_descendants(root: i32) -> usize {
    kill_all(&descendants(&all().collect::<Vec<_>>(), root))
}

/// Kills a process and every one below it, however far those are from its session. All are stopped first: what starts
/// others no more leaves none behind.
pub(crate) fn kill_tree(root: i32) {
    let mut tree: Vec<Stat> = Vec::new();
    for _ in 0..MAX_LOOKS {
        let all: Vec<Stat> = all().collect();
        let mut fresh: Vec<Stat> = all.iter().filter(|stat| stat.pid == root).copied().collect();
        fresh.extend(descendants(&all, root));
        fresh.retain(|stat| {
            !tree
                .iter()
                .any(|known| (known.pid, known.start) == (stat.pid, stat.start))
        });
        if signal_all(&fresh, SIGSTOP) == 0 {
            break;
        }
        tree.extend(fresh);
    }
    kill_all(&tree);
}

fn kill_all(processes: &[Stat]) -> usize {
    signal_all(processes, SIGKILL)
}

/// Says how many have not ended yet. A number that is another process's by now is left alone.
fn signal_all(processes: &[Stat], signal: i32) -> usize {
    let running = processes.iter().filter(|stat| !stat.is_zombie);
    running
        .map(|stat| {
            let Ok(pidfd) = sys::pidfd_open(stat.pid) else { return };
            if Stat::of(stat.pid).is_some_and(|now| now.start == stat.start) {
                // Ended in between, at worst.
                drop(sys::pidfd_signal(pidfd.as_fd(), signal));
            }
        })
        .count()
}

fn descendants(all: &[Stat], root: i32) -> Vec<Stat> {
    let mut found = Vec::new();
    let mut parents = vec![root];
    while let Some(parent) = parents.pop() {
        for stat in all.iter().filter(|stat| stat.parent == parent) {
            parents.push(stat.pid);
            found.push(*stat);
        }
    }
    found
}

fn all() -> impl Iterator<Item = Stat> {
    pids().filter_map(Stat::of)
}

/// Every process there is.
pub(crate) fn pids() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let text = "42 (a) b) S 7 41 40 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 12345 100 2";
        let expected = Stat {
            pid: 42,
            is_zombie: false,
            parent: 7,
            session: 40,
            start: 12345,
        };
        assert_eq!(Stat::parse(text), Some(expected));
    }

    #[test]
    fn descendants_are_found_at_any_depth() {
        let stat = |pid, parent| Stat {
            pid,
            is_zombie: false,
            parent,
            session: 0,
            start: 0,
        };
        let tree = [stat(2, 1), stat(3, 2), stat(4, 3), stat(5, 1), stat(6, 4)];
        let mut found: Vec<i32> = descendants(&tree, 2).iter().map(|stat| stat.pid).collect();
        found.sort_unstable();
        assert_eq!(found, [3, 4, 6]);
    }

    #[test]
    fn this_process_is_in_proc() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let stat = Stat::of(pid).unwrap();
        assert_eq!(Stat::of_this_process().unwrap(), stat);
        assert!(stat.pid == pid && stat.start > 0 && !stat.is_zombie, "{stat:?}");
    }
}
