//! `artifact` blocks.

use encamp_hclspec::{HclSpec, Place};
use serde::Deserialize;

use super::choice::choices;
use super::types::SecretTexts;
use crate::check;

choices! {
    /// What is expected at a source.
    pub enum ArtifactMode {
        /// A file, or an archive that is unpacked.
        Any = "any",
        /// A single file.
        File = "file",
        /// A directory.
        Dir = "dir",
    }
}

/// An `artifact` block of a task: what is fetched before it starts.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Artifact {
    /// Where it is.
    #[hcl(check = check::filled)]
    pub source: String,
    /// Where it is put, in the task's directory; `local/` where nothing is said.
    #[hcl(check = check::inside)]
    pub destination: Option<String>,
    /// What is expected there.
    #[hcl(default = "any")]
    pub mode: ArtifactMode,
    /// Whether certificates do not matter.
    #[hcl(default = false)]
    pub insecure: bool,
    /// Whether the task's user owns it.
    #[hcl(default = false)]
    pub chown: bool,
    /// How it is fetched: checksums, credentials, branches.
    #[serde(default)]
    pub options: SecretTexts,
    /// Headers of the request.
    #[serde(default)]
    pub headers: SecretTexts,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

impl Artifact {
    /// Where it is put.
    pub fn destination(&self) -> String {
        match (&self.destination, self.mode) {
            (Some(destination), _) => destination.clone(),
            (None, ArtifactMode::File) => {
                let name = self.source.rsplit('/').next().unwrap_or_default();
                format!("local/{name}")
            }
            (None, _) => "local/".to_owned(),
        }
    }
}
