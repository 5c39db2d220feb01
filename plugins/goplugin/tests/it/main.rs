//! Both ends, with real processes.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests say what is wrong as tests do"
)]

mod bed;
mod both;
mod calls;
mod generated;
mod hostile;
mod interop;
mod plugin;
