//! `task` blocks.

use std::sync::Arc;
use std::time::Duration;

use encamp_hclspec::{Block, Body};
use indexmap::IndexMap;
use serde::Deserialize;

use super::Builder;
use crate::job::{Lifecycle, LifecycleHook, Logs, Resources, Restart, Task};
use crate::read::{Argument, Keys};
use crate::read::Parts as _;
use crate::{Config, names};

const TASK: Keys = Keys {
    what: "task",
    arguments: &[
        ("driver", Argument::Text),
        ("user", Argument::Text),
        ("env", Argument::Map),
        ("meta", Argument::Map),
        ("kill_timeout", Argument::Text),
        ("kill_signal", Argument::Text),
        ("leader", Argument::Truth),
    ],
    blocks: &["config", "resources", "logs", "restart", "lifecycle"],
    ignored: &["constraint", "affinity"],
    later: &[
        "action",
        "artifact",
        "consul",
        "csi_plugin",
        "dispatch_payload",
        "identity",
        "kind",
        "scaling",
        "schedule",
        "secret",
        "service",
        "shutdown_delay",
        "template",
        "vault",
        "volume_mount",
    ],
};

const RESOURCES: Keys = Keys {
    what: "resources block",
    arguments: &[
        ("cpu", Argument::Number),
        ("cores", Argument::Number),
        ("memory", Argument::Number),
        ("memory_max", Argument::Number),
    ],
    blocks: &[],
    ignored: &[],
    later: &["device", "disk", "iops", "network", "numa", "secrets"],
};

const LOGS: Keys = Keys {
    what: "logs block",
    arguments: &[
        ("max_files", Argument::Number),
        ("max_file_size", Argument::Number),
        ("disabled", Argument::Truth),
    ],
    blocks: &[],
    ignored: &[],
    later: &["enabled"],
};

const LIFECYCLE: Keys = Keys {
    what: "lifecycle block",
    arguments: &[("hook", Argument::Text), ("sidecar", Argument::Truth)],
    blocks: &[],
    ignored: &[],
    later: &[],
};

const HOOKS: [(&str, LifecycleHook); 3] = [
    ("prestart", LifecycleHook::Prestart),
    ("poststart", LifecycleHook::Poststart),
    ("poststop", LifecycleHook::Poststop),
];

