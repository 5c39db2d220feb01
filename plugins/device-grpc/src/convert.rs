//! The contract's types as messages, and back.
//!
//! Whatever a contract's type holds survives the way there and back. What a message holds that no contract's type can
//! is an error that names the value, or has no meaning and is left out.

pub(crate) mod group;
pub(crate) mod reservation;
pub(crate) mod stats;
