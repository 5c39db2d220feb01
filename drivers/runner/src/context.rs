//! What a runner is handed, and what its parts share.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use encamp_driver::Driver;
use encamp_hook::{AllocHook, TaskHook};
use tokio::sync::broadcast;

use crate::{Allocation, Event, Store};

/// Drivers by the name that jobs use.
#[derive(Clone, Default)]
pub struct Drivers(BTreeMap<String, Arc<dyn Driver>>);

/// What a runner is handed.
#[derive(Clone)]
pub struct Parts {
    /// The drivers there are.
    pub drivers: Drivers,
    /// Hooks around the allocation, after the runner's own.
    pub alloc_hooks: Vec<Arc<dyn AllocHook>>,
    /// Hooks around each start of a task.
    pub task_hooks: Vec<Arc<dyn TaskHook>>,
    /// Where records are kept.
    pub store: Store,
    /// The host's environment, for tasks that are not set off from it.
    pub host_env: BTreeMap<String, String>,
}

/// What the parts of one running allocation share.
pub(crate) struct Shared {
    pub(crate) allocation: Allocation,
    pub(crate) parts: Parts,
    pub(crate) events: broadcast::Sender<Event>,
}

impl Drivers {
    /// The driver of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Driver>> {
        self.0.get(name)
    }

    /// Every driver's name, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl FromIterator<Arc<dyn Driver>> for Drivers {
    fn from_iter<I: IntoIterator<Item = Arc<dyn Driver>>>(drivers: I) -> Self {
        Self(drivers.into_iter().map(|driver| (driver.info().name, driver)).collect())
    }
}

impl fmt::Debug for Drivers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("drivers", &self.drivers)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// Tells whoever watches; nobody watching is fine.
    pub(crate) fn tell(&self, event: Event) {
        tracing::debug!(task = event.task, kind = ?event.kind, message = event.message, "task event");
        drop(self.events.send(event));
    }
}
