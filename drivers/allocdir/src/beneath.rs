//! [`Beneath`]: a directory that paths cannot leave.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// A directory, held open, and paths in it that cannot lead out of it.
///
/// Every path is resolved by the kernel relative to the open directory (`openat2` with `RESOLVE_BENEATH`): `..`,
/// absolute paths and symlinks may be used as long as they stay inside; what leads out is an error (`EXDEV`), also when
/// somebody changes the directory at the same time. An absolute path is taken relative to the directory.
#[derive(Debug)]
pub struct Beneath {
    dir: OwnedFd,
}

const RESOLVE: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_MAGICLINKS);

impl Beneath {
    /// Opens `root`, which the caller trusts: symlinks in it are followed.
    ///
    /// # Errors
    /// When it is no directory.
    pub fn open(root: impl AsRef<Path>) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = rustix::fs::openat(CWD, root.as_ref(), flags, Mode::empty())?;
        Ok(Self { dir })
    }

    /// A directory inside, as a root of its own.
    ///
    /// # Errors
    /// When it is missing, no directory, or outside.
    pub fn dir(&self, path: impl AsRef<Path>) -> io::Result<Self> {
        let dir = self.open_at(path.as_ref(), OFlags::PATH | OFlags::DIRECTORY, 0)?;
        Ok(Self { dir })
    }

    /// Opens a regular file to be read.
    ///
    /// # Errors
    /// When it is missing, outside, or anything else (a pipe that hangs, a device that acts).
    pub fn open_read(&self, path: impl AsRef<Path>) -> io::Result<File> {
        self.open_regular(path.as_ref(), OFlags::RDONLY)
    }

    /// Opens a regular file to be written, made with `mode` if missing, emptied if not.
    ///
    /// # Errors
    /// When it is outside, or something else, or its directory is missing.
    pub fn create(&self, path: impl AsRef<Path>, mode: u32) -> io::Result<File> {
        let path = path.as_ref();
        match self.open_at(path, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, mode) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.open_regular(path, OFlags::WRONLY | OFlags::TRUNC)
            }
            created => Ok(File::from(created?)),
        }
    }

    /// Looks before it opens: opening is an act for what is no regular file.
    fn open_regular(&self, path: &Path, flags: OFlags) -> io::Result<File> {
        let (fd, pinned) = self.pinned(path)?;
        if FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode) != FileType::RegularFile {
            let message = format!("{} is not a regular file", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        Ok(File::from(rustix::fs::open(
            pinned,
            flags | OFlags::CLOEXEC,
            Mode::empty(),
        )?))
    }

    /// The content of a file.
    ///
    /// # Errors
    /// When it is missing, outside, or larger than `limit` bytes.
    pub fn read(&self, path: impl AsRef<Path>, limit: u64) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        self.open_read(path)?
            .take(limit.saturating_add(1))
            .read_to_end(&mut content)?;
        if u64::try_from(content.len()).is_ok_and(|length| length > limit) {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("file is larger than {limit} bytes"),
            ));
        }
        Ok(content)
    }

    /// Puts a file with this content and mode at `path`, whatever was there before: readers see the old one or the
    /// new one. Directories on the way are made (mode 0755).
    ///
    /// # Errors
    /// When the path leads outside, or the disk is full; the old file is untouched then.
    pub fn write(&self, path: impl AsRef<Path>, content: &[u8], mode: u32) -> io::Result<()> {
        let (parent, name) = split(path.as_ref())?;
        let parent = self.create_dir_all(parent, 0o755)?;
        let temporary = temporary_name();
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&parent.dir, &temporary, flags, Mode::from_raw_mode(mode))?;
        let written = fill(fd, content, mode).and_then(|()| {
            rustix::fs::renameat(&parent.dir, &temporary, &parent.dir, name)?;
            Ok(())
        });
        if written.is_err() {
            let _ = rustix::fs::unlinkat(&parent.dir, &temporary, AtFlags::empty());
        }
        written
    }

    /// Makes a directory and those on the way to it, with `mode`; existing ones stay as they are.
    ///
    /// # Errors
    /// When the path leads outside, or something on it is no directory.
    pub fn create_dir_all(&self, path: impl AsRef<Path>, mode: u32) -> io::Result<Self> {
        let mut current = self.try_clone()?;
        let mut so_far = PathBuf::new();
        for component in relative(path.as_ref()).components() {
            so_far.push(component);
            let next = match self.dir(&so_far) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    make_dir(&current, component.as_os_str(), mode)?;
                    self.dir(&so_far)
                }
                other => other,
            };
            current = next?;
        }
        Ok(current)
    }

    /// A directory of this one, made with `mode` if missing. A link by that name is replaced, and what it points to left
    /// alone: this is for directories whose names a task can get at, and that are never links of our own making.
    ///
    /// # Errors
    /// When something else has the name, or somebody keeps putting links there.
    pub(crate) fn own_dir(&self, name: &OsStr, mode: u32) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let resolve = RESOLVE.union(ResolveFlags::NO_SYMLINKS);
        for _ in 0..64 {
            match rustix::fs::openat2(&self.dir, name, flags, Mode::empty(), resolve) {
                Ok(dir) => return Ok(Self { dir }),
                Err(Errno::NOENT) => make_dir(self, name, mode)?,
                Err(Errno::LOOP) => match rustix::fs::unlinkat(&self.dir, name, AtFlags::empty()) {
                    // A directory has taken its place meanwhile.
                    Ok(()) | Err(Errno::NOENT | Errno::ISDIR) => {}
                    Err(error) => return Err(error.into()),
                },
                Err(Errno::AGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Errno::LOOP.into())
    }

    /// Removes a file, a symlink (not what it points to) or an empty directory. Missing is fine.
    ///
    /// # Errors
    /// When the path leads outside, or the directory is not empty.
    pub fn remove(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let (parent, name) = split(path.as_ref())?;
        let parent = match self.dir(parent) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        match rustix::fs::unlinkat(&parent.dir, name, AtFlags::empty()) {
            Err(Errno::ISDIR | Errno::PERM) => Ok(rustix::fs::unlinkat(&parent.dir, name, AtFlags::REMOVEDIR)?),
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// A path for `path` that stays what it is when the directory changes, for interfaces that take no descriptor:
    /// `/proc/self/fd/<n>`, good for as long as the returned descriptor is held.
    ///
    /// # Errors
    /// When it is missing or outside.
    pub fn pinned(&self, path: impl AsRef<Path>) -> io::Result<(OwnedFd, PathBuf)> {
        use std::os::fd::AsRawFd;
        let fd = self.open_at(path.as_ref(), OFlags::PATH, 0)?;
        let pinned = PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()));
        Ok((fd, pinned))
    }

    /// Another handle on the same directory.
    ///
    /// # Errors
    /// When the process has no descriptors left.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self {
            dir: self.dir.try_clone()?,
        })
    }

    fn open_at(&self, path: &Path, flags: OFlags, mode: u32) -> io::Result<OwnedFd> {
        let path = relative(path);
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        // The kernel gives up with EAGAIN when a rename nearby kept it from being sure of a `..`.
        for _ in 0..64 {
            let flags = flags | OFlags::CLOEXEC;
            match rustix::fs::openat2(&self.dir, path, flags, Mode::from_raw_mode(mode), RESOLVE) {
                Err(Errno::AGAIN) => {}
                Err(Errno::XDEV) => return Err(escape(path)),
                other => return Ok(other?),
            }
        }
        Err(Errno::AGAIN.into())
    }
}

impl AsFd for Beneath {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }
}

fn escape(path: &Path) -> io::Error {
    let message = format!("path {:?} leads out of its directory", path.display().to_string());
    io::Error::new(io::ErrorKind::PermissionDenied, message)
}

fn relative(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}

/// A path's directory and last component, which must be a name.
fn split(path: &Path) -> io::Result<(&Path, &OsStr)> {
    let path = relative(path);
    match (path.parent(), path.components().next_back()) {
        (Some(parent), Some(Component::Normal(name))) => Ok((parent, name)),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("path {:?} names no file", path.display().to_string()),
        )),
    }
}

fn make_dir(parent: &Beneath, name: &OsStr, mode: u32) -> io::Result<()> {
    match rustix::fs::mkdirat(&parent.dir, name, Mode::from_raw_mode(mode)) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn fill(fd: OwnedFd, content: &[u8], mode: u32) -> io::Result<()> {
    rustix::fs::fchmod(&fd, Mode::from_raw_mode(mode))?;
    File::from(fd).write_all(content)
}

fn temporary_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!(".encamp-{}-{next}.tmp", std::process::id())
}

#[cfg(test)]
mod tests;
