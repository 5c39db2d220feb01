//! A device plugin that does what a test says.

use async_trait::async_trait;
use encamp_device::{ConfigError, Plugin, PluginConfig, PluginInfo};
use encamp_hclspec::{Spec, Type, Value};
use futures_util::stream;

use super::*;

type Script<A, T> = Box<dyn Fn(A) -> Result<T> + Send + Sync>;

/// Whose streams say one thing and go on, unless told otherwise.
pub(crate) struct Scripted {
    pub(crate) looks: Script<(), BoxStream<Result<Vec<DeviceGroup>>>>,
    pub(crate) needs: Script<Vec<String>, Reservation>,
    pub(crate) samples: Script<Duration, BoxStream<Result<Vec<DeviceGroupStats>>>>,
}

impl Default for Scripted {
    fn default() -> Self {
        Self {
            looks: Box::new(|()| Ok(one(gpus()))),
            needs: Box::new(|ids| Ok(needs(&ids))),
            samples: Box::new(|_| Ok(one(measured()))),
        }
    }
}

impl Scripted {
    /// A plugin that finds this.
    pub(crate) fn finding(items: impl Fn() -> Vec<Result<Vec<DeviceGroup>>> + Send + Sync + 'static) -> Self {
        Self {
            looks: Box::new(move |()| Ok(stream::iter(items()).boxed())),
            ..Self::default()
        }
    }
}

fn one<T: Send + 'static>(item: T) -> BoxStream<Result<T>> {
    stream::iter([Ok(item)]).chain(stream::pending()).boxed()
}

#[async_trait]
impl Plugin for Scripted {
    fn info(&self) -> PluginInfo {
        PluginInfo::device("scripted", "1.2.3")
    }

    fn config_schema(&self) -> Spec {
        Spec::object([("ignored", Spec::attr("ignored", Type::String))])
    }

    async fn set_config(&self, config: PluginConfig) -> Result<(), ConfigError> {
        match config.config.get("ignored").and_then(Value::as_str) {
            None | Some("GPU-1") => Ok(()),
            Some(_) => Err(ConfigError::new("ignored", "is no device")),
        }
    }
}

#[async_trait]
impl DevicePlugin for Scripted {
    async fn fingerprint(&self) -> Result<BoxStream<Result<Vec<DeviceGroup>>>> {
        (self.looks)(())
    }

    async fn reserve(&self, ids: &[String]) -> Result<Reservation> {
        (self.needs)(ids.to_vec())
    }

    async fn stats(&self, interval: Duration) -> Result<BoxStream<Result<Vec<DeviceGroupStats>>>> {
        (self.samples)(interval)
    }
}
