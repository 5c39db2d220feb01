//! What of the host's files appears in the container.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};

use encamp_allocdir::Beneath;
use encamp_driver::{Propagation, Result, TaskConfig};

use super::invalid;
use crate::config::{MountConfig, PluginOptions, TaskOptions};
use crate::engine::{DeviceSpec, MountSpec, TmpfsSpec};

/// The task's own directories, then the `volumes` of the job.
pub(super) fn binds(task: &TaskConfig, options: &TaskOptions, plugin: &PluginOptions) -> Result<Vec<String>> {
    let mut binds = own_directories(task);
    for volume in &options.volumes {
        let parts: Vec<&str> = volume.split(':').collect();
        let (source, target, mode) = match parts.as_slice() {
            [source, target] => (*source, *target, ""),
            [source, target, mode] => (*source, *target, *mode),
            _ => {
                return Err(invalid(format!(
                    "volume `{volume}` is not `source:target` or `source:target:mode`"
                )));
            }
        };
        let source = host_path(task, source, plugin)?;
        let colon = if mode.is_empty() { "" } else { ":" };
        binds.push(format!("{}:{target}{colon}{mode}", source.display()));
    }
    Ok(binds)
}

/// `/alloc`, `/local` and `/secrets`, where the environment says that the task finds them.
fn own_directories(task: &TaskConfig) -> Vec<String> {
    let own = [
        (task.alloc_dir.join("alloc"), "NOMAD_ALLOC_DIR", "/alloc"),
        (task.task_dir().join("local"), "NOMAD_TASK_DIR", "/local"),
        (task.task_dir().join("secrets"), "NOMAD_SECRETS_DIR", "/secrets"),
    ];
    let mut binds: Vec<String> = own
        .into_iter()
        .map(|(host, variable, usual)| {
            let target = task
                .env
                .get(variable)
                .filter(|dir| dir.starts_with('/'))
                .unwrap_or(usual);
            format!("{}:{target}", host.display())
        })
        .collect();
    // Tasks read their logs and never write them: a link planted there would be followed by whoever writes logs.
    let alloc = task
        .env
        .get("NOMAD_ALLOC_DIR")
        .filter(|dir| dir.starts_with('/'))
        .unwrap_or("/alloc");
    binds.push(format!(
        "{}:{alloc}/logs:ro",
        task.alloc_dir.join("alloc/logs").display()
    ));
    binds
}

/// The job's mounts, then the volumes that the host mounts.
pub(super) fn mounts(task: &TaskConfig, options: &TaskOptions, plugin: &PluginOptions) -> Result<Vec<MountSpec>> {
    let own = options.mount.iter().map(|mount| own_mount(task, mount, plugin));
    let volumes = task.mounts.iter().map(|mount| {
        let propagation = match mount.propagation {
            Propagation::Private => "rprivate",
            Propagation::HostToTask => "rslave",
            Propagation::Bidirectional => "rshared",
        };
        Ok(MountSpec {
            kind: "bind".to_owned(),
            target: mount.task_path.display().to_string(),
            source: mount.host_path.display().to_string(),
            read_only: mount.readonly,
            bind_options: Some(propagated(propagation)),
            ..MountSpec::default()
        })
    });
    own.chain(volumes).collect()
}

fn propagated(mode: &str) -> BTreeMap<String, String> {
    [("Propagation".to_owned(), mode.to_owned())].into()
}

fn own_mount(task: &TaskConfig, mount: &MountConfig, plugin: &PluginOptions) -> Result<MountSpec> {
    let kind = mount.kind.as_deref().unwrap_or("volume");
    let mut spec = MountSpec {
        kind: kind.to_owned(),
        target: mount.target.clone(),
        source: mount.source.clone(),
        read_only: mount.readonly,
        ..MountSpec::default()
    };
    let target = &mount.target;
    match kind {
        "bind" => {
            spec.source = host_path(task, &mount.source, plugin)?.display().to_string();
            let options = mount.bind_options.as_ref();
            spec.bind_options = options
                .and_then(|options| options.propagation.as_deref())
                .map(propagated);
        }
        "tmpfs" if !mount.source.is_empty() => {
            return Err(invalid(format!("mount at `{target}`: a tmpfs has no `source`")));
        }
        "tmpfs" => {
            spec.tmpfs_options = mount.tmpfs_options.map(|options| TmpfsSpec {
                size_bytes: options.size.filter(|size| *size > 0),
                mode: options.mode.filter(|mode| *mode > 0),
            });
        }
        "volume" if !plugin.volumes.enabled => {
            return Err(invalid(format!(
                "mount at `{target}`: volumes are not allowed on this node; its operator can set `volumes {{ enabled = true }}`"
            )));
        }
        "volume" => spec.volume_options = mount.volume_options.as_ref().map(volume_options),
        other => {
            return Err(invalid(format!(
                "mount at `{target}`: type `{other}` is not `bind`, `volume` or `tmpfs`"
            )));
        }
    }
    Ok(spec)
}

fn volume_options(options: &crate::config::VolumeOptions) -> serde_json::Value {
    let driver = options.driver_config.clone().unwrap_or_default();
    let mut json = serde_json::json!({ "NoCopy": options.no_copy, "Labels": options.labels });
    if let (false, Some(object)) = (driver.name.is_empty(), json.as_object_mut()) {
        let config = serde_json::json!({ "Name": driver.name, "Options": driver.options });
        object.insert("DriverConfig".to_owned(), config);
    }
    json
}

pub(super) fn devices(task: &TaskConfig) -> Vec<DeviceSpec> {
    let spec = |device: &encamp_driver::Device| DeviceSpec {
        path_on_host: device.host_path.display().to_string(),
        path_in_container: device.task_path.display().to_string(),
        cgroup_permissions: device.cgroup_permissions.clone(),
    };
    task.devices.iter().map(spec).collect()
}

/// A path of the host as the job writes it: relative to the task's directory, and inside the allocation unless the
/// operator allows more.
fn host_path(task: &TaskConfig, source: &str, plugin: &PluginOptions) -> Result<PathBuf> {
    let path = cleaned(&task.task_dir().join(source));
    if plugin.volumes.enabled {
        return Ok(path);
    }
    let outside = |why: String| {
        invalid(format!(
            "volume source `{source}` {why}; only paths in the allocation's directory are allowed on this node, unless \
             its operator sets `volumes {{ enabled = true }}`"
        ))
    };
    let relative = path
        .strip_prefix(&task.alloc_dir)
        .map_err(|_| outside("is outside".to_owned()))?;
    inside(&task.alloc_dir, relative).map_err(|error| outside(format!("cannot be used ({error})")))?;
    Ok(path)
}

/// Checks, by descriptor, that `relative` is inside `root`, and makes it a directory if there is nothing yet: the engine
/// would make it without looking.
fn inside(root: &Path, relative: &Path) -> io::Result<()> {
    let beneath = Beneath::open(root)?;
    if relative.as_os_str().is_empty() {
        return Ok(());
    }
    match beneath.pinned(relative) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => beneath.create_dir_all(relative, 0o755).map(drop),
        other => other.map(drop),
    }
}

/// The path without `.` and `..`, by its text alone.
fn cleaned(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(clean.pop()),
            other => clean.push(other),
        }
    }
    clean
}
