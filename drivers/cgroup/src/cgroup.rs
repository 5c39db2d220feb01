//! [`Cgroup`]: the cgroup of one task.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{CgroupError, Controller, Limits, Stats};

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
    V1 { dirs: BTreeMap<Controller, PathBuf> },
    V2 { dir: PathBuf },
    Off,
}

impl Cgroup {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind }
    }

    /// Makes it and sets its limits. What exists already is used, with its limits set anew.
    ///
    /// # Errors
    /// [`CgroupError`]; what this call made is removed again.
    pub fn create(&self, limits: &Limits) -> Result<(), CgroupError> {
        let _ = limits;
        Ok(())
    }

    /// The files to write `0` into for a process to join. Empty until created.
    pub fn procs_files(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    /// The processes in it and in cgroups below it.
    ///
    /// # Errors
    /// [`CgroupError`]; a cgroup that does not exist has none.
    pub fn pids(&self) -> Result<Vec<i32>, CgroupError> {
        Ok(Vec::new())
    }

    /// Sends a signal to every process in it.
    ///
    /// # Errors
    /// [`CgroupError`]; processes that have ended meanwhile are none.
    pub fn signal(&self, signal: i32) -> Result<(), CgroupError> {
        let _ = signal;
        Ok(())
    }

    /// Kills every process in it and waits, for at most 10 s, until none is left. Blocks.
    ///
    /// # Errors
    /// [`CgroupError`], with the kind `TimedOut` when processes are left.
    pub fn kill(&self) -> Result<(), CgroupError> {
        Ok(())
    }

    /// What it uses.
    ///
    /// # Errors
    /// [`CgroupError`] when it does not exist.
    pub fn stats(&self) -> Result<Stats, CgroupError> {
        Ok(Stats::default())
    }

    /// How many of its processes the kernel has killed for want of memory.
    ///
    /// # Errors
    /// [`CgroupError`]; a cgroup that does not exist has none.
    pub fn oom_kills(&self) -> Result<u64, CgroupError> {
        Ok(0)
    }

    /// Kills what is in it and removes it, and the common parent if it was the last one. What is missing is fine.
    /// Blocks, for at most 20 s.
    ///
    /// # Errors
    /// [`CgroupError`].
    pub fn remove(&self) -> Result<(), CgroupError> {
        Ok(())
    }

    /// Whether it exists.
    pub fn exists(&self) -> bool {
        false
    }

    /// Whether there is nothing to it because the host has no cgroups.
    pub fn is_off(&self) -> bool {
        matches!(self.kind, Kind::Off)
    }
}
