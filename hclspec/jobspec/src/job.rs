//! What a job file says.

use std::fmt;
use std::time::Duration;

use encamp_hclspec::Span;
use indexmap::IndexMap;

use crate::Config;
use crate::spec::choice::choices;
use crate::spec::{
    Action, Affinity, Artifact, Constraint, Consul, CsiPlugin, Device, Disconnect, DispatchPayload, EphemeralDisk,
    Identity, Migrate, Multiregion, Network, Numa, Parameterized, Periodic, Reschedule, Scaling, Schedule, Secret,
    Service, Spread, TaskScaling, Template, Ui, Update, Vault, Volume, VolumeMount,
};

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
    /// Which jobs come first where there is not enough for all: 50 where nothing is said.
    pub priority: u32,
    /// Whether all is placed or nothing.
    pub all_at_once: bool,
    /// The pool of nodes that it may run on.
    pub node_pool: Option<String>,
    /// What a node must be.
    pub constraints: Vec<Constraint>,
    /// What a node should be.
    pub affinities: Vec<Affinity>,
    /// What instances are spread over.
    pub spreads: Vec<Spread>,
    /// How a new version takes the place of the old one.
    pub update: Option<Update>,
    /// How instances leave nodes that are drained.
    pub migrate: Option<Migrate>,
    /// How often failed instances are placed on other nodes.
    pub reschedule: Option<Reschedule>,
    /// At what times it starts.
    pub periodic: Option<Periodic>,
    /// That it is started with parameters.
    pub parameterized: Option<Parameterized>,
    /// The regions that it runs in.
    pub multiregion: Option<Multiregion>,
    /// Which Consul its tasks talk to.
    pub consul: Option<Consul>,
    /// What its tasks get from Vault.
    pub vault: Option<Vault>,
    /// Secrets that its tasks are given.
    pub secrets: Vec<Secret>,
    /// What people see of it.
    pub ui: Option<Ui>,
}

choices! {
    /// Whether a job's tasks are meant to end, and whether it runs on every node.
    #[derive(Default)]
    #[non_exhaustive]
    pub enum JobType {
        /// They are meant to run on.
        #[default]
        Service = "service",
        /// They are meant to end.
        Batch = "batch",
        /// They are meant to run on, on every node.
        System = "system",
        /// They are meant to end, on every node.
        Sysbatch = "sysbatch",
    }
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
    /// How many instances there are: 1 where nothing is said.
    pub count: u64,
    /// How long to wait before tasks are asked to end.
    pub shutdown_delay: Option<Duration>,
    /// How long it may run, of a batch job.
    pub max_run_duration: Option<Duration>,
    /// After what time out of reach the node stops it, in old jobs.
    pub stop_after_client_disconnect: Option<Duration>,
    /// After what time out of reach it is given up, in old jobs.
    pub max_client_disconnect: Option<Duration>,
    /// Whether it is not placed again when it is given up, in old jobs.
    pub prevent_reschedule_on_lost: Option<bool>,
    /// What a node must be.
    pub constraints: Vec<Constraint>,
    /// What a node should be.
    pub affinities: Vec<Affinity>,
    /// What instances are spread over.
    pub spreads: Vec<Spread>,
    /// Its network.
    pub networks: Vec<Network>,
    /// Its services.
    pub services: Vec<Service>,
    /// Its volumes.
    pub volumes: Vec<Volume>,
    /// The disk that its tasks share.
    pub ephemeral_disk: Option<EphemeralDisk>,
    /// How a new version takes the place of the old one: its own block, else the job's.
    pub update: Option<Update>,
    /// How instances leave nodes that are drained: its own block, else the job's.
    pub migrate: Option<Migrate>,
    /// How often failed instances are placed on other nodes: its own block, else the job's.
    pub reschedule: Option<Reschedule>,
    /// What becomes of instances on nodes that are out of reach.
    pub disconnect: Option<Disconnect>,
    /// How the number of instances is scaled.
    pub scaling: Option<Scaling>,
    /// Which Consul its tasks talk to: its own block, else the job's.
    pub consul: Option<Consul>,
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
    /// How long to wait before it is asked to end.
    pub shutdown_delay: Option<Duration>,
    /// What kind of task it is in a service mesh.
    pub kind: Option<String>,
    /// What a node must be.
    pub constraints: Vec<Constraint>,
    /// What a node should be.
    pub affinities: Vec<Affinity>,
    /// Its services.
    pub services: Vec<Service>,
    /// What is fetched before it starts.
    pub artifacts: Vec<Artifact>,
    /// Files that are made for it.
    pub templates: Vec<Template>,
    /// Volumes in it.
    pub volume_mounts: Vec<VolumeMount>,
    /// That it is a CSI plugin.
    pub csi_plugin: Option<CsiPlugin>,
    /// Where the payload of a dispatch is put.
    pub dispatch_payload: Option<DispatchPayload>,
    /// What it can show others.
    pub identities: Vec<Identity>,
    /// What it gets from Vault: its own block, else the group's, else the job's.
    pub vault: Option<Vault>,
    /// Which Consul it talks to: its own block, else the group's, else the job's.
    pub consul: Option<Consul>,
    /// Secrets that it is given: its own, the group's and the job's.
    pub secrets: Vec<Secret>,
    /// How its resources are scaled.
    pub scaling: Vec<TaskScaling>,
    /// Commands that can be run in it.
    pub actions: Vec<Action>,
    /// At what times it runs.
    pub schedule: Option<Schedule>,
    /// Devices that it may use.
    pub devices: Vec<Device>,
    /// Which processors it may use.
    pub numa: Option<Numa>,
    /// Networks of its own, in old jobs.
    pub networks: Vec<Network>,
    /// Disk in MiB, in old jobs.
    pub disk: Option<u64>,
    /// The size of its directory for secrets, in MiB.
    pub secrets_size: Option<u64>,
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
            .field("services", &self.services)
            .field("artifacts", &self.artifacts)
            .field("templates", &self.templates)
            .field("volume_mounts", &self.volume_mounts)
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
            JobType::Service | JobType::System => (2, Duration::from_mins(30)),
            JobType::Batch | JobType::Sysbatch => (3, Duration::from_hours(24)),
        };
        Self {
            attempts,
            interval,
            delay: Duration::from_secs(15),
            mode: RestartMode::Fail,
        }
    }
}

choices! {
    /// What happens when a task's attempts of an interval are used up.
    pub enum RestartMode {
        /// The task fails for good.
        Fail = "fail",
        /// It is started again when the interval is over.
        Delay = "delay",
    }
}

/// When a task runs in its group's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifecycle {
    /// The moment that it starts at.
    pub hook: LifecycleHook,
    /// Whether it then runs along with the main tasks; otherwise it is waited for.
    pub sidecar: bool,
}

choices! {
    /// The moment that a task starts at.
    pub enum LifecycleHook {
        /// Before the main tasks.
        Prestart = "prestart",
        /// After the main tasks have started.
        Poststart = "poststart",
        /// After the main tasks have ended.
        Poststop = "poststop",
    }
}
