//! Run a Nomad job file's task group on this machine.
//!
//! This binary is the assembly: it wires the real drivers, directories and terminal to the crates that do the work.
#![forbid(unsafe_code)]

mod attach;
mod attend;
mod cli;
mod commands;
mod environment;
mod exit;
mod hooks;
mod lines;
mod load;
mod output;
mod paths;
mod purge;
mod resume;
mod signals;
mod target;
mod trace;
mod ui;
mod wiring;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;
use crate::trace::Trace;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let trace = Trace::init(cli.global.verbose);
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
    trace.flush();
    exit::code(result)
}
