//! The right to run an allocation: one process has it, others can tell which, and it falls with that process.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use super::{Store, StoreError, at};

/// The right to run an allocation; released when dropped, or when its process dies.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

/// Whether a live process runs an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supervisor {
    /// None does.
    None,
    /// One does that has not said yet which it is, or that cannot be seen from here.
    Unnamed,
    /// This one does.
    Process(i32),
}

/// Somebody else runs the allocation, or the lock could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// A live runner holds it.
    #[error("the allocation is run by process {0}")]
    Held(i32),
    /// The lock file cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Lock {
    /// The lock as an open file, to hand it to a child process, which takes it with [`Store::inherit`]. It stays held for
    /// as long as anybody has this file open.
    pub fn into_fd(self) -> OwnedFd {
        self.file.into()
    }
}

impl Store {
    /// Takes the right to run an allocation, and writes this process's id into the lock.
    ///
    /// # Errors
    /// [`LockError::Held`] when a live process has it.
    pub fn lock(&self, alloc_id: &str) -> Result<Lock, LockError> {
        let path = self.dir(alloc_id).join("lock");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&path).map_err(at("open", &path))?;
        take(file, &path)
    }

    /// Takes over a lock that the parent process has handed on, and writes this process's id into it.
    ///
    /// # Errors
    /// The file is not this allocation's lock; or as of [`Store::lock`].
    pub fn inherit(&self, alloc_id: &str, fd: OwnedFd) -> Result<Lock, LockError> {
        let path = self.dir(alloc_id).join("lock");
        let file = File::from(fd);
        let same = || {
            let (ours, theirs) = (fs::metadata(&path)?, file.metadata()?);
            Ok((ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino()))
        };
        if !same().map_err(at("look at", &path))? {
            let other = io::Error::new(io::ErrorKind::InvalidInput, "another file was handed on");
            return Err(at("take over", &path)(other).into());
        }
        take(file, &path)
    }

    /// Whether a live process runs the allocation. Only asks: no runner is kept from its lock.
    ///
    /// # Errors
    /// The lock is there and cannot be asked about.
    pub fn supervisor(&self, alloc_id: &str) -> Result<Supervisor, StoreError> {
        let path = self.dir(alloc_id).join("lock");
        let mut file = match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Supervisor::None),
            Err(error) => return Err(at("open", &path)(error)),
        };
        let mut lock = whole_file();
        fcntl(&file, FcntlArg::F_OFD_GETLK(&mut lock)).map_err(|errno| at("ask about", &path)(errno.into()))?;
        if i32::from(lock.l_type) == libc::F_UNLCK {
            return Ok(Supervisor::None);
        }
        let pid = read_pid(&mut file).map_err(at("read", &path))?;
        // A runner that died may have left its id, and the id may be another process's by now.
        let named = pid > 0 && has_open(pid, &path);
        Ok(if named {
            Supervisor::Process(pid)
        } else {
            Supervisor::Unnamed
        })
    }
}

fn take(mut file: File, path: &Path) -> Result<Lock, LockError> {
    if fcntl(&file, FcntlArg::F_OFD_SETLK(&whole_file())).is_err() {
        return Err(LockError::Held(read_pid(&mut file).map_err(at("read", path))?));
    }
    let id = format!("{}\n", std::process::id());
    // Over what is there, and cut to length after: on a full disk there is no room for anything new.
    file.write_all_at(id.as_bytes(), 0)
        .and_then(|()| file.set_len(id.len() as u64))
        .map_err(at("write", path))?;
    Ok(Lock { file })
}

fn whole_file() -> libc::flock {
    libc::flock {
        l_type: i16::try_from(libc::F_WRLCK).unwrap_or_default(),
        l_whence: i16::try_from(libc::SEEK_SET).unwrap_or_default(),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

/// The process id in a lock file; 0 where its holder has not written it yet.
fn read_pid(file: &mut File) -> io::Result<i32> {
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text.trim().parse().unwrap_or_default())
}

/// Whether a process has this very file open.
fn has_open(pid: i32, path: &Path) -> bool {
    let links = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let mut targets = links.filter_map(|link| fs::read_link(link.path()).ok());
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    targets.any(|target| target == path)
}
