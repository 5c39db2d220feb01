//! What operators and jobs may configure, as schemas and as Rust types.

mod plugin;
mod task;

use std::time::Duration;

use serde::{Deserialize, Deserializer};

pub use self::plugin::{GcConfig, LoggingConfig, PluginOptions, VolumesConfig};
pub use self::task::{
    AuthConfig, BindOptions, MountConfig, TaskLogging, TaskOptions, TmpfsOptions, VolumeDriver, VolumeOptions,
};

/// A duration as jobs write it: `5m`, `2m 30s`.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).map_err(serde::de::Error::custom)
}

fn optional_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let text = text.filter(|text| !text.is_empty());
    let parsed = text.map(|text| parse_duration(&text)).transpose();
    parsed.map_err(serde::de::Error::custom)
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    // A bare zero has no unit to speak of.
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    humantime::parse_duration(text).map_err(|_| format!("`{text}` is not a duration; write it like `90s` or `5m`"))
}
