//! Behaviour of the crate as its users see it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

mod decode;
mod evaluate;
mod hostile;
mod properties;
mod serde;
mod syntax;
