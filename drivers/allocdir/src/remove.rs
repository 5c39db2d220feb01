//! Removing a tree that somebody hostile may have made.

use std::collections::VecDeque;
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::{Beneath, Error};

/// How many errors are told in full.
const TOLD: usize = 8;
/// How deep directories are emptied where they are.
const DEEPEST: usize = 32;

/// What could not be removed.
#[derive(Debug, Default)]
pub(crate) struct Leftovers {
    count: usize,
    first: Vec<String>,
}

impl Leftovers {
    pub(crate) fn add(&mut self, path: &Path, error: impl Into<io::Error>) {
        self.count += 1;
        if self.first.len() < TOLD {
            self.first.push(format!("{}: {}", path.display(), error.into()));
        }
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.count += other.count;
        let room = TOLD.saturating_sub(self.first.len());
        self.first.extend(other.first.into_iter().take(room));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn into_error(self, path: PathBuf) -> Error {
        Error::Leftovers {
            path,
            left: self.count,
            first: self.first,
        }
    }
}

/// Removes `name` in `root` with all that is in it.
///
/// Symlinks are removed, never followed, and no mount is entered. Directories deeper than [`DEEPEST`] are moved up to
/// the top before they are emptied, so however deep the tree is, descriptors and recursion stay bounded.
pub(crate) fn tree(root: &Beneath, name: &str) -> Leftovers {
    let mut left = Leftovers::default();
    let top = match open(root.as_fd(), c_name(name).as_c_str()) {
        Ok(top) => top,
        Err(Errno::NOENT) => return left,
        Err(Errno::NOTDIR | Errno::LOOP) => {
            unlink(root, name, AtFlags::empty(), &mut left);
            return left;
        }
        Err(error) => {
            left.add(Path::new(name), error);
            return left;
        }
    };
    let mut sweep = Sweep {
        top: &top,
        pending: VecDeque::new(),
        moved: 0,
        left,
    };
    sweep.empty(&top, Path::new(""), 0);
    while let Some((at, shown)) = sweep.pending.pop_front() {
        sweep.take_down(&top, &at, &shown, 0);
    }
    let mut left = sweep.left;
    if left.is_empty() {
        unlink(root, name, AtFlags::REMOVEDIR, &mut left);
    }
    left
}

struct Sweep<'t> {
    top: &'t OwnedFd,
    /// Directories in `top` by their present name, and by the path that they had.
    pending: VecDeque<(CString, PathBuf)>,
    moved: u64,
    left: Leftovers,
}

impl Sweep<'_> {
    /// Empties and removes the directory `name` in `dir`.
    fn take_down(&mut self, dir: &OwnedFd, name: &CStr, shown: &Path, depth: usize) {
        let before = self.left.count;
        match open(dir, name) {
            Ok(dir) => self.empty(&dir, shown, depth + 1),
            Err(error) => return self.left.add(shown, error),
        }
        if self.left.count == before
            && let Err(error) = rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR)
        {
            self.left.add(shown, error);
        }
    }

    /// Removes all that is in `dir`.
    fn empty(&mut self, dir: &OwnedFd, shown: &Path, depth: usize) {
        let entries = match entries(dir) {
            Ok(entries) => entries,
            Err(error) => return self.left.add(shown, error),
        };
        for (name, kind) in entries {
            let path = shown.join(name.to_string_lossy().as_ref());
            match remove_entry(dir, &name, kind) {
                Ok(()) => {}
                Err(Errno::NOTEMPTY | Errno::EXIST | Errno::ACCESS) if depth < DEEPEST => {
                    self.take_down(dir, &name, &path, depth);
                }
                Err(Errno::NOTEMPTY | Errno::EXIST | Errno::ACCESS) => {
                    if let Err(error) = self.move_up(dir, &name, &path) {
                        self.left.add(&path, error);
                    }
                }
                Err(error) => self.left.add(&path, error),
            }
        }
    }

    fn move_up(&mut self, dir: &OwnedFd, name: &CStr, path: &Path) -> Result<(), Errno> {
        let mut allowed = false;
        loop {
            let at = c_name(&format!(".encamp-remove-{}-{}", std::process::id(), self.moved));
            self.moved += 1;
            let flags = rustix::fs::RenameFlags::NOREPLACE;
            match rustix::fs::renameat_with(dir, name, self.top, at.as_c_str(), flags) {
                Err(Errno::EXIST) => {}
                Err(Errno::ACCESS) if !allowed => {
                    allowed = true;
                    allow(dir, name)?;
                }
                Ok(()) => {
                    self.pending.push_back((at, path.to_owned()));
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Removes a file, or a directory that is empty.
fn remove_entry(dir: &OwnedFd, name: &CStr, kind: FileType) -> Result<(), Errno> {
    if kind != FileType::Directory {
        match rustix::fs::unlinkat(dir, name, AtFlags::empty()) {
            Err(Errno::ISDIR) => {}
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    match rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR) {
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}

/// Opens a directory by name: no symlink, no mount point. One that denies its owner something is made to allow it.
fn open(dir: impl AsFd, name: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    let open = || rustix::fs::openat2(&dir, name, flags, Mode::empty(), resolve);
    let opened = match open() {
        Err(Errno::ACCESS) => {
            allow(&dir, name)?;
            open()?
        }
        opened => opened?,
    };
    if !rustix::process::geteuid().is_root() {
        rustix::fs::fchmod(&opened, Mode::RWXU)?;
    }
    Ok(opened)
}

/// Lets a directory's owner do everything with it.
fn allow(dir: impl AsFd, name: &CStr) -> Result<(), Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(dir, name, flags, Mode::empty())?;
    rustix::fs::chmod(format!("/proc/self/fd/{}", fd.as_raw_fd()), Mode::RWXU)
}

fn entries(dir: &OwnedFd) -> Result<Vec<(CString, FileType)>, Errno> {
    let mut entries = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if !matches!(name.to_bytes(), b"." | b"..") {
            entries.push((name.to_owned(), entry.file_type()));
        }
    }
    Ok(entries)
}

fn unlink(root: &Beneath, name: &str, flags: AtFlags, left: &mut Leftovers) {
    match rustix::fs::unlinkat(root, name, flags) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => left.add(Path::new(name), error),
    }
}

/// A name without zero bytes; names come from the kernel, or were checked.
fn c_name(name: &str) -> CString {
    CString::new(name).unwrap_or_default()
}
