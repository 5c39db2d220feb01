//! What the operator and the job configure.

use std::path::{Path, PathBuf};

use encamp_caps::{CapabilitySet, Request, calculate};
use encamp_driver::{ConfigError, Error};
use encamp_hclspec::{Spec, Type, Value, from_value};
use encamp_mount::Switch;
use encamp_users::{Denied, Identity};
use serde::{Deserialize, Deserializer};

/// Whether a task has something to itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// It has.
    #[default]
    Private,
    /// It shares the host's.
    Host,
}

impl Mode {
    pub(crate) fn is_private(self) -> bool {
        self == Self::Private
    }

    /// `private` or `host`; the empty text is no mode.
    fn parse(option: &str, text: &str) -> Result<Option<Self>, String> {
        match text {
            "" => Ok(None),
            "private" => Ok(Some(Self::Private)),
            "host" => Ok(Some(Self::Host)),
            other => Err(format!("{option} is {other:?}; it must be \"private\" or \"host\"")),
        }
    }
}

/// The operator's configuration, checked.
#[derive(Clone, Debug)]
pub(crate) struct PluginOptions {
    pub(crate) switch: Switch,
    pub(crate) pid_mode: Mode,
    pub(crate) ipc_mode: Mode,
    pub(crate) allow_caps: CapabilitySet,
    pub(crate) denied: Denied,
}

impl Default for PluginOptions {
    fn default() -> Self {
        Self {
            switch: Switch::PivotRoot,
            pid_mode: Mode::Private,
            ipc_mode: Mode::Private,
            allow_caps: CapabilitySet::nomad_defaults(),
            denied: Denied::default(),
        }
    }
}

#[derive(Deserialize)]
#[serde(default)]
struct RawPluginOptions {
    no_pivot_root: bool,
    default_pid_mode: String,
    default_ipc_mode: String,
    allow_caps: Option<Vec<String>>,
    denied_host_uids: String,
    denied_host_gids: String,
}

impl Default for RawPluginOptions {
    fn default() -> Self {
        Self {
            no_pivot_root: false,
            default_pid_mode: "private".to_owned(),
            default_ipc_mode: "private".to_owned(),
            allow_caps: None,
            denied_host_uids: String::new(),
            denied_host_gids: String::new(),
        }
    }
}

impl PluginOptions {
    /// The schema of the operator's configuration.
    pub(crate) fn spec() -> Spec {
        let text = |name: &'static str| (name, Spec::attr(name, Type::String));
        Spec::object([
            ("no_pivot_root", Spec::attr("no_pivot_root", Type::Bool)),
            text("default_pid_mode"),
            text("default_ipc_mode"),
            ("allow_caps", Spec::attr("allow_caps", Type::list(Type::String))),
            text("denied_host_uids"),
            text("denied_host_gids"),
        ])
    }

    pub(crate) fn from_value(value: Value) -> Result<Self, ConfigError> {
        let raw: RawPluginOptions =
            from_value(value).map_err(|error| ConfigError::new(error.path().join("."), error.message()))?;
        let mode = |option: &str, text: &str| {
            let mode = Mode::parse(option, text).map_err(|reason| ConfigError::new(option, reason))?;
            mode.ok_or_else(|| ConfigError::new(option, "it is empty; it must be \"private\" or \"host\""))
        };
        let ranges = |option: &str, text: &str| {
            text.parse()
                .map_err(|error: encamp_users::ParseRangesError| ConfigError::new(option, error.to_string()))
        };
        let allow_caps = match raw.allow_caps {
            None => Ok(CapabilitySet::nomad_defaults()),
            Some(names) => CapabilitySet::parse(names, CapabilitySet::supported()),
        };
        Ok(Self {
            switch: if raw.no_pivot_root {
                Switch::MoveMount
            } else {
                Switch::PivotRoot
            },
            pid_mode: mode("default_pid_mode", &raw.default_pid_mode)?,
            ipc_mode: mode("default_ipc_mode", &raw.default_ipc_mode)?,
            allow_caps: allow_caps.map_err(|error| ConfigError::new("allow_caps", error.to_string()))?,
            denied: Denied {
                uids: ranges("denied_host_uids", &raw.denied_host_uids)?,
                gids: ranges("denied_host_gids", &raw.denied_host_gids)?,
            },
        })
    }
}

