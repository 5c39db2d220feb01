//! The driver's own configuration.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use encamp_driver::ConfigError;
use encamp_hclspec::{Spec, Type, Value, from_value};
use serde::Deserialize;

use super::duration;
use crate::redact::Names;

/// The capabilities that tasks may add unless the operator says otherwise.
const DEFAULT_CAPS: [&str; 13] = [
    "audit_write",
    "chown",
    "dac_override",
    "fowner",
    "fsetid",
    "kill",
    "mknod",
    "net_bind_service",
    "setfcap",
    "setgid",
    "setpcap",
    "setuid",
    "sys_chroot",
];

/// The driver's own configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PluginOptions {
    /// The engine's address; the one that the driver was made with where there is none.
    pub endpoint: Option<String>,
    /// Whether tasks may be `privileged`. Default false.
    pub allow_privileged: bool,
    /// The capabilities that tasks may have. Default: 13 that are harmless in a container.
    pub allow_caps: Vec<String>,
    /// What is removed, and when.
    pub gc: GcConfig,
    /// Whether no output is collected, of any task. Default false.
    pub disable_log_collection: bool,
    /// How long a pull may take where the task does not say. Default 5 minutes.
    #[serde(deserialize_with = "duration")]
    pub image_pull_timeout: Duration,
    /// How long a pull may make no progress. Default 2 minutes.
    #[serde(deserialize_with = "duration")]
    pub pull_activity_timeout: Duration,
    /// The engine's log driver for tasks that say nothing about logging. Default `json-file`, 10 files of
    /// 2 MB: what a container may write while nobody gets to read it, and then nothing is lost.
    pub logging: LoggingConfig,
    /// What of the host's files tasks may mount.
    pub volumes: VolumesConfig,
    /// Further labels for containers: `job_name`, `job_id`, `parent_job_id`, `task_group_name`, `task_name`,
    /// `namespace`, `node_name`, `node_id`; `*` stands for anything.
    pub extra_labels: Vec<String>,
}

impl Default for PluginOptions {
    fn default() -> Self {
        Self {
            endpoint: None,
            allow_privileged: false,
            allow_caps: DEFAULT_CAPS.map(str::to_owned).to_vec(),
            gc: GcConfig::default(),
            disable_log_collection: false,
            image_pull_timeout: Duration::from_mins(5),
            pull_activity_timeout: Duration::from_mins(2),
            logging: LoggingConfig {
                kind: "json-file".to_owned(),
                config: [("max-file", "10"), ("max-size", "2m")]
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .into(),
            },
            volumes: VolumesConfig::default(),
            extra_labels: Vec::new(),
        }
    }
}

/// What is removed, and when.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct GcConfig {
    /// Whether images that the driver pulled are removed once no task uses them. Default true.
    pub image: bool,
    /// How long after. Default 3 minutes.
    #[serde(deserialize_with = "duration")]
    pub image_delay: Duration,
    /// Whether a task's container is removed with it. Default true.
    pub container: bool,
}

impl Default for GcConfig {
    fn default() -> Self {
        Self {
            image: true,
            image_delay: Duration::from_mins(3),
            container: true,
        }
    }
}

/// A log driver of the engine's. `Debug` prints no values of its options: some are tokens.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct LoggingConfig {
    /// Its name.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its options.
    pub config: BTreeMap<String, String>,
}

impl fmt::Debug for LoggingConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoggingConfig")
            .field("kind", &self.kind)
            .field("config", &Names(&self.config))
            .finish()
    }
}

/// What of the host's files tasks may mount.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct VolumesConfig {
    /// Whether paths outside the allocation and the engine's volumes are allowed. Default false.
    pub enabled: bool,
}

impl PluginOptions {
    /// The schema of these options.
    pub fn spec() -> Spec {
        let text = |name: &str| (name.to_owned(), Spec::attr(name, Type::String));
        let truth = |name: &str| (name.to_owned(), Spec::attr(name, Type::Bool));
        let texts = |name: &str| (name.to_owned(), Spec::attr(name, Type::list(Type::String)));
        let block = |name: &str, parts: Vec<(String, Spec)>| (name.to_owned(), Spec::block(name, Spec::object(parts)));
        let log_options = ("config".to_owned(), Spec::block_attrs("config", Type::String));
        Spec::object([
            text("endpoint"),
            truth("allow_privileged"),
            texts("allow_caps"),
            block("gc", vec![truth("image"), text("image_delay"), truth("container")]),
            truth("disable_log_collection"),
            text("image_pull_timeout"),
            text("pull_activity_timeout"),
            block("logging", vec![text("type"), log_options]),
            block("volumes", vec![truth("enabled")]),
            texts("extra_labels"),
        ])
    }

    /// The options in a value that [`PluginOptions::spec`] decoded.
    ///
    /// # Errors
    /// [`ConfigError`] names the option that cannot be used.
    pub fn from_value(value: Value) -> Result<Self, ConfigError> {
        let options: Self =
            from_value(value).map_err(|error| ConfigError::new(error.path().join("."), error.message()))?;
        if options.pull_activity_timeout < Duration::from_mins(1) {
            return Err(ConfigError::new("pull_activity_timeout", "must be `1m` or more"));
        }
        if options.image_pull_timeout.is_zero() {
            return Err(ConfigError::new("image_pull_timeout", "must be more than zero"));
        }
        Ok(options)
    }
}
