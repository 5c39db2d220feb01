//! What the operator and the job configure.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use encamp_driver::{ConfigError, Error, LogOptions};
use encamp_hclspec::{Spec, Type, Value, from_value};
use encamp_users::Denied;
use serde::Deserialize;

const CGROUP_ROOT: &str = "/sys/fs/cgroup";

/// The operator's configuration, checked.
#[derive(Clone, Debug, Default)]
pub(crate) struct PluginOptions {
    pub(crate) enabled: bool,
    pub(crate) denied: Denied,
    pub(crate) denied_envvars: Vec<String>,
    pub(crate) logs: LogOptions,
}

#[derive(Deserialize)]
struct RawPluginOptions {
    #[serde(default, deserialize_with = "or_default")]
    enabled: bool,
    #[serde(default)]
    denied_host_uids: Option<String>,
    #[serde(default)]
    denied_host_gids: Option<String>,
    #[serde(default)]
    denied_envvars: Option<Vec<String>>,
}

pub(crate) fn plugin_spec() -> Spec {
    let own = [
        (
            "enabled",
            Spec::default_value(Spec::attr("enabled", Type::Bool), false),
            "Whether tasks can be started at all.",
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
        (
            "denied_envvars",
            Spec::attr("denied_envvars", Type::list(Type::String)),
            "Variables that no task gets; `*` stands for any text.",
        ),
    ];
    let own = own.map(|(name, spec, what)| (name.to_owned(), spec.described(what)));
    Spec::object(own.into_iter().chain(LogOptions::spec()))
}

impl PluginOptions {
    /// The options in a value; one that holds nothing at all is what a host sends that has nothing to say.
    pub(crate) fn from_value(value: Value) -> Result<Self, ConfigError> {
        if value.is_null() {
            return Ok(Self::default());
        }
        let logs = LogOptions::from_value(&value)?;
        let raw: RawPluginOptions =
            from_value(value).map_err(|error| ConfigError::new(error.path().join("."), error.message()))?;
        let ranges = |option: &str, text: Option<String>| {
            let text = text.unwrap_or_default();
            text.parse()
                .map_err(|error| ConfigError::new(option, format!("{error}")))
        };
        Ok(Self {
            enabled: raw.enabled,
            denied: Denied {
                uids: ranges("denied_host_uids", raw.denied_host_uids)?,
                gids: ranges("denied_host_gids", raw.denied_host_gids)?,
            },
            denied_envvars: raw.denied_envvars.unwrap_or_default(),
            logs,
        })
    }
}

/// A task's `config` block, checked.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct TaskOptions {
    pub(crate) command: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) args: Vec<String>,
    #[serde(default)]
    pub(crate) work_dir: Option<PathBuf>,
    #[serde(default)]
    pub(crate) oom_score_adj: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) denied_envvars: Vec<String>,
    #[serde(default, deserialize_with = "encamp_hclspec::serde_map::merged")]
    cgroup_v1_override: BTreeMap<String, String>,
    #[serde(default)]
    cgroup_v2_override: Option<String>,
}

pub(crate) fn task_spec() -> Spec {
    let strings = |name: &str| Spec::attr(name, Type::list(Type::String));
    let options = [
        (
            "command",
            Spec::attr("command", Type::String).required(),
            "The program: looked for in `local/` of the task's directory, in that directory, as an absolute path, along \
             the task's `PATH`.",
        ),
        ("args", strings("args"), "Its arguments."),
        (
            "work_dir",
            Spec::attr("work_dir", Type::String),
            "Where it starts: an absolute path of the host; else the task's directory.",
        ),
        (
            "oom_score_adj",
            Spec::attr("oom_score_adj", Type::Number),
            "How readily the kernel kills it for want of memory: 0, the default, to 1000.",
        ),
        (
            "denied_envvars",
            strings("denied_envvars"),
            "Variables that it does not get, besides the operator's.",
        ),
        (
            "cgroup_v1_override",
            Spec::attr("cgroup_v1_override", Type::list(Type::map(Type::String))),
            "Controller to path: the cgroups that it joins in place of one of its own; below `/sys/fs/cgroup`, without \
             `..`.",
        ),
        (
            "cgroup_v2_override",
            Spec::attr("cgroup_v2_override", Type::String),
            "The same for version 2.",
        ),
    ];
    Spec::object(options.map(|(name, spec, what)| (name, spec.described(what))))
}

impl TaskOptions {
    pub(crate) fn from_value(value: Value) -> Result<Self, Error> {
        let options: Self = from_value(value).map_err(|error| Error::InvalidConfig(format!("{error}")))?;
        options.check().map_err(Error::InvalidConfig)?;
        Ok(options)
    }

