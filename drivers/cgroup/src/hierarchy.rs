//! Which cgroups the host has, and where.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Cgroup;
use crate::cgroup::Kind;

mod mountinfo;
mod name;

/// The directory below which all tasks have their cgroups.
const PARENT: &str = "encamp";

/// A v1 controller that is used where it is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Controller {
    /// Stops and finds processes; every task has it.
    Freezer,
    /// Memory limits, usage, OOM kills.
    Memory,
    /// Processor shares.
    Cpu,
    /// Processor usage.
    Cpuacct,
    /// The cores that a task may run on.
    Cpuset,
    /// How many processes a task may have.
    Pids,
}

impl Controller {
    const ALL: [(&'static str, Self); 6] = [
        ("freezer", Self::Freezer),
        ("memory", Self::Memory),
        ("cpu", Self::Cpu),
        ("cpuacct", Self::Cpuacct),
        ("cpuset", Self::Cpuset),
        ("pids", Self::Pids),
    ];

    /// What mounts call it.
    pub(crate) fn name(self) -> &'static str {
        let mut all = Self::ALL.iter();
        all.find(|(_, controller)| *controller == self)
            .map_or("", |(name, _)| name)
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, controller)| *controller)
    }
}

/// Which cgroups the host has. A host with both versions counts as v1 if the controllers that limit memory or the
/// processor are there, else as v2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hierarchy {
    /// One tree for each controller.
    V1 {
        /// Where each is mounted.
        mounts: BTreeMap<Controller, PathBuf>,
        /// The directory in each below which tasks have theirs.
        parent: String,
    },
    /// One tree for all controllers.
    V2 {
        /// Where it is mounted.
        mount: PathBuf,
        /// The directory in it below which tasks have theirs.
        parent: String,
    },
    /// None that could be used: not mounted, read-only, or the process is not root.
    Off,
}

impl Hierarchy {
    /// Looks at the mounts of the calling process. [`Hierarchy::Off`] where it could not make a cgroup anyway.
    pub fn detect() -> Self {
        let found = Self::detect_in(Path::new("/proc/self/mountinfo"), PARENT);
        if found.is_writable() { found } else { Self::Off }
    }

    /// Looks at the mounts listed in the file `mountinfo`; tasks are put below `parent`.
    pub fn detect_in(mountinfo: &Path, parent: &str) -> Self {
        let table = std::fs::read_to_string(mountinfo).unwrap_or_default();
        let mounts = mountinfo::cgroup_mounts(&table);
        let v1: BTreeMap<_, _> = mounts
            .controllers
            .iter()
            .filter_map(|(name, path)| Some((Controller::named(name)?, path.clone())))
            .collect();
        let limits = [Controller::Memory, Controller::Cpu]
            .iter()
            .any(|of| v1.contains_key(of));
        if limits || (!v1.is_empty() && mounts.unified.is_none()) {
            return Self::V1 {
                mounts: v1,
                parent: parent.to_owned(),
            };
        }
        mounts.unified.map_or(Self::Off, |mount| Self::V2 {
            mount,
            parent: parent.to_owned(),
        })
    }

    /// Takes what is at `root` (usually `/sys/fs/cgroup`) for what it looks like; tasks are put below `parent`.
    pub fn at(root: &Path, parent: &str) -> Self {
        let parent = parent.to_owned();
        if root.join("cgroup.procs").exists() {
            return Self::V2 {
                mount: root.to_owned(),
                parent,
            };
        }
        let controllers = Controller::ALL
            .into_iter()
            .map(|(name, controller)| (controller, root.join(name)));
        let mounts: BTreeMap<_, _> = controllers
            .filter(|(_, mount)| mount.join("cgroup.procs").exists())
            .collect();
        if mounts.is_empty() {
            Self::Off
        } else {
            Self::V1 { mounts, parent }
        }
    }

    /// Whether the process may make cgroups: the parent, or what it would be made in, is writable for it.
    fn is_writable(&self) -> bool {
        let (mount, parent) = match self {
            Self::V1 { mounts, parent } => (mounts.values().next(), parent),
            Self::V2 { mount, parent } => (Some(mount), parent),
            Self::Off => return false,
        };
        let writable = |dir: &Path| nix::unistd::access(dir, nix::unistd::AccessFlags::W_OK).is_ok();
        mount.is_some_and(|mount| {
            let parent = mount.join(parent);
            writable(if parent.exists() { &parent } else { mount })
        })
    }

    /// The cgroup of a task. Nothing is made; the same name always gives the same cgroup.
    pub fn task(&self, name: &str) -> Cgroup {
        let name = name::directory(name);
        Cgroup::new(match self {
            Self::V1 { mounts, parent } => Kind::V1 {
                dirs: mounts
                    .iter()
                    .map(|(controller, mount)| (*controller, mount.join(parent).join(&name)))
                    .collect(),
                cpuset: None,
            },
            Self::V2 { mount, parent } => Kind::V2 {
                dir: mount.join(parent).join(format!("{name}.scope")),
                given: false,
            },
            Self::Off => Kind::Off,
        })
    }

    /// The cgroup of a task for which a host has made one, as a Nomad agent does. On v2 `given` is the task's cgroup; on v1 it
    /// is a cpuset, which the task joins besides its own. What else the host made is left as it is. A directory outside of
    /// the tree (on v1: of the cpuset's) is not the task's, and is ignored. Nothing is made.
    pub fn task_in(&self, name: &str, given: &Path) -> Cgroup {
        let is_below = |mount: &Path| {
            let below = given.strip_prefix(mount);
            below.is_ok_and(|path| {
                let mut parts = path.components().peekable();
                parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
            })
        };
        match (self, self.task(name).kind()) {
            (Self::V1 { mounts, .. }, Kind::V1 { mut dirs, .. })
                if mounts.get(&Controller::Cpuset).is_some_and(|mount| is_below(mount)) =>
            {
                dirs.remove(&Controller::Cpuset);
                Cgroup::new(Kind::V1 {
                    dirs,
                    cpuset: Some(given.to_owned()),
                })
            }
            (Self::V2 { mount, .. }, _) if is_below(mount) => Cgroup::new(Kind::V2 {
                dir: given.to_owned(),
                given: true,
            }),
            (_, own) => Cgroup::new(own),
        }
    }

    /// Whether there are no cgroups to use.
    pub fn is_off(&self) -> bool {
        matches!(self, Self::Off)
    }

    /// `1` or `2`, for `os.cgroups.version`; `None` when there are none.
    pub fn version(&self) -> Option<u8> {
        match self {
            Self::V1 { .. } => Some(1),
            Self::V2 { .. } => Some(2),
            Self::Off => None,
        }
    }
}

#[cfg(test)]
mod tests;
