//! Tasks: what they are started from, what is known of them, how they end.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use encamp_base_grpc::{config, text_of, time};
use encamp_driver::{
    Device, Env, Error, ExitResult, Mount, Propagation, Result, TaskConfig, TaskEvent, TaskOutput, TaskState,
    TaskStatus,
};
use encamp_hclspec::{Type, Value};
use encamp_proto::driver as wire;

use super::{Misfit, network, resources, some};

/// Where output that nobody wants goes.
const NOWHERE: &str = "/dev/null";

/// The words by which operators know a task that the kernel killed for want of memory.
const OOM_KILLED: &str = "OOM Killed";

/// A task's configuration as a host sends it.
pub(crate) fn to_message(task: TaskConfig) -> Result<wire::TaskConfig> {
    let config = match &task.driver_config {
        Value::Null(_) => Vec::new(),
        value => config::to_bytes(value)
            .map_err(|error| Error::InvalidConfig(format!("cannot send the task's configuration: {error}")))?,
    };
    let [stdout_path, stderr_path] = output_paths(&task.output, &task.name)?;
    let isolation = task.network_isolation.as_ref().map(network::isolation_message);
    Ok(wire::TaskConfig {
        alloc_dir: text_of(&task.alloc_dir, "alloc_dir").map_err(Misfit::from)?,
        id: task.id,
        name: task.name,
        msgpack_driver_config: config.into(),
        env: task.env.into(),
        device_env: task.device_env.into(),
        resources: Some(resources::to_message(task.resources)),
        mounts: task.mounts.into_iter().map(mount_message).collect::<Result<_, _>>()?,
        devices: task.devices.into_iter().map(device_message).collect::<Result<_, _>>()?,
        user: task.user.unwrap_or_default(),
        stdout_path,
        stderr_path,
        task_group_name: task.task_group_name,
        job_name: task.job_name,
        alloc_id: task.alloc_id,
        network_isolation_spec: isolation.transpose()?,
        dns: task.dns.map(network::dns_message),
        job_id: task.job_id,
        namespace: task.namespace,
        node_name: task.node_name,
        node_id: task.node_id,
        parent_job_id: task.parent_job_id.unwrap_or_default(),
    })
}

/// A task's `config` block, as a driver with a schema of this type takes it.
pub(crate) fn config(bytes: &[u8], schema: &Type) -> Result<Value> {
    match bytes {
        // A host that was restarted has it no more.
        [] => Ok(Value::NULL),
        bytes => config::from_bytes(bytes, schema)
            .map_err(|error| Error::InvalidConfig(format!("cannot read the task's configuration: {error}"))),
    }
}

/// A task's configuration as a driver takes it, with this `config` block.
pub(crate) fn from_message(message: wire::TaskConfig, driver_config: Value) -> Result<TaskConfig> {
    Ok(TaskConfig {
        output: output(message.stdout_path, message.stderr_path),
        id: message.id,
        name: message.name,
        alloc_id: message.alloc_id,
        job_id: message.job_id,
        job_name: message.job_name,
        parent_job_id: some(message.parent_job_id),
        task_group_name: message.task_group_name,
        namespace: message.namespace,
        node_name: message.node_name,
        node_id: message.node_id,
        driver_config,
        env: Env::from(message.env),
        device_env: Env::from(message.device_env),
        resources: resources::from_message(message.resources.unwrap_or_default())?,
        mounts: message.mounts.into_iter().map(mount).collect::<Result<_, _>>()?,
        devices: message.devices.into_iter().map(device).collect(),
        user: some(message.user),
        alloc_dir: PathBuf::from(message.alloc_dir),
        network_isolation: message.network_isolation_spec.map(network::isolation),
        dns: message.dns.map(network::dns),
    })
}

/// The paths that a host names. A driver that writes rotated files itself is told the names of pipes, as by an agent.
fn output_paths(output: &TaskOutput, task: &str) -> Result<[String; 2], Misfit> {
    let paths = |stdout: &Path, stderr: &Path| Ok([text_of(stdout, "stdout_path")?, text_of(stderr, "stderr_path")?]);
    match output {
        TaskOutput::Discard => Ok([NOWHERE.to_owned(), NOWHERE.to_owned()]),
        TaskOutput::Fifo { stdout, stderr } => paths(stdout, stderr),
        TaskOutput::Files { dir, .. } => paths(
            &dir.join(format!(".{task}.stdout.fifo")),
            &dir.join(format!(".{task}.stderr.fifo")),
        ),
    }
}

fn output(stdout: String, stderr: String) -> TaskOutput {
    let nowhere = |path: &str| path.is_empty() || path == NOWHERE;
    if nowhere(&stdout) && nowhere(&stderr) {
        return TaskOutput::Discard;
    }
    let path = |path: String| PathBuf::from(if path.is_empty() { NOWHERE.to_owned() } else { path });
    TaskOutput::Fifo {
        stdout: path(stdout),
        stderr: path(stderr),
    }
}

fn mount_message(mount: Mount) -> Result<wire::Mount, Misfit> {
    let propagation = match mount.propagation {
        Propagation::Private => "private",
        Propagation::HostToTask => "host-to-task",
        Propagation::Bidirectional => "bidirectional",
    };
    Ok(wire::Mount {
        task_path: text_of(&mount.task_path, "mounts.task_path")?,
        host_path: text_of(&mount.host_path, "mounts.host_path")?,
        readonly: mount.readonly,
        propagation_mode: propagation.to_owned(),
        selinux_label: mount.selinux_label,
        request_name: mount.request_name,
    })
}