/// A task's `config` block, checked.
#[derive(Clone, Debug)]
pub(crate) struct TaskOptions {
    pub(crate) command: String,
    pub(crate) args: Vec<String>,
    pub(crate) work_dir: PathBuf,
    pid_mode: Option<Mode>,
    ipc_mode: Option<Mode>,
    cap_add: CapabilitySet,
    cap_drop: CapabilitySet,
}

#[derive(Deserialize)]
struct RawTaskOptions {
    command: String,
    #[serde(default, deserialize_with = "or_default")]
    args: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pid_mode: String,
    #[serde(default, deserialize_with = "or_default")]
    ipc_mode: String,
    #[serde(default, deserialize_with = "or_default")]
    cap_add: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    cap_drop: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    work_dir: String,
}

impl TaskOptions {
    /// The schema of a task's `config` block.
    pub(crate) fn spec() -> Spec {
        let text = |name: &'static str| (name, Spec::attr(name, Type::String));
        let texts = |name: &'static str| (name, Spec::attr(name, Type::list(Type::String)));
        Spec::object([
            ("command", Spec::attr("command", Type::String).required()),
            texts("args"),
            text("pid_mode"),
            text("ipc_mode"),
            texts("cap_add"),
            texts("cap_drop"),
            text("work_dir"),
        ])
    }

    pub(crate) fn from_value(value: Value) -> Result<Self, Error> {
        let raw: RawTaskOptions = from_value(value).map_err(|error| Error::InvalidConfig(error.to_string()))?;
        Self::check(raw).map_err(Error::InvalidConfig)
    }

    fn check(raw: RawTaskOptions) -> Result<Self, String> {
        if raw.command.is_empty() {
            return Err("command is empty; name the program to run".to_owned());
        }
        let work_dir = Path::new(if raw.work_dir.is_empty() { "/" } else { &raw.work_dir });
        if !work_dir.is_absolute() {
            return Err(format!(
                "work_dir {} must be an absolute path inside the task",
                work_dir.display()
            ));
        }
        let supported = CapabilitySet::supported();
        let set = |option: &str, names: Vec<String>| {
            CapabilitySet::parse(names, supported).map_err(|error| format!("{option}: {error}"))
        };
        Ok(Self {
            work_dir: work_dir.to_owned(),
            pid_mode: Mode::parse("pid_mode", &raw.pid_mode)?,
            ipc_mode: Mode::parse("ipc_mode", &raw.ipc_mode)?,
            cap_add: set("cap_add", raw.cap_add)?,
            cap_drop: set("cap_drop", raw.cap_drop)?,
            command: raw.command,
            args: raw.args,
        })
    }

    /// Whether the task has processes and IPC to itself.
    pub(crate) fn modes(&self, operator: &PluginOptions) -> (Mode, Mode) {
        (
            self.pid_mode.unwrap_or(operator.pid_mode),
            self.ipc_mode.unwrap_or(operator.ipc_mode),
        )
    }

    /// The capabilities that the task gets. Root starts with more, and is held to what is allowed like anybody else.
    pub(crate) fn capabilities(&self, operator: &PluginOptions, user: &Identity) -> Result<CapabilitySet, Error> {
        let defaults = if user.is_root() {
            CapabilitySet::root_defaults()
        } else {
            CapabilitySet::nomad_defaults()
        };
        let set = calculate(&Request {
            defaults,
            allow: operator.allow_caps,
            add: self.cap_add,
            drop: self.cap_drop,
        });
        let set = set.map_err(|error| Error::InvalidConfig(error.to_string()))?;
        Ok(set.intersection(CapabilitySet::supported()))
    }
}

fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests;
