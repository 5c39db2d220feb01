//! From a job's words to what drivers are told, checked before anything is started.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use encamp_driver::{Capabilities, Driver, FsIsolation, LinuxResources, Resources, TaskConfig, TaskOutput};
use encamp_hclspec::{Diagnostic, Diagnostics, Spec, UnknownVariables, Value, did_you_mean};
use encamp_hook::{AllocContext, TaskContext};
use encamp_jobspec::Task;
use encamp_taskenv::{Builder, Built, Dirs, Ids, Limits, merge_meta};

use crate::{Allocation, Drivers, Parts};

/// An allocation that the drivers accept as far as can be known without starting anything.
#[derive(Debug)]
pub struct Prepared {
    pub(crate) allocation: Allocation,
    pub(crate) tasks: Vec<PreparedTask>,
}

/// A task with its driver.
#[derive(Clone)]
pub struct PreparedTask {
    pub(crate) task: Task,
    pub(crate) driver_name: String,
    pub(crate) driver: Arc<dyn Driver>,
    pub(crate) schema: Spec,
    pub(crate) capabilities: Capabilities,
}

/// Checks an allocation against the drivers. Nothing is started, and nothing is written.
///
/// # Errors
/// Every task whose driver is not there or refuses its `config` block, each with its place in the job file.
pub async fn prepare(allocation: Allocation, parts: &Parts) -> Result<Prepared, Diagnostics> {
    let (tasks, mut problems) = with_drivers(&allocation, parts).await;
    for prepared in &tasks {
        if let Err(more) = prepared.check_config(&allocation, parts) {
            problems.extend(more);
        }
    }
    if problems.has_errors() {
        return Err(problems);
    }
    Ok(Prepared { allocation, tasks })
}

/// An allocation that was prepared before, by an earlier runner: its `config` blocks are not checked again, for what they
/// refer to may have been that runner's environment.
///
/// # Errors
/// Every task whose driver is not there any more.
pub async fn prepare_again(allocation: Allocation, parts: &Parts) -> Result<Prepared, Diagnostics> {
    let (tasks, problems) = with_drivers(&allocation, parts).await;
    if problems.has_errors() {
        return Err(problems);
    }
    Ok(Prepared { allocation, tasks })
}

async fn with_drivers(allocation: &Allocation, parts: &Parts) -> (Vec<PreparedTask>, Diagnostics) {
    let mut problems = Diagnostics::new();
    let mut tasks = Vec::new();
    for task in &allocation.group.tasks {
        match with_driver(task, &parts.drivers).await {
            Ok(task) => tasks.push(task),
            Err(problem) => problems.push(problem),
        }
    }
    (tasks, problems)
}

async fn with_driver(task: &Task, drivers: &Drivers) -> Result<PreparedTask, Diagnostic> {
    let refuse = |summary: &str, detail: String| Diagnostic::error(summary, detail).with_span(task.driver_span.clone());
    let Some(driver) = drivers.get(&task.driver) else {
        let known: Vec<&str> = drivers.names().collect();
        let hint = did_you_mean(&task.driver, known.iter().copied());
        let hint = hint
            .map(|name| format!("Did you mean \"{name}\"? "))
            .unwrap_or_default();
        let detail = format!(
            "There is no driver \"{}\". {hint}Known drivers: {}.",
            task.driver,
            known.join(", ")
        );
        return Err(refuse("Unknown driver", detail));
    };
    let unusable = |error: encamp_driver::Error| refuse("Unusable driver", error.chain());
    Ok(PreparedTask {
        task: task.clone(),
        driver_name: task.driver.clone(),
        schema: driver.task_config_schema().await.map_err(unusable)?,
        capabilities: driver.capabilities().await.map_err(unusable)?,
        driver: Arc::clone(driver),
    })
}

fn bare_contexts(allocation: &Allocation, task: &str) -> (AllocContext, TaskContext) {
    let alloc = AllocContext {
        alloc_id: allocation.id.clone(),
        alloc_dir: allocation.dir.clone(),
        tasks: Vec::new(),
        env: encamp_driver::Env::default(),
        network: None,
        dns: None,
    };
    let task = TaskContext {
        alloc_id: allocation.id.clone(),
        task: task.to_owned(),
        alloc_dir: allocation.dir.clone(),
        env: encamp_driver::Env::default(),
        mounts: Vec::new(),
        devices: Vec::new(),
    };
    (alloc, task)
}

impl Prepared {
    /// What the task's driver is told of it, with nothing that hooks would add: enough to find a running task again.
    ///
    /// # Errors
    /// There is no such task.
    pub fn task_config(&self, parts: &Parts, task: &str, task_id: &str) -> Result<TaskConfig, Diagnostics> {
        let prepared = self.tasks.iter().find(|prepared| prepared.task.name == task);
        let Some(prepared) = prepared else {
            let detail = format!("There is no task \"{task}\".");
            return Err(Diagnostic::error("Unknown task", detail).into());
        };
        let (alloc, context) = bare_contexts(&self.allocation, task);
        let surroundings = Surroundings {
            allocation: &self.allocation,
            host_env: &parts.host_env,
            alloc: &alloc,
            task: &context,
        };
        Ok(prepared.known_config(&surroundings, task_id))
    }
}

/// What a task's configuration depends on beside the task.
pub(crate) struct Surroundings<'a> {
    pub(crate) allocation: &'a Allocation,
    pub(crate) host_env: &'a BTreeMap<String, String>,
    pub(crate) alloc: &'a AllocContext,
    pub(crate) task: &'a TaskContext,
}

