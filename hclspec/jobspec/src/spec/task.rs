//! `task` blocks as they are written.

use encamp_hclspec::HclSpec;
use indexmap::IndexMap;
use serde::Deserialize;

use super::artifact::Artifact;
use super::identity::{Consul, Identity, Secret, Vault};
use super::other::{Action, TaskScaling};
use super::placement::{Affinity, Constraint};
use super::policy::RestartArguments;
use super::resources::ResourcesBlock;
use super::schedule::{DispatchPayload, Schedule};
use super::service::Service;
use super::template::Template;
use super::types::{SecretTexts, Time};
use super::volume::{CsiPlugin, VolumeMount};
use crate::check;
use crate::job::LifecycleHook;

/// All of a task but its `config`.
#[derive(Default, Deserialize, HclSpec)]
pub(crate) struct TaskBlock {
    /// The name of the driver.
    pub(crate) driver: Option<String>,
    /// The user to run as.
    pub(crate) user: Option<String>,
    /// The environment.
    #[serde(default)]
    pub(crate) env: SecretTexts,
    /// Anything else about it.
    #[serde(default)]
    pub(crate) meta: IndexMap<String, String>,
    /// How long it may take to end after it was asked to.
    #[hcl(default = "5s")]
    pub(crate) kill_timeout: Time,
    /// The signal that asks it to end.
    #[hcl(check = check::signal)]
    pub(crate) kill_signal: Option<String>,
    /// Whether the group ends with it.
    #[hcl(default = false)]
    pub(crate) leader: bool,
    /// How long to wait before it is asked to end.
    pub(crate) shutdown_delay: Option<Time>,
    /// What kind of task it is in a service mesh.
    pub(crate) kind: Option<String>,
    /// What it may use.
    #[hcl(block)]
    pub(crate) resources: Option<ResourcesBlock>,
    /// What is kept of its output.
    #[hcl(block)]
    pub(crate) logs: Option<LogsBlock>,
    /// What becomes of it when it fails.
    #[hcl(block)]
    pub(crate) restart: Option<RestartArguments>,
    /// When it runs in the group's life.
    #[hcl(block)]
    pub(crate) lifecycle: Option<LifecycleBlock>,
    /// What a node must be.
    #[hcl(block)]
    #[serde(default)]
    pub(crate) constraint: Vec<Constraint>,
    /// What a node should be.
    #[hcl(block)]
    #[serde(default)]
    pub(crate) affinity: Vec<Affinity>,
    /// Its services.
    #[hcl(block)]
    #[serde(default)]
    pub(crate) service: Vec<Service>,
    /// What is fetched before it starts.
    #[hcl(block)]
    #[serde(default)]
    pub(crate) artifact: Vec<Artifact>,
    /// Files that are made for it.
    #[hcl(block)]
    #[serde(default)]
    pub(crate) template: Vec<Template>,
    /// Volumes in it.
    #[hcl(block)]
    #[serde(default)]
    pub(crate) volume_mount: Vec<VolumeMount>,
    /// That it is a CSI plugin.
    #[hcl(block)]
    pub(crate) csi_plugin: Option<CsiPlugin>,
    /// Where the payload of a dispatch is put.
    #[hcl(block)]
    pub(crate) dispatch_payload: Option<DispatchPayload>,
    /// What it can show others.
    #[hcl(block)]
    #[serde(default)]
    pub(crate) identity: Vec<Identity>,
    /// What it gets from Vault.
    #[hcl(block)]
    pub(crate) vault: Option<Vault>,
    /// Which Consul it talks to.
    #[hcl(block)]
    pub(crate) consul: Option<Consul>,
    /// Secrets that it is given.
    #[hcl(block)]
    #[serde(default)]
    pub(crate) secret: Vec<Secret>,
    /// How its resources are scaled.
    #[hcl(block)]
    #[serde(default)]
    pub(crate) scaling: Vec<TaskScaling>,
    /// Commands that can be run in it.
    #[hcl(block)]
    #[serde(default)]
    pub(crate) action: Vec<Action>,
    /// At what times it runs.
    #[hcl(block)]
    pub(crate) schedule: Option<Schedule>,
}

/// A `logs` block as it is written.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct LogsBlock {
    /// How many files for each of the two streams.
    #[hcl(default = 10, check = check::range::<1, { u32::MAX as i64 }>)]
    pub max_files: u32,
    /// How large each may grow, in MiB.
    #[hcl(default = 10, check = check::range::<1, { i64::MAX }>)]
    pub max_file_size: u64,
    /// Whether nothing is kept.
    #[hcl(default = false)]
    pub disabled: bool,
    /// The opposite, in old jobs.
    pub enabled: Option<bool>,
}

/// A `lifecycle` block as it is written.
#[derive(Deserialize, HclSpec)]
pub(crate) struct LifecycleBlock {
    /// The moment that it starts at.
    pub(crate) hook: LifecycleHook,
    /// Whether it then runs along with the main tasks.
    #[hcl(default = false)]
    pub(crate) sidecar: bool,
}
