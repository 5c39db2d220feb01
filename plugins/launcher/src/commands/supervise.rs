//! `encamp supervise`: the runner in the background.

use anyhow::{Context as _, Result};
use encamp_runner::Runner;

use crate::paths::DataDir;
use crate::{load, output, signals, wiring};

pub(crate) async fn supervise(data: &DataDir, alloc_id: &str) -> Result<u8> {
    // Already a session's leader is as good.
    let _leader = nix::unistd::setsid();
    let parts = wiring::parts(data, alloc_id).await?;
    let records = parts.store.list()?;
    let record = records.into_iter().find(|record| record.id == alloc_id);
    let record = record.with_context(|| format!("there is no allocation {alloc_id}"))?;
    let lock = parts.store.lock(alloc_id)?;
    let prepared = load::prepare(load::again(&record, data)?, &parts).await?;
    let (runner, control) = Runner::new(prepared, parts, lock);
    let signals = tokio::spawn(signals::obey(control, output::notice));
    let outcome = runner.run().await;
    signals.abort();
    outcome?;
    // Records and logs stay until `encamp stop`: nobody may have seen them yet.
    Ok(0)
}
