//! The conformance suite of task drivers, over the trait and over gRPC.
//!
//! [`conformance::suite`] holds a driver to what hosts rely on, whatever it runs and however it is reached. A driver's
//! author implements [`conformance::Subject`], which says how to make a task that runs a command.
//!
//! Beside it are the parts that tests of hosts and of transports need: [`loopback`] puts any driver behind a connection
//! that can be cut, [`ScriptedDriver`] is a driver that does what a test says, and [`Session`] is the user's side of an
//! exec session.
#![forbid(unsafe_code)]

pub mod conformance;
mod loopback;
mod scripted;
mod session;

pub use loopback::{Cable, Loopback, loopback};
pub use scripted::{Answer, ScriptedDriver};
pub use session::{Said, Session};

/// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
