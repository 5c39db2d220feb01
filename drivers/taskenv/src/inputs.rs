//! What a task's environment is built from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;

/// Variables of the host that no task inherits: credentials of the agent and of the machine.
pub const HOST_ENV_DENYLIST: [&str; 17] = [
    "CONSUL_TOKEN",
    "CONSUL_HTTP_TOKEN",
    "CONSUL_HTTP_TOKEN_FILE",
    "NOMAD_TOKEN",
    "VAULT_TOKEN",
    "CONSUL_LICENSE",
    "NOMAD_LICENSE",
    "VAULT_LICENSE",
    "CONSUL_LICENSE_PATH",
    "NOMAD_LICENSE_PATH",
    "VAULT_LICENSE_PATH",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_METADATA_URL",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_OAUTH_ACCESS_TOKEN",
];

/// The variables of a host that a task may inherit: all but `denied` ones.
///
/// ```
/// use encamp_taskenv::{HOST_ENV_DENYLIST, filter_host_env};
///
/// let host = [("PATH", "/bin"), ("VAULT_TOKEN", "s.1")].map(|(name, value)| (name.into(), value.into()));
/// assert_eq!(filter_host_env(host, &HOST_ENV_DENYLIST).len(), 1);
/// ```
pub fn filter_host_env<S: AsRef<str>>(
    host: impl IntoIterator<Item = (String, String)>,
    denied: &[S],
) -> BTreeMap<String, String> {
    let allowed = |name: &str| !denied.iter().any(|denied| denied.as_ref() == name);
    host.into_iter().filter(|(name, _)| allowed(name)).collect()
}

/// A job's, a group's and a task's meta as one: a task's value goes over its group's, that over its job's.
pub fn merge_meta<'m>(layers: impl IntoIterator<Item = &'m IndexMap<String, String>>) -> IndexMap<String, String> {
    let mut merged = IndexMap::new();
    for layer in layers {
        merged.extend(layer.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    merged
}

/// Which task of which allocation it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ids {
    /// The allocation's id.
    pub alloc_id: String,
    /// The allocation's name, `<job>.<group>[<index>]`.
    pub alloc_name: String,
    /// The allocation's index in its group.
    pub alloc_index: Option<u32>,
    /// The task's name.
    pub task_name: String,
    /// The group's name.
    pub group_name: String,
    /// The job's id.
    pub job_id: String,
    /// The job's name.
    pub job_name: String,
    /// The id of the job that dispatched this one.
    pub job_parent_id: Option<String>,
    /// The job's namespace.
    pub namespace: String,
    /// The job's region.
    pub region: String,
    /// The node's datacenter.
    pub datacenter: String,
    /// The directory below which the node's tasks have their cgroups.
    pub parent_cgroup: Option<String>,
}

/// The task's directories on the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dirs {
    /// The directory that the group's tasks share.
    pub shared_alloc: PathBuf,
    /// The task's own `local`.
    pub local: PathBuf,
    /// The task's own `secrets`.
    pub secrets: PathBuf,
}

impl Dirs {
    /// The directories of `task` in the allocation directory `alloc`.
    pub fn of_alloc(alloc: impl AsRef<Path>, task: &str) -> Self {
        let (alloc, task) = (alloc.as_ref(), alloc.as_ref().join(task));
        Self {
            shared_alloc: alloc.join("alloc"),
            local: task.join("local"),
            secrets: task.join("secrets"),
        }
    }

    /// The same directories as a task sees them that has a root of its own.
    pub fn in_task() -> Self {
        Self {
            shared_alloc: "/alloc".into(),
            local: "/local".into(),
            secrets: "/secrets".into(),
        }
    }
}

/// What the task may use. Zero, and the empty list of cores, are left out of the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Memory in MiB.
    pub memory_mb: u64,
    /// The most memory in MiB; -1 for no limit.
    pub memory_max_mb: i64,
    /// Processor in MHz.
    pub cpu_mhz: u64,
    /// Reserved cores, as a list (`0-1,4`).
    pub cores: String,
}

/// What is known of the group's network once it is set up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkStatus {
    /// The interface inside the group's namespace.
    pub interface: String,
    /// The group's address.
    pub address: String,
}

/// The node that the task runs on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its datacenter.
    pub datacenter: String,
    /// Its class.
    pub class: String,
    /// Its pool.
    pub pool: String,
    /// Its region.
    pub region: String,
    /// What drivers and the host's fingerprints found, by full name.
    pub attributes: BTreeMap<String, String>,
    /// What the operator says about it.
    pub meta: BTreeMap<String, String>,
}

impl Node {
    /// Every fact by the name under which a job refers to it: `node.unique.id`, `attr.<name>`, `meta.<name>`, …
    pub fn keys(&self) -> BTreeMap<String, String> {
        let fixed = [
            ("node.unique.id", &self.id),
            ("node.unique.name", &self.name),
            ("node.datacenter", &self.datacenter),
            ("node.class", &self.class),
            ("node.pool", &self.pool),
            ("node.region", &self.region),
        ];
        let fixed = fixed.into_iter().map(|(name, value)| (name.to_owned(), value.clone()));
        let prefixed = |prefix: &'static str, map: &BTreeMap<String, String>| -> Vec<_> {
            map.iter()
                .map(|(name, value)| (format!("{prefix}.{name}"), value.clone()))
                .collect()
        };
        fixed
            .chain(prefixed("attr", &self.attributes))
            .chain(prefixed("meta", &self.meta))
            .collect()
    }
}

/// Tokens that the task is given. `Debug` prints none of them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Tokens {
    /// `VAULT_TOKEN`.
    pub vault: Option<String>,
    /// `VAULT_NAMESPACE`, given only together with a token.
    pub vault_namespace: Option<String>,
    /// `NOMAD_TOKEN`.
    pub nomad: Option<String>,
    /// `NOMAD_TOKEN_<name>` by name.
    pub identities: BTreeMap<String, String>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}
