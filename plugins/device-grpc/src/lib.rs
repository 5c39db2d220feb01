//! The device-plugin contract over gRPC, as a server for any plugin and as a client that is one.
//!
//! [`DeviceServer`] answers a Nomad agent, or any other host, for an [`encamp_device::DevicePlugin`];
//! [`RemoteDevicePlugin`] is a `DevicePlugin` in another process. Both speak the protocol of Nomad's own device plugins, so
//! that either end may be somebody else's.
#![forbid(unsafe_code)]

mod client;
mod convert;
mod error;
mod server;

pub use client::RemoteDevicePlugin;
pub use convert::stats::MAX_DEPTH;
pub use server::DeviceServer;
