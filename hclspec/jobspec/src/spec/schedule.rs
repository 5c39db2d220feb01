//! When and where jobs start: `periodic`, `parameterized`, `dispatch_payload`, `schedule`, `multiregion`.

use encamp_hclspec::{Diagnostics, HclSpec, Place, Value};
use indexmap::IndexMap;
use serde::Deserialize;

use super::choice::choices;
use crate::check::{self, about};

/// A `periodic` block of a job.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[hcl(check = times)]
#[non_exhaustive]
pub struct Periodic {
    /// Whether it starts at its times.
    #[hcl(default = true)]
    pub enabled: bool,
    /// Its times, in the manner of cron. Use `crons`.
    pub cron: Option<String>,
    /// Its times, in the manner of cron.
    #[serde(default)]
    pub crons: Vec<String>,
    /// Whether it does not start while it still runs.
    #[hcl(default = false)]
    pub prohibit_overlap: bool,
    /// The time zone of its times.
    #[hcl(default = "UTC")]
    pub time_zone: String,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

choices! {
    /// Whether a job is given a payload.
    pub enum PayloadRule {
        /// It may be.
        Optional = "optional",
        /// It must be.
        Required = "required",
        /// It may not be.
        Forbidden = "forbidden",
    }
}

/// A `parameterized` block of a job.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[hcl(check = disjoint)]
#[non_exhaustive]
pub struct Parameterized {
    /// Whether it is given a payload.
    #[hcl(default = "optional")]
    pub payload: PayloadRule,
    /// The keys that must be given.
    #[serde(default)]
    pub meta_required: Vec<String>,
    /// The keys that may be given.
    #[serde(default)]
    pub meta_optional: Vec<String>,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

/// A `dispatch_payload` block of a task.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct DispatchPayload {
    /// Where the payload is put, in the task's `local` directory.
    #[hcl(check = check::inside)]
    pub file: String,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

/// A `schedule` block of a task.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Schedule {
    /// The times.
    #[hcl(block)]
    pub cron: Option<Cron>,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

/// A `cron` block of a schedule.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Cron {
    /// When the task starts.
    #[hcl(check = check::filled)]
    pub start: String,
    /// When the task ends.
    #[hcl(check = check::filled)]
    pub end: String,
    /// The time zone of both.
    #[hcl(default = "UTC")]
    pub timezone: String,
}

/// A `multiregion` block of a job.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Multiregion {
    /// In what order.
    #[hcl(block)]
    pub strategy: Option<Strategy>,
    /// The regions.
    #[hcl(block)]
    #[serde(default)]
    pub region: Vec<Region>,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

choices! {
    /// What is done in other regions when one fails.
    pub enum OnFailure {
        /// Those after it fail.
        FailAll = "fail_all",
        /// It alone fails.
        FailLocal = "fail_local",
    }
}

/// A `strategy` block of a multiregion block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Strategy {
    /// How many regions at a time; 0 is all at once.
    #[hcl(default = 0, check = check::count)]
    pub max_parallel: u32,
    /// What is done in other regions when one fails.
    pub on_failure: Option<OnFailure>,
}

/// A `region` block of a multiregion block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Region {
    /// Its name.
    #[hcl(label)]
    pub name: String,
    /// How many instances, of groups that do not say.
    #[hcl(default = 1, check = check::count)]
    pub count: u32,
    /// Its datacenters.
    #[serde(default)]
    pub datacenters: Vec<String>,
    /// Its pool of nodes.
    pub node_pool: Option<String>,
    /// Anything else about the job there.
    #[serde(default)]
    pub meta: IndexMap<String, String>,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

fn times(block: &Value) -> Diagnostics {
    let cron = block
        .get("cron")
        .and_then(Value::as_str)
        .is_some_and(|text| !text.is_empty());
    let crons = block
        .get("crons")
        .and_then(Value::as_list)
        .is_some_and(|list| !list.is_empty());
    match (cron, crons) {
        (true, true) => about(
            "cron",
            "Conflicting arguments",
            "\"cron\" and \"crons\" cannot both be set.",
        )
        .into(),
        (false, false) => {
            let detail = "A periodic job has its times, as in crons = [\"0 * * * *\"].";
            about("crons", "Missing crons", detail).into()
        }
        _ => Diagnostics::new(),
    }
}

fn disjoint(block: &Value) -> Diagnostics {
    let texts = |name: &str| {
        let values = block.get(name).and_then(Value::as_list).unwrap_or_default();
        values.iter().filter_map(Value::as_str)
    };
    let required: std::collections::HashSet<&str> = texts("meta_required").collect();
    match texts("meta_optional").find(|key| required.contains(key)) {
        Some(both) => {
            let detail = format!("\"{both}\" is both required and optional.");
            about("meta_optional", "Conflicting arguments", detail).into()
        }
        None => Diagnostics::new(),
    }
}
