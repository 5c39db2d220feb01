//! The conformance suite of task drivers, over the trait and over gRPC.
//!
//! [`loopback`] puts any driver behind a connection that can be cut, [`ScriptedDriver`] is a driver that does what a test
//! says, and [`Session`] is the user's side of an exec session.
#![forbid(unsafe_code)]

mod loopback;
mod scripted;
mod session;

pub use loopback::{Cable, Loopback, loopback};
pub use scripted::{Answer, ScriptedDriver};
pub use session::{Said, Session};
