//! Tasks: what they are started from, what is known of them, how they end.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use encamp_hclspec::Value;
use serde::{Deserialize, Serialize};

use crate::{DnsConfig, Env, NetworkIsolation, NetworkOverride, Resources};

/// All that a driver is told about a task it is to start. `Debug` prints neither its configuration nor its environment.
///
/// The default names nothing, and its output goes nowhere.
#[derive(Clone, Default, PartialEq)]
pub struct TaskConfig {
    /// Unique for every start: `<alloc id>/<task name>/<8 hex digits>`.
    pub id: String,
    /// The task's name in its group.
    pub name: String,
    /// The allocation's id.
    pub alloc_id: String,
    /// The job's id.
    pub job_id: String,
    /// The job's name.
    pub job_name: String,
    /// The id of the job that dispatched this one.
    pub parent_job_id: Option<String>,
    /// The group's name.
    pub task_group_name: String,
    /// The job's namespace.
    pub namespace: String,
    /// The node's name.
    pub node_name: String,
    /// The node's id.
    pub node_id: String,
    /// The task's `config` block, decoded by the driver's schema.
    pub driver_config: Value,
    /// The complete environment, interpolated.
    pub env: Env,
    /// The part of it that device plugins added.
    pub device_env: Env,
    /// What the task may use.
    pub resources: Resources,
    /// Volumes to mount.
    pub mounts: Vec<Mount>,
    /// Devices to pass on.
    pub devices: Vec<Device>,
    /// The user to run as; the driver's default where there is none.
    pub user: Option<String>,
    /// The allocation's directory; the task's own is `<alloc_dir>/<name>`.
    pub alloc_dir: PathBuf,
    /// Where output goes.
    pub output: TaskOutput,
    /// The network namespace to join; the host's where there is none.
    pub network_isolation: Option<NetworkIsolation>,
    /// What `resolv.conf` is to say; unmanaged where there is nothing.
    pub dns: Option<DnsConfig>,
}

impl TaskConfig {
    /// The task's own directory.
    pub fn task_dir(&self) -> PathBuf {
        self.alloc_dir.join(&self.name)
    }
}

impl fmt::Debug for TaskConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskConfig")
            .field("id", &self.id)
            .field("job_id", &self.job_id)
            .field("task_group_name", &self.task_group_name)
            .field("env", &self.env)
            .field("resources", &self.resources)
            .field("user", &self.user)
            .field("alloc_dir", &self.alloc_dir)
            .field("output", &self.output)
            .finish_non_exhaustive()
    }
}

/// Where a task's output goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskOutput {
    /// Nowhere.
    #[default]
    Discard,
    /// Into named pipes that somebody else reads.
    Fifo {
        /// The pipe for standard output.
        stdout: PathBuf,
        /// The pipe for standard error.
        stderr: PathBuf,
    },
    /// Into rotated files `<name>.stdout.<n>` and `<name>.stderr.<n>` that the driver writes itself.
    Files {
        /// The directory.
        dir: PathBuf,
        /// How many files are kept for each stream.
        max_files: u32,
        /// How large each may grow, in bytes.
        max_file_size: u64,
    },
}

/// A host path that is to appear inside the task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Where the task sees it.
    pub task_path: PathBuf,
    /// Where it is.
    pub host_path: PathBuf,
    /// Whether the task may not write to it.
    pub readonly: bool,
    /// How mounts below it travel.
    pub propagation: Propagation,
    /// How it is labelled on a host with `SELinux`: `shared` by containers, or `private` to one; empty for not at all.
    pub selinux_label: String,
    /// The name of the group's volume that it comes from; empty where it comes from none.
    pub request_name: String,
}

/// How mounts made below a mount travel between the host and the task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Propagation {
    /// Not at all.
    #[default]
    Private,
    /// From the host into the task.
    HostToTask,
    /// Both ways.
    Bidirectional,
}

/// A device node that is to appear inside the task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Where the task sees it.
    pub task_path: PathBuf,
    /// Where it is.
    pub host_path: PathBuf,
    /// Some of `r`, `w` and `m`.
    pub cgroup_permissions: String,
}

