//! [`Builder`]: layer over layer.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use encamp_driver::{Env, FsIsolation, PortMapping};
use indexmap::IndexMap;

use crate::{Dirs, Ids, Limits, NetworkStatus, Node, Tokens, interpolate};

/// Names with these prefixes are made of labels that a job chose freely.
const CLEANED: [&str; 5] = [
    "NOMAD_ADDR_",
    "NOMAD_IP_",
    "NOMAD_PORT_",
    "NOMAD_HOST_PORT_",
    "NOMAD_META_",
];

/// All that a task's environment is built from. Every field may be left at its default.
#[derive(Clone, Default)]
pub struct Builder {
    /// Which task it is.
    pub ids: Ids,
    /// Its directories on the host.
    pub dirs: Dirs,
    /// How its file system is set off from the host's: it decides which paths the environment names, and whether the
    /// host's environment is inherited.
    pub fs_isolation: FsIsolation,
    /// What it may use.
    pub limits: Limits,
    /// The group's ports.
    pub ports: Vec<PortMapping>,
    /// The group's network, once it is set up.
    pub network: Option<NetworkStatus>,
    /// Tokens.
    pub tokens: Tokens,
    /// Meta, already merged ([`merge_meta`](crate::merge_meta)).
    pub meta: IndexMap<String, String>,
    /// The host's environment, already filtered ([`filter_host_env`](crate::filter_host_env)).
    pub host_env: BTreeMap<String, String>,
    /// The task's `env` block, in the order of the job.
    pub task_env: IndexMap<String, String>,
    /// What hooks add, in hook order.
    pub hook_env: Vec<Env>,
    /// What templates add.
    pub template_env: Env,
    /// The node.
    pub node: Node,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("ids", &self.ids)
            .finish_non_exhaustive()
    }
}

/// A task's environment, and what its configuration can refer to. `Debug` prints no value.
#[derive(Clone, PartialEq, Eq)]
pub struct Built {
    /// The environment.
    pub env: Env,
    /// What `${...}` in the task's configuration can name: the environment, and the node's facts by their full names
    /// (`node.unique.name`, `attr.<name>`, `meta.<name>`).
    pub variables: BTreeMap<String, String>,
}

impl Built {
    /// Replaces `${name}` in `text`: the environment is asked first, the node then; unknown names stay.
    pub fn interpolate(&self, text: &str) -> String {
        interpolate(text, |name| self.variables.get(name).map(String::as_str))
    }
}

impl fmt::Debug for Built {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Built").field("env", &self.env).finish_non_exhaustive()
    }
}

impl Builder {
    /// The environment as the task is to see it.
    pub fn build(&self) -> Built {
        let inside = matches!(self.fs_isolation, FsIsolation::Image | FsIsolation::Chroot);
        if inside {
            self.build_in(&Dirs::in_task())
        } else {
            self.build_in(&self.dirs)
        }
    }

    /// The environment with the host's paths, for work that is done on the host on the task's behalf (where artifacts
    /// and templates go).
    pub fn build_for_host(&self) -> Built {
        self.build_in(&self.dirs)
    }

    fn build_in(&self, dirs: &Dirs) -> Built {
        let mut layers = Layers {
            node: self.node.keys(),
            env: BTreeMap::new(),
        };
        self.add_dirs(&mut layers, dirs);
        self.add_limits(&mut layers);
        self.add_ids(&mut layers);
        self.add_ports(&mut layers);
        self.add_tokens(&mut layers, dirs);
        self.add_meta(&mut layers);
        self.add_host_env(&mut layers);
        for (name, value) in &self.task_env {
            layers.set_interpolated(name, value);
        }
        for env in self.hook_env.iter().chain([&self.template_env]) {
            layers.env.extend(env.as_map().clone());
        }
        layers.finish()
    }

    fn add_dirs(&self, layers: &mut Layers, dirs: &Dirs) {
        layers.set_path("NOMAD_ALLOC_DIR", &dirs.shared_alloc);
        layers.set_path("NOMAD_TASK_DIR", &dirs.local);
        layers.set_path("NOMAD_SECRETS_DIR", &dirs.secrets);
        layers.set_some("NOMAD_PARENT_CGROUP", self.ids.parent_cgroup.as_deref());
    }

    fn add_limits(&self, layers: &mut Layers) {
        let limits = &self.limits;
        layers.set_unless("NOMAD_MEMORY_LIMIT", &limits.memory_mb.to_string(), "0");
        layers.set_unless("NOMAD_MEMORY_MAX_LIMIT", &limits.memory_max_mb.to_string(), "0");
        layers.set_unless("NOMAD_CPU_LIMIT", &limits.cpu_mhz.to_string(), "0");
        layers.set_unless("NOMAD_CPU_CORES", &limits.cores, "");
    }

