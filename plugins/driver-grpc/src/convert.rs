//! The contract's types as messages, and back.
//!
//! Whatever a contract's type holds survives the way there and back. What a message holds that no contract's type can
//! (a port of 70,000, a path that is no text) is an error that names the value.

pub(crate) mod capabilities;
pub(crate) mod fingerprint;
pub(crate) mod network;
pub(crate) mod resources;
pub(crate) mod stats;
pub(crate) mod task;

use encamp_driver::Error;

/// A value that the other side's type cannot hold.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub(crate) struct Misfit(#[from] encamp_base_grpc::Misfit);

impl Misfit {
    fn new(field: &'static str, what: impl Into<String>) -> Self {
        Self(encamp_base_grpc::Misfit::new(field, what))
    }
}

impl From<Misfit> for Error {
    fn from(misfit: Misfit) -> Self {
        Self::InvalidConfig(misfit.to_string())
    }
}

impl From<Misfit> for tonic::Status {
    fn from(misfit: Misfit) -> Self {
        misfit.0.into()
    }
}

fn port(value: i32, field: &'static str) -> Result<u16, Misfit> {
    u16::try_from(value).map_err(|_| Misfit::new(field, format!("{value} is no port")))
}

/// The protocol has an empty text where there is none.
fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
