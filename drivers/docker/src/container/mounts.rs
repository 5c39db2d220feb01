//! What of the host's files appears in the container.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsFd;
use std::path::{Component, Path, PathBuf};

use encamp_allocdir::Beneath;
use encamp_driver::{Propagation, Result, TaskConfig};

use super::invalid;
use crate::config::{MountConfig, PluginOptions, TaskOptions};
use crate::engine::{DeviceSpec, MountSpec, TmpfsSpec};
use crate::stage::Stage;

/// Where the sources of a task's mounts come from.
pub(super) struct Sources<'a> {
    pub(super) task: &'a TaskConfig,
    pub(super) plugin: &'a PluginOptions,
    pub(super) stage: &'a mut Stage,
}

impl Sources<'_> {
    /// The task's own directories, then the `volumes` of the job.
    pub(super) fn binds(&mut self, options: &TaskOptions) -> Result<Vec<String>> {
        let mut binds = own_directories(self.task);
        binds.push(self.logs()?);
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
            let source = self.host_path(source)?;
            let colon = if mode.is_empty() { "" } else { ":" };
            binds.push(format!("{}:{target}{colon}{mode}", source.display()));
        }
        binds.extend(self.task.mounts.iter().filter_map(labelled));
        Ok(binds)
    }

    /// Tasks read their logs and never write them: a link planted there would be followed by whoever writes logs. What they
    /// read must be the logs, though their directory is in one that tasks write to.
    fn logs(&mut self) -> Result<String> {
        let logs = self.task.alloc_dir.join("alloc/logs");
        let source = self.pinned(&logs).map_err(|error| {
            let text = format!("the log directory {} cannot be used", logs.display());
            encamp_driver::Error::recoverable(text).because(error)
        })?;
        let alloc = directory(self.task, "NOMAD_ALLOC_DIR", "/alloc");
        Ok(format!("{}:{alloc}/logs:ro", source.display()))
    }

    /// The job's mounts, then the volumes that the host mounts.
    pub(super) fn mounts(&mut self, options: &TaskOptions) -> Result<Vec<MountSpec>> {
        let volumes = self.task.mounts.iter();
        let volumes = volumes.filter(|mount| labelled(mount).is_none()).map(volume);
        let own = options.mount.iter().map(|mount| self.own_mount(mount));
        own.chain(volumes.map(Ok)).collect()
    }

    fn own_mount(&mut self, mount: &MountConfig) -> Result<MountSpec> {
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
                spec.source = self.host_path(&mount.source)?.display().to_string();
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
            "volume" if !self.plugin.volumes.enabled => {
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

    /// A path of the host as the job writes it: relative to the task's directory, and inside the allocation unless the
    /// operator allows more.
    fn host_path(&mut self, source: &str) -> Result<PathBuf> {
        let path = cleaned(&self.task.task_dir().join(source));
        if self.plugin.volumes.enabled {
            return Ok(path);
        }
        let outside = |why: String| {
            invalid(format!(
                "volume source `{source}` {why}; only paths in the allocation's directory are allowed on this node, \
                 unless its operator sets `volumes {{ enabled = true }}`"
            ))
        };
        if !path.starts_with(&self.task.alloc_dir) {
            return Err(outside("is outside".to_owned()));
        }
        let pinned = self.pinned(&path);
        pinned.map_err(|error| outside(format!("cannot be used ({error})")))
    }

    /// Checks, by descriptor, that `path` is inside the allocation, and puts it on the stage. Makes it a directory if there
    /// is nothing yet: the engine would make it without looking.
    fn pinned(&mut self, path: &Path) -> io::Result<PathBuf> {
        let root = Beneath::open(&self.task.alloc_dir)?;
        let relative = path.strip_prefix(&self.task.alloc_dir).map_err(io::Error::other)?;
        let source = match root.pinned(relative) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                root.create_dir_all(relative, 0o755)?;
                root.pinned(relative)?
            }
            found => found?,
        };
        self.stage.pin(source.0.as_fd(), path.to_owned())
    }
}

/// `/alloc`, `/local` and `/secrets`, where the environment says that the task finds them. Their names are ours: no task
/// has the directories that they are in.
fn own_directories(task: &TaskConfig) -> Vec<String> {
    let own = [
        (task.alloc_dir.join("alloc"), "NOMAD_ALLOC_DIR", "/alloc"),
        (task.task_dir().join("local"), "NOMAD_TASK_DIR", "/local"),
        (task.task_dir().join("secrets"), "NOMAD_SECRETS_DIR", "/secrets"),
    ];
    own.into_iter()
        .map(|(host, variable, usual)| format!("{}:{}", host.display(), directory(task, variable, usual)))
        .collect()
}

/// Where the environment says that a task finds one of its directories.
fn directory<'a>(task: &'a TaskConfig, variable: &str, usual: &'a str) -> &'a str {
    let named = task.env.get(variable);
    named.filter(|dir| dir.starts_with('/')).unwrap_or(usual)
}

/// A volume that the host mounts and wants labelled for `SELinux`, which the engine does for binds only.
fn labelled(mount: &encamp_driver::Mount) -> Option<String> {
    let label = match mount.selinux_label.as_str() {
        "shared" => "z",
        "private" => "Z",
        _ => return None,
    };
    let (source, target) = (mount.host_path.display(), mount.task_path.display());
    let access = if mount.readonly { "ro" } else { "rw" };
    let propagation = propagation(mount.propagation);
    Some(format!("{source}:{target}:{access},{label},{propagation}"))
}

fn propagation(of: Propagation) -> &'static str {
    match of {
        Propagation::Private => "rprivate",
        Propagation::HostToTask => "rslave",
        Propagation::Bidirectional => "rshared",
    }
}

/// A volume that the host mounts.
fn volume(mount: &encamp_driver::Mount) -> MountSpec {
    MountSpec {
        kind: "bind".to_owned(),
        target: mount.task_path.display().to_string(),
        source: mount.host_path.display().to_string(),
        read_only: mount.readonly,
        bind_options: Some(propagated(propagation(mount.propagation))),
        ..MountSpec::default()
    }
}

fn propagated(mode: &str) -> BTreeMap<String, String> {
    [("Propagation".to_owned(), mode.to_owned())].into()
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
