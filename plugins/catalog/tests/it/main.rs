//! Catalogs of real processes (the example plugin, and worse ones), and of plugins in this process.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests say what is wrong as tests do"
)]

mod bed;
mod config;
mod death;
mod device;
mod memory;
mod reattach;
mod safety;
mod scan;
mod start;
