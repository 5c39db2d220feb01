//! What the runner keeps on disk.
//!
//! One folder for each allocation, readable by its owner only: `alloc.json` (what was asked for), `tasks/<name>.json`
//! (what became of it) and `lock`, which a live runner holds. A record is replaced as a whole, so a reader never sees
//! half of one, and a kill between two writes leaves the older. Nothing is flushed to the disk itself: after a power
//! loss no process that a record names is alive any more.

mod lock;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use encamp_driver::{ExitResult, NetworkOverride};
pub use lock::{Lock, LockError, Supervisor};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::restart::RestartTracker;

/// How many events a task's record keeps, as a Nomad agent does.
const MAX_EVENTS: usize = 10;

/// The folder that holds every allocation's records.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

/// What was asked for. `Debug` prints no text and no value: they may be secrets.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllocRecord {
    /// The allocation's id.
    pub id: String,
    /// The job file's name, as the user gave it.
    pub job_file: String,
    /// The job file's text: a later runner must not depend on a file that may have changed.
    pub job_text: String,
    /// The directory that the job file's functions on files start at; none where they may not be called.
    #[serde(default)]
    pub job_dir: Option<PathBuf>,
    /// The values given for the job's variables.
    pub variables: BTreeMap<String, String>,
    /// What a later runner must know of the environment of the first: whoever asks chooses what.
    #[serde(default)]
    pub host_env: BTreeMap<String, String>,
    /// The job's id.
    pub job_id: String,
    /// The group that runs.
    pub group: String,
    /// The tasks of the group that run, in job order.
    pub task_names: Vec<String>,
    /// When it was asked for.
    #[serde(with = "crate::event::unix_millis")]
    pub created_at: SystemTime,
}

/// What became of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRecord {
    /// Where it is in its life.
    pub phase: Phase,
    /// The id of its latest start.
    pub task_id: String,
    /// The driver that runs it.
    pub driver: String,
    /// The version of `driver_state`, as the driver gave it.
    #[serde(default)]
    pub handle_version: i32,
    /// The driver's own record of its latest start; empty while that is under way.
    pub driver_state: Vec<u8>,
    /// Whether it has failed for good.
    pub failed: bool,
    /// How often it was started again.
    pub restarts: u32,
    /// When its latest start succeeded, in milliseconds since 1970.
    pub started_at: Option<u64>,
    /// When it last ended, in milliseconds since 1970.
    pub finished_at: Option<u64>,
    /// How it last ended.
    pub exit: Option<ExitResult>,
    /// Its own address, where its driver gave it one.
    pub network: Option<NetworkAddress>,
    /// The latest events.
    pub events: Vec<Event>,
    /// Starts of it of which something may be left that could not be removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remains: Vec<Remains>,
    pub(crate) restart_tracker: RestartTracker,
}

/// A start of which something may be left. The next runner of the allocation tries to remove it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remains {
    /// The start's id.
    pub task_id: String,
    /// The version of `driver_state`, as the driver gave it.
    #[serde(default)]
    pub handle_version: i32,
    /// The driver's own record of it.
    pub driver_state: Vec<u8>,
    /// What kept it from being removed.
    pub reason: String,
}

/// An address that a driver gave to a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkAddress {
    /// The address.
    pub address: String,
    /// Ports by label.
    pub port_map: BTreeMap<String, u16>,
}

/// Where a task is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It was never started.
    #[default]
    Pending,
    /// A start is under way; something of it may be there.
    Starting,
    /// It runs.
    Running,
    /// It ended; what is left of it is being removed.
    Exited,
    /// Nothing of it is left; it waits for a restart.
    Waiting,
    /// It will not run again.
    Dead,
}

/// A record could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}", path.display())]
pub struct StoreError {
    /// What was tried.
    pub action: &'static str,
    /// On which path.
    pub path: PathBuf,
    #[source]
    source: io::Error,
}

