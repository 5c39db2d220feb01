//! What every plugin answers: info, config schema, set config.
//!
//! A plugin of any kind (a task driver, a device plugin) is a [`Plugin`] first. The host asks three things of it, in
//! this order: who it is ([`Plugin::info`]), what its operator may configure ([`Plugin::config_schema`]), and then it
//! hands over the decoded configuration ([`Plugin::set_config`]).
//!
//! This crate names no transport: the same trait is answered in process and over gRPC.
//!
//! ```
//! use encamp_base::{Plugin, PluginInfo, PluginType};
//!
//! struct Noop;
//!
//! #[async_trait::async_trait]
//! impl Plugin for Noop {
//!     fn info(&self) -> PluginInfo {
//!         PluginInfo::driver("noop", "0.2.0")
//!     }
//! }
//!
//! assert_eq!(Noop.info().plugin_type, PluginType::Driver);
//! ```
#![forbid(unsafe_code)]

mod attribute;
mod chain;
mod topology;

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

pub use attribute::{Attribute, AttributeValue};
pub use chain::chain;
pub use topology::{Core, CoreGrade, Distances, Topology};

use async_trait::async_trait;
use encamp_hclspec::{Spec, Value};
use serde::{Deserialize, Serialize};

/// The plugin API version that every plugin of Nomad's speaks today.
pub const API_VERSION_010: &str = "v0.1.0";

/// The three questions that a host asks of any plugin.
#[async_trait]
pub trait Plugin: Send + Sync {
    /// Who the plugin is. Constant for the life of the process.
    fn info(&self) -> PluginInfo;

    /// The schema of the plugin's own configuration (the `config` block of an agent's `plugin` block). Without one,
    /// there is nothing to configure.
    fn config_schema(&self) -> Spec {
        Spec::object::<String>([])
    }

    /// Takes the decoded configuration. Called before any other work is asked of the plugin, and again when the
    /// operator reloads; the last configuration that was accepted stays in force if this one is refused.
    ///
    /// # Errors
    /// [`ConfigError`] names the option that was refused and why.
    async fn set_config(&self, config: PluginConfig) -> Result<(), ConfigError> {
        drop(config);
        Ok(())
    }
}

/// What kind of work a plugin does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PluginType {
    /// Runs tasks.
    Driver,
    /// Finds and reserves devices.
    Device,
}

/// A plugin's self description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginInfo {
    /// The kind of plugin.
    pub plugin_type: PluginType,
    /// The API versions it speaks, newest last.
    pub api_versions: Vec<String>,
    /// The plugin's own version, as `major.minor.patch`.
    pub version: String,
    /// The name that jobs and operators use for it.
    pub name: String,
}

impl PluginInfo {
    /// The description of a task driver that speaks the one API version there is.
    pub fn driver(name: &str, version: &str) -> Self {
        Self::new(PluginType::Driver, name, version)
    }

    /// The description of a device plugin that speaks the one API version there is.
    pub fn device(name: &str, version: &str) -> Self {
        Self::new(PluginType::Device, name, version)
    }

    fn new(plugin_type: PluginType, name: &str, version: &str) -> Self {
        Self {
            plugin_type,
            api_versions: vec![API_VERSION_010.to_owned()],
            version: version.to_owned(),
            name: name.to_owned(),
        }
    }
}

/// What a host hands to [`Plugin::set_config`]. `Debug` keeps the configuration to itself: it may hold credentials.
#[derive(Clone, PartialEq)]
pub struct PluginConfig {
    /// The configuration, already decoded by [`Plugin::config_schema`].
    pub config: Value,
    /// The API version that the host chose.
    pub api_version: String,
    /// The processors of the node, where the host knows them. A host that only checks the configuration does not say.
    pub topology: Option<Arc<Topology>>,
    /// The ports that processes of the plugin's own may listen on, where the host limits them.
    pub client_ports: Option<RangeInclusive<u16>>,
}

impl PluginConfig {
    /// A configuration at the current API version, on a node of which nothing is known.
    pub fn new(config: Value) -> Self {
        Self {
            config,
            api_version: API_VERSION_010.to_owned(),
            topology: None,
            client_ports: None,
        }
    }
}

impl fmt::Debug for PluginConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginConfig")
            .field("api_version", &self.api_version)
            .field("topology", &self.topology)
            .field("client_ports", &self.client_ports)
            .finish_non_exhaustive()
    }
}

/// A plugin did not take its configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// An option cannot be used.
    #[error("plugin option `{option}`: {reason}")]
    Option {
        /// The option at fault, as a dotted path (`gc.dangling_containers.period`).
        option: String,
        /// What is wrong with its value, and what would be right.
        reason: String,
    },
    /// It is refused without a word of any option, or did not arrive.
    #[error("{0}")]
    Failed(String),
    /// The plugin itself ended.
    #[error("plugin is shut down")]
    PluginShutdown,
}

impl ConfigError {
    /// An error on `option`, for `reason`.
    pub fn new(option: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Option {
            option: option.into(),
            reason: reason.into(),
        }
    }

    /// The option at fault, where one is named.
    pub fn option(&self) -> Option<&str> {
        match self {
            Self::Option { option, .. } => Some(option),
            _ => None,
        }
    }
}
