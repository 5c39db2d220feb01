//! The go-plugin protocol, both ends: handshake, sockets, AutoMTLS, broker, stdio, controller, reattach, kill.
//!
//! A plugin is a program that a host starts, and that serves gRPC to it. Both may be written in Go with HashiCorp's
//! library, or in Rust with this one. What they talk about is theirs: this crate knows the handshake and the services
//! around it, and nothing of any application.
//!
//! # Writing a plugin
//!
//! [`Server`] is one: a [`Cookie`], and for each version of the application's protocol a closure that adds tonic's
//! services. [`Server::run`] is the whole `main`; [`Server::serve`] leaves the errors to you. The closure's [`Context`] has
//! the [`Broker`] for more connections. [`hclog`] makes `tracing` write what hosts read. For tests in one process there
//! are [`Server::listen`] and [`Listening`]. `examples/kv` is a whole plugin.
//!
//! # Writing a host
//!
//! [`Host`] says what is asked of plugins, [`Program`] what is started; [`Host::launch`] gives a [`Client`], once the plugin
//! has answered. [`Client::channel`] is for the application's clients that tonic generates (raise their limit to
//! [`MAX_MESSAGE_SIZE`]), [`Client::life`] tells when the plugin has ended, and whether that explains an error,
//! [`Client::kill`] ends it. [`Client::reattach_config`] is to be written down, for [`Host::reattach`] to find the plugin
//! again after the host itself was restarted.
//!
//! What plugins log goes to `tracing` with the target `plugin`, or to [`Host::log_to`]; what they print goes to
//! [`Output`].
//!
//! # Features
//!
//! All are on by default.
//!
//! - `plugin`: the plugin's end;
//! - `host`: the host's end;
//! - `automtls`: certificates that both ends make for one launch. Without it there is no TLS in the dependencies;
//! - `mux`: the broker's connections over the one that there is;
//! - `reflection`: plugins tell about their services.
#![cfg_attr(all(doctest, feature = "plugin", feature = "host"), doc = include_str!("../README.md"))]
#![forbid(unsafe_code)]

mod address;
#[cfg(all(feature = "automtls", any(feature = "plugin", feature = "host")))]
mod automtls;
#[cfg(any(feature = "plugin", feature = "host"))]
mod awake;
#[cfg(any(feature = "plugin", feature = "host"))]
mod broker;
#[cfg(any(feature = "plugin", feature = "host"))]
mod channel;
#[cfg(any(feature = "plugin", feature = "host"))]
mod handshake;
#[cfg(feature = "plugin")]
pub mod hclog;
#[cfg(feature = "host")]
mod host;
#[cfg(any(feature = "plugin", feature = "host"))]
mod io;
#[cfg(any(feature = "plugin", feature = "host"))]
mod listener;
#[cfg(all(feature = "mux", any(feature = "plugin", feature = "host")))]
mod mux;
#[cfg(any(feature = "plugin", feature = "host"))]
mod peer;
#[cfg(feature = "plugin")]
mod plugin;
#[cfg(any(feature = "plugin", feature = "host"))]
mod security;
#[cfg(any(feature = "plugin", feature = "host"))]
mod server;
mod window;

pub use self::address::{Address, AddressError};
#[cfg(any(feature = "plugin", feature = "host"))]
pub use self::broker::{Accepted, Broker, BrokerError};
#[cfg(any(feature = "plugin", feature = "host"))]
pub use self::handshake::Cookie;
#[cfg(feature = "host")]
pub use self::handshake::HandshakeError;
#[cfg(feature = "host")]
pub use self::host::{
    Checksum, Client, Exit, Host, Killed, LaunchError, Life, LogLevel, LogRecord, MAX_MESSAGE_SIZE, Output, Program,
    ReattachConfig, ReattachError, Report,
};
#[cfg(any(feature = "plugin", feature = "host"))]
pub use self::listener::ListenError;
#[cfg(feature = "plugin")]
pub use self::plugin::{Context, Environment, Listening, Network, ServeError, Server};
pub use self::window::{CONNECTION_WINDOW, STREAM_WINDOW};