impl Store {
    /// The store in this folder, which need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Keeps what was asked for; makes the allocation's folder (mode 0700), and what is missing above all folders so that
    /// tasks of every user can pass (0711, without root 0700): their own directories may lie there too. The right to run
    /// the allocation is taken before anybody can see it.
    ///
    /// # Errors
    /// The folder or the record cannot be written.
    pub fn create(&self, record: &AllocRecord) -> Result<Lock, LockError> {
        let dir = self.dir(&record.id);
        let tasks = dir.join("tasks");
        make_above(&self.root).map_err(at("create the folders above", &self.root))?;
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&tasks);
        made.map_err(at("create", &tasks))?;
        let lock = self.lock(&record.id)?;
        write(&dir.join("alloc.json"), record)?;
        Ok(lock)
    }

    /// Every allocation that was asked for and not removed, oldest first. Folders without a record are left out: their
    /// runner died before anything was started.
    ///
    /// # Errors
    /// The folder is there and cannot be read.
    pub fn list(&self) -> Result<Vec<AllocRecord>, StoreError> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(at("read", &self.root)(error)),
        };
        let mut records: Vec<AllocRecord> = entries
            .filter_map(Result::ok)
            .filter_map(|entry| read(&entry.path().join("alloc.json")).ok().flatten())
            .collect();
        records.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(records)
    }

    /// What became of a task; the default where nothing was written yet.
    ///
    /// # Errors
    /// The record is there and cannot be read.
    pub fn task(&self, alloc_id: &str, task: &str) -> Result<TaskRecord, StoreError> {
        Ok(read(&self.task_path(alloc_id, task))?.unwrap_or_default())
    }

    /// Keeps what became of a task.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn put_task(&self, alloc_id: &str, task: &str, record: &TaskRecord) -> Result<(), StoreError> {
        write(&self.task_path(alloc_id, task), record)
    }

    /// Forgets an allocation. Nothing there is fine.
    ///
    /// # Errors
    /// Its folder cannot be removed.
    pub fn remove(&self, alloc_id: &str) -> Result<(), StoreError> {
        let dir = self.dir(alloc_id);
        match fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at("remove", &dir)(error)),
            _ => Ok(()),
        }
    }

    /// Notes that the allocation is to be kept after its end.
    ///
    /// # Errors
    /// The note cannot be written.
    pub fn keep(&self, alloc_id: &str) -> Result<(), StoreError> {
        let path = self.keep_path(alloc_id);
        fs::write(&path, "").map_err(at("write", &path))
    }

    /// Whether somebody wants the allocation kept after its end.
    pub fn is_kept(&self, alloc_id: &str) -> bool {
        self.keep_path(alloc_id).exists()
    }

    /// The allocation's folder.
    pub fn dir(&self, alloc_id: &str) -> PathBuf {
        self.root.join(alloc_id)
    }

    fn keep_path(&self, alloc_id: &str) -> PathBuf {
        self.dir(alloc_id).join("keep")
    }

    fn task_path(&self, alloc_id: &str, task: &str) -> PathBuf {
        self.dir(alloc_id).join("tasks").join(format!("{task}.json"))
    }
}

impl TaskRecord {
    /// The start that is not known to be over and removed, if there is one.
    pub(crate) fn unfinished(&self) -> Option<Remains> {
        matches!(self.phase, Phase::Starting | Phase::Running | Phase::Exited).then(|| Remains {
            task_id: self.task_id.clone(),
            handle_version: self.handle_version,
            driver_state: self.driver_state.clone(),
            reason: String::new(),
        })
    }

    /// Adds an event; the oldest make room.
    pub fn push_event(&mut self, event: Event) {
        self.events.push(event);
        let surplus = self.events.len().saturating_sub(MAX_EVENTS);
        self.events.drain(..surplus);
    }
}

impl fmt::Debug for AllocRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllocRecord")
            .field("id", &self.id)
            .field("job_file", &self.job_file)
            .field("job_id", &self.job_id)
            .field("group", &self.group)
            .field("task_names", &self.task_names)
            .finish_non_exhaustive()
    }
}

impl From<NetworkOverride> for NetworkAddress {
    fn from(network: NetworkOverride) -> Self {
        Self {
            address: network.address,
            port_map: network.port_map,
        }
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StoreError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(at("read", path)(error)),
    };
    let record = serde_json::from_slice(&bytes).map_err(|error| at("read", path)(error.into()))?;
    Ok(Some(record))
}

/// Makes what is missing above `dir`. What is there keeps its mode.
fn make_above(dir: &Path) -> io::Result<()> {
    let Some(parent) = dir.parent().filter(|parent| !parent.exists()) else {
        return Ok(());
    };
    let missing: Vec<_> = parent.ancestors().take_while(|dir| !dir.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    for dir in missing {
        // Only now, for the umask is not ours to change.
        if !dir.as_os_str().is_empty() && fs::metadata(dir)?.uid() == 0 {
            fs::set_permissions(dir, Permissions::from_mode(0o711))?;
        }
    }
    Ok(())
}

fn write<T: Serialize>(path: &Path, record: &T) -> Result<(), StoreError> {
    let new = path.with_extension("new");
    let bytes = serde_json::to_vec(record).map_err(|error| at("write", path)(error.into()))?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options
        .open(&new)
        .and_then(|mut file| file.write_all(&bytes))
        .and_then(|()| fs::rename(&new, path))
        .map_err(at("write", path))
}

fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError { action, path, source }
}

#[cfg(test)]
mod tests;
