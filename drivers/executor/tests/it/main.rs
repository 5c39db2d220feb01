//! The executor with real processes.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests say what is wrong as tests do"
)]

mod crash;
mod disk;
mod hostile;
mod launch;
mod root;
mod session;
mod stop;
mod support;
#[cfg(feature = "tasks")]
mod tasks;
