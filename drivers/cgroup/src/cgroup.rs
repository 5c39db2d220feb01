//! [`Cgroup`]: the cgroup of one task.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use crate::{CgroupError, Controller, Limits, Stats, fs, kill, stats};

/// How long the kernel may take to let go of a cgroup that is empty.
const REMOVE_LIMIT: Duration = Duration::from_secs(5);
/// How often the common parent may go away under a task that is being made. Each time another task has ended within
/// microseconds.
const ATTEMPTS: usize = 64;

/// The cgroup of one task: one directory on v2, one for each controller on v1, none where the host has no cgroups.
///
/// It is only a name until [`Cgroup::create`], can be written down (serde) and used by any process that finds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cgroup {
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    V1 {
        dirs: BTreeMap<Controller, PathBuf>,
        /// The cpuset that a host made for the task: joined, and never removed.
        #[serde(default)]
        cpuset: Option<PathBuf>,
    },
    V2 {
        dir: PathBuf,
        /// Whether a host made it for the task, and what is above it is the host's.
        #[serde(default)]
        given: bool,
    },
    Off,
}

impl Cgroup {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind }
    }

    pub(crate) fn kind(self) -> Kind {
        self.kind
    }

    /// Makes it and sets its limits. What exists already is used, with its limits set anew.
    ///
    /// # Errors
    /// [`CgroupError`]; what this call made is removed again.
    pub fn create(&self, limits: &Limits) -> Result<(), CgroupError> {
        let mut made = Vec::new();
        let created = match &self.kind {
            Kind::V1 { dirs, cpuset } => create_v1(dirs, cpuset.as_deref(), limits, &mut made),
            Kind::V2 { dir, given: true } => create_given(dir, limits, &mut made),
            Kind::V2 { dir, given: false } => create_v2(dir, limits, &mut made),
            Kind::Off => Ok(()),
        };
        if created.is_err() {
            for dir in &made {
                drop(std::fs::remove_dir(dir));
            }
            self.remove_parents();
        }
        created
    }

    /// The files to write `0` into for a process to join. Empty until created.
    pub fn procs_files(&self) -> Vec<PathBuf> {
        let dirs = self.dirs().into_iter().chain(self.joined().map(Path::to_owned));
        dirs.map(|dir| dir.join("cgroup.procs"))
            .filter(|file| file.exists())
            .collect()
    }

    /// The processes in it and in cgroups below it.
    ///
    /// # Errors
    /// [`CgroupError`]; a cgroup that does not exist has none.
    pub fn pids(&self) -> Result<Vec<i32>, CgroupError> {
        self.primary().map_or(Ok(Vec::new()), |dir| kill::pids(&dir))
    }

    /// Sends a signal to every process in it.
    ///
    /// # Errors
    /// [`CgroupError`]; processes that have ended meanwhile are none.
    pub fn signal(&self, signal: i32) -> Result<(), CgroupError> {
        self.primary().map_or(Ok(()), |dir| kill::signal(&dir, signal))
    }

    /// Kills every process in it and waits, for at most 10 s, until none is left. Blocks.
    ///
    /// # Errors
    /// [`CgroupError`], with the kind `TimedOut` when processes are left.
    pub fn kill(&self) -> Result<(), CgroupError> {
        match &self.kind {
            Kind::V1 { .. } => self.primary().map_or(Ok(()), |dir| kill::v1(&dir)),
            Kind::V2 { dir, .. } => kill::v2(dir),
            Kind::Off => Ok(()),
        }
    }

    /// What it uses.
    ///
    /// # Errors
    /// [`CgroupError`] when it does not exist.
    pub fn stats(&self) -> Result<Stats, CgroupError> {
        match &self.kind {
            Kind::V1 { dirs, .. } => stats::v1(dirs),
            Kind::V2 { dir, .. } => stats::v2(dir),
            Kind::Off => Ok(Stats::default()),
        }
    }

    /// How many of its processes the kernel has killed for want of memory.
    ///
    /// # Errors
    /// [`CgroupError`]; a cgroup that does not exist has none.
    pub fn oom_kills(&self) -> Result<u64, CgroupError> {
        match &self.kind {
            Kind::V1 { dirs, .. } => dirs
                .get(&Controller::Memory)
                .map_or(Ok(0), |dir| stats::oom_kills_v1(dir)),
            Kind::V2 { dir, .. } => stats::oom_kills_v2(dir),
            Kind::Off => Ok(0),
        }
    }

    /// Kills what is in it and removes it, and the common parent if it was the last one. What is missing is fine. Of what a
    /// host made, only the task's own v2 cgroup goes. Blocks, for at most 20 s.
    ///
    /// # Errors
    /// [`CgroupError`].
    pub fn remove(&self) -> Result<(), CgroupError> {
        self.kill()?;
        self.dirs().iter().try_for_each(|dir| remove_tree(dir))?;
        self.remove_parents();
        Ok(())
    }

    /// Whether it exists.
    pub fn exists(&self) -> bool {
        self.primary().is_some_and(|dir| dir.is_dir())
    }

    /// Whether there is nothing to it because the host has no cgroups.
    pub fn is_off(&self) -> bool {
        matches!(self.kind, Kind::Off)
    }

    /// The directory that says which processes are in it: the freezer's on v1, where it is mounted.
    fn primary(&self) -> Option<PathBuf> {
        match &self.kind {
            Kind::V1 { dirs, .. } => dirs.values().next().cloned(),
            Kind::V2 { dir, .. } => Some(dir.clone()),
            Kind::Off => None,
        }
    }

    /// Its directories, each once: controllers may share one.
    fn dirs(&self) -> BTreeSet<PathBuf> {
        match &self.kind {
            Kind::V1 { dirs, .. } => dirs.values().cloned().collect(),
            Kind::V2 { dir, .. } => BTreeSet::from([dir.clone()]),
            Kind::Off => BTreeSet::new(),
        }
    }

    /// What it joins without having made it.
    fn joined(&self) -> Option<&Path> {
        match &self.kind {
            Kind::V1 { cpuset, .. } => cpuset.as_deref(),
            _ => None,
        }
    }

    /// Removes the common parents; those with other tasks in them stay, and those that are not ours.
    fn remove_parents(&self) {
        if matches!(self.kind, Kind::V2 { given: true, .. }) {
            return;
        }
        for dir in self.dirs() {
            if let Some(parent) = dir.parent() {
                drop(std::fs::remove_dir(parent));
            }
        }
    }
}

