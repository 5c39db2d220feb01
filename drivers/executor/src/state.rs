//! A task's state directory: `<state dir>/<task id>/`.
//!
//! | file | what it is |
//! |---|---|
//! | `supervisor.log` | the supervising process's standard error; whoever supervises or launches holds its lock |
//! | `control.sock` | where the supervising process is asked for things |
//! | `supervisor.json` | [`Record`]: who supervises what, written before anything is made that has to be cleaned up |
//! | `task.json` | [`Started`]: the task, written before its command is executed |
//! | `exit.json` | [`Exit`]: how the task ended |
//!
//! A record that was cut off in the middle was never finished, so nothing came after it: it counts as none. Only the
//! exit is replaced in one step, and survives a crash of the machine.
//!
//! The lock tells the living from the dead: it goes with the last process that holds it, however that ends.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use encamp_cgroup::Cgroup;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::protocol::Started;
use crate::{Exit, proc};

pub(crate) const LOG: &str = "supervisor.log";
const RECORD: &str = "supervisor.json";
const TASK: &str = "task.json";
const EXIT: &str = "exit.json";

/// Who supervises what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The boot that all of this is about.
    pub(crate) boot_id: String,
    /// The supervising process.
    pub(crate) pid: i32,
    /// When that started, in ticks since boot.
    pub(crate) start: u64,
    /// What it makes for the task.
    pub(crate) cgroup: Option<Cgroup>,
}

impl Record {
    pub(crate) fn of_this_process(cgroup: Option<Cgroup>) -> Self {
        let pid = nix::unistd::getpid().as_raw();
        Self {
            boot_id: proc::boot_id(),
            pid,
            start: proc::Stat::of(pid).map_or(0, |stat| stat.start),
            cgroup,
        }
    }

    pub(crate) fn write(&self, dir: &Path) -> io::Result<()> {
        write(dir, RECORD, self)
    }

    /// The record, if there is one that can be read.
    pub(crate) fn read(dir: &Path) -> io::Result<Option<Self>> {
        read(dir, RECORD)
    }
}

pub(crate) fn write_task(dir: &Path, task: &Started) -> io::Result<()> {
    write(dir, TASK, task)
}

pub(crate) fn read_task(dir: &Path) -> io::Result<Option<Started>> {
    read(dir, TASK)
}

pub(crate) fn write_exit(dir: &Path, exit: &Exit) -> io::Result<()> {
    let fresh = dir.join(format!("{EXIT}.new"));
    let mut file = File::create(&fresh)?;
    file.write_all(&serde_json::to_vec(exit)?)?;
    file.sync_data()?;
    fs::rename(fresh, dir.join(EXIT))
}

pub(crate) fn read_exit(dir: &Path) -> io::Result<Option<Exit>> {
    read(dir, EXIT)
}

/// No detour over another name: it would cost each start of a task as much as the file itself.
fn write(dir: &Path, name: &str, content: &impl Serialize) -> io::Result<()> {
    let mut file = File::create(dir.join(name))?;
    file.write_all(&serde_json::to_vec(content)?)
}

fn read<T: DeserializeOwned>(dir: &Path, name: &str) -> io::Result<Option<T>> {
    match fs::read(dir.join(name)) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The name of a task's state directory: its id, with every byte that is not plain written as `%` and two digits. An
/// id that is too long for a name is cut, and a checksum of all of it keeps it apart from others.
pub(crate) fn directory_name(task_id: &str) -> String {
    const LONGEST: usize = 200;
    let mut name = String::new();
    for byte in task_id.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => name.push(char::from(byte)),
            other => name.extend(['%', hex(other >> 4), hex(other & 15)]),
        }
    }
    if name.len() > LONGEST {
        let sum = fnv1a(task_id.as_bytes());
        name.truncate(LONGEST);
        let sum = format!("%{sum:016x}");
        name.push_str(&sum);
    }
    // Neither "." nor ".." nor nothing.
    format!("task-{name}")
}

fn hex(digit: u8) -> char {
    char::from_digit(u32::from(digit), 16).unwrap_or('0')
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(task_id: &str, expected: &str) {
        assert_eq!(directory_name(task_id), expected);
    }

    #[test]
    fn ids_become_single_names() {
        check("3ac4/web/01234567", "task-3ac4%2fweb%2f01234567");
        check("..", "task-..");
        check("", "task-");
        check("a%2fb", "task-a%252fb");
    }

    #[test]
    fn long_ids_stay_apart_and_short_enough() {
        let (one, other) = (format!("{}1", "x".repeat(500)), format!("{}2", "x".repeat(500)));
        assert_ne!(directory_name(&one), directory_name(&other));
        assert!(directory_name(&one).len() < 255);
    }
}
