//! [`TaskDir`]: the directories of one task.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Gid, Mode, OFlags, Uid};

use crate::{Beneath, Error, mounts};

/// The directories of one task: `<alloc dir>/<task>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskDir {
    path: PathBuf,
}

/// How a task's directories are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskOptions {
    /// Who the task runs as, where that is known before it starts.
    pub owner: Option<Owner>,
    /// The size of `secrets` in MiB, where it is in memory. 1 by default.
    pub secrets_mb: u32,
}

impl Default for TaskOptions {
    fn default() -> Self {
        Self {
            owner: None,
            secrets_mb: 1,
        }
    }
}

/// Who a task runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl TaskDir {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The task's own directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What belongs to the task alone: `local`.
    pub fn local(&self) -> PathBuf {
        self.path.join("local")
    }

    /// What belongs to the task alone and is never written to a disk: `secrets`.
    pub fn secrets(&self) -> PathBuf {
        self.path.join("secrets")
    }

    /// Scratch space: `tmp`.
    pub fn tmp(&self) -> PathBuf {
        self.path.join("tmp")
    }

    /// What the node keeps about the task and the task is not to see: `private`.
    pub fn private(&self) -> PathBuf {
        self.path.join("private")
    }

    /// A handle on the task's directory: what a job file names is opened through it.
    ///
    /// # Errors
    /// [`Error::Io`] when it was not built.
    pub fn beneath(&self) -> Result<Beneath, Error> {
        Beneath::open(&self.path).map_err(|source| Error::io("open directory", &self.path, source))
    }

    pub(crate) fn build(&self, alloc: &Beneath, name: &str, options: &TaskOptions) -> Result<(), Error> {
        let failed = |source| Error::io("create directory", &self.path, source);
        let task = alloc.own_dir(OsStr::new(name), 0o700).map_err(failed)?;
        for shape in Shape::TASK {
            shape.make(&task, &self.path, options.owner)?;
        }
        for (shape, size_mb) in [(Shape::SECRETS, options.secrets_mb), (Shape::PRIVATE, 1)] {
            let dir = shape.make(&task, &self.path, options.owner)?;
            let path = self.path.join(shape.name);
            if rustix::process::geteuid().is_root() && mounts::mount_tmpfs(&dir, &path, size_mb)? {
                // The new root of the mount has an owner and a mode of its own.
                shape.make(&task, &self.path, options.owner)?;
            }
        }
        Ok(())
    }
}

/// One directory of the layout.
pub(crate) struct Shape {
    name: &'static str,
    /// The mode where the task's user owns it.
    owned: u32,
    /// The mode where it is not known who will use it.
    shared: u32,
    /// Whether the task's user owns it.
    task_owned: bool,
}

impl Shape {
    /// The allocation's directory itself and what all tasks share. `alloc` is sticky: a task cannot put a directory of
    /// its own in the place of `alloc/logs`.
    pub(crate) const SHARED: [Self; 5] = [
        Self::of_node("", 0o711),
        Self::of_node("alloc", 0o1777),
        Self::of_node("alloc/logs", 0o755),
        Self::of_node("alloc/tmp", 0o1777),
        Self::of_node("alloc/data", 0o777),
    ];
    const TASK: [Self; 3] = [
        Self::of_task("", 0o755, 0o777),
        Self::of_task("local", 0o755, 0o777),
        Self::of_task("tmp", 0o1777, 0o1777),
    ];
    const SECRETS: Self = Self::of_task("secrets", 0o700, 0o777);
    const PRIVATE: Self = Self::of_node("private", 0o700);

    const fn of_node(name: &'static str, mode: u32) -> Self {
        Self {
            name,
            owned: mode,
            shared: mode,
            task_owned: false,
        }
    }

    const fn of_task(name: &'static str, owned: u32, shared: u32) -> Self {
        Self {
            name,
            owned,
            shared,
            task_owned: true,
        }
    }

    /// Makes it below `root`, whose path is `path`, and gives it its mode and owner. A link on the way is one that a
    /// task has put there: a directory takes its place, and what it points to is left alone.
    pub(crate) fn make(&self, root: &Beneath, path: &Path, owner: Option<Owner>) -> Result<Beneath, Error> {
        let mut names = Path::new(self.name).iter();
        let dir = root.try_clone();
        let made = dir.and_then(|dir| names.try_fold(dir, |dir, name| dir.own_dir(name, 0o700)));
        let set = made.and_then(|dir| self.set(&dir, owner).map(|()| dir));
        set.map_err(|source| Error::io("create directory", path.join(self.name), source))
    }

    fn set(&self, dir: &Beneath, owner: Option<Owner>) -> io::Result<()> {
        let dir = dir.reopen()?;
        let root = rustix::process::geteuid().is_root();
        let owner = owner.filter(|_| self.task_owned && root);
        if let Some(owner) = owner {
            rustix::fs::fchown(&dir, Some(Uid::from_raw(owner.uid)), Some(Gid::from_raw(owner.gid)))?;
        }
        // Without root everything belongs to one user anyway.
        let mode = if owner.is_some() || !root {
            self.owned
        } else {
            self.shared
        };
        Ok(rustix::fs::fchmod(&dir, Mode::from_raw_mode(mode))?)
    }
}

impl Beneath {
    /// The directory as a descriptor that its mode and owner can be changed by.
    fn reopen(&self) -> io::Result<std::os::fd::OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(self, ".", flags, Mode::empty())?)
    }
}
