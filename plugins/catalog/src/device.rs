//! [`SupervisedDevice`]: a device plugin that outlives its process.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use encamp_device::{
    BoxStream, ConfigError, DeviceGroup, DeviceGroupStats, DevicePlugin, Error, Plugin, PluginConfig, PluginInfo,
    Reservation, Result,
};
use encamp_hclspec::Spec;
use futures_util::StreamExt as _;

use crate::feed;
use crate::supervisor::Supervisor;

/// A device plugin whose process is started at its first use, and again whenever it has died.
///
/// Clones are the same plugin. Every call goes to the present process; one that is under way when the process dies says
/// [`PluginShutdown`](Error::PluginShutdown), and so do the streams of [`stats`](DevicePlugin::stats).
/// Those of [`fingerprint`](DevicePlugin::fingerprint) stay open.
///
/// A call that finds the plugin down waits a while for the next attempt, and then gives the reason.
#[derive(Clone)]
pub struct SupervisedDevice(pub(crate) Arc<Supervisor>);

impl SupervisedDevice {
    /// Starts the process, which is done in any case before it is used.
    ///
    /// # Errors
    /// What keeps it from being used.
    ///
    /// # Cancel safety
    /// The attempt goes on.
    pub async fn init(&self) -> Result<()> {
        self.0.live().await?;
        Ok(())
    }

    /// The number of the present process, if there is one that can be found again.
    pub fn pid(&self) -> Option<u32> {
        self.0.pid()
    }

    /// Ends the plugin, with every wait bounded. Calls say [`PluginShutdown`](Error::PluginShutdown) from
    /// now on, and streams end.
    pub async fn close(&self) {
        self.0.close().await;
    }

    /// Leaves the process running for a later host, which finds it by its record. Calls say
    /// [`PluginShutdown`](Error::PluginShutdown) from now on, and streams end.
    pub fn detach(&self) {
        self.0.detach();
    }
}

#[async_trait]
impl Plugin for SupervisedDevice {
    /// What the scan has learnt.
    fn info(&self) -> PluginInfo {
        self.0.entry.info.clone()
    }

    /// What the scan has learnt.
    fn config_schema(&self) -> Spec {
        self.0.entry.config_schema()
    }

    /// Configures the present process, and all later ones if that one accepts it.
    async fn set_config(&self, config: PluginConfig) -> Result<(), ConfigError> {
        self.0.set_config(config).await
    }
}

#[async_trait]
impl DevicePlugin for SupervisedDevice {
    /// Never fails: as long as the plugin is down, the devices that it had are unhealthy, and say why. Where none are known
    /// yet, the reason is an error on the stream, which goes on. Attempts to start the plugin go on as long as the stream
    /// is there.
    async fn fingerprint(&self) -> Result<BoxStream<Result<Vec<DeviceGroup>>>> {
        let devices = feed::devices(&self.0);
        Ok(devices.map(|devices| devices.map_err(Error::failed)).boxed())
    }

    async fn reserve(&self, ids: &[String]) -> Result<Reservation> {
        self.0.live().await?.device()?.reserve(ids).await
    }

    async fn stats(&self, interval: Duration) -> Result<BoxStream<Result<Vec<DeviceGroupStats>>>> {
        self.0.live().await?.device()?.stats(interval).await
    }
}

impl fmt::Debug for SupervisedDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SupervisedDevice").field(&self.0.entry).finish()
    }
}
