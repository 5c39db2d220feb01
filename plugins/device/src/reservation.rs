//! What a task needs in order to use its devices.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a task needs in order to use its devices. `Debug` prints the names of the environment only, not the values.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// Variables of the task's environment; hosts put them over earlier ones.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Files and directories of the host.
    #[serde(default)]
    pub mounts: Vec<Mount>,
    /// Device nodes of the host.
    #[serde(default)]
    pub devices: Vec<DeviceNode>,
}

/// A file or directory of the host, in the task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Where the task sees it.
    pub task_path: PathBuf,
    /// Where it is.
    pub host_path: PathBuf,
    /// Whether the task may not write to it.
    #[serde(default)]
    pub read_only: bool,
}

/// A device node of the host, in the task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceNode {
    /// Where the task sees it.
    pub task_path: PathBuf,
    /// Where it is.
    pub host_path: PathBuf,
    /// What the task may do with it: some of `r` (read), `w` (write) and `m` (make another node of it).
    pub permissions: String,
}

impl Reservation {
    /// The same, with this variable.
    #[must_use]
    pub fn with_env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// The same, with this file or directory of the host, which the task may not write to.
    #[must_use]
    pub fn with_read_only(mut self, host_path: impl Into<PathBuf>, task_path: impl Into<PathBuf>) -> Self {
        self.mounts.push(Mount {
            task_path: task_path.into(),
            host_path: host_path.into(),
            read_only: true,
        });
        self
    }

    /// The same, with this device node of the host, at the same place in the task, to read from and write to.
    #[must_use]
    pub fn with_node(mut self, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        self.devices.push(DeviceNode {
            task_path: path.clone(),
            host_path: path,
            permissions: "rw".to_owned(),
        });
        self
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let env: BTreeMap<_, _> = self.env.keys().map(|name| (name, "[redacted]")).collect();
        f.debug_struct("Reservation")
            .field("env", &env)
            .field("mounts", &self.mounts)
            .field("devices", &self.devices)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_the_environment_are_not_printed() {
        let text = format!("{:?}", Reservation::default().with_env("TOKEN", "hunter2"));
        assert!(text.contains("TOKEN") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn a_reservation_survives_json() {
        let whole = Reservation::default()
            .with_env("A", "1")
            .with_read_only("/opt/lib", "/lib/vendor")
            .with_node("/dev/fuse");
        let text = serde_json::to_string(&whole).unwrap();
        assert_eq!(serde_json::from_str::<Reservation>(&text).unwrap(), whole);
        assert_eq!(
            serde_json::from_str::<Reservation>("{}").unwrap(),
            Reservation::default()
        );
    }
}
