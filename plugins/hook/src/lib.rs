//! The lifecycle hook contract of allocations and tasks.
//!
//! A runner that runs an allocation calls its hooks around the allocation's life and around each task's life. Order
//! matters: `prerun` and `prestart` run in the order in which hooks were given and stop at the first error; `postrun`,
//! `exited` and `stop` run in the reverse order, all of them, whatever fails. A hook may be asked to clean up what it
//! never made (the runner may have been killed in between): that is a success.
//!
//! ```
//! use encamp_hook::{AllocContext, AllocHook, HookError};
//!
//! struct Motd;
//!
//! #[async_trait::async_trait]
//! impl AllocHook for Motd {
//!     fn name(&self) -> &'static str {
//!         "motd"
//!     }
//!     async fn prerun(&self, alloc: &mut AllocContext) -> Result<(), HookError> {
//!         alloc.env.set("MOTD", "hello");
//!         Ok(())
//!     }
//! }
//! ```
#![forbid(unsafe_code)]

use std::path::PathBuf;

use async_trait::async_trait;
use encamp_driver::{Device, DnsConfig, Env, ExitResult, Mount, NetworkIsolation};

/// Something to do before an allocation runs and after it ran.
#[async_trait]
pub trait AllocHook: Send + Sync {
    /// The hook's name, for errors and events.
    fn name(&self) -> &'static str;

    /// Before any task. What it adds to `alloc` reaches every task.
    ///
    /// # Errors
    /// No task is started; the hooks before this one are asked to clean up.
    async fn prerun(&self, alloc: &mut AllocContext) -> Result<(), HookError> {
        let _ = alloc;
        Ok(())
    }

    /// After the last task. Removes what `prerun` made, also when `prerun` was never heard to finish.
    ///
    /// # Errors
    /// Reported beside the others'; the remaining hooks still run.
    async fn postrun(&self, alloc: &AllocContext) -> Result<(), HookError> {
        let _ = alloc;
        Ok(())
    }
}

/// Something to do around each start of a task.
#[async_trait]
pub trait TaskHook: Send + Sync {
    /// The hook's name, for errors and events.
    fn name(&self) -> &'static str;

    /// Before every start. What it adds to `task` reaches the driver.
    ///
    /// # Errors
    /// The task is not started; [`HookError::recoverable`] decides whether it is tried again.
    async fn prestart(&self, task: &mut TaskContext) -> Result<(), HookError> {
        let _ = task;
        Ok(())
    }

    /// Once the task runs.
    ///
    /// # Errors
    /// Reported; the task keeps running.
    async fn poststart(&self, task: &TaskContext) -> Result<(), HookError> {
        let _ = task;
        Ok(())
    }

    /// After every end of the task, before a restart is considered.
    ///
    /// # Errors
    /// Reported beside the others'.
    async fn exited(&self, task: &TaskContext, exit: &ExitResult) -> Result<(), HookError> {
        let _ = (task, exit);
        Ok(())
    }

    /// Once, when the task will not be started again.
    ///
    /// # Errors
    /// Reported beside the others'.
    async fn stop(&self, task: &TaskContext) -> Result<(), HookError> {
        let _ = task;
        Ok(())
    }
}

/// What alloc hooks see and add to.
#[derive(Clone, Debug)]
pub struct AllocContext {
    /// The allocation's id.
    pub alloc_id: String,
    /// The allocation's directory.
    pub alloc_dir: PathBuf,
    /// The tasks, in job order.
    pub tasks: Vec<TaskInfo>,
    /// Added to every task's environment.
    pub env: Env,
    /// The network namespace that the tasks join.
    pub network: Option<NetworkIsolation>,
    /// What the tasks' `resolv.conf` is to say.
    pub dns: Option<DnsConfig>,
}

/// What alloc hooks are told about a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskInfo {
    /// The task's name.
    pub name: String,
    /// The name of its driver.
    pub driver: String,
    /// Who the job says it runs as; by what names depends on the driver.
    pub user: Option<String>,
}

/// What task hooks see and add to.
#[derive(Clone, Debug)]
pub struct TaskContext {
    /// The allocation's id.
    pub alloc_id: String,
    /// The task's name.
    pub task: String,
    /// The allocation's directory; the task's own is `<alloc_dir>/<task>`.
    pub alloc_dir: PathBuf,
    /// Added to the task's environment.
    pub env: Env,
    /// Mounted into the task.
    pub mounts: Vec<Mount>,
    /// Passed on to the task.
    pub devices: Vec<Device>,
}

/// A hook could not do its work.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct HookError {
    /// What failed, on which value, and what to do about it.
    pub message: String,
    /// Whether the same call may succeed later.
    pub recoverable: bool,
}

impl HookError {
    /// A failure that will stay until somebody changes something.
    pub fn fatal(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            recoverable: false,
        }
    }

    /// A failure that a later attempt may not meet again.
    pub fn recoverable(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            recoverable: true,
        }
    }
}
