//! [`Rootfs`]: what a task's file system is made of. Pure data.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

mod builder;

pub use builder::Builder;

/// A task's file system: a directory of the host that becomes `/`, and the mounts over it, in the order in which they
/// are made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rootfs {
    /// The host directory that becomes `/`.
    pub root: PathBuf,
    /// The mounts, in order.
    pub mounts: Vec<Mount>,
    /// Paths inside that are covered so that nothing of them can be read. Missing ones are skipped.
    pub masked: Vec<PathBuf>,
    /// Paths inside that cannot be written to. Missing ones are skipped.
    pub read_only: Vec<PathBuf>,
    /// How the old root is left.
    pub switch: Switch,
}

impl Rootfs {
    /// The file system of a task whose own directory is `task_dir`; see [`Builder`] for what is in it.
    pub fn for_task(task_dir: impl Into<PathBuf>) -> Builder {
        Builder::new(task_dir.into())
    }
}

/// How the old root is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// By `pivot_root`: nothing of the old root stays reachable.
    #[default]
    PivotRoot,
    /// By moving the new root over the old one and `chroot`, for hosts whose root is a ramdisk.
    MoveMount,
}

/// Something at a path of the task's file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Where, as an absolute path inside the task.
    pub target: PathBuf,
    /// What.
    pub kind: Kind,
}

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A path of the host.
    Bind(Bind),
    /// A directory of the host, read-only with all that is mounted in it. A symlink on the host is made anew; what is
    /// not there is skipped.
    HostDirectory(PathBuf),
    /// A directory of the allocation, writable. Unlike a bind that a job asked for, it comes exactly where it is to be,
    /// whatever stands there.
    AllocDirectory(PathBuf),
    /// A read-only file with this content that exists nowhere on the host.
    File {
        /// The content.
        content: String,
    },
    /// `proc` of the process namespace that the child is in.
    Proc,
    /// `sysfs`, read-only.
    Sysfs,
    /// A small `/dev`: the usual nodes, terminals, shared memory, message queues, links.
    Dev {
        /// The size of `/dev/shm` in bytes.
        shm_size: u64,
    },
    /// An empty file system in memory.
    Tmpfs {
        /// Its size in bytes.
        size: u64,
        /// The mode of its root.
        mode: u32,
    },
}

/// A path of the host that appears inside the task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// Where it is on the host: a directory, a file, or a device node.
    pub source: PathBuf,
    /// Where the task sees it.
    pub target: PathBuf,
    /// Whether the task cannot write to it, nor to anything mounted below it.
    pub read_only: bool,
    /// Whether device nodes in it can be opened.
    pub devices: bool,
    /// How mounts made below it travel.
    pub propagation: Propagation,
}

impl Bind {
    /// A writable bind of `source` at `target`, in which device nodes cannot be opened.
    pub fn new(source: impl Into<PathBuf>, target: impl Into<PathBuf>) -> Self {
        Self {
            source: source.into(),
            target: target.into(),
            read_only: false,
            devices: false,
            propagation: Propagation::Private,
        }
    }

    /// A device node of the host at `target`.
    pub fn device(source: impl Into<PathBuf>, target: impl Into<PathBuf>) -> Self {
        Self {
            devices: true,
            ..Self::new(source, target)
        }
    }

    /// The same, read-only.
    #[must_use]
    pub fn read_only(self) -> Self {
        Self {
            read_only: true,
            ..self
        }
    }

    /// The same, with mounts below it travelling so.
    #[must_use]
    pub fn propagation(self, propagation: Propagation) -> Self {
        Self { propagation, ..self }
    }
}

/// How mounts made below a bind travel between the host and the task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Propagation {
    /// Not at all.
    #[default]
    Private,
    /// From the host into the task.
    HostToTask,
    /// Both ways.
    Bidirectional,
}

/// The directories of the host that a task sees read-only: what commands, libraries and their configuration need.
pub const HOST_DIRECTORIES: [&str; 9] = [
    "/bin",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/run/resolvconf",
    "/sbin",
    "/usr",
    "/run/systemd/resolve",
];

impl Mount {
    fn new(target: impl AsRef<Path>, kind: Kind) -> Self {
        Self {
            target: target.as_ref().to_owned(),
            kind,
        }
    }
}
