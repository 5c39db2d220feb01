//! From a task's configuration to what the executor is to do.

use std::path::{Component, Path, PathBuf};

use encamp_cgroup::Hierarchy;
use encamp_driver::{Device, Error, FsIsolation, Mount, Propagation, Result, TaskConfig, Topology};
use encamp_executor::tasks::{cgroup, identity, limits, network_namespace, output, set_user};
use encamp_executor::{Isolation, Plan};
use encamp_mount::{Bind, Rootfs};
use encamp_users::Identity;

use crate::config::{PluginOptions, TaskOptions};
use crate::dns;

/// Who a task runs as that names nobody.
const DEFAULT_USER: &str = "nobody";
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

pub(crate) fn plan(
    task: &TaskConfig,
    operator: &PluginOptions,
    cgroups: &Hierarchy,
    topology: Option<&Topology>,
) -> Result<Plan> {
    check_name(&task.name)?;
    let options = TaskOptions::from_value(task.driver_config.clone())?;
    let user = task.user.as_deref().filter(|user| !user.is_empty());
    let user = identity(Some(user.unwrap_or(DEFAULT_USER)), &operator.denied)?;
    let (pid_mode, ipc_mode) = options.modes(operator);
    let capabilities = options.capabilities(operator, &user)?;
    Ok(Plan {
        args: options.args,
        env: env(task, &user),
        task_dir: PathBuf::from("/"),
        work_dir: options.work_dir,
        user: Some(user),
        output: output(task, &operator.logs),
        cgroup: cgroup(task, cgroups),
        limits: limits(&task.resources, topology),
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

/// The task's environment. What every program expects is added where the job says nothing about it.
fn env(task: &TaskConfig, user: &Identity) -> Vec<String> {
    let mut env = task.env.clone();
    set_user(&mut env, user);
    if env.get("PATH").is_none() {
        env.set("PATH", DEFAULT_PATH);
    }
    env.to_pairs()
}

fn rootfs(task: &TaskConfig, operator: &PluginOptions) -> Result<Rootfs> {
    let builder = Rootfs::for_task(task.task_dir())
        .shared_alloc(task.alloc_dir.join("alloc"))
        .switch(operator.switch);
    let builder = match operator.fs_isolation {
        // The host has filled the task's directory.
        FsIsolation::Chroot => builder.host_directories::<PathBuf>([]),
        _ => builder,
    };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leads_out_of_the_allocation_is_refused() {
        for name in ["", ".", "..", "a/b", "/a", "a/", "../a"] {
            check_name(name).expect_err(name);
        }
        check_name("web.1-a").expect("a plain name");
    }
}
