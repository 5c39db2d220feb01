//! [`RemoteDevicePlugin`]: a device plugin at the far end of a connection.

use std::time::Duration;

use async_trait::async_trait;
use encamp_base_grpc::{ConnectError, Life, MAX_MESSAGE, RemotePlugin, time};
use encamp_device::{
    BoxStream, ConfigError, DeviceGroup, DeviceGroupStats, DevicePlugin, Plugin, PluginConfig, PluginInfo, Reservation,
    Result,
};
use encamp_hclspec::Spec;
use encamp_proto::device as wire;
use encamp_proto::device::device_plugin_client::DevicePluginClient;
use tonic::transport::Channel;
use tonic::{Response, Status};

use crate::convert::{group, reservation, stats};
use crate::error::from_call;

/// A device plugin in another process. When that process ends, every call and every stream says
/// [`Error::PluginShutdown`](encamp_device::Error::PluginShutdown).
///
/// A look at devices that no scheduler can use is an error on the stream, and the stream goes on.
///
/// Clones share the connection.
#[derive(Clone, Debug)]
pub struct RemoteDevicePlugin {
    plugin: RemotePlugin,
    client: DevicePluginClient<Channel>,
}

impl RemoteDevicePlugin {
    /// Asks the plugin at the end of `channel` who it is. `life` is the life of its process.
    ///
    /// # Errors
    /// A plugin that does not answer, or that no host understands. That it is a device plugin is for the caller to look
    /// at.
    ///
    /// # Cancel safety
    /// Nothing was changed when the future is dropped.
    pub async fn connect(channel: Channel, life: Life) -> Result<Self, ConnectError> {
        let plugin = RemotePlugin::connect(channel.clone(), life).await?;
        Ok(Self::new(plugin, channel))
    }

    /// The device plugin that the plugin, which was connected already, is.
    pub fn new(plugin: RemotePlugin, channel: Channel) -> Self {
        let client = DevicePluginClient::new(channel)
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE);
        Self { plugin, client }
    }

    /// What it answers as a plugin.
    pub fn plugin(&self) -> &RemotePlugin {
        &self.plugin
    }

    /// Whether its process still lives.
    pub fn life(&self) -> &Life {
        self.plugin.life()
    }

    async fn ask<T>(&self, call: impl Future<Output = Result<Response<T>, Status>>) -> Result<T> {
        let answer = self.life().answer(call).await;
        Ok(answer.map_err(from_call)?.into_inner())
    }
}

#[async_trait]
impl Plugin for RemoteDevicePlugin {
    fn info(&self) -> PluginInfo {
        self.plugin.info()
    }

    fn config_schema(&self) -> Spec {
        self.plugin.config_schema()
    }

    async fn set_config(&self, config: PluginConfig) -> Result<(), ConfigError> {
        self.plugin.set_config(config).await
    }
}

#[async_trait]
impl DevicePlugin for RemoteDevicePlugin {
    async fn fingerprint(&self) -> Result<BoxStream<Result<Vec<DeviceGroup>>>> {
        let mut client = self.client.clone();
        let call = async move { client.fingerprint(wire::FingerprintRequest {}).await };
        self.life().open(call, from_call, group::from_message).await
    }

    async fn reserve(&self, ids: &[String]) -> Result<Reservation> {
        let device_ids = ids.to_vec();
        let mut client = self.client.clone();
        let answer = self.ask(client.reserve(wire::ReserveRequest { device_ids })).await?;
        Ok(reservation::from_message(answer))
    }

    async fn stats(&self, interval: Duration) -> Result<BoxStream<Result<Vec<DeviceGroupStats>>>> {
        let request = wire::StatsRequest {
            collection_interval: Some(time::duration_message(interval)),
        };
        let mut client = self.client.clone();
        let call = async move { client.stats(request).await };
        let read = |message| Ok(stats::from_message(message));
        self.life().open(call, from_call, read).await
    }
}
