//! A driver that says yes to everything, as a plugin: what the tests of launches start.

use std::process::ExitCode;
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    encamp_driver_grpc::serve(Arc::new(encamp_testkit::ScriptedDriver::new())).await
}