const KILL_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Default, Deserialize)]
#[serde(default)]
struct TaskArguments {
    driver: Option<String>,
    user: Option<String>,
    env: IndexMap<String, Option<String>>,
    meta: IndexMap<String, String>,
    kill_timeout: Option<String>,
    kill_signal: Option<String>,
    leader: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResourceArguments {
    cpu: Option<u64>,
    cores: Option<u32>,
    memory: Option<u64>,
    memory_max: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct LogArguments {
    max_files: Option<u32>,
    max_file_size: Option<u64>,
    disabled: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct LifecycleArguments {
    hook: Option<String>,
    sidecar: bool,
}

impl Builder<'_> {
    pub(super) fn task(&mut self, block: &Block, restart: Restart) -> Option<Task> {
        let name = self.reader.label(block)?.to_owned();
        let body = block.body();
        let label = block
            .labels()
            .first()
            .map_or_else(|| block.header_span(), |label| label.span().clone());
        self.check_name("task", names::task(&name), label);
        let arguments: TaskArguments = self.reader.arguments(&TASK, body);
        let kill_timeout = self.duration("kill_timeout", arguments.kill_timeout.as_deref(), body);
        let driver_span = body.locate(&["driver"]).unwrap_or_else(|| block.header_span());
        if body.attribute("driver").is_none() || arguments.driver.as_deref() == Some("") {
            let detail = format!("The task \"{name}\" has no driver. Name one: driver = \"exec\".");
            self.reader.error("Missing driver", detail, driver_span.clone());
        }
        Some(Task {
            name,
            driver: arguments.driver.unwrap_or_default(),
            config: self.config(block),
            env: arguments
                .env
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)))
                .collect(),
            user: arguments.user.filter(|user| !user.is_empty()),
            resources: self.resources(body),
            logs: self.logs(body),
            kill_timeout: kill_timeout.unwrap_or(KILL_TIMEOUT),
            kill_signal: self.kill_signal(arguments.kill_signal, body),
            restart: self.restart_arguments(body).over(restart),
            lifecycle: self.lifecycle(body),
            leader: arguments.leader,
            meta: arguments.meta,
            span: block.header_span(),
            driver_span,
        })
    }

    fn kill_signal(&mut self, name: Option<String>, body: &Body) -> Option<String> {
        let name = name.filter(|name| !name.is_empty())?;
        if let Some(detail) = names::signal(&name) {
            let span = body.locate(&["kill_signal"]).unwrap_or_else(|| body.span());
            self.reader.error("Invalid kill_signal", detail, span);
        }
        Some(name)
    }

    fn config(&mut self, task: &Block) -> Config {
        let block = self.reader.single("config", task.body());
        let span = block.as_ref().map_or_else(|| task.header_span(), Block::name_span);
        Config::new(block.map(|block| block.body().clone()), Arc::clone(&self.scope), span)
    }

    fn resources(&mut self, body: &Body) -> Resources {
        let defaults = Resources::default();
        let Some(block) = self.reader.single("resources", body) else {
            return defaults;
        };
        let body = block.body();
        let arguments: ResourceArguments = self.reader.arguments(&RESOURCES, body);
        let memory = arguments.memory.unwrap_or(defaults.memory);
        self.at_least("memory", arguments.memory, 10, body);
        self.at_least("cpu", arguments.cpu, 1, body);
        self.at_least("cores", arguments.cores.map(u64::from), 1, body);
        if arguments.cpu.is_some() && arguments.cores.is_some() {
            let detail =
                "\"cpu\" and \"cores\" cannot both be set: a task has a share of the processors, or whole ones.";
            let span = body.locate(&["cores"]).unwrap_or_else(|| block.name_span());
            self.reader.error("Conflicting resources", detail, span);
        }
        let limit = arguments.memory_max.filter(|max| *max != 0);
        if limit.is_some_and(|max| max < -1 || max >= 0 && max.unsigned_abs() < memory) {
            let detail = format!("\"memory_max\" must be at least \"memory\", which is {memory}, or -1 for no limit.");
            let span = body.locate(&["memory_max"]).unwrap_or_else(|| block.name_span());
            self.reader.error("Invalid memory_max", detail, span);
        }
        Resources {
            cpu: arguments
                .cpu
                .unwrap_or(if arguments.cores.is_some() { 0 } else { defaults.cpu }),
            cores: arguments.cores,
            memory,
            memory_max: limit,
        }
    }

    fn logs(&mut self, body: &Body) -> Logs {
        let defaults = Logs::default();
        let Some(block) = self.reader.single("logs", body) else {
            return defaults;
        };
        let body = block.body();
        let arguments: LogArguments = self.reader.arguments(&LOGS, body);
        self.at_least("max_files", arguments.max_files.map(u64::from), 1, body);
        self.at_least("max_file_size", arguments.max_file_size, 1, body);
        Logs {
            max_files: arguments.max_files.unwrap_or(defaults.max_files),
            max_file_size: arguments.max_file_size.unwrap_or(defaults.max_file_size),
            disabled: arguments.disabled,
        }
    }

    fn at_least(&mut self, name: &str, value: Option<u64>, least: u64, body: &Body) {
        if value.is_some_and(|value| value < least) {
            let span = body.locate(&[name]).unwrap_or_else(|| body.span());
            self.reader.error(
                format!("Invalid {name}"),
                format!("\"{name}\" must be at least {least}."),
                span,
            );
        }
    }

    fn lifecycle(&mut self, body: &Body) -> Option<Lifecycle> {
        let block = self.reader.single("lifecycle", body)?;
        let body = block.body();
        let arguments: LifecycleArguments = self.reader.arguments(&LIFECYCLE, body);
        if body.attribute("hook").is_none() {
            let detail =
                "A lifecycle block says when the task runs: hook = \"prestart\", \"poststart\" or \"poststop\".";
            self.reader.error("Missing hook", detail, block.name_span());
        }
        let hook = self.one_of("hook", arguments.hook.as_deref(), &HOOKS, body)?;
        Some(Lifecycle {
            hook,
            sidecar: arguments.sidecar,
        })
    }
}
