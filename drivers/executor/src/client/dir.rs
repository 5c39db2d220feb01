//! A task's state directory, as the client uses it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use encamp_cgroup::Cgroup;
use nix::libc::{O_NOFOLLOW, SIGKILL};

use super::blocking::blocking;
use crate::protocol::Started;
use crate::state::{self, LOG, Record};
use crate::{Exit, proc, sys};

/// The longest pause between two looks at a lock.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// A task's state directory.
#[derive(Clone, Debug)]
pub(super) struct StateDir {
    path: PathBuf,
}

/// The proof that nobody supervises or launches the task of a state directory, and that nobody will as long as this is
/// held.
#[derive(Clone, Debug)]
pub(super) struct Lock {
    _file: Arc<File>,
}

/// What is left of a task that nobody supervises.
#[derive(Debug)]
pub(super) struct Remains {
    pub(super) record: Option<Record>,
    pub(super) task: Option<Started>,
    /// How it ended; none when it never ran.
    pub(super) exit: Option<Exit>,
}

impl StateDir {
    pub(super) fn new(parent: &Path, task_id: &str) -> Self {
        Self {
            path: parent.join(state::directory_name(task_id)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it, and the directory above it. Those further above are not ours to close to others.
    pub(super) fn create(&self) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        builder.mode(0o700);
        if let Some(parent) = self.path.parent().filter(|parent| !parent.exists()) {
            parent.parent().map_or(Ok(()), fs::create_dir_all)?;
            DirBuilder::new().mode(0o700).recursive(true).create(parent)?;
        }
        builder.create(&self.path)
    }

    /// Opens the file that carries the lock.
    pub(super) fn open_log(&self) -> io::Result<File> {
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .custom_flags(O_NOFOLLOW)
            .open(self.path.join(LOG))
    }

    /// Takes the lock, if nobody has it. `Err(NotFound)`: the directory is gone.
    pub(super) fn try_lock(&self) -> io::Result<Option<Lock>> {
        let file = self.open_log()?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // It may be the lock of a directory that was removed, and made anew, in between.
        let is_current = fs::metadata(self.path.join(LOG))?.ino() == file.metadata()?.ino();
        Ok(is_current.then_some(Lock { _file: Arc::new(file) }))
    }

    /// Takes the lock as soon as it is free; `None` when it is not within `timeout`.
    pub(super) async fn lock(&self, timeout: Duration) -> io::Result<Option<Lock>> {
        let deadline = tokio::time::Instant::now() + timeout;
        let mut pause = Duration::from_micros(200);
        loop {
            if let Some(lock) = self.try_lock()? {
                return Ok(Some(lock));
            }
            if tokio::time::Instant::now() >= deadline {
                return Ok(None);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LOOK_INTERVAL);
        }
    }

    pub(super) fn record(&self) -> io::Result<Option<Record>> {
        Record::read(&self.path)
    }

    /// Says how a task ended that nobody supervises, after making sure that it has.
    pub(super) async fn bury(&self, lock: &Lock) -> io::Result<Remains> {
        let record = self.record().or_else(ignore_invalid)?;
        let task = state::read_task(&self.path).or_else(ignore_invalid)?;
        let mut exit = state::read_exit(&self.path).or_else(ignore_invalid)?;
        if let (None, Some(record), Some(task)) = (&exit, record.clone(), task) {
            let (path, lock) = (self.path.clone(), lock.clone());
            let burial = blocking(move || {
                let found = end_of(&record, &task);
                // Only so that another look says the same; a full disk does not matter.
                drop(state::write_exit(&path, &found));
                // Nobody else comes before this is done, also where nobody waits for it any more.
                drop(lock);
                found
            });
            let found = burial.await;
            exit = Some(found.ok_or_else(|| io::Error::other("the program is ending"))?);
        }
        Ok(Remains { record, task, exit })
    }

    pub(super) fn remove(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Makes sure that a task has ended whose supervising process did not live to see it.
fn end_of(record: &Record, task: &Started) -> Exit {
    if record.boot_id != proc::boot_id() {
        return Exit::unobserved("the machine was restarted; the task ended with it");
    }
    if let Some(cgroup) = &record.cgroup {
        // Tried again when the cgroup is removed.
        drop(cgroup.kill());
    }
    kill_session(task.pid, task.start);
    Exit::unobserved("the supervising process was killed; the task was ended with it")
}

/// Kills what is left of a task's session. A session's number is not given to another process while one of its members
/// lives; it is the leader's, who is another if it has started at another time.
fn kill_session(leader: i32, start: u64) {
    if proc::Stat::of(leader).is_none_or(|stat| stat.start == start) {
        proc::kill_session(leader);
    }
}

/// Kills the supervising process that is on record, if it still is that one.
pub(super) fn kill_supervisor(record: &Record) {
    if record.boot_id != proc::boot_id() {
        return;
    }
    let Ok(pidfd) = sys::pidfd_open(record.pid) else { return };
    if proc::Stat::of(record.pid).is_some_and(|stat| stat.start == record.start) {
        // It has ended meanwhile, at worst.
        drop(sys::pidfd_signal(std::os::fd::AsFd::as_fd(&pidfd), SIGKILL));
    }
}

pub(super) async fn remove_cgroup(cgroup: Option<Cgroup>) -> Result<(), encamp_cgroup::CgroupError> {
    match cgroup {
        Some(cgroup) => blocking(move || cgroup.remove()).await.unwrap_or(Ok(())),
        None => Ok(()),
    }
}

fn ignore_invalid<T>(error: io::Error) -> io::Result<Option<T>> {
    let is_invalid = matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof);
    if is_invalid { Ok(None) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn only_directories_of_tasks_are_closed_to_others() {
        let root = tempfile::tempdir().expect("a directory");
        let (above, parent) = (root.path().join("above"), root.path().join("above/executor"));
        let dir = StateDir::new(&parent, "task");
        dir.create().expect("made");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        fs::create_dir(root.path().join("plain")).expect("made");
        assert_eq!(mode(&above), mode(&root.path().join("plain")));
        assert_eq!((mode(&parent), mode(dir.path())), (0o700, 0o700));
    }
}
