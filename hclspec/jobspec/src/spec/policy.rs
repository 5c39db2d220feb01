//! What becomes of instances that fail, move or change: `restart`, `reschedule`, `disconnect`, `update`, `migrate`.

use encamp_hclspec::{Diagnostics, HclSpec, Place, Value, parse_duration};
use serde::Deserialize;

use super::choice::choices;
use super::types::Time;
use crate::check::{self, about};
use crate::job::RestartMode;

/// A `restart` block as it is written: what is not said is the group's, or the job type's.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
pub(crate) struct RestartArguments {
    /// How often a task is started again in an interval.
    #[hcl(check = check::count)]
    pub(crate) attempts: Option<u32>,
    /// The interval.
    pub(crate) interval: Option<Time>,
    /// How long to wait before it is started again.
    pub(crate) delay: Option<Time>,
    /// What happens when the attempts of an interval are used up.
    pub(crate) mode: Option<RestartMode>,
    /// Whether templates are rendered again first.
    #[hcl(default = false)]
    pub(crate) render_templates: bool,
}

choices! {
    /// How the delay grows from one placement to the next.
    pub enum DelayFunction {
        /// It stays the same.
        Constant = "constant",
        /// It doubles.
        Exponential = "exponential",
        /// It is the sum of the two before.
        Fibonacci = "fibonacci",
    }
}

/// A `reschedule` block: how often failed instances are placed on other nodes. Defaults depend on the job's type.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Reschedule {
    /// How often in an interval.
    #[hcl(check = check::count)]
    pub attempts: Option<u32>,
    /// The interval.
    pub interval: Option<Time>,
    /// How long to wait first; 5 s at least.
    pub delay: Option<Time>,
    /// How the delay grows.
    pub delay_function: Option<DelayFunction>,
    /// The longest delay.
    pub max_delay: Option<Time>,
    /// Whether there is no end to it; then `attempts` and `interval` do not count.
    pub unlimited: Option<bool>,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

choices! {
    /// Which instance stays when a node comes back.
    pub enum Reconcile {
        /// The one that runs longer.
        LongestRunning = "longest_running",
        /// The one on the better node.
        BestScore = "best_score",
        /// The first one.
        KeepOriginal = "keep_original",
        /// The one that took its place.
        KeepReplacement = "keep_replacement",
    }
}

/// A `disconnect` block: what becomes of instances on nodes that are out of reach.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[hcl(check = one_of_two)]
#[non_exhaustive]
pub struct Disconnect {
    /// After what time they are given up.
    pub lost_after: Option<Time>,
    /// After what time the node itself stops them.
    pub stop_on_client_after: Option<Time>,
    /// Whether others take their place meanwhile.
    #[hcl(default = true)]
    pub replace: bool,
    /// Which one stays when the node comes back.
    #[hcl(default = "best_score")]
    pub reconcile: Reconcile,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

choices! {
    /// What tells that an instance is healthy.
    pub enum HealthCheck {
        /// The checks of its services.
        Checks = "checks",
        /// That its tasks run.
        TaskStates = "task_states",
        /// Somebody says so.
        Manual = "manual",
    }
}

/// An `update` block: how a new version takes the place of the old one.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[hcl(check = update)]
#[non_exhaustive]
pub struct Update {
    /// How many at a time; 0 is all at once.
    #[hcl(default = 1, check = check::count)]
    pub max_parallel: u32,
    /// What tells that an instance is healthy.
    #[hcl(default = "checks")]
    pub health_check: HealthCheck,
    /// How long it must be healthy.
    #[hcl(default = "10s")]
    pub min_healthy_time: Time,
    /// How long it may take to become healthy.
    #[hcl(default = "5m")]
    pub healthy_deadline: Time,
    /// How long all may take to become healthy; 0 is no limit.
    #[hcl(default = "10m")]
    pub progress_deadline: Time,
    /// Whether the last good version comes back if it does not work out.
    #[hcl(default = false)]
    pub auto_revert: bool,
    /// Whether canaries are promoted when they are healthy.
    #[hcl(default = false)]
    pub auto_promote: bool,
    /// How many of the new version run beside the old one first.
    #[hcl(default = 0, check = check::count)]
    pub canary: u32,
    /// How long to wait between nodes, for system jobs.
    #[hcl(default = "30s")]
    pub stagger: Time,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

/// A `migrate` block: how instances leave nodes that are drained.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[hcl(check = healthy)]
#[non_exhaustive]
pub struct Migrate {
    /// How many at a time.
    #[hcl(default = 1, check = check::count)]
    pub max_parallel: u32,
    /// What tells that an instance is healthy.
    #[hcl(default = "checks")]
    pub health_check: HealthCheck,
    /// How long it must be healthy.
    #[hcl(default = "10s")]
    pub min_healthy_time: Time,
    /// How long it may take to become healthy.
    #[hcl(default = "5m")]
    pub healthy_deadline: Time,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

fn one_of_two(block: &Value) -> Diagnostics {
    let is_set = |name: &str| block.get(name).is_some_and(|value| !value.is_null());
    if is_set("lost_after") && is_set("stop_on_client_after") {
        let detail = "\"lost_after\" and \"stop_on_client_after\" cannot both be set.";
        return about("stop_on_client_after", "Conflicting arguments", detail).into();
    }
    Diagnostics::new()
}

fn healthy(block: &Value) -> Diagnostics {
    let time = |name: &str| block.get(name)?.as_str().and_then(|text| parse_duration(text).ok());
    if time("min_healthy_time") >= time("healthy_deadline") {
        let detail = "\"min_healthy_time\" must be less than \"healthy_deadline\".";
        return about("min_healthy_time", "Invalid min_healthy_time", detail).into();
    }
    Diagnostics::new()
}

fn update(block: &Value) -> Diagnostics {
    let time = |name: &str| block.get(name)?.as_str().and_then(|text| parse_duration(text).ok());
    let mut found = healthy(block);
    let progress = time("progress_deadline");
    if progress.is_some_and(|progress| !progress.is_zero()) && time("healthy_deadline") >= progress {
        let detail = "\"healthy_deadline\" must be less than \"progress_deadline\".";
        found.push(about("healthy_deadline", "Invalid healthy_deadline", detail));
    }
    let canaries = block.get("canary").and_then(Value::as_i64);
    if canaries == Some(0) && block.get("auto_promote").and_then(Value::as_bool) == Some(true) {
        let detail = "\"auto_promote\" promotes canaries, and there are none: set \"canary\".";
        found.push(about("auto_promote", "Invalid auto_promote", detail));
    }
    found
}
