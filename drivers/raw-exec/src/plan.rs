//! From a task's configuration to what the executor is to do.

use encamp_cgroup::Hierarchy;
use encamp_driver::{Error, Result, TaskConfig, Topology};
use encamp_executor::Plan;
use encamp_executor::tasks::{cgroup, identity, limits, network_namespace, output, set_user};
use encamp_users::Identity;

use crate::config::{PluginOptions, TaskOptions};
use crate::glob;

pub(crate) fn plan(
    task: &TaskConfig,
    operator: &PluginOptions,
    cgroups: &Hierarchy,
    topology: Option<&Topology>,
) -> Result<Plan> {
    let options = TaskOptions::from_value(task.driver_config.clone())?;
    if !task.mounts.is_empty() || !task.devices.is_empty() {
        let text = "raw_exec tasks see the host's files and devices: volumes and devices cannot be mounted into them";
        return Err(Error::InvalidConfig(text.to_owned()));
    }
    let user = task.user.as_deref().filter(|user| !user.is_empty());
    // Also who the driver runs as must be allowed.
    let identity = identity(user, &operator.denied)?;
    let user = user.map(|_| identity);
    // Cgroups of the job's choice stand in the place of all others.
    let join_procs = options.override_procs();
    let cgroup = cgroup(task, cgroups).filter(|_| join_procs.is_empty());
    let task_dir = task.task_dir();
    Ok(Plan {
        args: options.args.clone(),
        env: env(task, operator, &options, user.as_ref()),
        work_dir: options.work_dir().map_or_else(|| task_dir.clone(), Into::into),
        task_dir,
        user,
        output: output(task, &operator.logs),
        cgroup,
        limits: limits(&task.resources, topology),
        join_procs,
        network_namespace: network_namespace(task),
        oom_score_adj: oom_score_adj(&options),
        ..Plan::new(options.command)
    })
}

fn env(task: &TaskConfig, operator: &PluginOptions, options: &TaskOptions, user: Option<&Identity>) -> Vec<String> {
    let mut env = task.env.clone();
    if let Some(user) = user {
        set_user(&mut env, user);
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
