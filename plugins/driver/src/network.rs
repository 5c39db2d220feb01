//! The networks that tasks join.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::NetworkIsolationMode;

/// The network namespace that a task is to join.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkIsolation {
    /// How it is set off from the host's network.
    pub mode: NetworkIsolationMode,
    /// The namespace's file, as `/var/run/netns/<name>`.
    pub path: PathBuf,
    /// What its maker needs to find it again.
    pub labels: BTreeMap<String, String>,
    /// The allocation's own entry in `/etc/hosts`.
    pub hosts: Option<HostsConfig>,
}

/// An allocation's own entry in `/etc/hosts`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostsConfig {
    /// Its name.
    pub hostname: String,
    /// Its address.
    pub address: String,
}

/// What a task's `resolv.conf` says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsConfig {
    /// `nameserver` lines.
    pub servers: Vec<String>,
    /// `search` domains.
    pub searches: Vec<String>,
    /// `options`.
    pub options: Vec<String>,
}

/// A task's address, where its driver gave it one of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkOverride {
    /// Ports by label.
    pub port_map: BTreeMap<String, u16>,
    /// The address.
    pub address: String,
    /// Whether services should name this address without being told to.
    pub auto_advertise: bool,
}
