//! What became of an allocation and of its tasks.

use encamp_driver::ExitResult;

use crate::{Desired, Remains};

/// What became of an allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Its tasks, in job order.
    pub tasks: Vec<TaskOutcome>,
    /// Whether somebody asked it to end.
    pub desired: Desired,
}

/// What became of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskOutcome {
    /// The task's name.
    pub name: String,
    /// Whether it failed for good.
    pub failed: bool,
    /// How it last ended; `None` when it never ran.
    pub exit: Option<ExitResult>,
    /// What may be left of it, and why.
    pub remains: Vec<Remains>,
}

impl Outcome {
    /// Each task of which something may be left, with the reason.
    pub fn remains(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tasks.iter().flat_map(|task| {
            task.remains
                .iter()
                .map(|start| (task.name.as_str(), start.reason.as_str()))
        })
    }
}
