//! The `job` block as it is written.

use encamp_hclspec::HclSpec;
use indexmap::IndexMap;
use serde::Deserialize;

use super::identity::{Consul, Secret, Vault};
use super::other::Ui;
use super::placement::{Affinity, Constraint, Spread};
use super::policy::{Migrate, Reschedule, Update};
use super::schedule::{Multiregion, Parameterized, Periodic};
use crate::check;
use crate::job::JobType;

/// All of a job but its groups.
#[derive(Default, Deserialize, HclSpec)]
pub(crate) struct JobBlock {
    /// Its id; the label where nothing is said.
    pub(crate) id: Option<String>,
    /// Its name for people; the id where nothing is said.
    pub(crate) name: Option<String>,
    /// Whether its tasks are meant to end, and whether it runs on every node.
    #[serde(rename = "type")]
    #[hcl(default = "service")]
    pub(crate) job_type: JobType,
    /// Its region.
    #[hcl(default = "global")]
    pub(crate) region: String,
    /// Its namespace.
    #[hcl(default = "default")]
    pub(crate) namespace: String,
    /// The datacenters that it may run in; any where nothing is said.
    pub(crate) datacenters: Option<Vec<String>>,
    /// The pool of nodes that it may run on.
    pub(crate) node_pool: Option<String>,
    /// Which jobs come first where there is not enough for all; 100 is the most.
    #[hcl(default = 50, check = check::range::<1, 32767>)]
    pub(crate) priority: u32,
    /// Whether all is placed or nothing.
    #[hcl(default = false)]
    pub(crate) all_at_once: bool,
    /// Anything else about it.
    #[serde(default)]
    pub(crate) meta: IndexMap<String, String>,
    /// A token of Consul, from old jobs.
    #[expect(dead_code, reason = "it is refused; that it is there is all that counts")]
    pub(crate) consul_token: Option<String>,
    /// A token of Vault, from old jobs.
    #[expect(dead_code, reason = "it is refused; that it is there is all that counts")]
    pub(crate) vault_token: Option<String>,
    /// What a node must be.
    #[hcl(block)]
    #[serde(default)]
    pub(crate) constraint: Vec<Constraint>,
    /// What a node should be.
    #[hcl(block)]
    #[serde(default)]
    pub(crate) affinity: Vec<Affinity>,
    /// What instances are spread over.
    #[hcl(block)]
    #[serde(default)]
    pub(crate) spread: Vec<Spread>,
    /// How a new version takes the place of the old one.
    #[hcl(block)]
    pub(crate) update: Option<Update>,
    /// How instances leave nodes that are drained.
    #[hcl(block)]
    pub(crate) migrate: Option<Migrate>,
    /// How often failed instances are placed on other nodes.
    #[hcl(block)]
    pub(crate) reschedule: Option<Reschedule>,
    /// At what times it starts.
    #[hcl(block)]
    pub(crate) periodic: Option<Periodic>,
    /// That it is started with parameters.
    #[hcl(block)]
    pub(crate) parameterized: Option<Parameterized>,
    /// The regions that it runs in.
    #[hcl(block)]
    pub(crate) multiregion: Option<Multiregion>,
    /// Which Consul its tasks talk to.
    #[hcl(block)]
    pub(crate) consul: Option<Consul>,
    /// What its tasks get from Vault.
    #[hcl(block)]
    pub(crate) vault: Option<Vault>,
    /// Secrets that its tasks are given.
    #[hcl(block)]
    #[serde(default)]
    pub(crate) secret: Vec<Secret>,
    /// What people see of it.
    #[hcl(block)]
    pub(crate) ui: Option<Ui>,
}
