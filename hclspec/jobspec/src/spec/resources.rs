//! `resources` blocks.

use encamp_hclspec::{Diagnostics, HclSpec, Place, Value};
use serde::Deserialize;

use super::choice::choices;
use super::network::Network;
use super::placement::{Affinity, Constraint};
use crate::check::{self, about};

/// A `resources` block as it is written.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, HclSpec)]
#[hcl(check = consistent)]
#[non_exhaustive]
pub struct ResourcesBlock {
    /// Processor time in MHz; 100 where there are no `cores` either.
    #[hcl(check = check::range::<1, { i64::MAX }>)]
    pub cpu: Option<u64>,
    /// Whole processors, in place of `cpu`.
    #[hcl(check = check::range::<1, { u32::MAX as i64 }>)]
    pub cores: Option<u32>,
    /// Memory in MiB; 300 where nothing is said.
    #[hcl(check = check::range::<10, { i64::MAX }>)]
    pub memory: Option<u64>,
    /// The memory in MiB that it may use while there is some to spare; -1 is no limit.
    #[hcl(check = check::range::<-1, { i64::MAX }>)]
    pub memory_max: Option<i64>,
    /// Disk in MiB, in old jobs.
    #[hcl(check = check::whole)]
    pub disk: Option<u64>,
    /// The size of the directory for secrets, in MiB.
    #[hcl(check = check::whole)]
    pub secrets: Option<u64>,
    /// Without effect, from old jobs.
    #[hcl(check = check::whole)]
    pub iops: Option<u64>,
    /// Networks, in old jobs.
    #[hcl(block)]
    #[serde(default)]
    pub network: Vec<Network>,
    /// Devices.
    #[hcl(block)]
    #[serde(default)]
    pub device: Vec<Device>,
    /// Which processors.
    #[hcl(block)]
    pub numa: Option<Numa>,
}

/// A `device` block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Device {
    /// `type`, `vendor/type` or `vendor/type/name`.
    #[hcl(label)]
    pub name: String,
    /// How many.
    #[hcl(default = 1, check = check::range::<1, { i64::MAX }>)]
    pub count: u64,
    /// What the device must be.
    #[hcl(block)]
    #[serde(default)]
    pub constraint: Vec<Constraint>,
    /// What the device should be.
    #[hcl(block)]
    #[serde(default)]
    pub affinity: Vec<Affinity>,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

choices! {
    /// Whether the processors are all of one node of memory.
    pub enum NumaAffinity {
        /// It does not matter.
        None = "none",
        /// If possible.
        Prefer = "prefer",
        /// In any case.
        Require = "require",
    }
}

/// A `numa` block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Numa {
    /// Whether the processors are all of one node of memory.
    #[hcl(default = "none")]
    pub affinity: NumaAffinity,
    /// Devices that are of the same node.
    #[serde(default)]
    pub devices: Vec<String>,
}

fn consistent(block: &Value) -> Diagnostics {
    let number = |name: &str| block.get(name).and_then(Value::as_i64);
    let mut found = Diagnostics::new();
    if number("cpu").is_some() && number("cores").is_some() {
        let detail = "\"cpu\" and \"cores\" cannot both be set: a task has a share of the processors, or whole ones.";
        found.push(about("cores", "Conflicting resources", detail));
    }
    let memory = number("memory").unwrap_or(300);
    if number("memory_max").is_some_and(|max| max > 0 && max < memory) {
        let detail = format!("\"memory_max\" must be at least \"memory\", which is {memory}, or -1 for no limit.");
        found.push(about("memory_max", "Invalid memory_max", detail));
    }
    found
}