fn create_v1(
    dirs: &BTreeMap<Controller, PathBuf>,
    given: Option<&Path>,
    limits: &Limits,
    made: &mut Vec<PathBuf>,
) -> Result<(), CgroupError> {
    let is_given = |controller| controller == Controller::Cpuset && given.is_some();
    let mut needed = limits.needed();
    let missing = needed.find(|controller| !dirs.contains_key(controller) && !is_given(*controller));
    if let (Some(missing), Some(dir)) = (missing, dirs.values().next()) {
        let text = format!("the host has no v1 controller {}", missing.name());
        let source = io::Error::new(io::ErrorKind::Unsupported, text);
        return Err(CgroupError::new("set the limits of", dir, source));
    }
    let needed = dirs.iter().filter(|(controller, _)| limits.need(**controller));
    for (controller, dir) in needed {
        let fresh = make(dir, made)?;
        limits.apply_v1(*controller, dir, fresh)?;
    }
    match (given, &limits.cpuset) {
        // A reserved set has no cores yet, and nobody can join it.
        (Some(given), Some(cores)) => fs::write(&given.join("cpuset.cpus"), cores),
        _ => Ok(()),
    }
}

/// A cgroup that a host made: it has handed the controllers down, and has its own ideas of what is above.
fn create_given(dir: &Path, limits: &Limits, made: &mut Vec<PathBuf>) -> Result<(), CgroupError> {
    let fresh = fs::make_dir(dir)?;
    if fresh {
        // An earlier start's end has removed it.
        made.push(dir.to_owned());
    }
    limits.apply_v2(dir, fresh)
}

fn create_v2(dir: &Path, limits: &Limits, made: &mut Vec<PathBuf>) -> Result<(), CgroupError> {
    let parent = dir.parent().unwrap_or(dir);
    let mount = parent.parent().unwrap_or(parent);
    // First, for the parent stays once this is in it.
    let fresh = make(dir, made)?;
    let needed: Vec<_> = limits.needed().map(Controller::name).collect();
    for above in [mount, parent] {
        enable(above, &needed)?;
    }
    if limits.memory_soft.is_some() {
        // No cgroup is protected better than the one above it, which is 0 at first. Its children share what it has by
        // their own values.
        drop(fs::write(&parent.join("memory.low"), "max"));
    }
    limits.apply_v2(dir, fresh)
}

/// Makes a task's directory, and the common parent if need be; says whether it was not there before.
fn make(dir: &Path, made: &mut Vec<PathBuf>) -> Result<bool, CgroupError> {
    // Another task may be the last one to leave, and take the parent with it, between the two steps.
    for _ in 0..ATTEMPTS {
        match fs::make_dir(dir) {
            Err(error) if error.is_missing() => {
                let parent = dir.parent().unwrap_or(dir);
                fs::make_dir(parent)?;
            }
            Ok(fresh) => {
                if fresh {
                    made.push(dir.to_owned());
                }
                return Ok(fresh);
            }
            Err(error) => return Err(error),
        }
    }
    Err(CgroupError::new("create", dir, io::ErrorKind::NotFound))
}

/// Hands controllers down to the cgroups in `dir`. Those that limits need must be there; the others, which only measure,
/// are taken where they can be had.
fn enable(dir: &Path, needed: &[&str]) -> Result<(), CgroupError> {
    let file = dir.join("cgroup.subtree_control");
    let enabled = fs::read(&file)?;
    let available = fs::read(&dir.join("cgroup.controllers"))?;
    let has = |list: &str, name: &str| list.split_whitespace().any(|listed| listed == name);
    for name in ["cpu", "memory", "pids", "cpuset"] {
        if has(&enabled, name) {
            continue;
        }
        if needed.contains(&name) {
            fs::write(&file, &format!("+{name}"))?;
        } else if has(&available, name) {
            drop(fs::write(&file, &format!("+{name}")));
        }
    }
    Ok(())
}

/// Removes a cgroup and those in it, innermost first.
fn remove_tree(dir: &Path) -> Result<(), CgroupError> {
    for child in fs::children(dir)? {
        remove_tree(&child)?;
    }
    let mut last = None;
    let removed = fs::wait_until(REMOVE_LIMIT, || match std::fs::remove_dir(dir) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        // Its processes are dead, but not all the way gone.
        Err(error) if error.raw_os_error() == Some(Errno::EBUSY as i32) => {
            last = Some(error);
            Ok(false)
        }
        Err(source) => Err(CgroupError::new("remove", dir, source)),
    })?;
    match last {
        Some(source) if !removed => Err(CgroupError::new("remove", dir, source)),
        _ => Ok(()),
    }
}
