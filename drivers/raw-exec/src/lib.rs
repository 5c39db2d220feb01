//! Run a command on the host, under the executor and nothing else.
#![forbid(unsafe_code)]

use encamp_cgroup::Hierarchy;
use encamp_executor::Executor;

/// The `raw_exec` driver.
#[derive(Debug)]
pub struct RawExec {
    _executor: Executor,
    _cgroups: Hierarchy,
}

impl RawExec {
    /// The name that jobs use.
    pub const NAME: &'static str = "raw_exec";

    /// A driver that starts tasks through `executor` and puts them into `cgroups`.
    pub fn new(executor: Executor, cgroups: Hierarchy) -> Self {
        Self {
            _executor: executor,
            _cgroups: cgroups,
        }
    }
}
