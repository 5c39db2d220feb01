//! What every plugin answers, over gRPC: as server, as client, and what their errors mean.
//!
//! [`BaseService`] answers for a [`Plugin`](encamp_base::Plugin); [`RemotePlugin`] is a `Plugin` whose answers come from
//! the far end of a connection. The crates of drivers and of device plugins build on both, and on what they share:
//! schemas ([`spec`]), configurations ([`config`]), facts ([`attribute`]), times ([`time`]), errors that say whether to
//! try again ([`status`]), values that do not fit ([`Misfit`]), and the end of the plugin's process ([`Life`]).
//!
//! With the feature `host`, such plugins are launched (`host`); with the feature `serve`, a process is one (`serve`).
#![forbid(unsafe_code)]

pub mod attribute;
mod client;
pub mod config;
#[cfg(any(feature = "host", feature = "serve"))]
mod handshake;
mod life;
mod misfit;
mod node;
mod server;
pub mod spec;
pub mod status;
mod stream;
pub mod time;

pub use client::{ConnectError, RemotePlugin};
#[cfg(feature = "serve")]
pub use handshake::serve;
#[cfg(feature = "host")]
pub use handshake::{host, life};
pub use life::{CallError, Ended, Life};
pub use misfit::{Misfit, text_of};
pub use server::{BaseService, MAX_MESSAGE};
pub use stream::{BoxStream, held_open};
