//! [`AllocDir`]: the directories of one allocation.

use std::ffi::OsStr;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::task::Shape;
use crate::{Beneath, Error, TaskDir, TaskOptions, mounts, remove};

/// The directories of one allocation: `<alloc root>/<alloc id>`.
///
/// It is only a name until [`AllocDir::build`]; after a crash the same name finds everything again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllocDir {
    root: PathBuf,
    id: String,
}

impl AllocDir {
    /// The directories of the allocation `id` below `root` (usually `<data dir>/alloc`). Nothing is made.
    ///
    /// # Errors
    /// [`Error::Name`] for an id that is not one path component.
    pub fn new(root: impl Into<PathBuf>, id: &str) -> Result<Self, Error> {
        check_name("allocation", id)?;
        Ok(Self {
            root: root.into(),
            id: id.to_owned(),
        })
    }

    /// The allocation's directory.
    pub fn path(&self) -> PathBuf {
        self.root.join(&self.id)
    }

    /// What all tasks share: `alloc`.
    pub fn shared(&self) -> PathBuf {
        self.path().join("alloc")
    }

    /// Where tasks' output goes: `alloc/logs`.
    pub fn logs(&self) -> PathBuf {
        self.shared().join("logs")
    }

    /// The directories of a task. Nothing is made.
    ///
    /// # Errors
    /// [`Error::Name`] for a name that is not one path component, or is `alloc`.
    pub fn task(&self, name: &str) -> Result<TaskDir, Error> {
        check_name("task", name)?;
        Ok(TaskDir::new(self.path().join(name)))
    }

    /// Makes the allocation's directory and what all tasks share. What exists is put in order; a link in the place of
    /// one of the directories is replaced by a directory. The root of all allocations and its parents are made with mode
    /// 0711 (without root 0700) where they are missing, and left as they are where not.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn build(&self) -> Result<(), Error> {
        make_root(&self.root).map_err(|source| Error::io("create directory", &self.root, source))?;
        let (alloc, path) = (self.own_dir()?, self.path());
        Shape::SHARED
            .iter()
            .try_for_each(|shape| shape.make(&alloc, &path, None).map(drop))
    }

    /// The allocation's directory, made if need be.
    fn own_dir(&self) -> Result<Beneath, Error> {
        let root = Beneath::open(&self.root).map_err(|source| Error::io("open directory", &self.root, source))?;
        let dir = root.own_dir(OsStr::new(&self.id), 0o700);
        dir.map_err(|source| Error::io("create directory", self.path(), source))
    }

    /// Makes a task's directories, on top of [`AllocDir::build`]. What exists is put in order; secrets that are
    /// mounted already stay as they are.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Name`].
    pub fn build_task(&self, name: &str, options: &TaskOptions) -> Result<TaskDir, Error> {
        let task = self.task(name)?;
        task.build(&self.own_dir()?, name, options)?;
        Ok(task)
    }

    /// A handle on the allocation's directory.
    ///
    /// # Errors
    /// [`Error::Io`] when it was not built.
    pub fn beneath(&self) -> Result<Beneath, Error> {
        let path = self.path();
        Beneath::open(&path).map_err(|source| Error::io("open directory", path, source))
    }

    /// Whether it exists.
    pub fn exists(&self) -> bool {
        self.path().symlink_metadata().is_ok()
    }

    /// Unmounts all that is mounted in the allocation's directory and removes it. What is missing is fine; symlinks
    /// are removed, never followed, and nothing behind a mount that could not be undone is touched.
    ///
    /// # Errors
    /// [`Error::Leftovers`] after everything else was removed; [`Error::Io`] when it could not even be looked at.
    pub fn destroy(&self) -> Result<(), Error> {
        let root = match Beneath::open(&self.root) {
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened.map_err(|source| Error::io("open directory", &self.root, source))?,
        };
        let mut left = mounts::unmount_below(&self.path())?;
        left.extend(remove::tree(&root, &self.id));
        if left.is_empty() {
            Ok(())
        } else {
            Err(left.into_error(self.path()))
        }
    }
}

/// Makes the root of all allocations and what is missing above it. Tasks of any user pass through, and need not list it.
/// Without root there is but one user. What is there already is the operator's.
fn make_root(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => make_root(parent)?,
        _ => {}
    }
    match std::fs::create_dir(dir) {
        // The umask is not ours to change.
        Ok(()) => {
            let mode = if rustix::process::geteuid().is_root() {
                0o711
            } else {
                0o700
            };
            std::fs::set_permissions(dir, Permissions::from_mode(mode))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

fn check_name(what: &'static str, name: &str) -> Result<(), Error> {
    let reserved = what == "task" && name == "alloc";
    let one_component = !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0']);
    if reserved || !one_component {
        return Err(Error::Name {
            what,
            name: name.to_owned(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
