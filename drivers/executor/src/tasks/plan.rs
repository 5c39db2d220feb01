//! The parts of a plan that are the same for all drivers of host tasks.

use std::path::{Path, PathBuf};

use encamp_cgroup::{Hierarchy, Limits};
use encamp_driver::{Env, Error, NetworkIsolationMode, Resources, Result, TaskConfig, TaskOutput, Topology};
use encamp_users::{Denied, Identity, LookupError};

use crate::Output;

/// The most shares that the kernel takes.
const MAX_SHARES: u64 = 262_144;

/// Where a task's output goes, for its plan.
pub fn output(task: &TaskConfig) -> Output {
    match &task.output {
        TaskOutput::Discard => Output::Discard,
        TaskOutput::Fifo { stdout, stderr } => Output::Fifo {
            stdout: stdout.clone(),
            stderr: stderr.clone(),
        },
        TaskOutput::Files {
            dir,
            max_files,
            max_file_size,
        } => Output::Files {
            dir: dir.clone(),
            name: task.name.clone(),
            max_files: *max_files,
            max_file_size: *max_file_size,
        },
    }
}

/// The network namespace that a task is to join, for its plan; `None` for the host's.
pub fn network_namespace(task: &TaskConfig) -> Option<PathBuf> {
    let isolation = task.network_isolation.as_ref()?;
    let is_own = isolation.mode != NetworkIsolationMode::Host && !isolation.path.as_os_str().is_empty();
    is_own.then(|| isolation.path.clone())
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

/// The limits of a task's own cgroup. On a node with more MHz than the kernel has shares (`topology`), MHz are scaled down
/// to fit; cores are left to the host where it manages them ([`join_procs`]).
pub fn limits(resources: &Resources, topology: Option<&Topology>, cgroups: &Hierarchy) -> Limits {
    let shares = match resources.linux.cpu_shares {
        0 => resources.cpu_mhz,
        shares => shares,
    };
    let cores = resources.linux.cpuset_cpus.trim();
    let is_ours = managed_cpuset(resources, cgroups).is_none();
    Limits {
        memory_hard: resources.memory_hard_bytes(),
        memory_soft: resources.memory_soft_bytes(),
        swappiness: Some(0),
        cpu_shares: (shares > 0).then(|| scale(shares, topology)),
        cpuset: (is_ours && !cores.is_empty()).then(|| cores.to_owned()),
        pids: None,
    }
}

fn scale(mhz: u64, topology: Option<&Topology>) -> u64 {
    match topology.map(Topology::total_compute_mhz) {
        Some(total) if total >= MAX_SHARES => mhz.saturating_mul(MAX_SHARES) / total,
        _ => mhz,
    }
}

/// What a task joins to be in the cpuset that a host made for it, where that is a cgroup of its own (v1).
pub fn join_procs(resources: &Resources, cgroups: &Hierarchy) -> Option<PathBuf> {
    managed_cpuset(resources, cgroups).map(|cpuset| cpuset.join("cgroup.procs"))
}

/// On v2 the cgroup that a host made is not joined: a process is in one only, and that is the task's own.
fn managed_cpuset<'r>(resources: &'r Resources, cgroups: &Hierarchy) -> Option<&'r Path> {
    let cpuset = &resources.linux.cpuset_cgroup;
    (cgroups.version() == Some(1) && !cpuset.is_empty()).then(|| Path::new(cpuset))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn shares_are_scaled_on_large_nodes_only() {
        let node = |mhz| Topology::uniform(1, mhz);
        assert_eq!(scale(1000, None), 1000);
        assert_eq!(scale(1000, Some(&node(100_000))), 1000);
        assert_eq!(scale(1000, Some(&node(524_288))), 500);
    }

    #[test]
    fn cores_are_limited_here_unless_the_host_does_it() {
        let mut resources = Resources {
            cpu_mhz: 100,
            memory_mb: 64,
            ..Resources::default()
        };
        resources.linux.cpuset_cpus = "0-1".into();
        let v1 = Hierarchy::V1 {
            mounts: BTreeMap::new(),
            parent: "encamp".into(),
        };
        let v2 = Hierarchy::V2 {
            mount: "/sys/fs/cgroup".into(),
            parent: "encamp".into(),
        };
        let limited = limits(&resources, None, &v1);
        assert_eq!(
            (limited.cpuset.as_deref(), limited.cpu_shares, limited.memory_hard),
            (Some("0-1"), Some(100), Some(64 << 20))
        );
        resources.linux.cpuset_cgroup = "/sys/fs/cgroup/cpuset/nomad/share".into();
        assert_eq!(limits(&resources, None, &v1).cpuset, None);
        let procs = "/sys/fs/cgroup/cpuset/nomad/share/cgroup.procs";
        assert_eq!(join_procs(&resources, &v1).as_deref(), Some(Path::new(procs)));
        assert_eq!(join_procs(&resources, &v2), None);
        assert_eq!(limits(&resources, None, &v2).cpuset.as_deref(), Some("0-1"));
    }
}
