//! The files of one stream, by index, in a directory held open.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{UnlinkatFlags, unlinkat};

use crate::Stream;

const FILE_MODE: Mode = Mode::from_bits_truncate(0o644);

/// The files of one stream. The directory is held by descriptor, and neither it nor a file in it is followed if it
/// is a symbolic link: the task itself can usually write to the directory, or to the one above it.
#[derive(Debug)]
pub(crate) struct Files {
    dir: OwnedFd,
    /// `<task>.<stream>.`
    prefix: String,
}

impl Files {
    pub(crate) fn open(dir: &Path, task: &str, stream: Stream) -> io::Result<Self> {
        if task.is_empty() || task.contains(['/', '\0']) {
            let text = format!("a task named {task:?} cannot have log files: the name is empty or has a slash");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        // The directory may lie in one that the task can write to, and have been replaced by a link. A slash at the end
        // would make the kernel follow it all the same.
        let dir: PathBuf = dir.components().collect();
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        Ok(Self {
            dir: open(&dir, flags, Mode::empty())?,
            prefix: format!("{task}.{stream}."),
        })
    }

    pub(crate) fn dir(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }

    pub(crate) fn name(&self, index: u64) -> String {
        format!("{}{index}", self.prefix)
    }

    /// The indices there are, in ascending order. Names that only resemble ours are left out.
    pub(crate) fn indices(&self) -> io::Result<Vec<u64>> {
        let mut dir = Dir::openat(&self.dir, ".", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
        let mut indices = Vec::new();
        for entry in dir.iter() {
            if let Some(index) = self.index(entry?.file_name().to_bytes()) {
                indices.push(index);
            }
        }
        indices.sort_unstable();
        Ok(indices)
    }

    /// Opens a file to append to; `None` where the name is taken by something that is not a log file of ours.
    pub(crate) fn append(&self, index: u64) -> io::Result<Option<(File, u64)>> {
        let flags = OFlag::O_WRONLY
            | OFlag::O_APPEND
            | OFlag::O_CREAT
            | OFlag::O_NOFOLLOW
            | OFlag::O_NONBLOCK
            | OFlag::O_NOCTTY
            | OFlag::O_CLOEXEC;
        let file = match openat(&self.dir, self.name(index).as_str(), flags, FILE_MODE) {
            Ok(fd) => File::from(fd),
            Err(Errno::ELOOP | Errno::ENXIO | Errno::EISDIR | Errno::ENODEV) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let meta = file.metadata()?;
        if !meta.is_file() || meta.nlink() != 1 {
            return Ok(None);
        }
        if meta.len() == 0 {
            // The umask is not ours to change.
            fchmod(&file, FILE_MODE)?;
        }
        Ok(Some((file, meta.len())))
    }

    /// Opens a file to read; `None` where it is gone or is not a log file.
    pub(crate) fn read(&self, index: u64) -> io::Result<Option<File>> {
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let file = match openat(&self.dir, self.name(index).as_str(), flags, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(Errno::ENOENT | Errno::ELOOP | Errno::ENXIO) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(file.metadata()?.is_file().then_some(file))
    }

    /// Removes a file; one that is gone is a success.
    pub(crate) fn remove(&self, index: u64) -> io::Result<()> {
        match unlinkat(&self.dir, self.name(index).as_str(), UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn index(&self, name: &[u8]) -> Option<u64> {
        let digits = name.strip_prefix(self.prefix.as_bytes())?;
        let canonical = digits == b"0" || digits.first().is_some_and(|first| (b'1'..=b'9').contains(first));
        if !canonical {
            return None;
        }
        str::from_utf8(digits).ok()?.parse().ok()
    }
}