    fn add_ids(&self, layers: &mut Layers) {
        let ids = &self.ids;
        let short: String = ids.alloc_id.chars().take(8).collect();
        let index = ids.alloc_index.map(|index| index.to_string());
        for (name, value) in [
            ("NOMAD_ALLOC_ID", &ids.alloc_id),
            ("NOMAD_SHORT_ALLOC_ID", &short),
            ("NOMAD_ALLOC_NAME", &ids.alloc_name),
            ("NOMAD_TASK_NAME", &ids.task_name),
            ("NOMAD_GROUP_NAME", &ids.group_name),
            ("NOMAD_JOB_ID", &ids.job_id),
            ("NOMAD_JOB_NAME", &ids.job_name),
            ("NOMAD_NAMESPACE", &ids.namespace),
            ("NOMAD_REGION", &ids.region),
            ("NOMAD_DC", &ids.datacenter),
        ] {
            layers.set_unless(name, value, "");
        }
        layers.set_some("NOMAD_ALLOC_INDEX", index.as_deref());
        layers.set_some("NOMAD_JOB_PARENT_ID", ids.job_parent_id.as_deref());
    }

    fn add_ports(&self, layers: &mut Layers) {
        for port in &self.ports {
            let (label, ip) = (&port.label, &port.host_ip);
            let inside = if port.to == 0 { port.value } else { port.to };
            layers.set(format!("NOMAD_PORT_{label}"), inside.to_string());
            layers.set(format!("NOMAD_ALLOC_PORT_{label}"), inside.to_string());
            layers.set(format!("NOMAD_HOST_PORT_{label}"), port.value.to_string());
            if !ip.is_empty() {
                layers.set(format!("NOMAD_IP_{label}"), ip.clone());
                layers.set(format!("NOMAD_HOST_IP_{label}"), ip.clone());
                layers.set(format!("NOMAD_ADDR_{label}"), join(ip, port.value));
                layers.set(format!("NOMAD_HOST_ADDR_{label}"), join(ip, port.value));
            }
            if let Some(network) = &self.network {
                layers.set(format!("NOMAD_ALLOC_INTERFACE_{label}"), network.interface.clone());
                layers.set(format!("NOMAD_ALLOC_IP_{label}"), network.address.clone());
                layers.set(format!("NOMAD_ALLOC_ADDR_{label}"), join(&network.address, inside));
            }
        }
    }

    fn add_tokens(&self, layers: &mut Layers, dirs: &Dirs) {
        let tokens = &self.tokens;
        layers.set_some("VAULT_TOKEN", tokens.vault.as_deref());
        if tokens.vault.is_some() {
            layers.set_some("VAULT_NAMESPACE", tokens.vault_namespace.as_deref());
        }
        for (name, token) in &tokens.identities {
            layers.set(format!("NOMAD_TOKEN_{name}"), token.clone());
        }
        if let Some(token) = &tokens.nomad {
            layers.set("NOMAD_TOKEN".to_owned(), token.clone());
            let socket = format!("unix://{}/api.sock", dirs.secrets.display());
            layers.set("NOMAD_UNIX_ADDR".to_owned(), socket);
        }
    }

    fn add_meta(&self, layers: &mut Layers) {
        for (key, value) in &self.meta {
            let upper = key.to_uppercase();
            layers.set_interpolated(&format!("NOMAD_META_{key}"), value);
            layers.set_interpolated(&format!("NOMAD_META_{upper}"), value);
        }
    }

    fn add_host_env(&self, layers: &mut Layers) {
        if self.fs_isolation == FsIsolation::Image {
            return;
        }
        for (name, value) in &self.host_env {
            layers.env.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
}

/// The environment so far.
struct Layers {
    node: BTreeMap<String, String>,
    env: BTreeMap<String, String>,
}

impl Layers {
    fn set(&mut self, name: String, value: String) {
        self.env.insert(name, value);
    }

    fn set_path(&mut self, name: &str, path: &Path) {
        self.set_unless(name, &path.to_string_lossy(), "");
    }

    fn set_some(&mut self, name: &str, value: Option<&str>) {
        self.set_unless(name, value.unwrap_or_default(), "");
    }

    fn set_unless(&mut self, name: &str, value: &str, absent: &str) {
        if value != absent {
            self.set(name.to_owned(), value.to_owned());
        }
    }

    fn set_interpolated(&mut self, name: &str, value: &str) {
        let (name, value) = (self.replace(name), self.replace(value));
        self.set(name, value);
    }

    fn replace(&self, text: &str) -> String {
        interpolate(text, |name| {
            self.node.get(name).or_else(|| self.env.get(name)).map(String::as_str)
        })
    }

    fn finish(self) -> Built {
        let env: BTreeMap<_, _> = self.env.into_iter().map(|(name, value)| (clean(name), value)).collect();
        let mut variables = self.node;
        variables.extend(env.clone());
        Built {
            env: env.into(),
            variables,
        }
    }
}

/// Replaces what shells cannot have in a name, where the name holds a label or key of the job's.
fn clean(name: String) -> String {
    if !CLEANED.iter().any(|prefix| name.starts_with(prefix)) {
        return name;
    }
    let keep = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    name.chars().map(|c| if keep(c) { c } else { '_' }).collect()
}

/// An address with a port, as a URL has it.
fn join(ip: &str, port: u16) -> String {
    if ip.contains(':') {
        format!("[{ip}]:{port}")
    } else {
        format!("{ip}:{port}")
    }
}

#[cfg(test)]
mod tests;
