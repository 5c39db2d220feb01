//! The parts of a plan that are the same for all drivers of host tasks.

use std::path::{Path, PathBuf};

use encamp_cgroup::{Cgroup, Hierarchy, Limits};
use encamp_driver::{
    Env, Error, LogOptions, NetworkIsolationMode, Resources, Result, TaskConfig, TaskOutput, Topology,
};
use encamp_users::{Denied, Identity, LookupError};

use crate::client::blocking::blocking;
use crate::{Output, Plan};

/// The most shares that the kernel takes.
const MAX_SHARES: u64 = 262_144;

/// Where a task's output goes, for its plan: where the host says, as far as the driver's operator leaves it to the host.
pub fn output(task: &TaskConfig, logs: &LogOptions) -> Output {
    match logs.output(task) {
        TaskOutput::Discard => Output::Discard,
        TaskOutput::Fifo { stdout, stderr } => Output::Fifo { stdout, stderr },
        TaskOutput::Files {
            dir,
            max_files,
            max_file_size,
        } => Output::Files {
            dir,
            name: task.name.clone(),
            max_files,
            max_file_size,
        },
    }
}

/// The network namespace that a task is to join, for its plan; `None` for the host's.
pub fn network_namespace(task: &TaskConfig) -> Option<PathBuf> {
    let isolation = task.network_isolation.as_ref()?;
    let is_own = isolation.mode != NetworkIsolationMode::Host && !isolation.path.as_os_str().is_empty();
    is_own.then(|| isolation.path.clone())
}

/// A task with its plan, which is made beside the runtime: the user database may be one over a network, and nobody else is
/// to wait for it.
///
/// # Errors
/// Those of `make`; one that may be tried again when the runtime is shut down.
///
/// # Cancel safety
/// Nothing has happened if the future is dropped.
pub async fn planned(
    task: TaskConfig,
    make: impl FnOnce(&TaskConfig) -> Result<Plan> + Send + 'static,
) -> Result<(TaskConfig, Plan)> {
    let planning = blocking(move || make(&task).map(|plan| (task, plan)));
    planning
        .await
        .unwrap_or_else(|| Err(Error::recoverable("the driver is shut down")))
}

/// Who a task runs as: `user`, or who this program runs as where there is none, who must be allowed too.
///
/// # Errors
/// [`Error::InvalidConfig`] for a user that is unknown or denied; one that may be tried again when users cannot be looked
/// up.
pub fn identity(user: Option<&str>, denied: &Denied) -> Result<Identity> {
    let found = user.map_or_else(Identity::current, Identity::lookup);
    let identity = found.map_err(|error| match error {
        LookupError::Database { .. } => Error::recoverable(error.to_string()).because(error),
        other => Error::InvalidConfig(format!("user: {other}")),
    })?;
    let allowed = denied.check(&identity);
    allowed.map_err(|error| Error::InvalidConfig(error.to_string()))?;
    Ok(identity)
}

/// Says in an environment whose it is (`HOME`, `USER`, `LOGNAME`), where the job says nothing about it.
pub fn set_user(env: &mut Env, user: &Identity) {
    let home = user.home.to_string_lossy();
    for (name, value) in [("HOME", home.as_ref()), ("USER", &user.name), ("LOGNAME", &user.name)] {
        if env.get(name).is_none() {
            env.set(name, value);
        }
    }
}

/// The cgroup that a task lives in: the one that its host made for it, as far as that goes, else one of its own; `None`
/// where the host has no cgroups.
pub fn cgroup(task: &TaskConfig, cgroups: &Hierarchy) -> Option<Cgroup> {
    if cgroups.is_off() {
        return None;
    }
    let given = &task.resources.linux.cpuset_cgroup;
    Some(if given.is_empty() {
        cgroups.task(&task.id)
    } else {
        cgroups.task_in(&task.id, Path::new(given))
    })
}

/// The limits of a task's cgroup. On a node with more MHz than the kernel has shares (`topology`), MHz are scaled down to
/// fit.
pub fn limits(resources: &Resources, topology: Option<&Topology>) -> Limits {
    let shares = match resources.linux.cpu_shares {
        0 => resources.cpu_mhz,
        shares => shares,
    };
    let cores = resources.linux.cpuset_cpus.trim();
    Limits {
        memory_hard: resources.memory_hard_bytes(),
        memory_soft: resources.memory_soft_bytes(),
        swappiness: Some(0),
        cpu_shares: (shares > 0).then(|| scale(shares, topology)),
        cpuset: (!cores.is_empty()).then(|| cores.to_owned()),
        pids: None,
    }
}

fn scale(mhz: u64, topology: Option<&Topology>) -> u64 {
    match topology.map(Topology::total_compute_mhz) {
        Some(total) if total >= MAX_SHARES => mhz.saturating_mul(MAX_SHARES) / total,
        _ => mhz,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_scaled_on_large_nodes_only() {
        let node = |mhz| Topology::uniform(1, mhz);
        assert_eq!(scale(1000, None), 1000);
        assert_eq!(scale(1000, Some(&node(100_000))), 1000);
        assert_eq!(scale(1000, Some(&node(524_288))), 500);
    }

    #[test]
    fn a_task_lives_in_the_cgroup_that_its_host_made_for_it() {
        let v2 = Hierarchy::V2 {
            mount: "/sys/fs/cgroup".into(),
            parent: "encamp".into(),
        };
        let mut task = TaskConfig {
            id: "3ac4/web/01234567".into(),
            ..TaskConfig::default()
        };
        assert_eq!(cgroup(&task, &Hierarchy::Off), None);
        assert_eq!(cgroup(&task, &v2), Some(v2.task(&task.id)));
        let given = "/sys/fs/cgroup/nomad.slice/share.slice/3ac4.web.scope";
        task.resources.linux.cpuset_cgroup = given.into();
        assert_eq!(cgroup(&task, &v2), Some(v2.task_in(&task.id, Path::new(given))));
        assert_ne!(cgroup(&task, &v2), Some(v2.task(&task.id)));
        assert_eq!(cgroup(&task, &Hierarchy::Off), None);
    }

    #[test]
    fn limits_are_what_the_host_computed() {
        let mut resources = Resources {
            cpu_mhz: 100,
            memory_mb: 64,
            ..Resources::default()
        };
        resources.linux.cpuset_cpus = "0-1".into();
        let limited = limits(&resources, None);
        assert_eq!(
            (limited.cpuset.as_deref(), limited.cpu_shares, limited.memory_hard),
            (Some("0-1"), Some(100), Some(64 << 20))
        );
    }
}
