//! A task of another process, to look at and to talk to.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use encamp_driver::{Driver, TaskHandle, TaskOutput, TaskState};
use encamp_runner::{Parts, Phase};

use crate::exit::usage;
use crate::load;
use crate::paths::DataDir;
use crate::target::Alloc;

/// A running task and its driver, without any claim to its output or its end.
pub(crate) struct Attached {
    pub(crate) driver: Arc<dyn Driver>,
    pub(crate) id: String,
}

/// Finds a running task through its driver.
pub(crate) async fn attach(data: &DataDir, parts: &Parts, alloc: &Alloc, task: &str) -> Result<Attached> {
    let record = alloc
        .tasks
        .iter()
        .find(|(name, _)| name == task)
        .map(|(_, record)| record);
    let record = record.with_context(|| format!("there is no task \"{task}\""))?;
    if record.phase != Phase::Running {
        return Err(usage(format!("task \"{task}\" does not run")));
    }
    let allocation = load::again(&alloc.record, data)?;
    let prepared = load::prepare_again(allocation, parts).await?;
    let mut config = prepared
        .task_config(parts, task, &record.task_id)
        .map_err(crate::exit::BadInput::Job)?;
    // The task's runner collects its output; a second collector would write it twice.
    config.output = TaskOutput::Discard;
    let driver = Arc::clone(parts.drivers.get(&record.driver).context("the task's driver is gone")?);
    let handle = TaskHandle {
        version: record.handle_version,
        config,
        state: TaskState::Running,
        driver_state: record.driver_state.clone(),
    };
    let recovered = driver.recover_task(handle).await;
    recovered.with_context(|| format!("cannot reach task \"{task}\""))?;
    Ok(Attached {
        driver,
        id: record.task_id.clone(),
    })
}
