//! From a task's configuration to what the executor is to do.

use encamp_cgroup::{Hierarchy, Limits};
use encamp_driver::{Error, Resources, Result, TaskConfig};
use encamp_executor::Plan;
use encamp_executor::tasks::{network_namespace, output};
use encamp_users::{Identity, LookupError};

use crate::config::{PluginOptions, TaskOptions};
use crate::glob;

pub(crate) fn plan(task: &TaskConfig, operator: &PluginOptions, cgroups: &Hierarchy) -> Result<Plan> {
    let options = TaskOptions::from_value(task.driver_config.clone())?;
    if !task.mounts.is_empty() || !task.devices.is_empty() {
        let text = "raw_exec tasks see the host's files and devices: volumes and devices cannot be mounted into them";
        return Err(Error::InvalidConfig(text.to_owned()));
    }
    let user = identity(task.user.as_deref(), operator)?;
    let join_procs = join_procs(task, &options, cgroups);
    let has_own_cgroup = !cgroups.is_off() && options.override_procs().is_empty();
    let task_dir = task.task_dir();
    Ok(Plan {
        args: options.args.clone(),
        env: env(task, operator, &options, user.as_ref()),
        work_dir: options.work_dir().map_or_else(|| task_dir.clone(), Into::into),
        task_dir,
        user,
        output: output(task),
        cgroup: has_own_cgroup.then(|| cgroups.task(&task.id)),
        limits: limits(&task.resources),
        join_procs,
        network_namespace: network_namespace(task),
        oom_score_adj: oom_score_adj(&options),
        ..Plan::new(options.command)
    })
}

/// Who the task runs as; `None` for who the driver runs as, who must be allowed too.
fn identity(user: Option<&str>, operator: &PluginOptions) -> Result<Option<Identity>> {
    let user = user.filter(|user| !user.is_empty());
    let unknown = |error: LookupError| match error {
        LookupError::Database { .. } => Error::recoverable(error.to_string()).because(error),
        other => Error::InvalidConfig(format!("user: {other}")),
    };
    let identity = user.map_or_else(Identity::current, Identity::lookup).map_err(unknown)?;
    operator
        .denied
        .check(&identity)
        .map_err(|error| Error::InvalidConfig(error.to_string()))?;
    Ok(user.map(|_| identity))
}

fn env(task: &TaskConfig, operator: &PluginOptions, options: &TaskOptions, user: Option<&Identity>) -> Vec<String> {
    let mut env = task.env.clone();
    if let Some(user) = user {
        let home = user.home.to_string_lossy();
        for (name, value) in [("HOME", home.as_ref()), ("USER", &user.name), ("LOGNAME", &user.name)] {
            if env.get(name).is_none() {
                env.set(name, value);
            }
        }
    }
    let denied = |name: &str| {
        let mut patterns = operator.denied_envvars.iter().chain(&options.denied_envvars);
        patterns.any(|pattern| glob::matches(pattern, name))
    };
    let kept = env.as_map().iter().filter(|(name, _)| !denied(name));
    kept.map(|(name, value)| format!("{name}={value}")).collect()
}

/// A host may protect itself from being killed; its tasks do not inherit that. Only root can undo it.
fn oom_score_adj(options: &TaskOptions) -> Option<i32> {
    match options.oom_score_adj {
        Some(score) => i32::try_from(score).ok(),
        None => Identity::current().is_ok_and(|current| current.is_root()).then_some(0),
    }
}

fn limits(resources: &Resources) -> Limits {
    let shares = match resources.linux.cpu_shares {
        0 => resources.cpu_mhz,
        shares => shares,
    };
    Limits {
        memory_hard: resources.memory_hard_bytes(),
        memory_soft: resources.memory_soft_bytes(),
        swappiness: Some(0),
        cpu_shares: (shares > 0).then_some(shares),
        cpuset: Some(resources.linux.cpuset_cpus.clone()).filter(|cores| !cores.trim().is_empty()),
        pids: None,
    }
}

/// Cgroups of others: those of the job's choice, and on v1 the cpuset that a host made, whose cores it manages.
fn join_procs(task: &TaskConfig, options: &TaskOptions, cgroups: &Hierarchy) -> Vec<std::path::PathBuf> {
    let mut procs = options.override_procs();
    let cpuset = &task.resources.linux.cpuset_cgroup;
    if procs.is_empty() && cgroups.version() == Some(1) && !cpuset.is_empty() {
        procs.push(std::path::Path::new(cpuset).join("cgroup.procs"));
    }
    procs
}
