//! What a driver could not remove: noted, and tried again.

use std::sync::Arc;
use std::time::Duration;

use encamp_driver::{TaskHandle, TaskState};

use super::{KILL_PATIENCE, TaskRunner};
use crate::reap::clear;
use crate::store::Phase;
use crate::{EventKind, Remains};

impl TaskRunner {
    /// Tries again to remove what earlier starts have left.
    pub(super) async fn sweep(&mut self) {
        for start in self.record.remains.clone() {
            let handle = TaskHandle {
                version: start.handle_version,
                config: self.spec.known_config(&self.surroundings(), &start.task_id),
                state: TaskState::Unknown,
                driver_state: start.driver_state.clone(),
            };
            let driver = Arc::clone(&self.spec.driver);
            match clear(driver.as_ref(), handle, Duration::ZERO).await {
                Ok(()) => self.record.remains.retain(|left| *left != start),
                Err(error) => {
                    let reason = format!("cannot clean up after the task: {}", error.chain());
                    self.trouble(&reason);
                    if let Some(same) = self.record.remains.iter_mut().find(|left| **left == start) {
                        same.reason = reason;
                    }
                }
            }
            self.save();
        }
    }

    /// Notes that something may be left of the latest start.
    pub(super) fn leave(&mut self, reason: String) {
        self.event(EventKind::DriverFailure, &reason);
        let id = &self.record.task_id;
        self.record.remains.retain(|left| left.task_id != *id);
        self.record.remains.push(Remains {
            task_id: self.record.task_id.clone(),
            handle_version: self.record.handle_version,
            driver_state: self.record.driver_state.clone(),
            reason,
        });
        self.save();
    }

    /// Lets go of a task whose driver does not say what became of it.
    pub(super) fn give_up(&mut self) {
        self.read_mail();
        if self.record.unfinished().is_some() {
            let known = self.record.events.iter().rev();
            let mut known = known.take_while(|event| event.kind != EventKind::Started);
            let trouble = known.find(|event| event.kind == EventKind::DriverFailure);
            let trouble = trouble.map_or_else(
                || format!("its driver has not answered for {KILL_PATIENCE:?}"),
                |event| event.message.clone(),
            );
            self.leave(format!("cannot say what became of the task: {trouble}"));
        }
        self.set_phase(Phase::Dead);
    }
}
