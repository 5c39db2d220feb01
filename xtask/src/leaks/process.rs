//! Processes, as `/proc` tells them.

use std::collections::BTreeSet;
use std::fs;

/// One process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) parent: u32,
    /// The first 15 bytes of its program's name.
    pub(crate) name: String,
    /// Ended, and not yet waited for.
    pub(crate) dead: bool,
    /// In clock ticks since the machine started: together with the pid, unique.
    pub(crate) started: u64,
    /// Its command line, or its name where it has none.
    pub(crate) command: String,
}

/// Every process of the machine.
pub(crate) fn all() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let stat = |entry: fs::DirEntry| {
        let mut process = parse(&fs::read_to_string(entry.path().join("stat")).ok()?)?;
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if !line.is_empty() {
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            line.trim_end().clone_into(&mut process.command);
        }
        Some(process)
    };
    entries
        .filter(|entry| {
            entry
                .file_name()
                .as_encoded_bytes()
                .first()
                .is_some_and(u8::is_ascii_digit)
        })
        .filter_map(stat)
        .collect()
}

/// The living descendants of a process, named.
pub(crate) fn descendants(all: &[Process], root: u32) -> Vec<String> {
    let mut family = BTreeSet::from([root]);
    loop {
        let children = all
            .iter()
            .filter(|process| family.contains(&process.parent))
            .map(|process| process.pid);
        let before = family.len();
        let children: Vec<_> = children.collect();
        family.extend(children);
        if family.len() == before {
            break;
        }
    }
    let named = |process: &Process| {
        format!(
            "{} (pid {}, started at {})",
            process.command, process.pid, process.started
        )
    };
    let members = all
        .iter()
        .filter(|process| process.pid != root && !process.dead && family.contains(&process.pid));
    members.map(named).collect()
}

/// The pid in the name that [`descendants`] gives.
pub(crate) fn pid_of(named: &str) -> Option<i32> {
    named.rsplit_once("(pid ")?.1.split(',').next()?.parse().ok()
}

/// From the text of `/proc/<pid>/stat`; the name in it is in parentheses and may itself hold any byte.
fn parse(stat: &str) -> Option<Process> {
    let (pid, rest) = stat.split_once(" (")?;
    let (name, rest) = rest.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let dead = matches!(fields.next()?, "Z" | "X");
    let parent = fields.next()?.parse().ok()?;
    let started = fields.nth(17)?.trim().parse().ok()?;
    Some(Process {
        pid: pid.parse().ok()?,
        parent,
        name: name.to_owned(),
        dead,
        started,
        command: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::{Process, descendants, parse, pid_of};

    fn process(pid: u32, parent: u32, dead: bool) -> Process {
        Process {
            pid,
            parent,
            name: "p".into(),
            dead,
            started: 7,
            command: format!("p {pid}"),
        }
    }

    #[test]
    fn a_name_may_hold_parentheses_and_blanks() {
        let stat = "42 (a) (b c) Z 7 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 99887 0 0 18446744073709551615";
        let wanted = Process {
            name: "a) (b c".into(),
            command: "a) (b c".into(),
            started: 99887,
            ..process(42, 7, true)
        };
        assert_eq!(parse(stat), Some(wanted));
        assert_eq!(parse("garbage"), None);
    }

    #[test]
    fn this_process_is_found() {
        let me = std::process::id();
        assert!(
            super::all()
                .iter()
                .any(|process| process.pid == me && !process.dead && process.started > 0)
        );
    }

    #[test]
    fn descendants_are_living_and_of_any_depth() {
        // The grandchild comes before its parent in the list, as it does when pids wrap around.
        let all = [
            process(9, 20, false),
            process(1, 0, false),
            process(10, 1, false),
            process(20, 10, false),
            process(21, 10, true),
        ];
        let names = descendants(&all, 10);
        assert_eq!(names, ["p 9 (pid 9, started at 7)", "p 20 (pid 20, started at 7)"]);
        assert_eq!(
            names.iter().filter_map(|name| pid_of(name)).collect::<Vec<_>>(),
            [9, 20]
        );
    }
}
