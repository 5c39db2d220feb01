//! What a driver can do.

use serde::{Deserialize, Serialize};

/// What a driver can do. A host plans by it; nothing here is a promise about one task.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a capability of its own, as the protocol has them"
)]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// `signal_task` works.
    pub send_signals: bool,
    /// `exec_task` works.
    pub exec: bool,
    /// How the task's file system is set off from the host's.
    pub fs_isolation: FsIsolation,
    /// The network isolation that tasks can join; the host's own network is always one of them.
    pub network_isolation_modes: Vec<NetworkIsolationMode>,
    /// The driver makes the allocation's network namespace itself.
    pub must_initiate_network: bool,
    /// Whether volumes can be mounted into tasks.
    pub mount_configs: MountConfigs,
    /// The driver takes care of its tasks' logs; the host collects none.
    pub disable_log_collection: bool,
    /// Tasks without a user may run as an allocated one.
    pub dynamic_workload_users: bool,
}

/// How a task's file system is set off from the host's. It decides which paths the task's environment names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FsIsolation {
    /// The task sees the host's files; its directories have host paths.
    #[default]
    None,
    /// The task directory is the root; the host fills it beforehand.
    Chroot,
    /// The task has a root of its own, made by the driver.
    Image,
    /// The task sees the host's files as far as it was allowed to.
    Unveil,
}

/// How a task's network is set off from the host's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkIsolationMode {
    /// Not at all.
    #[default]
    Host,
    /// One namespace for the whole group.
    Group,
    /// One namespace for each task, made by its driver.
    Task,
    /// A namespace with nothing in it.
    None,
}

/// Whether volumes can be mounted into tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MountConfigs {
    /// Any volume.
    #[default]
    Any,
    /// None.
    None,
}