    fn check(&self) -> Result<(), String> {
        if self.command.is_empty() {
            return Err("command is empty; name the program to run".to_owned());
        }
        if let Some(dir) = self
            .work_dir
            .as_ref()
            .filter(|dir| !dir.as_os_str().is_empty() && !dir.is_absolute())
        {
            return Err(format!("work_dir {} must be an absolute path", dir.display()));
        }
        if let Some(score) = self.oom_score_adj.filter(|score| !(0..=1000).contains(score)) {
            return Err(format!("oom_score_adj is {score}; it must be from 0 to 1000"));
        }
        if !self.cgroup_v1_override.is_empty() && self.cgroup_v2_override().is_some() {
            return Err("cgroup_v1_override and cgroup_v2_override exclude each other; keep the host's version".into());
        }
        for dir in self.override_dirs() {
            let is_inside = dir.starts_with(CGROUP_ROOT) && !dir.components().any(|part| part == Component::ParentDir);
            if !is_inside {
                let dir = dir.display();
                return Err(format!(
                    "cgroup override {dir} must be below {CGROUP_ROOT}, without any \"..\""
                ));
            }
        }
        Ok(())
    }

    pub(crate) fn work_dir(&self) -> Option<&Path> {
        self.work_dir.as_deref().filter(|dir| !dir.as_os_str().is_empty())
    }

    fn cgroup_v2_override(&self) -> Option<&str> {
        self.cgroup_v2_override.as_deref().filter(|path| !path.is_empty())
    }

    /// The files through which the task joins cgroups of the job's choice; empty when it chose none.
    pub(crate) fn override_procs(&self) -> Vec<PathBuf> {
        self.override_dirs().map(|dir| dir.join("cgroup.procs")).collect()
    }

    fn override_dirs(&self) -> impl Iterator<Item = PathBuf> {
        let root = Path::new(CGROUP_ROOT);
        // An absolute path replaces what it is joined to.
        let v1 = self
            .cgroup_v1_override
            .iter()
            .map(|(controller, path)| root.join(controller).join(path));
        let v2 = self.cgroup_v2_override().map(|path| root.join(path));
        v1.chain(v2)
    }
}

fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use encamp_hclspec::{Body, Context, Source, Spellings, decode_with};

    use super::*;

    fn value(spec: &Spec, text: &str) -> Value {
        let body = Body::parse(Source::new("test", text.to_owned())).unwrap();
        let _: &Arc<Source> = body.source();
        decode_with(spec, &body, &Context::default(), Spellings::Every).unwrap()
    }

    fn task(text: &str) -> Result<TaskOptions, Error> {
        TaskOptions::from_value(value(&task_spec(), text))
    }

    #[track_caller]
    fn refuse(text: &str, expected: &str) {
        let error = task(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }

    #[test]
    fn a_command_is_all_that_a_task_needs() {
        let options = task(r#"command = "sleep""#).unwrap();
        assert_eq!((options.command.as_str(), options.args.len()), ("sleep", 0));
        assert!(options.override_procs().is_empty() && options.work_dir().is_none());
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_could() {
        refuse(r#"command = """#, "command is empty");
        refuse("command = \"x\"\nwork_dir = \"a/b\"", "a/b must be an absolute path");
        refuse("command = \"x\"\noom_score_adj = -1", "from 0 to 1000");
        refuse("command = \"x\"\noom_score_adj = 1001", "from 0 to 1000");
        let both = "command = \"x\"\ncgroup_v2_override = \"a\"\ncgroup_v1_override = [{ pids = \"b\" }]";
        refuse(both, "exclude each other");
    }

    #[test]
    fn overrides_that_leave_the_hosts_cgroups_are_refused() {
        for text in [
            "cgroup_v2_override = \"/etc\"",
            "cgroup_v2_override = \"../../../etc\"",
            "cgroup_v2_override = \"/sys/fs/cgroup/a/../../../../etc\"",
            "cgroup_v2_override = \"/sys/fs/cgroups\"",
            "cgroup_v1_override = [{ pids = \"/etc\" }]",
            "cgroup_v1_override = [{ \"../../../etc\" = \"x\" }]",
            "cgroup_v1_override = [{ \"/etc\" = \"x\" }]",
        ] {
            refuse(&format!("command = \"x\"\n{text}"), "must be below /sys/fs/cgroup");
        }
    }

    #[test]
    fn overrides_are_taken_below_the_hosts_cgroups_unless_absolute() {
        let v2 = task("command = \"x\"\ncgroup_v2_override = \"custom.slice/app\"").unwrap();
        assert_eq!(
            v2.override_procs(),
            [PathBuf::from("/sys/fs/cgroup/custom.slice/app/cgroup.procs")]
        );
        let v1 = task("command = \"x\"\ncgroup_v1_override = [{ pids = \"/sys/fs/cgroup/x/a\" }, { freezer = \"b\" }]")
            .unwrap();
        let expected = [
            "/sys/fs/cgroup/freezer/b/cgroup.procs",
            "/sys/fs/cgroup/x/a/cgroup.procs",
        ]
        .map(PathBuf::from);
        assert_eq!(v1.override_procs(), expected);
    }

    #[test]
    fn the_driver_is_off_unless_it_is_said_to_be_on() {
        let options = |text| PluginOptions::from_value(value(&plugin_spec(), text));
        assert!(!options("").unwrap().enabled);
        assert!(options("enabled = true").unwrap().enabled);
        let error = options("denied_host_uids = \"5-1\"").unwrap_err();
        assert_eq!(error.option(), Some("denied_host_uids"));
    }
}
