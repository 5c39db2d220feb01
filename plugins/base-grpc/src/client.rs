//! [`RemotePlugin`]: a plugin at the far end of a connection.

use std::time::Duration;

use async_trait::async_trait;
use encamp_base::{ConfigError, Plugin, PluginConfig, PluginInfo, PluginType, chain};
use encamp_hclspec::{Diagnostics, Spec};
use encamp_proto::base as wire;
use encamp_proto::base::base_plugin_client::BasePluginClient;
use tokio::time::timeout;
use tonic::Status;
use tonic::transport::Channel;

use crate::server::{MAX_MESSAGE, REFUSED};
use crate::{CallError, Life, config, node, spec};

/// How long a plugin may take to say who it is, and as long again to say what may be configured: as long as hosts give it
/// for its start.
const ANSWERED_WITHIN: Duration = Duration::from_mins(1);

/// A plugin at the far end of a connection. Who it is and what may be configured was asked once, when it was connected.
#[derive(Clone, Debug)]
pub struct RemotePlugin {
    client: BasePluginClient<Channel>,
    life: Life,
    info: PluginInfo,
    schema: Option<Spec>,
}

/// Why a plugin cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// It did not answer.
    #[error("plugin does not answer {call}")]
    Call {
        /// What was asked.
        call: &'static str,
        /// Why there is no answer.
        #[source]
        source: CallError,
    },
    /// It is neither a driver nor a device plugin.
    #[error("plugin is of unknown type {0}: neither a driver nor a device plugin")]
    UnknownType(i32),
    /// Its schema cannot be read.
    #[error("plugin {name} has a schema that cannot be read: {diagnostics}")]
    Schema {
        /// The plugin.
        name: String,
        /// All that is wrong with the schema.
        diagnostics: Diagnostics,
    },
}

impl RemotePlugin {
    /// Asks the plugin who it is and what may be configured. It has a minute for each answer.
    ///
    /// # Errors
    /// A plugin that ends, does not answer, or answers what no host understands.
    ///
    /// # Cancel safety
    /// Nothing was changed when the future is dropped.
    pub async fn connect(channel: Channel, life: Life) -> Result<Self, ConnectError> {
        let mut client = BasePluginClient::new(channel)
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE);
        let failed = |call| move |source| ConnectError::Call { call, source };
        // Boxed, for callers' futures hold this one.
        let call = Box::pin(soon(client.plugin_info(wire::PluginInfoRequest {})));
        let answer = life.answer(call).await;
        let info = info(answer.map_err(failed("PluginInfo"))?.into_inner())?;
        let call = Box::pin(soon(client.config_schema(wire::ConfigSchemaRequest {})));
        let answer = life.answer(call).await;
        let message = answer.map_err(failed("ConfigSchema"))?.into_inner().spec;
        let schema = message.map(spec::from_message).transpose();
        let schema = schema.map_err(|diagnostics| ConnectError::Schema {
            name: info.name.clone(),
            diagnostics,
        })?;
        Ok(Self {
            client,
            life,
            info,
            schema,
        })
    }

    /// Whether the plugin still lives.
    pub fn life(&self) -> &Life {
        &self.life
    }

    /// Whether it can be configured at all.
    pub fn is_configurable(&self) -> bool {
        self.schema.is_some()
    }
}

#[async_trait]
impl Plugin for RemotePlugin {
    fn info(&self) -> PluginInfo {
        self.info.clone()
    }

    /// A plugin that sends no schema can be configured with nothing.
    fn config_schema(&self) -> Spec {
        self.schema.clone().unwrap_or_else(|| Spec::object::<String>([]))
    }

    async fn set_config(&self, config: PluginConfig) -> Result<(), ConfigError> {
        // A plugin without a schema is sent no bytes, which is how it knows.
        let bytes = match self.schema {
            Some(_) => config::to_bytes(&config.config)
                .map_err(|error| ConfigError::Failed(format!("cannot send the configuration: {error}")))?,
            None => Vec::new(),
        };
        let request = wire::SetConfigRequest {
            msgpack_config: bytes.into(),
            nomad_config: node::to_message(config.topology.as_deref(), config.client_ports.as_ref()),
            plugin_api_version: config.api_version,
        };
        let answer = self.life.answer(self.client.clone().set_config(request)).await;
        answer.map_err(|error| refused(&error))?;
        Ok(())
    }
}

/// Why a plugin has not taken its configuration. Those that are served by this crate name the option at fault.
fn refused(error: &CallError) -> ConfigError {
    if matches!(error, CallError::Ended(_)) {
        return ConfigError::PluginShutdown;
    }
    let text = chain(error);
    let named = text
        .strip_prefix(REFUSED)
        .and_then(|said| said.strip_prefix("plugin option `"));
    match named.and_then(|said| said.split_once("`: ")) {
        Some((option, reason)) => ConfigError::new(option, reason),
        None => ConfigError::Failed(text),
    }
}

/// The answer to a question that every plugin can answer at once.
async fn soon<T>(call: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    let silent = |_| Status::deadline_exceeded(format!("no answer within {ANSWERED_WITHIN:?}"));
    timeout(ANSWERED_WITHIN, call).await.map_err(silent)?
}

fn info(message: wire::PluginInfoResponse) -> Result<PluginInfo, ConnectError> {
    let plugin_type = match message.r#type() {
        wire::PluginType::Driver => PluginType::Driver,
        wire::PluginType::Device => PluginType::Device,
        wire::PluginType::Unknown => return Err(ConnectError::UnknownType(message.r#type)),
    };
    Ok(PluginInfo {
        plugin_type,
        api_versions: message.plugin_api_versions,
        version: message.plugin_version,
        name: message.name,
    })
}
