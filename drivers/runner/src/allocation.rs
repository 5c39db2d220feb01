//! What is to be run, and where.

use std::path::PathBuf;

use encamp_jobspec::{Group, Job};
use uuid::Uuid;

/// One task group of a job, to be run on this machine.
#[derive(Clone, Debug)]
pub struct Allocation {
    /// Unique for every run.
    pub id: String,
    /// The job. Its groups are not looked at; `group` is.
    pub job: Job,
    /// The group, with the tasks that are to run.
    pub group: Group,
    /// The allocation's directory.
    pub dir: PathBuf,
    /// This machine.
    pub node: Node,
}

/// This machine.
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// What tasks may know of it.
    pub facts: encamp_taskenv::Node,
    /// The compute of all processors together, in MHz.
    pub total_compute_mhz: u64,
}

/// An id for a new allocation.
pub fn new_alloc_id() -> String {
    Uuid::new_v4().to_string()
}

/// An id for a start of a task: `<alloc id>/<task name>/<8 hex digits>`.
pub(crate) fn new_task_id(alloc_id: &str, task: &str) -> String {
    let unique = Uuid::new_v4().simple().to_string();
    let short = unique.get(..8).unwrap_or(&unique);
    format!("{alloc_id}/{task}/{short}")
}