/// What a host keeps to find a task again after a restart. `Debug` keeps the driver's record to itself.
#[derive(Clone, Default, PartialEq)]
pub struct TaskHandle {
    /// The version of `driver_state`, as the start gave it.
    pub version: i32,
    /// What the task was started from. Hosts may have lost `driver_config`, which is [`Value::Null`] then: what a driver
    /// needs of it belongs into `driver_state`.
    pub config: TaskConfig,
    /// The state it was last seen in.
    pub state: TaskState,
    /// The driver's own record, opaque to everybody else. Empty: the host knows only that a start was under way.
    pub driver_state: Vec<u8>,
}

impl fmt::Debug for TaskHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskHandle")
            .field("version", &self.version)
            .field("config", &self.config)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// What a start gives back. `Debug` keeps the driver's record to itself.
#[derive(Clone, PartialEq)]
pub struct StartedTask {
    /// The version of `driver_state`, for the driver's own later lives. Those of most drivers are 1.
    pub version: i32,
    /// The driver's own record of the task, to be kept and handed back in a [`TaskHandle`]. Never empty: that would say
    /// that the start was interrupted.
    pub driver_state: Vec<u8>,
    /// The task's own address, where the driver gave it one.
    pub network: Option<NetworkOverride>,
}

impl fmt::Debug for StartedTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartedTask")
            .field("version", &self.version)
            .field("network", &self.network)
            .finish_non_exhaustive()
    }
}

impl StartedTask {
    /// A task on the host's own network, with this record at version 1.
    pub fn new(driver_state: Vec<u8>) -> Self {
        Self {
            version: 1,
            driver_state,
            network: None,
        }
    }
}

/// The state of a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Not known at this moment.
    #[default]
    Unknown,
    /// It runs.
    Running,
    /// It has ended.
    Exited,
}

/// How a task ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitResult {
    /// Its exit status; 128 + signal when a signal ended it, -1 when nobody can know.
    pub exit_code: i32,
    /// The signal that ended it; 0 for none.
    pub signal: i32,
    /// Whether the kernel killed it for want of memory.
    pub oom_killed: bool,
    /// What kept the end from being observed, where something did.
    pub err: Option<String>,
}

impl ExitResult {
    /// An end with this exit status.
    pub fn code(exit_code: i32) -> Self {
        Self {
            exit_code,
            ..Self::default()
        }
    }

    /// An end by this signal.
    pub fn signal(signal: i32) -> Self {
        Self {
            exit_code: 128 + signal,
            signal,
            ..Self::default()
        }
    }

    /// Whether the task did what it was started for.
    pub fn successful(&self) -> bool {
        self.exit_code == 0 && self.signal == 0 && self.err.is_none()
    }
}

/// What is known of a task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskStatus {
    /// The task's id.
    pub id: String,
    /// The task's name.
    pub name: String,
    /// The state it is in.
    pub state: TaskState,
    /// When it started.
    pub started_at: Option<SystemTime>,
    /// When it ended.
    pub completed_at: Option<SystemTime>,
    /// How it ended, once it has.
    pub exit: Option<ExitResult>,
    /// The driver's own facts (`pid`, `container_id`).
    pub attributes: BTreeMap<String, String>,
    /// The task's own address, where the driver gave it one.
    pub network: Option<NetworkOverride>,
}

/// The annotation of events that only report how far something has come: hosts show them and keep none of them. Its value
/// names what goes on; for `pull`, `layer`, `status`, `current` and `total` (bytes) say how far a layer of the image is.
pub const PROGRESS: &str = "progress";

/// Something that a driver has to tell about a task.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskEvent {
    /// The task's id.
    pub task_id: String,
    /// The task's name.
    pub task_name: String,
    /// The allocation's id.
    pub alloc_id: String,
    /// When it happened.
    pub timestamp: SystemTime,
    /// What happened, for people.
    pub message: String,
    /// Details by name.
    pub annotations: BTreeMap<String, String>,
}