fn mount(message: wire::Mount) -> Result<Mount, Misfit> {
    let propagation = match message.propagation_mode.as_str() {
        "" | "private" => Propagation::Private,
        "host-to-task" => Propagation::HostToTask,
        "bidirectional" => Propagation::Bidirectional,
        other => {
            let what = format!("{other:?} is none of private, host-to-task, bidirectional");
            return Err(Misfit::new("mounts.propagation_mode", what));
        }
    };
    Ok(Mount {
        task_path: PathBuf::from(message.task_path),
        host_path: PathBuf::from(message.host_path),
        readonly: message.readonly,
        propagation,
        selinux_label: message.selinux_label,
        request_name: message.request_name,
    })
}

fn device_message(device: Device) -> Result<wire::Device, Misfit> {
    Ok(wire::Device {
        task_path: text_of(&device.task_path, "devices.task_path")?,
        host_path: text_of(&device.host_path, "devices.host_path")?,
        cgroup_permissions: device.cgroup_permissions,
    })
}

fn device(message: wire::Device) -> Device {
    Device {
        task_path: PathBuf::from(message.task_path),
        host_path: PathBuf::from(message.host_path),
        cgroup_permissions: message.cgroup_permissions,
    }
}

pub(crate) fn state_message(state: TaskState) -> wire::TaskState {
    match state {
        TaskState::Unknown => wire::TaskState::Unknown,
        TaskState::Running => wire::TaskState::Running,
        TaskState::Exited => wire::TaskState::Exited,
    }
}

pub(crate) fn state(message: wire::TaskState) -> TaskState {
    match message {
        wire::TaskState::Unknown => TaskState::Unknown,
        wire::TaskState::Running => TaskState::Running,
        wire::TaskState::Exited => TaskState::Exited,
    }
}

pub(crate) fn exit_message(exit: &ExitResult) -> wire::ExitResult {
    wire::ExitResult {
        exit_code: exit.exit_code,
        signal: exit.signal,
        oom_killed: exit.oom_killed,
    }
}

pub(crate) fn exit(message: &wire::ExitResult, err: String) -> ExitResult {
    ExitResult {
        exit_code: message.exit_code,
        signal: message.signal,
        oom_killed: message.oom_killed,
        err: some(err),
    }
}

/// The end of a task. Hosts keep it to themselves that the kernel killed it, but for what stands in `err`.
pub(crate) fn end_message(exit: ExitResult) -> wire::WaitTaskResponse {
    wire::WaitTaskResponse {
        result: Some(exit_message(&exit)),
        err: exit
            .err
            .or_else(|| exit.oom_killed.then(|| OOM_KILLED.to_owned()))
            .unwrap_or_default(),
    }
}

/// What says no more than the result does is no error.
pub(crate) fn end(answer: wire::WaitTaskResponse) -> ExitResult {
    let exit = exit(&answer.result.unwrap_or_default(), answer.err);
    let err = exit.err.filter(|err| !(exit.oom_killed && err == OOM_KILLED));
    ExitResult { err, ..exit }
}

/// Hosts look into every part of the message without asking whether it is there: all are.
pub(crate) fn status_message(status: TaskStatus) -> wire::InspectTaskResponse {
    let exit = status.exit.unwrap_or_default();
    wire::InspectTaskResponse {
        task: Some(wire::TaskStatus {
            id: status.id,
            name: status.name,
            state: state_message(status.state).into(),
            started_at: Some(time::to_message(status.started_at)),
            completed_at: Some(time::to_message(status.completed_at)),
            result: Some(exit_message(&exit)),
        }),
        driver: Some(wire::TaskDriverStatus {
            attributes: status.attributes,
        }),
        network_override: status.network.map(network::override_message),
    }
}

pub(crate) fn status(message: wire::InspectTaskResponse) -> Result<TaskStatus> {
    let task = message
        .task
        .ok_or_else(|| Error::fatal("the plugin's answer to InspectTask holds no task"))?;
    let state = state(task.state());
    let ended = state == TaskState::Exited;
    Ok(TaskStatus {
        state,
        started_at: time::from_message(task.started_at),
        completed_at: time::from_message(task.completed_at),
        exit: ended.then(|| exit(&task.result.unwrap_or_default(), String::new())),
        id: task.id,
        name: task.name,
        attributes: message.driver.unwrap_or_default().attributes,
        network: message.network_override.map(network::network_override).transpose()?,
    })
}

pub(crate) fn event_message(event: TaskEvent) -> wire::DriverTaskEvent {
    wire::DriverTaskEvent {
        task_id: event.task_id,
        alloc_id: event.alloc_id,
        task_name: event.task_name,
        timestamp: Some(time::to_message(Some(event.timestamp))),
        message: event.message,
        annotations: event.annotations,
    }
}

pub(crate) fn event(message: wire::DriverTaskEvent) -> TaskEvent {
    TaskEvent {
        task_id: message.task_id,
        task_name: message.task_name,
        alloc_id: message.alloc_id,
        timestamp: time::from_message(message.timestamp).unwrap_or_else(SystemTime::now),
        message: message.message,
        annotations: message.annotations,
    }
}

#[cfg(test)]
mod tests;
