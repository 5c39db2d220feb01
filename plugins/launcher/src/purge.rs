//! Removing what is left of an allocation that is over.

use anyhow::{Context as _, Result};
use encamp_allocdir::AllocDir;
use encamp_runner::Store;

use crate::paths::DataDir;

/// Removes an allocation's directory, then the record that it was ever there.
pub(crate) fn purge(data: &DataDir, store: &Store, alloc_id: &str) -> Result<()> {
    let dir = AllocDir::new(data.allocs(), alloc_id)?;
    dir.destroy().context("cannot remove the allocation's directory")?;
    store.remove(alloc_id)?;
    Ok(())
}
