//! A device.

use std::time::Duration;

use encamp_device::{
    BoxStream, ConfigError, Device, DeviceGroup, DeviceGroupStats, DevicePlugin, DeviceStats, Error, Plugin,
    PluginConfig, PluginInfo, Reservation, Result, StatValue,
};
use encamp_hclspec::Spec;
use futures_util::{StreamExt as _, stream};

/// A lamp.
pub(crate) struct Lamp;

#[async_trait::async_trait]
impl Plugin for Lamp {
    fn info(&self) -> PluginInfo {
        PluginInfo::device("tried", "1.2.3")
    }

    fn config_schema(&self) -> Spec {
        Spec::object::<String>([])
    }

    async fn set_config(&self, _: PluginConfig) -> Result<(), ConfigError> {
        Ok(())
    }
}

#[async_trait::async_trait]
impl DevicePlugin for Lamp {
    async fn fingerprint(&self) -> Result<BoxStream<Result<Vec<DeviceGroup>>>> {
        let group = DeviceGroup::new("acme", "lamp", "L1").with_attribute("power", "5W");
        let group = group.with_devices([Device::healthy("left"), Device::unhealthy("right", "burnt out")]);
        Ok(stream::iter([Ok(vec![group])]).chain(stream::pending()).boxed())
    }

    async fn reserve(&self, ids: &[String]) -> Result<Reservation> {
        match ids {
            [id] if id == "left" => Ok(Reservation::default().with_env("LAMP", id).with_node("/dev/null")),
            _ => Err(Error::UnknownDevice(ids.join(" "))),
        }
    }

    async fn stats(&self, _: Duration) -> Result<BoxStream<Result<Vec<DeviceGroupStats>>>> {
        let stats = DeviceStats::of("power", StatValue::int(4).in_unit("W"));
        let group = DeviceGroupStats::new("acme", "lamp", "L1").with_device("left", stats);
        Ok(stream::iter([Ok(vec![group])]).chain(stream::pending()).boxed())
    }
}
