//! The driver against a real engine, and against one that fails on demand.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests say what is wrong as tests do"
)]

mod busybox;
mod docker;
mod faults;
mod plugin;
mod scripted;
mod support;
