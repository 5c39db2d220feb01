//! What operators and jobs may configure, as schemas and as Rust types.

mod plugin;
mod task;
mod task_spec;

use std::time::Duration;

use encamp_hclspec::parse_duration;
use serde::{Deserialize, Deserializer};

pub use self::plugin::{GcConfig, LoggingConfig, PluginOptions, VolumesConfig};
pub use self::task::{
    AuthConfig, BindOptions, MountConfig, TaskLogging, TaskOptions, TmpfsOptions, VolumeDriver, VolumeOptions,
};

/// A duration as job files have it everywhere: `5m`, `2m30s`, `1.5h`.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse(&String::deserialize(deserializer)?)
}

fn optional_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let text = text.filter(|text| !text.is_empty());
    text.map(|text| parse(&text)).transpose()
}

fn parse<E: serde::de::Error>(text: &str) -> Result<Duration, E> {
    parse_duration(text).map_err(|error| E::custom(format_args!("`{text}`: {error}")))
}

#[cfg(test)]
mod tests;
