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
mod raw;
mod server;

pub use client::RemoteDriver;
pub use raw::RawExec;
pub use server::DriverServer;
