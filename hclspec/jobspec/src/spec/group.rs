//! `group` blocks as they are written.

use encamp_hclspec::HclSpec;
use indexmap::IndexMap;
use serde::Deserialize;

use super::identity::{Consul, Secret, Vault};
use super::network::Network;
use super::other::Scaling;
use super::placement::{Affinity, Constraint, Spread};
use super::policy::{Disconnect, Migrate, Reschedule, RestartArguments, Update};
use super::service::Service;
use super::types::Time;
use super::volume::{EphemeralDisk, Volume};
use crate::check;

/// All of a group but its tasks.
#[derive(Default, Deserialize, HclSpec)]
pub(crate) struct GroupBlock {
    /// How many instances; 1 where nothing is said.
    #[hcl(check = check::whole)]
    pub(crate) count: Option<u64>,
    /// Anything else about it.
    #[serde(default)]
    pub(crate) meta: IndexMap<String, String>,
    /// What becomes of tasks that fail, where they say nothing themselves.
    #[hcl(block)]
    pub(crate) restart: Option<RestartArguments>,
    /// How long to wait before tasks are asked to end.
    pub(crate) shutdown_delay: Option<Time>,
    /// How long it may run, of a batch job.
    pub(crate) max_run_duration: Option<Time>,
    /// Use `disconnect`.
    pub(crate) stop_after_client_disconnect: Option<Time>,
    /// Use `disconnect`.
    pub(crate) max_client_disconnect: Option<Time>,
    /// Use `disconnect`.
    pub(crate) prevent_reschedule_on_lost: Option<bool>,
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
    /// Its network.
    #[hcl(block)]
    #[serde(default)]
    pub(crate) network: Vec<Network>,
    /// Its services.
    #[hcl(block)]
    #[serde(default)]
    pub(crate) service: Vec<Service>,
    /// Its volumes.
    #[hcl(block)]
    #[serde(default)]
    pub(crate) volume: Vec<Volume>,
    /// The disk that its tasks share.
    #[hcl(block)]
    pub(crate) ephemeral_disk: Option<EphemeralDisk>,
    /// How a new version takes the place of the old one.
    #[hcl(block)]
    pub(crate) update: Option<Update>,
    /// How instances leave nodes that are drained.
    #[hcl(block)]
    pub(crate) migrate: Option<Migrate>,
    /// How often failed instances are placed on other nodes.
    #[hcl(block)]
    pub(crate) reschedule: Option<Reschedule>,
    /// What becomes of instances on nodes that are out of reach.
    #[hcl(block)]
    pub(crate) disconnect: Option<Disconnect>,
    /// How the number of instances is scaled.
    #[hcl(block)]
    pub(crate) scaling: Option<Scaling>,
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
}
