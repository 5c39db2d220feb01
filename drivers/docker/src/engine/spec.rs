//! The description of a container, as the engine's own JSON spells it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use encamp_driver::Env;
use serde::{Serialize, Serializer};

use crate::redact::Names;

/// A container to create. `None` and empty leave the choice to the image or the engine. `Debug`
/// prints neither its command nor its labels, nor values of its environment.
#[derive(Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(clippy::struct_excessive_bools, reason = "the engine's own fields")]
pub struct ContainerSpec {
    /// The image, as the job names it.
    pub image: String,
    /// The command and its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cmd: Option<Vec<String>>,
    /// What runs the command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// The directory it starts in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// Its host name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// The user it runs as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Its environment.
    #[serde(serialize_with = "env_pairs")]
    pub env: Env,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Whether it has a terminal.
    pub tty: bool,
    /// Whether its standard input stays open.
    pub open_stdin: bool,
    /// Whether the engine keeps its standard output.
    pub attach_stdout: bool,
    /// Whether the engine keeps its standard error.
    pub attach_stderr: bool,
    /// Ports that it listens on (`80/tcp`).
    #[serde(serialize_with = "empty_objects")]
    pub exposed_ports: BTreeSet<String>,
    /// What the host lends it.
    pub host_config: HostSpec,
}

impl fmt::Debug for ContainerSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContainerSpec")
            .field("image", &self.image)
            .field("user", &self.user)
            .field("env", &self.env)
            .field("host_config", &self.host_config)
            .finish_non_exhaustive()
    }
}

/// What the host lends to a container, and what it withholds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct HostSpec {
    /// `source:target[:mode]`.
    pub binds: Vec<String>,
    /// Mounts.
    pub mounts: Vec<MountSpec>,
    /// Devices.
    pub devices: Vec<DeviceSpec>,
    /// Ports of the host that lead into it.
    pub port_bindings: BTreeMap<String, Vec<PortBinding>>,
    /// Its network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_mode: Option<String>,
    /// `name:address` lines for its hosts file.
    pub extra_hosts: Vec<String>,
    /// Name servers.
    pub dns: Vec<String>,
    /// Search domains.
    pub dns_search: Vec<String>,
    /// Resolver options.
    pub dns_options: Vec<String>,
    /// Whether an init process reaps for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<bool>,
    /// Whether nothing is withheld from it.
    pub privileged: bool,
    /// Capabilities on top of the engine's default.
    pub cap_add: Vec<String>,
    /// Capabilities taken from it.
    pub cap_drop: Vec<String>,
    /// Whether it may not write to its own root.
    pub readonly_rootfs: bool,
    /// Security options.
    pub security_opt: Vec<String>,
    /// Kernel parameters.
    pub sysctls: BTreeMap<String, String>,
    /// Resource limits of its processes.
    pub ulimits: Vec<UlimitSpec>,
    /// Size of `/dev/shm` in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shm_size: Option<u64>,
    /// How many processes it may have; -1 for no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pids_limit: Option<i64>,
    /// Hard memory limit in bytes; 0 for none.
    pub memory: u64,
    /// Memory and swap together in bytes: equal to `memory` for no swap.
    pub memory_swap: u64,
    /// Soft memory limit in bytes; 0 for none.
    pub memory_reservation: u64,
    /// Processor weight.
    pub cpu_shares: u64,
    /// The cores that it may use; empty for any.
    pub cpuset_cpus: String,
    /// Where its output goes.
    pub log_config: LogSpec,
}

/// A mount. `Debug` prints no options of volumes.
#[derive(Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MountSpec {
    /// `bind`, `volume` or `tmpfs`.
    #[serde(rename = "Type")]
    pub kind: String,
    /// Where the container sees it.
    pub target: String,
    /// The host path or the volume's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// Whether the container may not write to it.
    pub read_only: bool,
    /// Options of a bind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bind_options: Option<BTreeMap<String, String>>,
    /// Options of a tmpfs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tmpfs_options: Option<TmpfsSpec>,
    /// Options of a volume, as the engine's JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_options: Option<serde_json::Value>,
}

impl fmt::Debug for MountSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MountSpec")
            .field("kind", &self.kind)
            .field("target", &self.target)
            .field("source", &self.source)
            .field("read_only", &self.read_only)
            .finish_non_exhaustive()
    }
}

/// Options of a tmpfs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TmpfsSpec {
    /// Size in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// Mode bits of its root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
}

/// A device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeviceSpec {
    /// Where it is.
    pub path_on_host: String,
    /// Where the container sees it.
    pub path_in_container: String,
    /// Some of `r`, `w` and `m`.
    pub cgroup_permissions: String,
}

/// A port of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PortBinding {
    /// The host's address.
    pub host_ip: String,
    /// The port.
    pub host_port: String,
}

/// A limit of the container's processes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UlimitSpec {
    /// Its name (`nofile`).
    pub name: String,
    /// The soft limit.
    pub soft: i64,
    /// The hard limit.
    pub hard: i64,
}

/// Where a container's output goes. `Debug` prints no values of its options: some are tokens.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LogSpec {
    /// The log driver; empty for the engine's default.
    #[serde(rename = "Type")]
    pub kind: String,
    /// Its options.
    pub config: BTreeMap<String, String>,
}

impl fmt::Debug for LogSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogSpec")
            .field("kind", &self.kind)
            .field("config", &Names(&self.config))
            .finish()
    }
}

fn env_pairs<S: Serializer>(env: &Env, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(env.to_pairs())
}

fn empty_objects<S: Serializer>(names: &BTreeSet<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(names.iter().map(|name| (name, serde_json::json!({}))))
}
