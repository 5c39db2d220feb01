//! What a job file says.

use std::fmt;
use std::time::Duration;

use encamp_hclspec::Span;
use indexmap::IndexMap;

use crate::Config;

/// A job.
#[derive(Clone, Debug)]
pub struct Job {
    /// The label of the `job` block, or its `id`.
    pub id: String,
    /// The `name`; the id where there is none.
    pub name: String,
    /// Whether its tasks are meant to end.
    pub job_type: JobType,
    /// The namespace: `default` where none is given.
    pub namespace: String,
    /// The region: `global` where none is given.
    pub region: String,
    /// The datacenters that it may run in: `["*"]` where none are given.
    pub datacenters: Vec<String>,
    /// The `meta` block.
    pub meta: IndexMap<String, String>,
    /// The groups, one at least, each with a name of its own.
    pub groups: Vec<Group>,
    /// The place of the `job` block's header.
    pub span: Span,
}

/// Whether a job's tasks are meant to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JobType {
    /// They are meant to run on.
    #[default]
    Service,
    /// They are meant to end.
    Batch,
}

/// Tasks that run together.
#[derive(Clone, Debug)]
pub struct Group {
    /// The label of the `group` block.
    pub name: String,
    /// The `meta` block.
    pub meta: IndexMap<String, String>,
    /// What becomes of tasks that fail, where they say nothing themselves.
    pub restart: Restart,
    /// The tasks, one at least, each with a name of its own.
    pub tasks: Vec<Task>,
    /// The place of the `group` block's header.
    pub span: Span,
}

/// A task.
#[derive(Clone)]
pub struct Task {
    /// The label of the `task` block: no path, at most 200 bytes.
    pub name: String,
    /// The name of the driver.
    pub driver: String,
    /// The `config` block.
    pub config: Config,
    /// The `env` block. References to the environment (`${NOMAD_TASK_DIR}`) are still in the values as text.
    pub env: IndexMap<String, String>,
    /// The user to run as.
    pub user: Option<String>,
    /// What the task may use.
    pub resources: Resources,
    /// What is kept of its output.
    pub logs: Logs,
    /// How long it may take to end after it was asked to: 5 s where nothing is said.
    pub kill_timeout: Duration,
    /// The signal that asks it to end; the driver's choice where nothing is said.
    pub kill_signal: Option<String>,
    /// What becomes of it when it fails: its own block, over the group's, over the job type's default.
    pub restart: Restart,
    /// When it runs in the group's life; all along with the group where nothing is said.
    pub lifecycle: Option<Lifecycle>,
    /// Whether the group ends with it.
    pub leader: bool,
    /// The `meta` block.
    pub meta: IndexMap<String, String>,
    /// The place of the `task` block's header.
    pub span: Span,
    /// The place of the driver's name.
    pub driver_span: Span,
}

/// Without the values of the environment, which may be secret.
impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("name", &self.name)
            .field("driver", &self.driver)
            .field("config", &self.config)
            .field("env", &self.env.keys().collect::<Vec<_>>())
            .field("user", &self.user)
            .field("resources", &self.resources)
            .field("logs", &self.logs)
            .field("kill_timeout", &self.kill_timeout)
            .field("kill_signal", &self.kill_signal)
            .field("restart", &self.restart)
            .field("lifecycle", &self.lifecycle)
            .field("leader", &self.leader)
            .field("meta", &self.meta)
            .field("span", &self.span)
            .finish_non_exhaustive()
    }
}

/// What a task may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resources {
    /// Processor time in MHz.
    pub cpu: u64,
    /// Whole processors, in place of `cpu`.
    pub cores: Option<u32>,
    /// Memory in MiB.
    pub memory: u64,
    /// The memory in MiB that it may use while there is some to spare, at least `memory`; -1 is no limit.
    pub memory_max: Option<i64>,
}

impl Default for Resources {
    fn default() -> Self {
        Self {
            cpu: 100,
            cores: None,
            memory: 300,
            memory_max: None,
        }
    }
}

/// What is kept of a task's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logs {
    /// How many files for each of the two streams, one at least.
    pub max_files: u32,
    /// How large each may grow, in MiB, one at least.
    pub max_file_size: u64,
    /// Whether nothing is kept at all.
    pub disabled: bool,
}

impl Default for Logs {
    fn default() -> Self {
        Self {
            max_files: 10,
            max_file_size: 10,
            disabled: false,
        }
    }
}

/// What becomes of a task that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restart {
    /// How often it is started again in an interval.
    pub attempts: u32,
    /// The interval.
    pub interval: Duration,
    /// How long to wait before it is started again.
    pub delay: Duration,
    /// What happens when the attempts of an interval are used up.
    pub mode: RestartMode,
}

impl Restart {
    /// What is done for tasks of jobs of a type that say nothing of it.
    pub fn default_of(job_type: JobType) -> Self {
        let (attempts, interval) = match job_type {
            JobType::Service => (2, Duration::from_mins(30)),
            JobType::Batch => (3, Duration::from_hours(24)),
        };
        Self {
            attempts,
            interval,
            delay: Duration::from_secs(15),
            mode: RestartMode::Fail,
        }
    }
}

/// What happens when a task's attempts of an interval are used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RestartMode {
    /// The task fails for good.
    Fail,
    /// It is started again when the interval is over.
    Delay,
}

/// When a task runs in its group's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifecycle {
    /// The moment that it starts at.
    pub hook: LifecycleHook,
    /// Whether it then runs along with the main tasks; otherwise it is waited for.
    pub sidecar: bool,
}

/// The moment that a task starts at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LifecycleHook {
    /// Before the main tasks.
    Prestart,
    /// After the main tasks have started.
    Poststart,
    /// After the main tasks have ended.
    Poststop,
}
