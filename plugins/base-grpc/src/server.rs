//! [`BaseService`]: a plugin's answers, for a host.

use std::sync::Arc;

use encamp_base::{Plugin, PluginConfig, PluginType};
use encamp_hclspec::Value;
use encamp_proto::base as wire;
use encamp_proto::base::base_plugin_server::{BasePlugin, BasePluginServer};
use tonic::{Request, Response, Status};

use crate::{config, node, spec};

/// The largest message that a host may send, in bytes: hosts limit none.
pub const MAX_MESSAGE: usize = i32::MAX as usize;

/// What goes before the words of a plugin that does not take its configuration.
pub(crate) const REFUSED: &str = "SetConfig failed: ";

/// What every plugin answers, for the plugin that it is made of.
#[derive(Debug)]
pub struct BaseService<P: ?Sized>(Arc<P>);

impl<P: Plugin + ?Sized + 'static> BaseService<P> {
    /// The service of this plugin, to be added to a server beside the services of its kind.
    pub fn server(plugin: Arc<P>) -> BasePluginServer<Self> {
        BasePluginServer::new(Self(plugin))
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE)
    }

    fn config(&self, bytes: &[u8]) -> Result<Value, Status> {
        let schema = self.0.config_schema();
        // A host whose operator configured nothing sends no bytes, or a null.
        if matches!(bytes, [] | [0xc0]) {
            return config::of_nothing(&schema).map_err(|error| Status::unknown(error.to_string()));
        }
        config::from_bytes(bytes, &schema.implied_type())
            .map_err(|error| Status::unknown(format!("cannot read the plugin's configuration: {error}")))
    }
}

#[tonic::async_trait]
impl<P: Plugin + ?Sized + 'static> BasePlugin for BaseService<P> {
    async fn plugin_info(
        &self,
        _: Request<wire::PluginInfoRequest>,
    ) -> Result<Response<wire::PluginInfoResponse>, Status> {
        let info = self.0.info();
        let kind = match info.plugin_type {
            PluginType::Driver => wire::PluginType::Driver,
            PluginType::Device => wire::PluginType::Device,
            other => return Err(Status::unknown(format!("plugin is of unknown type: {other:?}"))),
        };
        Ok(Response::new(wire::PluginInfoResponse {
            r#type: kind.into(),
            plugin_api_versions: info.api_versions,
            plugin_version: info.version,
            name: info.name,
        }))
    }

    async fn config_schema(
        &self,
        _: Request<wire::ConfigSchemaRequest>,
    ) -> Result<Response<wire::ConfigSchemaResponse>, Status> {
        let spec = spec::to_message(&self.0.config_schema()).map_err(|error| Status::internal(error.to_string()))?;
        Ok(Response::new(wire::ConfigSchemaResponse { spec: Some(spec) }))
    }

    async fn set_config(
        &self,
        request: Request<wire::SetConfigRequest>,
    ) -> Result<Response<wire::SetConfigResponse>, Status> {
        let request = request.into_inner();
        let driver = request.nomad_config.and_then(|config| config.driver);
        let config = PluginConfig {
            config: self.config(&request.msgpack_config)?,
            api_version: request.plugin_api_version,
            topology: driver
                .as_ref()
                .and_then(|driver| driver.topology.as_ref())
                .map(|topology| Arc::new(node::topology(topology))),
            client_ports: driver.as_ref().and_then(node::ports),
        };
        let accepted = self.0.set_config(config).await;
        accepted.map_err(|error| Status::unknown(format!("{REFUSED}{error}")))?;
        Ok(Response::new(wire::SetConfigResponse {}))
    }
}
