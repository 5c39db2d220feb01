//! Ending what records name, without the job: what an earlier runner could not remove, and an allocation that cannot be
//! set up any more.

use std::path::Path;
use std::time::Duration;

use encamp_driver::{Driver, Error, TaskConfig, TaskHandle, TaskState};
use futures_util::future::join_all;

use crate::task::KILL_PATIENCE;
use crate::{AllocRecord, Desired, Event, EventKind, Lock, Outcome, Parts, Phase, Remains, TaskOutcome, TaskRecord};

/// The kill timeout of a task whose job does not say, as a Nomad agent has it.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

/// Ends and removes every task that the allocation's records name, for an allocation that no [`Runner`](crate::Runner)
/// can set up any more: its directory or a driver's configuration may be broken, its job file may not be readable by this
/// version. Neither the job nor a hook is asked; each task gets its driver's own kill signal.
///
/// What cannot be removed stays in the records, and is in the outcome.
///
/// # Errors
/// A record cannot be read.
///
/// # Cancel safety
/// It may be called again.
pub async fn reap(
    record: &AllocRecord,
    parts: &Parts,
    alloc_dir: &Path,
    _lock: &Lock,
    desired: Desired,
) -> Result<Outcome, crate::StoreError> {
    let tasks: Result<Vec<_>, _> = record
        .task_names
        .iter()
        .map(|name| Ok((name, parts.store.task(&record.id, name)?)))
        .collect();
    let reaper = Reaper {
        record,
        parts,
        alloc_dir,
        desired,
    };
    let tasks = join_all(tasks?.into_iter().map(|(name, task)| reaper.end(name, task))).await;
    Ok(Outcome { tasks, desired })
}

/// Removes one start of a task, running or not, after it was given `grace` to end. Nothing there is a success.
pub(crate) async fn clear(driver: &dyn Driver, handle: TaskHandle, grace: Duration) -> Result<(), Error> {
    let id = handle.config.id.clone();
    match driver.recover_task(handle).await {
        Ok(()) if grace.is_zero() => {}
        Ok(()) => driver.stop_task(&id, grace, None).await?,
        // Something that never ran may be there all the same.
        Err(Error::TaskNotFound(_)) => {}
        Err(error) => return Err(error),
    }
    match driver.destroy_task(&id, true).await {
        Ok(()) | Err(Error::TaskNotFound(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

struct Reaper<'a> {
    record: &'a AllocRecord,
    parts: &'a Parts,
    alloc_dir: &'a Path,
    desired: Desired,
}

impl Reaper<'_> {
    async fn end(&self, name: &str, mut task: TaskRecord) -> TaskOutcome {
        let mut starts = std::mem::take(&mut task.remains);
        starts.extend(task.unfinished());
        for start in starts {
            if let Err(reason) = self.remove(name, &task.driver, &start).await {
                task.push_event(Event::now(name, EventKind::DriverFailure, &reason));
                task.remains.push(Remains { reason, ..start });
            }
        }
        task.phase = Phase::Dead;
        if let Err(error) = self.parts.store.put_task(&self.record.id, name, &task) {
            tracing::warn!(error = &error as &dyn std::error::Error, "Task record not written");
        }
        TaskOutcome {
            name: name.to_owned(),
            failed: task.failed,
            exit: task.exit,
            remains: task.remains,
        }
    }

    async fn remove(&self, name: &str, driver: &str, start: &Remains) -> Result<(), String> {
        let Some(driver) = self.parts.drivers.get(driver) else {
            return Err(format!("there is no driver \"{driver}\" to remove the task with"));
        };
        let handle = TaskHandle {
            version: start.handle_version,
            config: self.bare_config(name, &start.task_id),
            state: TaskState::Unknown,
            driver_state: start.driver_state.clone(),
        };
        if self.desired != Desired::Kill {
            let cleared = clear(driver.as_ref(), handle, KILL_TIMEOUT).await;
            return cleared.map_err(|error| error.chain());
        }
        match tokio::time::timeout(KILL_PATIENCE, clear(driver.as_ref(), handle, Duration::ZERO)).await {
            Ok(cleared) => cleared.map_err(|error| error.chain()),
            Err(_) => Err(format!("its driver has not answered for {KILL_PATIENCE:?}")),
        }
    }

    /// All that is known of a task without its job: enough to find it by.
    fn bare_config(&self, task: &str, task_id: &str) -> TaskConfig {
        TaskConfig {
            id: task_id.to_owned(),
            name: task.to_owned(),
            alloc_id: self.record.id.clone(),
            job_id: self.record.job_id.clone(),
            job_name: self.record.job_id.clone(),
            task_group_name: self.record.group.clone(),
            alloc_dir: self.alloc_dir.to_owned(),
            ..TaskConfig::default()
        }
    }
}
