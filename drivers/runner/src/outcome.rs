//! What became of an allocation and of its tasks.

use encamp_driver::ExitResult;

use crate::Desired;

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
}
