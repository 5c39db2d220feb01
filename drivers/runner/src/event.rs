//! What happens to tasks, for whoever watches.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// Something that happened to a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The task's name; empty for the allocation as a whole.
    pub task: String,
    /// When it happened.
    #[serde(with = "unix_millis")]
    pub time: SystemTime,
    /// What kind of thing it was.
    pub kind: EventKind,
    /// What happened, for people.
    pub message: String,
    /// Details by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// The kinds of events, named as a Nomad agent names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum EventKind {
    /// The task was accepted.
    Received,
    /// Its directories and other needs are being made.
    #[serde(rename = "Task Setup")]
    TaskSetup,
    /// Its driver says something.
    Driver,
    /// It runs.
    Started,
    /// It ended.
    Terminated,
    /// It will be started again.
    Restarting,
    /// It will not be started again, for a reason.
    #[serde(rename = "Not Restarting")]
    NotRestarting,
    /// It could not be started.
    #[serde(rename = "Driver Failure")]
    DriverFailure,
    /// A hook could not do its work.
    #[serde(rename = "Setup Failure")]
    SetupFailure,
    /// It was asked to end.
    Killing,
    /// It ended because it was asked to.
    Killed,
    /// It was found again after its runner had died.
    Recovered,
    /// It was not found again after its runner had died.
    Lost,
}

impl Event {
    /// An event that happens now.
    pub fn now(task: impl Into<String>, kind: EventKind, message: impl Into<String>) -> Self {
        Self {
            task: task.into(),
            time: SystemTime::now(),
            kind,
            message: message.into(),
            annotations: BTreeMap::new(),
        }
    }
}

/// Times as whole milliseconds since 1970: short, sortable, the same in every language.
pub(crate) mod unix_millis {
    use std::time::{Duration, SystemTime};

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        serializer.serialize_u64(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        let millis = u64::deserialize(deserializer)?;
        SystemTime::UNIX_EPOCH
            .checked_add(Duration::from_millis(millis))
            .ok_or_else(|| serde::de::Error::custom("time out of range"))
    }
}
