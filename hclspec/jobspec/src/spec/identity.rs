//! What a task shows others, and what it gets for it: `identity`, `vault`, `consul`, `secret`.

use encamp_hclspec::{HclSpec, Place};
use serde::Deserialize;

use super::choice::choices;
use super::types::{Free, SecretTexts, Time};
use crate::check;

choices! {
    /// What is done when a token changes.
    pub enum ChangeMode {
        /// Nothing.
        Noop = "noop",
        /// The task is restarted.
        Restart = "restart",
        /// The task gets a signal.
        Signal = "signal",
    }
}

/// An `identity` block: a token that says who the task is.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Identity {
    /// Its name; `default` where nothing is said.
    pub name: Option<String>,
    /// Whom it is for.
    #[serde(default)]
    pub aud: Vec<String>,
    /// What is done when it changes.
    pub change_mode: Option<ChangeMode>,
    /// The signal that the task gets then.
    #[hcl(check = check::signal)]
    pub change_signal: Option<String>,
    /// Whether it is in the environment.
    #[hcl(default = false)]
    pub env: bool,
    /// Whether it is in a file.
    #[hcl(default = false)]
    pub file: bool,
    /// The file.
    #[hcl(check = check::inside)]
    pub filepath: Option<String>,
    /// The service that it is of.
    pub service_name: Option<String>,
    /// How long it is good for.
    pub ttl: Option<Time>,
    /// What else it says.
    #[serde(default)]
    pub extra_claims: Vec<String>,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

/// A `vault` block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Vault {
    /// The policies of the token, with old clusters.
    #[serde(default)]
    pub policies: Vec<String>,
    /// The role of the token.
    pub role: Option<String>,
    /// The namespace.
    pub namespace: Option<String>,
    /// The cluster.
    #[hcl(default = "default")]
    pub cluster: String,
    /// Whether the token is in the environment.
    #[hcl(default = true)]
    pub env: bool,
    /// Whether the token is in no file.
    #[hcl(default = false)]
    pub disable_file: bool,
    /// What is done when the token changes.
    #[hcl(default = "restart")]
    pub change_mode: ChangeMode,
    /// The signal that the task gets then.
    #[hcl(check = check::signal)]
    pub change_signal: Option<String>,
    /// Whether the token need not be renewed.
    #[hcl(default = false)]
    pub allow_token_expiration: bool,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

/// A `consul` block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Consul {
    /// The namespace.
    pub namespace: Option<String>,
    /// The cluster.
    #[hcl(default = "default")]
    pub cluster: String,
    /// The partition.
    pub partition: Option<String>,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

/// A `secret` block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Secret {
    /// Its name.
    #[hcl(label)]
    pub name: String,
    /// Who has it: `nomad`, `vault`, or the name of a plugin.
    #[hcl(check = check::filled)]
    pub provider: String,
    /// Where it is there.
    pub path: Option<String>,
    /// What else the provider is told.
    pub config: Option<Free>,
    /// The environment of a plugin.
    #[serde(default)]
    pub env: SecretTexts,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}