impl PreparedTask {
    /// Whether the driver accepts the `config` block, with nothing that hooks would add.
    fn check_config(&self, allocation: &Allocation, parts: &Parts) -> Result<(), Diagnostics> {
        let (alloc, task) = bare_contexts(allocation, &self.task.name);
        let surroundings = Surroundings {
            allocation,
            host_env: &parts.host_env,
            alloc: &alloc,
            task: &task,
        };
        self.task_config(&surroundings, "").map(drop)
    }

    /// What the driver is told of a task that it is to start.
    pub(crate) fn task_config(&self, around: &Surroundings<'_>, task_id: &str) -> Result<TaskConfig, Diagnostics> {
        let built = self.environment(around);
        let config = self.task.config.decode(&self.schema, &built.variables)?;
        Ok(self.told(around, task_id, built, config))
    }

    /// What the driver is told of a task that was started before: it must be found whatever has become of the environment
    /// that its configuration refers to, so what is unknown of that stays text.
    pub(crate) fn known_config(&self, around: &Surroundings<'_>, task_id: &str) -> TaskConfig {
        let built = self.environment(around);
        let unknown = UnknownVariables::KeepText;
        let config = self.task.config.decode_with(&self.schema, &built.variables, unknown);
        self.told(around, task_id, built, config.unwrap_or(Value::NULL))
    }

    fn told(&self, around: &Surroundings<'_>, task_id: &str, built: Built, driver_config: Value) -> TaskConfig {
        let task = &self.task;
        let allocation = around.allocation;
        TaskConfig {
            id: task_id.to_owned(),
            name: task.name.clone(),
            alloc_id: allocation.id.clone(),
            job_id: allocation.job.id.clone(),
            job_name: allocation.job.name.clone(),
            parent_job_id: None,
            task_group_name: allocation.group.name.clone(),
            namespace: allocation.job.namespace.clone(),
            node_name: allocation.node.facts.name.clone(),
            node_id: allocation.node.facts.id.clone(),
            driver_config,
            resources: self.resources(allocation),
            mounts: around.task.mounts.clone(),
            devices: around.task.devices.clone(),
            user: task.user.as_deref().map(|user| built.interpolate(user)),
            alloc_dir: allocation.dir.clone(),
            output: self.output(allocation),
            network_isolation: around.alloc.network.clone(),
            dns: around.alloc.dns.clone(),
            device_env: encamp_driver::Env::default(),
            env: built.env,
        }
    }

    fn environment(&self, around: &Surroundings<'_>) -> Built {
        let allocation = around.allocation;
        let (job, group, task) = (&allocation.job, &allocation.group, &self.task);
        let inherits = self.capabilities.fs_isolation == FsIsolation::None;
        Builder {
            ids: Ids {
                alloc_id: allocation.id.clone(),
                alloc_name: format!("{}.{}[0]", job.id, group.name),
                alloc_index: Some(0),
                task_name: task.name.clone(),
                group_name: group.name.clone(),
                job_id: job.id.clone(),
                job_name: job.name.clone(),
                job_parent_id: None,
                namespace: job.namespace.clone(),
                region: job.region.clone(),
                datacenter: allocation.node.facts.datacenter.clone(),
                parent_cgroup: None,
            },
            dirs: Dirs::of_alloc(&allocation.dir, &task.name),
            fs_isolation: self.capabilities.fs_isolation,
            limits: Limits {
                memory_mb: task.resources.memory,
                memory_max_mb: task.resources.memory_max.unwrap_or_default(),
                cpu_mhz: self.cpu_mhz(allocation),
                cores: String::new(),
            },
            meta: merge_meta([&job.meta, &group.meta, &task.meta]),
            host_env: if inherits {
                around.host_env.clone()
            } else {
                BTreeMap::new()
            },
            task_env: task.env.clone(),
            hook_env: vec![around.alloc.env.clone(), around.task.env.clone()],
            node: allocation.node.facts.clone(),
            ..Builder::default()
        }
        .build()
    }

    fn resources(&self, allocation: &Allocation) -> Resources {
        let cpu_mhz = self.cpu_mhz(allocation);
        let total = allocation.node.total_compute_mhz.max(1);
        #[expect(
            clippy::cast_precision_loss,
            reason = "a share of a node's compute needs no more than 52 bits"
        )]
        let percent_ticks = cpu_mhz as f64 / total as f64;
        let memory_mb = self.task.resources.memory;
        let memory_max_mb = self.task.resources.memory_max.unwrap_or_default();
        let limit_mb = i64::try_from(memory_mb).unwrap_or(i64::MAX).max(memory_max_mb);
        Resources {
            cpu_mhz,
            memory_mb,
            memory_max_mb,
            linux: LinuxResources {
                cpu_shares: cpu_mhz,
                memory_limit_bytes: limit_mb.saturating_mul(1024 * 1024),
                percent_ticks,
                ..LinuxResources::default()
            },
            ..Resources::default()
        }
    }

    /// The share of compute that the job asks for; whole cores count as so much of the node.
    fn cpu_mhz(&self, allocation: &Allocation) -> u64 {
        let Some(cores) = self.task.resources.cores else {
            return self.task.resources.cpu;
        };
        let available = std::thread::available_parallelism().map_or(1, usize::from) as u64;
        allocation.node.total_compute_mhz * u64::from(cores) / available
    }

    fn output(&self, allocation: &Allocation) -> TaskOutput {
        let logs = &self.task.logs;
        if logs.disabled {
            return TaskOutput::Discard;
        }
        TaskOutput::Files {
            dir: allocation.dir.join("alloc/logs"),
            max_files: logs.max_files,
            max_file_size: logs.max_file_size.saturating_mul(1024 * 1024),
        }
    }
}

impl fmt::Debug for PreparedTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedTask")
            .field("task", &self.task)
            .finish_non_exhaustive()
    }
}
