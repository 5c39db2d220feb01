//! Removing what is left of an allocation that is over.

use anyhow::{Context as _, Result};
use encamp_allocdir::AllocDir;
use encamp_runner::{LockError, Store};

use crate::paths::DataDir;
use crate::plugins;

/// Removes an allocation's directory, then the record that it was ever there. Somebody else who does the same is left to
/// it: the end of a run and a `stop` meet here.
pub(crate) fn purge(data: &DataDir, store: &Store, alloc_id: &str) -> Result<()> {
    let _lock = match store.lock(alloc_id) {
        Ok(lock) => lock,
        Err(LockError::Held(_)) => return Ok(()),
        Err(_) if !store.dir(alloc_id).exists() => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let dir = AllocDir::new(data.allocs(), alloc_id)?;
    dir.destroy().context("cannot remove the allocation's directory")?;
    let docker = data.docker(alloc_id);
    match std::fs::remove_dir_all(&docker) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot remove {}", docker.display()));
        }
        _ => {}
    }
    plugins::forget(data, alloc_id).context("cannot remove what is kept for the plugins")?;
    store.remove(alloc_id)?;
    Ok(())
}
