//! The tasks that a driver has started and not destroyed.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use encamp_driver::TaskHandle;

/// The tasks that a driver has started and not destroyed, and which of its processes knows each.
#[derive(Default)]
pub(crate) struct Tasks(Mutex<BTreeMap<String, Kept>>);

struct Kept {
    handle: TaskHandle,
    /// The latest process that knows the task.
    generation: u64,
}

impl Tasks {
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    pub(crate) fn has(&self, id: &str) -> bool {
        self.lock().contains_key(id)
    }

    /// Keeps a task that a process knows. What is known of it is not given up for a handle that says less.
    pub(crate) fn keep(&self, handle: TaskHandle, generation: u64) {
        let mut tasks = self.lock();
        let kept = tasks.entry(handle.config.id.clone()).or_insert_with(|| Kept {
            handle: handle.clone(),
            generation,
        });
        kept.generation = generation;
        if !handle.driver_state.is_empty() {
            kept.handle = handle;
        }
    }

    pub(crate) fn forget(&self, id: &str) {
        self.lock().remove(id);
    }

    /// The handle of a task, if a process of this generation does not know it yet.
    pub(crate) fn behind(&self, id: &str, generation: u64) -> Option<TaskHandle> {
        let tasks = self.lock();
        let kept = tasks.get(id).filter(|kept| kept.generation < generation);
        kept.map(|kept| kept.handle.clone())
    }

    pub(crate) fn all_behind(&self, generation: u64) -> Vec<TaskHandle> {
        let tasks = self.lock();
        let behind = tasks.values().filter(|kept| kept.generation < generation);
        behind.map(|kept| kept.handle.clone()).collect()
    }

    pub(crate) fn caught_up(&self, id: &str, generation: u64) {
        if let Some(kept) = self.lock().get_mut(id) {
            kept.generation = kept.generation.max(generation);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
