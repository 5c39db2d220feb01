//! `network` blocks.

use encamp_hclspec::{HclSpec, Place};
use indexmap::IndexMap;
use serde::Deserialize;

use crate::check;

/// A `network` block of a group, or the older one of a task's resources.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Network {
    /// `none`, `host`, `bridge`, or `cni/` and the name of a network; the driver's choice where nothing is said.
    #[hcl(check = mode)]
    pub mode: Option<String>,
    /// The name of the host in the network.
    pub hostname: Option<String>,
    /// The device, in old jobs.
    pub device: Option<String>,
    /// The addresses, in old jobs.
    pub cidr: Option<String>,
    /// The address, in old jobs.
    pub ip: Option<String>,
    /// The bandwidth in old jobs, in megabits a second.
    #[hcl(check = check::whole)]
    pub mbits: Option<u64>,
    /// The ports.
    #[hcl(block)]
    #[serde(default)]
    pub port: Vec<Port>,
    /// Ports of old jobs.
    #[hcl(block)]
    #[serde(default)]
    pub reserved_ports: Vec<Port>,
    /// How names are resolved.
    #[hcl(block)]
    pub dns: Option<Dns>,
    /// What a CNI plugin is told.
    #[hcl(block)]
    pub cni: Option<Cni>,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

/// A `port` block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Port {
    /// Its name.
    #[hcl(label)]
    pub label: String,
    /// The port on the host; one that is free where nothing is said.
    #[serde(rename = "static")]
    #[hcl(check = check::port)]
    pub fixed: Option<u16>,
    /// The port in the task's network; -1 is the same as on the host.
    #[hcl(check = check::range::<-1, 65535>)]
    pub to: Option<i32>,
    /// Which of the host's networks it is in.
    pub host_network: Option<String>,
    /// Whether others may use the port too.
    #[hcl(default = false)]
    pub ignore_collision: bool,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

/// A `dns` block.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Dns {
    /// The servers that are asked.
    #[serde(default)]
    pub servers: Vec<String>,
    /// The domains that short names are looked up in.
    #[serde(default)]
    pub searches: Vec<String>,
    /// Options of the resolver.
    #[serde(default)]
    pub options: Vec<String>,
}

/// A `cni` block.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Cni {
    /// Arguments by name.
    #[serde(default)]
    pub args: IndexMap<String, String>,
}

fn mode(value: &encamp_hclspec::Value) -> encamp_hclspec::Diagnostics {
    match value.as_str() {
        Some(text) if text.starts_with("cni/") || text.is_empty() || text.contains("${") => {
            encamp_hclspec::Diagnostics::new()
        }
        _ => check::one_of(value, ["none", "bridge", "host"].into_iter()),
    }
}
