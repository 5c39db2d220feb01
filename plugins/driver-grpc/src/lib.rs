//! The task-driver contract over gRPC, as a server for any driver and as a client that is a driver.
//!
//! [`DriverServer`] answers a Nomad agent, or any other host, for an [`encamp_driver::Driver`]; [`RemoteDriver`] is a
//! `Driver` whose tasks run in another process. Both speak the protocol of Nomad's own drivers, with all its
//! capabilities, so that either end may be somebody else's.
#![forbid(unsafe_code)]

mod client;
mod codec;
mod convert;
mod error;
#[cfg(feature = "host")]
mod launched;
mod raw;
mod server;

pub use client::RemoteDriver;
#[cfg(feature = "host")]
pub use launched::{LaunchError, LaunchedDriver};
pub use raw::RawExec;
pub use server::DriverServer;

/// Serves `driver` to the host that has started this process, until the host asks it to end. `tracing` goes to the
/// host's log.
///
/// Call this from `main`, and return what it returns: a program that a person starts by hand explains itself and fails.
#[cfg(feature = "serve")]
pub async fn serve(driver: std::sync::Arc<dyn encamp_driver::Driver>) -> std::process::ExitCode {
    let server = DriverServer::new(std::sync::Arc::clone(&driver));
    encamp_base_grpc::serve(driver, move |routes| {
        routes.add_service(server);
    })
    .await
}
