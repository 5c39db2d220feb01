//! What a plugin prints.

use encamp_proto::plugin::grpc_stdio_client::GrpcStdioClient;
use encamp_proto::plugin::stdio_data::Channel as Of;
use tokio::io::AsyncWriteExt as _;
use tonic::transport::Channel;

use super::{MAX_MESSAGE_SIZE, Output, Writer};

/// Copies until the plugin ends. Plugins without the service have nothing to copy.
pub(super) async fn copy(channel: Channel, output: Output) {
    let mut client = GrpcStdioClient::new(channel).max_decoding_message_size(MAX_MESSAGE_SIZE);
    let mut stream = match client.stream_stdio(()).await {
        Ok(stream) => stream.into_inner(),
        Err(status) => return tracing::debug!(%status, "The plugin has no stream of its output"),
    };
    let Output { mut stdout, mut stderr } = output;
    while let Ok(Some(chunk)) = stream.message().await {
        let writer = match chunk.channel() {
            Of::Stdout => &mut stdout,
            Of::Stderr => &mut stderr,
            Of::Invalid => continue,
        };
        if write(writer, &chunk.data).await.is_err() {
            // Nobody wants it any more; the plugin must be able to print all the same.
            *writer = None;
        }
    }
}

async fn write(writer: &mut Option<Writer>, data: &[u8]) -> std::io::Result<()> {
    let Some(writer) = writer else {
        return Ok(());
    };
    writer.write_all(data).await?;
    writer.flush().await
}
