//! From a task's configuration to what the executor is to do.

use std::path::{Component, Path, PathBuf};

use encamp_cgroup::{Hierarchy, Limits};
use encamp_driver::{Device, Error, Mount, Propagation, Resources, Result, TaskConfig, Topology};
use encamp_executor::tasks::{network_namespace, output};
use encamp_executor::{Isolation, Plan};
use encamp_mount::{Bind, Rootfs};
use encamp_users::{Identity, LookupError};

use crate::config::{PluginOptions, TaskOptions};
use crate::dns;

/// Who a task runs as that names nobody.
const DEFAULT_USER: &str = "nobody";
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The most shares that the kernel takes.
const MAX_SHARES: u64 = 262_144;

pub(crate) fn plan(
    task: &TaskConfig,
    operator: &PluginOptions,
    cgroups: &Hierarchy,
    topology: Option<Topology>,
) -> Result<Plan> {
    check_name(&task.name)?;
    let options = TaskOptions::from_value(task.driver_config.clone())?;
    let user = identity(task.user.as_deref(), operator)?;
    let (pid_mode, ipc_mode) = options.modes(operator);
    let capabilities = options.capabilities(operator, &user)?;
    Ok(Plan {
        args: options.args,
        env: env(task, &user),
        task_dir: PathBuf::from("/"),
        work_dir: options.work_dir,
        user: Some(user),
        output: output(task),
        cgroup: (!cgroups.is_off()).then(|| cgroups.task(&task.id)),
        limits: limits(&task.resources, topology, cgroups),
        join_procs: join_procs(task, cgroups),
        isolation: Some(Isolation {
            rootfs: rootfs(task, operator)?,
            private_pid: pid_mode.is_private(),
            private_ipc: ipc_mode.is_private(),
            capabilities,
        }),
        network_namespace: network_namespace(task),
        oom_score_adj: Some(0),
        ..Plan::new(options.command)
    })
}

/// The task's name becomes part of a path of the host.
fn check_name(name: &str) -> Result<()> {
    let mut components = Path::new(name).components();
    let first = components.next();
    match (first, components.next()) {
        (Some(Component::Normal(only)), None) if only == name => Ok(()),
        _ => Err(Error::InvalidConfig(format!(
            "task name {name:?} cannot be the name of a directory"
        ))),
    }
}

fn identity(user: Option<&str>, operator: &PluginOptions) -> Result<Identity> {
    let user = user.filter(|user| !user.is_empty()).unwrap_or(DEFAULT_USER);
    let identity = Identity::lookup(user).map_err(|error| match error {
        LookupError::Database { .. } => Error::recoverable(error.to_string()).because(error),
        other => Error::InvalidConfig(format!("user: {other}")),
    })?;
    let allowed = operator.denied.check(&identity);
    allowed.map_err(|error| Error::InvalidConfig(error.to_string()))?;
    Ok(identity)
}

/// The task's environment. What every program expects is added where the job says nothing about it.
fn env(task: &TaskConfig, user: &Identity) -> Vec<String> {
    let mut env = task.env.clone();
    let home = user.home.to_string_lossy();
    for (name, value) in [
        ("HOME", home.as_ref()),
        ("USER", &user.name),
        ("LOGNAME", &user.name),
        ("PATH", DEFAULT_PATH),
    ] {
        if env.get(name).is_none() {
            env.set(name, value);
        }
    }
    env.to_pairs()
}

fn rootfs(task: &TaskConfig, operator: &PluginOptions) -> Result<Rootfs> {
    let builder = Rootfs::for_task(task.task_dir())
        .shared_alloc(task.alloc_dir.join("alloc"))
        .switch(operator.switch);
    let own_network = network_namespace(task).is_some();
    let files = [
        ("/etc/resolv.conf", dns::resolv_conf(task.dns.as_ref(), own_network)?),
        (
            "/etc/hosts",
            task.network_isolation
                .as_ref()
                .and_then(|network| network.hosts.as_ref())
                .map(dns::hosts),
        ),
    ];
    let files = files.into_iter().filter_map(|(path, content)| Some((path, content?)));
    // A job that mounts a file of its own there means it.
    let files = files.filter(|(path, _)| !task.mounts.iter().any(|mount| mount.task_path == Path::new(path)));
    let builder = files.fold(builder, |builder, (path, content)| builder.file(path, content));
    let binds = task.mounts.iter().map(bind).chain(task.devices.iter().map(device));
    Ok(binds.fold(builder, encamp_mount::Builder::bind).build())
}

fn bind(mount: &Mount) -> Bind {
    let bind = Bind::new(&mount.host_path, &mount.task_path).propagation(match mount.propagation {
        Propagation::Private => encamp_mount::Propagation::Private,
        Propagation::HostToTask => encamp_mount::Propagation::HostToTask,
        Propagation::Bidirectional => encamp_mount::Propagation::Bidirectional,
    });
    if mount.readonly { bind.read_only() } else { bind }
}

fn device(device: &Device) -> Bind {
    Bind::device(&device.host_path, &device.task_path)
}

fn limits(resources: &Resources, topology: Option<Topology>, cgroups: &Hierarchy) -> Limits {
    let shares = match resources.linux.cpu_shares {
        0 => resources.cpu_mhz,
        shares => shares,
    };
    // On v2 the cgroup that a host made is not joined: a process is in one only, and that is the task's own.
    let is_managed = cgroups.version() == Some(1) && !resources.linux.cpuset_cgroup.is_empty();
    let cores = resources.linux.cpuset_cpus.trim();
    Limits {
        memory_hard: resources.memory_hard_bytes(),
        memory_soft: resources.memory_soft_bytes(),
        swappiness: Some(0),
        cpu_shares: (shares > 0).then(|| scale(shares, topology)),
        cpuset: (!is_managed && !cores.is_empty()).then(|| cores.to_owned()),
        pids: None,
    }
}

/// On a node with more MHz than the kernel has shares, MHz are scaled down to fit.
fn scale(mhz: u64, topology: Option<Topology>) -> u64 {
    match topology.map(|topology| topology.total_compute_mhz) {
        Some(total) if total >= MAX_SHARES => mhz.saturating_mul(MAX_SHARES) / total,
        _ => mhz,
    }
}

/// The cpuset that a host made for the task, where it is a cgroup of its own (v1).
fn join_procs(task: &TaskConfig, cgroups: &Hierarchy) -> Vec<PathBuf> {
    let cpuset = &task.resources.linux.cpuset_cgroup;
    let joins = cgroups.version() == Some(1) && !cpuset.is_empty();
    joins
        .then(|| Path::new(cpuset).join("cgroup.procs"))
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_name_that_leads_out_of_the_allocation_is_refused() {
        for name in ["", ".", "..", "a/b", "/a", "a/", "../a"] {
            check_name(name).expect_err(name);
        }
        check_name("web.1-a").expect("a plain name");
    }

    #[test]
    fn shares_are_scaled_on_large_nodes_only() {
        let node = |total_compute_mhz| {
            Some(Topology {
                total_compute_mhz,
                cores: 1,
            })
        };
        assert_eq!(scale(1000, None), 1000);
        assert_eq!(scale(1000, node(100_000)), 1000);
        assert_eq!(scale(1000, node(524_288)), 500);
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
        assert_eq!(limits(&resources, None, &v2).cpuset.as_deref(), Some("0-1"));
    }
}
