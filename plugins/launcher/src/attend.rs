//! Running an allocation that was asked for before: by a runner in the background, or by whoever stops it.

use anyhow::Result;
use encamp_runner::{AllocRecord, Control, Lock, Runner};

use crate::load;
use crate::paths::DataDir;
use crate::wiring::{self, Role, Wired};

/// A runner for an allocation as its record has it, for whoever holds its lock.
pub(crate) async fn take_up(data: &DataDir, record: &AllocRecord, lock: Lock) -> Result<(Runner, Control, Wired)> {
    let wired = wiring::wire(data, record, Role::Runner).await?;
    let prepared = load::prepare_again(load::again(record, data)?, &wired.parts).await?;
    let (runner, control) = Runner::new(prepared, wired.parts.clone(), lock);
    Ok((runner, control, wired))
}

/// What to tell of tasks that may not be gone: `(task, reason)`.
pub(crate) fn left_behind<'a>(short_id: &str, remains: impl Iterator<Item = (&'a str, &'a str)>) -> Option<String> {
    let tasks: Vec<_> = remains
        .map(|(task, reason)| format!("task \"{task}\": {reason}"))
        .collect();
    (!tasks.is_empty()).then(|| {
        format!(
            "{}; the record is kept: see to it that the driver works (start the engine), then run `encamp stop {short_id}`",
            tasks.join("; ")
        )
    })
}
