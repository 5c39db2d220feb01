//! The device plugin that `encamp-device-grpc` has as its example, for hosts to start: the files of a directory.

use std::process::ExitCode;
use std::sync::Arc;

#[path = "../../device-grpc/examples/files/plugin.rs"]
mod plugin;

#[tokio::main]
async fn main() -> ExitCode {
    encamp_device_grpc::serve(Arc::new(plugin::Files::default())).await
}
