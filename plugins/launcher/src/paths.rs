//! Where things are kept.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The folders of one installation.
#[derive(Clone, Debug)]
pub(crate) struct DataDir(PathBuf);

impl DataDir {
    /// The folder that the user named, or the usual one.
    pub(crate) fn resolve(named: Option<&Path>) -> Result<Self> {
        let dir = match named {
            Some(dir) => dir.to_owned(),
            None => usual()?,
        };
        let dir = std::path::absolute(&dir).with_context(|| format!("cannot resolve {}", dir.display()))?;
        Ok(Self(dir))
    }

    pub(crate) fn root(&self) -> &Path {
        &self.0
    }

    /// One folder for each allocation's own directories.
    pub(crate) fn allocs(&self) -> PathBuf {
        self.0.join("alloc")
    }

    /// What the runner keeps.
    pub(crate) fn state(&self) -> PathBuf {
        self.0.join("state")
    }

    /// What the supervising processes of host tasks keep.
    pub(crate) fn executor(&self) -> PathBuf {
        self.0.join("executor")
    }

    /// What is kept for an allocation's plugins.
    pub(crate) fn plugins(&self, alloc_id: &str) -> PathBuf {
        self.0.join("plugins").join(alloc_id)
    }

    /// What the docker driver keeps for an allocation: each has a driver, and so a folder, of its own.
    pub(crate) fn docker(&self, alloc_id: &str) -> PathBuf {
        self.0.join("docker").join(alloc_id)
    }
}

fn usual() -> Result<PathBuf> {
    if nix::unistd::geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib/encamp"));
    }
    if let Some(state) = env::var_os("XDG_STATE_HOME").filter(|dir| !dir.is_empty()) {
        return Ok(PathBuf::from(state).join("encamp"));
    }
    let home = env::var_os("HOME").context("there is no $HOME; say where to keep things with --data-dir")?;
    Ok(PathBuf::from(home).join(".local/state/encamp"))
}
