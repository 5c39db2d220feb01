//! Run a Nomad job file's task group on this machine.
//!
//! This binary is the assembly: it wires the real drivers, directories and terminal to the crates that do the work.
#![forbid(unsafe_code)]

mod attach;
mod cli;
mod commands;
mod exit;
mod hooks;
mod load;
mod output;
mod paths;
mod purge;
mod resume;
mod signals;
mod target;
mod ui;
mod wiring;

use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    init_tracing(cli.global.verbose);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(commands::dispatch(cli));
            // Readers of standard input cannot be cancelled; they end with the process.
            runtime.shutdown_background();
            result
        }
        Err(error) => Err(anyhow::Error::new(error).context("cannot start the runtime")),
    };
    exit::code(result)
}

/// Diagnostics go to standard error, the program's own only unless more is asked for: libraries may log requests whole,
/// and those hold secrets.
fn init_tracing(verbose: u8) {
    let (ours, theirs) = match verbose {
        0 => (LevelFilter::WARN, LevelFilter::OFF),
        1 => (LevelFilter::INFO, LevelFilter::OFF),
        2 => (LevelFilter::DEBUG, LevelFilter::WARN),
        _ => (LevelFilter::TRACE, LevelFilter::INFO),
    };
    let targets = Targets::new().with_default(theirs).with_target("encamp", ours);
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .without_time();
    tracing_subscriber::registry().with(targets).with(layer).init();
}
