//! From a task to the container that the engine is to make: pure functions, no engine.

mod labels;
mod limits;
mod mounts;
mod ports;
mod security;

use encamp_driver::{Error, NetworkIsolationMode, Result, TaskConfig};

use crate::config::{PluginOptions, TaskOptions};
use crate::engine::{ContainerSpec, HostSpec, LogSpec};
use crate::stage::Stage;

pub(crate) use self::labels::{ALLOC_LABEL, TASK_ID_LABEL, TASK_LABEL, container_name, is_made_for};

/// The container for a task. Volumes of the allocation are put on `stage`.
///
/// # Errors
/// [`Error::InvalidConfig`] names the option that its author, or the operator, must change.
pub(crate) fn container(
    task: &TaskConfig,
    options: &TaskOptions,
    plugin: &PluginOptions,
    stage: &mut Stage,
) -> Result<ContainerSpec> {
    let network_mode = network_mode(task, options)?;
    let ports = ports::publish(task, options, network_mode.as_deref())?;
    let memory = limits::memory(&task.resources, options.memory_hard_limit)?;
    let capabilities = security::capabilities(options, &plugin.allow_caps)?;
    if options.privileged && !plugin.allow_privileged {
        return Err(invalid(
            "`privileged` is not allowed on this node; its operator can set `allow_privileged`",
        ));
    }
    let dns = task.dns.clone().unwrap_or_else(|| encamp_driver::DnsConfig {
        servers: options.dns_servers.clone(),
        searches: options.dns_search_domains.clone(),
        options: options.dns_options.clone(),
    });
    let mut sources = mounts::Sources { task, plugin, stage };
    let host_config = HostSpec {
        binds: sources.binds(options)?,
        mounts: sources.mounts(options)?,
        devices: mounts::devices(task),
        port_bindings: ports.bindings,
        network_mode,
        extra_hosts: options.extra_hosts.clone(),
        dns: dns.servers,
        dns_search: dns.searches,
        dns_options: dns.options,
        init: options.init.then_some(true),
        privileged: options.privileged,
        cap_add: capabilities.add,
        cap_drop: capabilities.drop,
        readonly_rootfs: options.readonly_rootfs,
        security_opt: security::options(&options.security_opt)?,
        sysctls: options.sysctl.clone(),
        ulimits: limits::ulimits(&options.ulimit)?,
        shm_size: options.shm_size.filter(|size| *size > 0),
        pids_limit: options.pids_limit.filter(|limit| *limit != 0),
        memory: memory.hard,
        memory_swap: memory.hard,
        memory_reservation: memory.soft,
        cpu_shares: limits::cpu_shares(&task.resources),
        cpuset_cpus: task.resources.linux.cpuset_cpus.clone(),
        log_config: log_spec(options, plugin),
    };
    Ok(ContainerSpec {
        image: image_reference(&options.image)?.to_owned(),
        cmd: command(options)?,
        entrypoint: options.entrypoint.clone(),
        working_dir: options.work_dir.clone().filter(|dir| !dir.is_empty()),
        hostname: options.hostname.clone().filter(|name| !name.is_empty()),
        user: task.user.clone().filter(|user| !user.is_empty()),
        env: task.env.clone(),
        labels: labels::labels(task, &options.labels, &plugin.extra_labels),
        tty: options.tty,
        open_stdin: options.interactive,
        attach_stdout: true,
        attach_stderr: true,
        exposed_ports: ports.exposed,
        host_config,
    })
}

pub(crate) fn invalid(text: impl Into<String>) -> Error {
    Error::InvalidConfig(text.into())
}

/// The image's reference as the engine wants it. Refuses what could not be one: it becomes part of a request's path.
pub(crate) fn image_reference(image: &str) -> Result<&str> {
    let image = image.trim().trim_start_matches("https://");
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | ':' | '@');
    let dots = image
        .split('/')
        .any(|part| part.is_empty() || part == "." || part == "..");
    if image.is_empty() || dots || !image.chars().all(allowed) || image.ends_with([':', '@']) {
        return Err(invalid(format!(
            "image `{image}` is not a reference; write it like `redis:7`"
        )));
    }
    Ok(image)
}

fn command(options: &TaskOptions) -> Result<Option<Vec<String>>> {
    let Some(command) = &options.command else {
        return Ok((!options.args.is_empty()).then(|| options.args.clone()));
    };
    if command.trim().is_empty() || command.trim() != command {
        return Err(invalid(format!(
            "`command` is `{command}`: it must not be empty or begin or end with a blank"
        )));
    }
    Ok(Some(std::iter::once(command).chain(&options.args).cloned().collect()))
}

/// What the job says, else the namespace that the group has, else the engine's default.
fn network_mode(task: &TaskConfig, options: &TaskOptions) -> Result<Option<String>> {
    if let Some(mode) = options.network_mode.as_ref().filter(|mode| !mode.is_empty()) {
        return Ok(Some(mode.clone()));
    }
    let Some(network) = &task.network_isolation else {
        return Ok(None);
    };
    match network.mode {
        NetworkIsolationMode::Host => Ok(None),
        NetworkIsolationMode::None => Ok(Some("none".to_owned())),
        NetworkIsolationMode::Group | NetworkIsolationMode::Task => {
            let sandbox = network.labels.get("docker_sandbox_container_id");
            let sandbox = sandbox.ok_or_else(|| {
                let path = network.path.display();
                invalid(format!(
                    "a container cannot join the network namespace {path}, the engine did not make it"
                ))
            })?;
            Ok(Some(format!("container:{sandbox}")))
        }
    }
}

pub(crate) fn log_spec(options: &TaskOptions, plugin: &PluginOptions) -> LogSpec {
    let own = options.logging.clone().unwrap_or_default();
    let kind = own.kind.or(own.driver).unwrap_or_default();
    if kind.is_empty() && own.config.is_empty() {
        return LogSpec {
            kind: plugin.logging.kind.clone(),
            config: plugin.logging.config.clone(),
        };
    }
    LogSpec {
        kind,
        config: own.config,
    }
}

#[cfg(test)]
mod tests;
