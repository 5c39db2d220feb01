//! What a test run leaves behind: the state of the machine before it is compared with the state after it.
//!
//! Processes are told exactly: only descendants of this process count. The rest of the machine is shared, so what
//! another program makes during the run and keeps cannot be told from a leak.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use crate::poll;

pub(crate) mod parse;
pub(crate) mod process;
pub(crate) mod read;

/// How long an asynchronous teardown (of a namespace, of a cgroup) may take.
const SETTLE: Duration = Duration::from_secs(5);

/// What can be left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Process,
    Mount,
    NetworkNamespace,
    Cgroup,
    NetworkLink,
    PacketFilterRule,
    TemporaryFile,
    OfEngine,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Process => "process",
            Self::Mount => "mount",
            Self::NetworkNamespace => "network namespace",
            Self::Cgroup => "cgroup",
            Self::NetworkLink => "network link",
            Self::PacketFilterRule => "packet filter rule",
            Self::TemporaryFile => "temporary file",
            Self::OfEngine => "in the engine",
        })
    }
}

/// The things that exist at one moment, and how many of each: two rules, or two mounts, can be alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Snapshot(BTreeMap<(Kind, String), usize>);

impl Snapshot {
    /// What exists now; temporary files are those in `tmp`.
    pub(crate) fn take(tmp: &Path) -> Self {
        let mut snapshot = Self::default();
        snapshot.add(Kind::Process, process::descendants(&process::all(), std::process::id()));
        snapshot.add(Kind::Mount, read::mounts());
        snapshot.add(Kind::NetworkNamespace, read::network_namespaces());
        snapshot.add(Kind::Cgroup, read::cgroups());
        snapshot.add(Kind::NetworkLink, read::links());
        snapshot.add(Kind::PacketFilterRule, read::packet_filter_rules());
        snapshot.add(Kind::TemporaryFile, read::names_in(tmp));
        snapshot
    }

    pub(crate) fn add(&mut self, kind: Kind, things: impl IntoIterator<Item = String>) {
        for thing in things {
            *self.0.entry((kind, thing)).or_default() += 1;
        }
    }
}

/// Something that is there after the run and was not there before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leak {
    pub(crate) kind: Kind,
    pub(crate) what: String,
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.what)
    }
}

/// What `after` has more of than `before`.
pub(crate) fn compare(before: &Snapshot, after: &Snapshot) -> Vec<Leak> {
    let mut leaks = Vec::new();
    for ((kind, what), count) in &after.0 {
        let had = before.0.get(&(*kind, what.clone())).copied().unwrap_or(0);
        for _ in had..*count {
            leaks.push(Leak {
                kind: *kind,
                what: what.clone(),
            });
        }
    }
    leaks
}

/// Compares until nothing is left over, or until what is left over has had time enough to go away.
pub(crate) fn settle(before: &Snapshot, take: impl Fn() -> Snapshot) -> Vec<Leak> {
    let mut leaks = Vec::new();
    drop(poll::until(SETTLE, || {
        leaks = compare(before, &take());
        if leaks.is_empty() {
            Ok(())
        } else {
            Err(format!("{} things are left", leaks.len()))
        }
    }));
    leaks
}

#[cfg(test)]
mod tests {
    use super::{Kind, Leak, Snapshot, compare, settle};
    use std::cell::Cell;

    fn snapshot(things: &[(Kind, &str)]) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for (kind, what) in things {
            snapshot.add(*kind, [(*what).to_owned()]);
        }
        snapshot
    }

    fn leak(kind: Kind, what: &str) -> Leak {
        Leak {
            kind,
            what: what.to_owned(),
        }
    }

    #[test]
    fn only_what_is_new_is_a_leak() {
        let before = snapshot(&[(Kind::Mount, "/a"), (Kind::Cgroup, "old")]);
        let after = snapshot(&[(Kind::Mount, "/a"), (Kind::Mount, "/b"), (Kind::NetworkLink, "/a")]);
        assert_eq!(
            compare(&before, &after),
            [leak(Kind::Mount, "/b"), leak(Kind::NetworkLink, "/a")]
        );
    }

    #[test]
    fn a_second_one_of_the_same_is_a_leak() {
        let before = snapshot(&[(Kind::Mount, "/a")]);
        let after = snapshot(&[(Kind::Mount, "/a"), (Kind::Mount, "/a"), (Kind::Mount, "/a")]);
        assert_eq!(
            compare(&before, &after),
            [leak(Kind::Mount, "/a"), leak(Kind::Mount, "/a")]
        );
        assert_eq!(compare(&after, &before), []);
    }

    #[test]
    fn what_goes_away_soon_is_no_leak() {
        let before = snapshot(&[]);
        let looks = Cell::new(0);
        let leaks = settle(&before, || {
            looks.set(looks.get() + 1);
            if looks.get() < 4 {
                snapshot(&[(Kind::Cgroup, "busy")])
            } else {
                snapshot(&[])
            }
        });
        assert_eq!(leaks, []);
        assert_eq!(looks.get(), 4);
    }

    #[test]
    fn a_leak_says_what_it_is() {
        assert_eq!(
            leak(Kind::NetworkNamespace, "/run/netns/x").to_string(),
            "network namespace: /run/netns/x"
        );
    }
}
