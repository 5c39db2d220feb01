//! Run a Nomad job file's task group on this machine.
//!
//! This binary is the assembly: it wires the real drivers, directories and terminal to the crates that do the work.
#![forbid(unsafe_code)]

mod attach;
mod attend;
mod cli;
mod collect;
mod collected;
mod commands;
mod environment;
mod exit;
mod hold;
mod hooks;
mod lines;
mod load;
mod machine;
mod output;
mod paths;
mod plugins;
mod purge;
mod resume;
mod session;
mod signals;
mod target;
mod terminal;
mod trace;
mod ui;
mod wiring;

use std::iter;
use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command};
use crate::trace::Trace;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // A program of its own, with its own options; it needs nothing of this one.
    if let Command::Hcldec { args } = cli.command {
        let args = iter::once("encamp hcldec".into()).chain(args);
        return encamp_hcldec::run(args, &mut encamp_hcldec::Streams::of_process());
    }
    if let Command::Hold { .. } = cli.command {
        hold::hold();
        return ExitCode::SUCCESS;
    }
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
