//! Finding and making mount points in a directory that may hold anything.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// What a mount point has to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    Directory,
    File,
}

/// A directory at one of the fixed places. It is made where it is missing; a symlink on the way is replaced.
pub(super) fn fixed(root: &OwnedFd, path: &Path) -> io::Result<OwnedFd> {
    let mut current = root.try_clone()?;
    for name in names(path)? {
        current = fixed_child(&current, name)?;
    }
    Ok(current)
}

fn fixed_child(dir: &OwnedFd, name: &OsStr) -> io::Result<OwnedFd> {
    match open_child(dir, name) {
        Err(Errno::NOENT) => {}
        Err(Errno::NOTDIR | Errno::LOOP) if is_symlink(dir, name)? => {
            rustix::fs::unlinkat(dir, name, AtFlags::empty())?;
        }
        other => return Ok(other?),
    }
    make_directory(dir, name)?;
    Ok(open_child(dir, name)?)
}

fn open_child(dir: &OwnedFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(dir, name, flags, Mode::empty())
}

/// A symlink at one of the fixed places, in the place of another symlink or of an empty directory.
pub(super) fn symlink(root: &OwnedFd, path: &Path, to: &Path) -> io::Result<()> {
    let (parent, name) = (path.parent().unwrap_or(path), path.file_name());
    let name = name.ok_or(io::ErrorKind::InvalidInput)?;
    let parent = fixed(root, parent)?;
    if is_symlink(&parent, name)? {
        rustix::fs::unlinkat(&parent, name, AtFlags::empty())?;
    } else {
        match rustix::fs::unlinkat(&parent, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(rustix::fs::symlinkat(to, &parent, name)?)
}

/// A path that a job chose. Symlinks are followed as the task would follow them, in its root and never out of it; what
/// is missing is made.
pub(super) fn of_job(root: &OwnedFd, path: &Path, want: Want) -> io::Result<OwnedFd> {
    if let Some(found) = resolve(root, &relative(path)?)? {
        return check(found, path, want);
    }
    let mut so_far = PathBuf::new();
    let mut current = root.try_clone()?;
    let names = names(path)?;
    let last = names.len().saturating_sub(1);
    for (index, name) in names.into_iter().enumerate() {
        so_far.push(name);
        let next = if let Some(next) = resolve(root, &so_far)? {
            next
        } else {
            let file = index == last && want == Want::File;
            if file {
                make_file(&current, name)
            } else {
                make_directory(&current, name)
            }?;
            resolve(root, &so_far)?.ok_or(io::ErrorKind::NotFound)?
        };
        current = next;
    }
    check(current, path, want)
}

/// The deepest directory on a path that is there already: itself, its path, and the rest of the path.
pub(super) fn deepest(root: &OwnedFd, path: &Path) -> io::Result<(OwnedFd, PathBuf, PathBuf)> {
    let names = names(path)?;
    for length in (0..=names.len()).rev() {
        let (existing, rest) = names.split_at_checked(length).unwrap_or_default();
        let existing: PathBuf = std::iter::once(OsStr::new("."))
            .chain(existing.iter().copied())
            .collect();
        if let Some(found) = resolve(root, &existing)? {
            return Ok((found, existing, rest.iter().collect()));
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

/// A path inside that is there already, and that no symlink leads to.
pub(super) fn existing(root: &OwnedFd, path: &Path) -> io::Result<Option<OwnedFd>> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    match rustix::fs::openat2(root, relative(path)?, flags, Mode::empty(), resolve) {
        Ok(found) => Ok(Some(found)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn is_directory(fd: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(FileType::from_raw_mode(rustix::fs::fstat(fd)?.st_mode) == FileType::Directory)
}

/// Resolves a path as the task would: its root is the root.
fn resolve(root: &OwnedFd, path: &Path) -> io::Result<Option<OwnedFd>> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let how = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    match rustix::fs::openat2(root, path, flags, Mode::empty(), how) {
        Ok(found) => Ok(Some(found)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn check(found: OwnedFd, path: &Path, want: Want) -> io::Result<OwnedFd> {
    let directory = is_directory(found.as_fd())?;
    match (want, directory) {
        (Want::Directory, false) => Err(io::Error::new(
            io::ErrorKind::NotADirectory,
            format!("a directory cannot be mounted over the file {}", path.display()),
        )),
        (Want::File, true) => Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            format!("a file cannot be mounted over the directory {}", path.display()),
        )),
        _ => Ok(found),
    }
}

fn make_directory(dir: &OwnedFd, name: &OsStr) -> io::Result<()> {
    match rustix::fs::mkdirat(dir, name, Mode::from_raw_mode(0o755)) {
        Err(Errno::EXIST) => Err(dangling(name)),
        other => Ok(other?),
    }
}

fn make_file(dir: &OwnedFd, name: &OsStr) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(dir, name, flags, Mode::from_raw_mode(0o644)) {
        Ok(_) => Ok(()),
        Err(Errno::EXIST) => Err(dangling(name)),
        Err(error) => Err(error.into()),
    }
}

fn dangling(name: &OsStr) -> io::Error {
    let message = format!("{:?} is a symlink to nothing", name.to_string_lossy());
    io::Error::new(io::ErrorKind::AlreadyExists, message)
}

fn is_symlink(dir: &OwnedFd, name: &OsStr) -> io::Result<bool> {
    match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(FileType::from_raw_mode(stat.st_mode) == FileType::Symlink),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The names on a path; one with `..` is none that anything could be mounted at.
fn names(path: &Path) -> io::Result<Vec<&OsStr>> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(name),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "a mount point cannot have \"..\" in its path",
                ));
            }
        }
    }
    Ok(names)
}

fn relative(path: &Path) -> io::Result<PathBuf> {
    let names = names(path)?;
    Ok(if names.is_empty() {
        PathBuf::from(".")
    } else {
        names.into_iter().collect()
    })
}
