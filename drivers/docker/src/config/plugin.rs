//! The driver's own configuration.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use encamp_driver::{ConfigError, LogOptions, TaskConfig, TaskOutput};
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
    /// Whether no output is collected, of any task, neither by the driver nor by the agent. Default false.
    pub disable_log_collection: bool,
    /// Who collects output otherwise. Default: the driver.
    #[serde(skip)]
    pub logs: LogOptions,
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
            logs: LogOptions::default(),
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
        let defaults = Self::default();
        let own = [
            option(
                "endpoint",
                Type::String,
                "The engine's address (`unix:///..`); else the usual one.",
            ),
            truth("allow_privileged", false, "Whether tasks may be `privileged`."),
            (
                "allow_caps".to_owned(),
                Spec::default_value(
                    Spec::attr("allow_caps", Type::list(Type::String)),
                    Value::list(Type::String, defaults.allow_caps),
                )
                .described("The capabilities that tasks may have, or `all`."),
            ),
            block("gc", gc(), "What is removed, and when."),
            truth(
                "disable_log_collection",
                false,
                "Whether no output is collected at all, whatever `log_collection` says; the engine's own log stays.",
            ),
            text(
                "image_pull_timeout",
                "5m",
                "How long a pull may take where the task does not say.",
            ),
            text(
                "pull_activity_timeout",
                "2m",
                "How long a pull may make no progress; `1m` or more.",
            ),
            block(
                "logging",
                vec![
                    option(
                        "type",
                        Type::String,
                        "The engine's log driver. `json-file` is read without the engine.",
                    ),
                    (
                        "config".to_owned(),
                        Spec::block_attrs("config", Type::String).described("Its options."),
                    ),
                ],
                "The engine's log for tasks that say nothing about it. Default: `json-file`, 10 files of 2 MB, which is \
                 what a container may write while nobody gets to read it.",
            ),
            block(
                "volumes",
                vec![truth(
                    "enabled",
                    false,
                    "Whether paths outside the allocation and the engine's volumes are allowed.",
                )],
                "What of the host's files tasks may mount.",
            ),
            option(
                "extra_labels",
                Type::list(Type::String),
                "Further labels for containers: `job_name`, `job_id`, `parent_job_id`, `task_group_name`, `task_name`, \
                 `namespace`, `node_name`, `node_id`; `*` stands for anything.",
            ),
        ];
        Spec::object(own.into_iter().chain(LogOptions::spec()))
    }

    /// The options in a value that [`PluginOptions::spec`] decoded; one that holds nothing at all is what a host sends that
    /// has nothing to say.
    ///
    /// # Errors
    /// [`ConfigError`] names the option that cannot be used.
    pub fn from_value(value: Value) -> Result<Self, ConfigError> {
        if value.is_null() {
            return Ok(Self::default());
        }
        let logs = LogOptions::from_value(&value)?;
        let options: Self =
            from_value(value).map_err(|error| ConfigError::new(error.path().join("."), error.message()))?;
        let options = Self { logs, ..options };
        if options.pull_activity_timeout < Duration::from_mins(1) {
            return Err(ConfigError::new("pull_activity_timeout", "must be `1m` or more"));
        }
        if options.image_pull_timeout.is_zero() {
            return Err(ConfigError::new("image_pull_timeout", "must be more than zero"));
        }
        Ok(options)
    }
}

impl PluginOptions {
    /// Whether agents are told to start no process for a task's output.
    pub(crate) fn tells_agents_to_collect_nothing(&self) -> bool {
        self.disable_log_collection || self.logs.disable_log_collection()
    }

    /// Where a task's output really goes.
    pub(crate) fn output(&self, task: &TaskConfig) -> TaskOutput {
        if self.disable_log_collection {
            return TaskOutput::Discard;
        }
        self.logs.output(task)
    }
}

fn gc() -> Vec<(String, Spec)> {
    vec![
        truth(
            "image",
            true,
            "Whether images that the driver pulled are removed once no task uses them.",
        ),
        text("image_delay", "3m", "How long after."),
        truth("container", true, "Whether a task's container is removed with it."),
    ]
}

fn option(name: &str, ty: Type, what: &str) -> (String, Spec) {
    (name.to_owned(), Spec::attr(name, ty).described(what))
}

fn text(name: &str, default: &str, what: &str) -> (String, Spec) {
    let spec = Spec::default_value(Spec::attr(name, Type::String), default);
    (name.to_owned(), spec.described(what))
}

fn truth(name: &str, default: bool, what: &str) -> (String, Spec) {
    let spec = Spec::default_value(Spec::attr(name, Type::Bool), default);
    (name.to_owned(), spec.described(what))
}

fn block(name: &str, parts: Vec<(String, Spec)>, what: &str) -> (String, Spec) {
    (name.to_owned(), Spec::block(name, Spec::object(parts)).described(what))
}
