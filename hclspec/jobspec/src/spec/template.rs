//! `template` blocks.

use std::fmt;

use encamp_hclspec::{Diagnostics, HclSpec, Place, Value};
use serde::Deserialize;

use super::choice::choices;
use super::types::Time;
use crate::check::{self, about};

choices! {
    /// What is done when a rendered template changes.
    pub enum TemplateChangeMode {
        /// Nothing.
        Noop = "noop",
        /// The task is restarted.
        Restart = "restart",
        /// The task gets a signal.
        Signal = "signal",
        /// A script runs in the task.
        Script = "script",
    }
}

/// A `template` block of a task.
#[derive(Clone, PartialEq, Deserialize, HclSpec)]
#[hcl(check = complete)]
#[non_exhaustive]
pub struct Template {
    /// The path of the template.
    pub source: Option<String>,
    /// The template itself.
    pub data: Option<String>,
    /// Where the result is put, in the task's directory.
    #[hcl(check = check::inside)]
    pub destination: Option<String>,
    /// What is done when the result changes.
    #[hcl(default = "restart")]
    pub change_mode: TemplateChangeMode,
    /// The signal that the task gets then.
    #[hcl(check = check::signal)]
    pub change_signal: Option<String>,
    /// The script that runs then.
    #[hcl(block)]
    pub change_script: Option<ChangeScript>,
    /// Whether it is rendered once.
    #[hcl(default = false)]
    pub once: bool,
    /// How long is waited at random before that is done.
    #[hcl(default = "5s")]
    pub splay: Time,
    /// The permissions of the result.
    #[hcl(default = "0644", check = check::permissions)]
    pub perms: String,
    /// The user who owns the result.
    #[hcl(check = check::range::<-1, { u32::MAX as i64 }>)]
    pub uid: Option<i64>,
    /// The group that owns the result.
    #[hcl(check = check::range::<-1, { u32::MAX as i64 }>)]
    pub gid: Option<i64>,
    /// What begins an action.
    #[hcl(default = "{{")]
    pub left_delimiter: String,
    /// What ends an action.
    #[hcl(default = "}}")]
    pub right_delimiter: String,
    /// Whether the result is read as environment.
    #[hcl(default = false)]
    pub env: bool,
    /// Whether a missing key is an error.
    #[hcl(default = false)]
    pub error_on_missing_key: bool,
    /// Without effect, from old jobs.
    pub vault_grace: Option<Time>,
    /// How long changes may gather.
    #[hcl(block)]
    pub wait: Option<Wait>,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

/// Without the text, which may be secret.
impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template")
            .field("source", &self.source)
            .field("destination", &self.destination)
            .field("change_mode", &self.change_mode)
            .field("change_signal", &self.change_signal)
            .field("change_script", &self.change_script)
            .field("once", &self.once)
            .field("splay", &self.splay)
            .field("perms", &self.perms)
            .field("env", &self.env)
            .field("wait", &self.wait)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

/// A `change_script` block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct ChangeScript {
    /// What runs.
    #[hcl(check = check::filled)]
    pub command: String,
    /// Its arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// How long it may take.
    #[hcl(default = "5s")]
    pub timeout: Time,
    /// Whether the task ends if it fails.
    #[hcl(default = false)]
    pub fail_on_error: bool,
    /// Whether it runs when the template is rendered for the first time too.
    #[hcl(default = false)]
    pub run_on_first_render: bool,
}

/// A `wait` block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[hcl(check = ordered)]
#[non_exhaustive]
pub struct Wait {
    /// How long at least.
    pub min: Option<Time>,
    /// How long at most.
    pub max: Option<Time>,
}

fn complete(block: &Value) -> Diagnostics {
    let text = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default();
    let is_null = |name: &str| block.get(name).is_none_or(Value::is_null);
    let is_env = block.get("env").and_then(Value::as_bool) == Some(true);
    let mode = text("change_mode");
    let mut found = Diagnostics::new();
    if text("source").is_empty() && is_null("data") {
        let detail = "A template is in a file, \"source\", or written out, \"data\".";
        found.push(about("source", "Missing source", detail));
    }
    if text("destination").is_empty() {
        let detail = "\"destination\" says where the result is put.";
        found.push(about("destination", "Missing destination", detail));
    }
    if mode == "signal" && text("change_signal").is_empty() {
        let detail = "\"change_mode\" is \"signal\": say which, as in change_signal = \"SIGHUP\".";
        found.push(about("change_mode", "Missing change_signal", detail));
    }
    if mode == "signal" && is_env {
        let detail =
            "A task's environment cannot be changed by a signal: set \"change_mode\" to \"restart\" or \"noop\".";
        found.push(about("change_mode", "Invalid change_mode", detail));
    }
    if mode == "script" && is_null("change_script") {
        let detail = "\"change_mode\" is \"script\": say which, change_script { .. }.";
        found.push(about("change_mode", "Missing change_script", detail));
    }
    found
}

fn ordered(block: &Value) -> Diagnostics {
    let time = |name: &str| encamp_hclspec::parse_duration(block.get(name)?.as_str()?).ok();
    match (time("min"), time("max")) {
        (Some(min), Some(max)) if min > max => {
            about("min", "Invalid min", "\"min\" may not be greater than \"max\".").into()
        }
        _ => Diagnostics::new(),
    }
}
