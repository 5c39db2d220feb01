//! What supervision has to tell.

use std::time::Duration;

use encamp_driver::PluginType;

/// Something that has happened to a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The plugin, by the name it gives itself.
    pub plugin: String,
    /// What it is. A driver and a device plugin may have the same name.
    pub plugin_type: PluginType,
    /// What has happened.
    pub kind: EventKind,
}

/// What has happened to a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// It was started, and is ready.
    Launched,
    /// The process of an earlier host was found again, and is ready.
    Reattached,
    /// The record of an earlier host leads nowhere, for a reason. A fresh process is started.
    StaleRecord(String),
    /// It could not be started, for a reason.
    Failed {
        /// Why.
        why: String,
        /// When it is tried again; `None`: at its next use.
        retry: Option<Duration>,
    },
    /// Its process has ended.
    Ended,
    /// A fresh process has taken back a task.
    Recovered(String),
    /// A fresh process could not take back a task.
    NotRecovered {
        /// The task's id.
        task: String,
        /// Why.
        why: String,
    },
}
