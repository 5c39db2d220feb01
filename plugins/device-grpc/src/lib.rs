//! The device-plugin contract over gRPC, as a server for any plugin and as a client that is one.
//!
//! [`DeviceServer`] answers a Nomad agent, or any other host, for an [`encamp_device::DevicePlugin`];
//! [`RemoteDevicePlugin`] is a `DevicePlugin` in another process. Both speak the protocol of Nomad's own device plugins, so
//! that either end may be somebody else's.
//!
//! With the feature `serve`, on by default, a process is such a plugin (`serve`).
#![forbid(unsafe_code)]

mod client;
mod convert;
mod error;
mod server;

pub use client::RemoteDevicePlugin;
pub use convert::stats::MAX_DEPTH;
pub use server::DeviceServer;

/// Serves `plugin` to the host that has started this process, until the host asks it to end. `tracing` goes to the host's
/// log.
///
/// Call this from `main`, and return what it returns: a program that a person starts by hand explains itself and fails.
#[cfg(feature = "serve")]
pub async fn serve(plugin: std::sync::Arc<dyn encamp_device::DevicePlugin>) -> std::process::ExitCode {
    let server = DeviceServer::new(std::sync::Arc::clone(&plugin));
    encamp_base_grpc::serve(plugin, move |routes| {
        routes.add_service(server);
    })
    .await
}
