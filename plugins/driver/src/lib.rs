//! The task-driver contract: the trait, its types, its errors.
//!
//! A driver starts tasks and answers for them until they are destroyed. [`Driver`] has a method for every call of the
//! protocol that a Nomad agent speaks, streams included, and no transport: a driver that implements it is used in
//! process, and the same value can be served to an agent by an adapter crate.
//!
//! The life of a task, as a driver sees it:
//!
//! 1. [`Driver::start_task`] with a [`TaskConfig`] whose id is new for every start;
//! 2. [`Driver::wait_task`], [`Driver::task_stats`] (held open), [`Driver::signal_task`], [`Driver::exec_task`], …;
//! 3. [`Driver::stop_task`], or the task ends by itself, and every `wait_task` returns its [`ExitResult`];
//! 4. [`Driver::destroy_task`], after which the id is unknown and nothing of the task is left.
//!
//! A host that was restarted hands its [`TaskHandle`]s to [`Driver::recover_task`] before anything else.
//!
//! Required methods are the ones that no driver can do without: the life of a task. All others have defaults, which say
//! "not supported" in the words that hosts know where there is nothing to be done.
#![forbid(unsafe_code)]

mod capabilities;
mod driver;
mod env;
mod error;
mod exec;
mod fingerprint;
mod logs;
mod network;
mod resources;
mod stats;
mod task;

pub use capabilities::{Capabilities, FsIsolation, MountConfigs, NetworkIsolationMode};
pub use driver::{BoxStream, Driver};
pub use encamp_base::{
    Attribute, AttributeValue, ConfigError, Core, CoreGrade, Distances, Plugin, PluginConfig, PluginInfo, PluginType,
    Topology,
};
pub use env::Env;
pub use error::{Error, Result};
pub use exec::{ExecIo, ExecOptions, ExecOutput, TerminalSize};
pub use fingerprint::{Fingerprint, Health};
pub use logs::{LogCollection, LogOptions};
pub use network::{DnsConfig, HostsConfig, NetworkIsolation, NetworkOverride};
pub use resources::{LinuxResources, NetworkPort, NetworkResource, PortMapping, Resources};
pub use stats::{CpuField, CpuUsage, MemoryField, MemoryUsage, ResourceUsage, TaskStats};
pub use task::{
    Device, ExitResult, Mount, PROGRESS, Propagation, StartedTask, TaskConfig, TaskEvent, TaskHandle, TaskOutput,
    TaskState, TaskStatus,
};

#[cfg(test)]
mod tests {
    #[test]
    fn the_readme_begins_with_the_example() {
        let example = include_str!("../examples/commands.rs");
        assert!(include_str!("../README.md").contains(example));
        assert!(example.lines().count() < 120);
    }
}
