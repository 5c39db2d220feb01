//! A plugin of the catalog.

use std::fmt;
use std::path::{Path, PathBuf};

use encamp_driver::PluginInfo;
use encamp_hclspec::{Spec, Value};

use crate::{Listed, Version};

/// A plugin of the catalog: it starts, it is understood, and its configuration is right.
#[derive(Clone)]
pub struct Entry {
    pub(crate) info: PluginInfo,
    pub(crate) version: Version,
    pub(crate) api_version: String,
    pub(crate) schema: Option<Spec>,
    pub(crate) config: Value,
    pub(crate) path: PathBuf,
    pub(crate) listed: Listed,
}

impl Entry {
    /// Who it is. Its name is not that of its file.
    pub fn info(&self) -> &PluginInfo {
        &self.info
    }

    /// Its version.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The API version that it is used with, in its own spelling.
    pub fn api_version(&self) -> &str {
        &self.api_version
    }

    /// The schema of its configuration; none for a plugin that takes no configuration.
    pub fn schema(&self) -> Option<&Spec> {
        self.schema.as_ref()
    }

    /// The same, as plugins say it: one that takes no configuration can be configured with nothing.
    pub(crate) fn config_schema(&self) -> Spec {
        let schema = self.schema.clone();
        schema.unwrap_or_else(|| Spec::object::<String>([]))
    }

    /// Its configuration, with the schema's defaults filled in.
    pub fn config(&self) -> &Value {
        &self.config
    }

    /// Its file in the plugin directory, which may be a link.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// A configuration may hold secrets.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("info", &self.info)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
