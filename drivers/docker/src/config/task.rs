//! The configuration of one task.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use encamp_driver::Error;
use encamp_hclspec::serde_map::merged;
use encamp_hclspec::{Spec, Value, from_value};
use serde::Deserialize;

use super::optional_duration;
use crate::redact::Names;

type Map = BTreeMap<String, String>;

/// The configuration of one task. Everything but the image may be left out. `Debug` prints the image alone: values may
/// come from the environment, which holds secrets.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own in the job")]
#[expect(missing_docs, reason = "named as in the job")]
pub struct TaskOptions {
    pub image: String,
    pub command: Option<String>,
    pub args: Vec<String>,
    pub entrypoint: Option<Vec<String>>,
    pub work_dir: Option<String>,
    pub hostname: Option<String>,
    pub interactive: bool,
    pub tty: bool,
    pub init: bool,
    #[serde(deserialize_with = "merged")]
    pub labels: Map,
    pub privileged: bool,
    pub cap_add: Vec<String>,
    pub cap_drop: Vec<String>,
    pub readonly_rootfs: bool,
    pub network_mode: Option<String>,
    pub ports: Vec<String>,
    pub extra_hosts: Vec<String>,
    pub dns_servers: Vec<String>,
    pub dns_search_domains: Vec<String>,
    pub dns_options: Vec<String>,
    pub force_pull: bool,
    pub load: Option<String>,
    #[serde(deserialize_with = "optional_duration")]
    pub image_pull_timeout: Option<Duration>,
    pub auth: Option<AuthConfig>,
    pub volumes: Vec<String>,
    pub mount: Vec<MountConfig>,
    #[serde(deserialize_with = "merged")]
    pub ulimit: Map,
    #[serde(deserialize_with = "merged")]
    pub sysctl: Map,
    pub shm_size: Option<u64>,
    pub pids_limit: Option<i64>,
    pub security_opt: Vec<String>,
    pub memory_hard_limit: Option<u64>,
    pub logging: Option<TaskLogging>,
}

impl fmt::Debug for TaskOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskOptions")
            .field("image", &self.image)
            .finish_non_exhaustive()
    }
}

/// Credentials for the image's registry.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "named as in the job")]
pub struct AuthConfig {
    pub username: String,
    pub password: String,
    pub server_address: String,
}

impl fmt::Debug for AuthConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthConfig")
            .field("server_address", &self.server_address)
            .finish_non_exhaustive()
    }
}

/// A mount of the task's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "named as in the job")]
pub struct MountConfig {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub target: String,
    pub source: String,
    pub readonly: bool,
    pub bind_options: Option<BindOptions>,
    pub tmpfs_options: Option<TmpfsOptions>,
    pub volume_options: Option<VolumeOptions>,
}

/// Options of a bind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "named as in the job")]
pub struct BindOptions {
    pub propagation: Option<String>,
}

/// Options of a tmpfs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "named as in the job")]
pub struct TmpfsOptions {
    pub size: Option<u64>,
    pub mode: Option<u32>,
}

/// Options of a volume of the engine's. `Debug` prints its driver alone.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "named as in the job")]
pub struct VolumeOptions {
    pub no_copy: bool,
    #[serde(deserialize_with = "merged")]
    pub labels: Map,
    pub driver_config: Option<VolumeDriver>,
}

impl fmt::Debug for VolumeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VolumeOptions")
            .field("driver_config", &self.driver_config)
            .finish_non_exhaustive()
    }
}

/// The driver of a volume. `Debug` prints no values of its options: some are passwords.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "named as in the job")]
pub struct VolumeDriver {
    pub name: String,
    #[serde(deserialize_with = "merged")]
    pub options: Map,
}

impl fmt::Debug for VolumeDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VolumeDriver")
            .field("name", &self.name)
            .field("options", &Names(&self.options))
            .finish()
    }
}

/// The engine's log driver for the task. `Debug` prints no values of its options: some are tokens.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "named as in the job")]
pub struct TaskLogging {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub driver: Option<String>,
    #[serde(deserialize_with = "merged")]
    pub config: Map,
}

impl fmt::Debug for TaskLogging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskLogging")
            .field("kind", &self.kind)
            .field("driver", &self.driver)
            .field("config", &Names(&self.config))
            .finish()
    }
}

impl TaskOptions {
    /// The schema of these options.
    pub fn spec() -> Spec {
        super::task_spec::spec()
    }

    /// The options in a value that [`TaskOptions::spec`] decoded.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] names the option that cannot be used.
    pub fn from_value(value: Value) -> Result<Self, Error> {
        from_value(value).map_err(|error| Error::InvalidConfig(format!("docker task config: {error}")))
    }
}
