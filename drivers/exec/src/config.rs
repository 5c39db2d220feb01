//! What the operator and the job configure.

use std::path::{Path, PathBuf};

use encamp_caps::{CapabilitySet, Request, calculate};
use encamp_driver::{ConfigError, Error, FsIsolation, LogOptions};
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
    pub(crate) fs_isolation: FsIsolation,
    pub(crate) pid_mode: Mode,
    pub(crate) ipc_mode: Mode,
    pub(crate) allow_caps: CapabilitySet,
    pub(crate) denied: Denied,
    pub(crate) logs: LogOptions,
}

impl Default for PluginOptions {
    fn default() -> Self {
        Self {
            switch: Switch::PivotRoot,
            fs_isolation: FsIsolation::Image,
            pid_mode: Mode::Private,
            ipc_mode: Mode::Private,
            allow_caps: CapabilitySet::nomad_defaults(),
            denied: Denied::default(),
            logs: LogOptions::default(),
        }
    }
}

#[derive(Deserialize)]
#[serde(default)]
struct RawPluginOptions {
    no_pivot_root: bool,
    fs_isolation: String,
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
            fs_isolation: "image".to_owned(),
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
        let caps = Value::list(Type::String, CapabilitySet::nomad_defaults().short_names());
        let own = [
            (
                "fs_isolation",
                text("fs_isolation", "image"),
                "`image`: the driver makes the task's root of binds, and nothing is copied. `chroot`: the task's root is \
                 its directory as the agent has filled it (`chroot_env`), as with Nomad's own driver.",
            ),
            (
                "no_pivot_root",
                Spec::default_value(Spec::attr("no_pivot_root", Type::Bool), false),
                "Leave the host's root by moving the new one over it, for hosts whose root is a ramdisk.",
            ),
            (
                "default_pid_mode",
                text("default_pid_mode", "private"),
                "`private` or `host`: whether tasks that do not say see the host's processes.",
            ),
            (
                "default_ipc_mode",
                text("default_ipc_mode", "private"),
                "`private` or `host`: whether tasks that do not say share the host's IPC.",
            ),
            (
                "allow_caps",
                Spec::default_value(Spec::attr("allow_caps", Type::list(Type::String)), caps),
                "The capabilities that tasks may have, or `all`.",
            ),
            (
                "denied_host_uids",
                Spec::attr("denied_host_uids", Type::String),
                "Ids and ranges (`0-99,1000`) that tasks may not run as.",
            ),
            (
                "denied_host_gids",
                Spec::attr("denied_host_gids", Type::String),
                "The same for groups; supplementary ones count.",
            ),
        ];
        let own = own.map(|(name, spec, what)| (name.to_owned(), spec.described(what)));
        Spec::object(own.into_iter().chain(LogOptions::spec()))
    }

    /// The options in a value; one that holds nothing at all is what a host sends that has nothing to say.
    pub(crate) fn from_value(value: Value) -> Result<Self, ConfigError> {
        if value.is_null() {
            return Ok(Self::default());
        }
        let logs = LogOptions::from_value(&value)?;
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
        let fs_isolation = match raw.fs_isolation.as_str() {
            "image" => FsIsolation::Image,
            "chroot" => FsIsolation::Chroot,
            other => {
                let text = format!("it is {other:?}; it must be \"image\" or \"chroot\"");
                return Err(ConfigError::new("fs_isolation", text));
            }
        };
        Ok(Self {
            logs,
            fs_isolation,
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
        let texts = |name: &str| Spec::attr(name, Type::list(Type::String));
        let options = [
            (
                "command",
                Spec::attr("command", Type::String).required(),
                "The program: looked for as `/local/<command>`, `/<command>`, then along `PATH`.",
            ),
            ("args", texts("args"), "Its arguments."),
            (
                "work_dir",
                text("work_dir", "/"),
                "Where it starts: an absolute path inside the task.",
            ),
            (
                "pid_mode",
                Spec::attr("pid_mode", Type::String),
                "`private` or `host`; else the operator's `default_pid_mode`.",
            ),
            (
                "ipc_mode",
                Spec::attr("ipc_mode", Type::String),
                "`private` or `host`; else the operator's `default_ipc_mode`.",
            ),
            (
                "cap_add",
                texts("cap_add"),
                "Capabilities on top of the usual ones, or `all`; the operator must allow them.",
            ),
            ("cap_drop", texts("cap_drop"), "Capabilities to do without, or `all`."),
        ];
        Spec::object(options.map(|(name, spec, what)| (name, spec.described(what))))
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

fn text(name: &str, default: &str) -> Spec {
    Spec::default_value(Spec::attr(name, Type::String), default)
}

fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests;
