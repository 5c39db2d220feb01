//! The small blocks: `scaling`, `ui`, `action`.

use encamp_hclspec::{Diagnostics, HclSpec, Place, Value};
use serde::Deserialize;

use super::choice::choices;
use super::types::Free;
use crate::check::{self, about};

choices! {
    /// What is scaled.
    pub enum ScalingType {
        /// The number of instances.
        Horizontal = "horizontal",
        /// The processor time of a task.
        VerticalCpu = "vertical_cpu",
        /// The memory of a task.
        VerticalMem = "vertical_mem",
    }
}

/// A `scaling` block of a group.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[hcl(check = limits)]
#[non_exhaustive]
pub struct Scaling {
    /// What is scaled.
    #[serde(rename = "type")]
    #[hcl(default = "horizontal")]
    pub scaling_type: ScalingType,
    /// How much at least; the group's count where nothing is said.
    #[hcl(check = check::whole)]
    pub min: Option<u64>,
    /// How much at most.
    #[hcl(check = check::whole)]
    pub max: u64,
    /// Whether it is done.
    #[hcl(default = true)]
    pub enabled: bool,
    /// What an autoscaler is told.
    pub policy: Option<Free>,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

/// A `scaling` block of a task.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[hcl(check = limits)]
#[non_exhaustive]
pub struct TaskScaling {
    /// What is scaled: `cpu` or `mem`.
    #[hcl(label, check = cpu_or_mem)]
    pub name: String,
    /// The same, in other words.
    #[serde(rename = "type")]
    pub scaling_type: Option<ScalingType>,
    /// How much at least.
    #[hcl(check = check::whole)]
    pub min: Option<u64>,
    /// How much at most.
    #[hcl(check = check::whole)]
    pub max: Option<u64>,
    /// Whether it is done.
    #[hcl(default = true)]
    pub enabled: bool,
    /// What an autoscaler is told.
    pub policy: Option<Free>,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

/// A `ui` block of a job.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Ui {
    /// What the job is, in Markdown.
    pub description: Option<String>,
    /// Links.
    #[hcl(block)]
    #[serde(default)]
    pub link: Vec<Link>,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

/// A `link` block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Link {
    /// What it is called.
    #[hcl(check = check::filled)]
    pub label: String,
    /// Where it leads.
    #[hcl(check = check::filled)]
    pub url: String,
}

/// An `action` block of a task: a command that can be run in it.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Action {
    /// Its name.
    #[hcl(label, check = action_name)]
    pub name: String,
    /// The command.
    #[hcl(check = check::filled)]
    pub command: String,
    /// The command's arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

fn limits(block: &Value) -> Diagnostics {
    let number = |name: &str| block.get(name).and_then(Value::as_i64);
    match (number("min"), number("max")) {
        (Some(min), Some(max)) if min > max => {
            about("min", "Invalid min", "\"min\" may not be greater than \"max\".").into()
        }
        _ => Diagnostics::new(),
    }
}

fn cpu_or_mem(value: &Value) -> Diagnostics {
    match value.as_str() {
        Some("cpu" | "mem") | None => Diagnostics::new(),
        Some(_) => {
            let detail = "What is scaled in a task is \"cpu\" or \"mem\".";
            encamp_hclspec::Diagnostic::error("Invalid scaling policy name", detail).into()
        }
    }
}

fn action_name(value: &Value) -> Diagnostics {
    let is_good =
        |name: &str| (1..=128).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    match value.as_str() {
        Some(name) if !is_good(name) => {
            let detail = "An action's name has letters, digits and dashes alone, 128 at most.";
            encamp_hclspec::Diagnostic::error("Invalid action name", detail).into()
        }
        _ => Diagnostics::new(),
    }
}
