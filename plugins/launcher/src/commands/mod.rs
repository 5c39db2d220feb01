//! The commands, one file each.

mod detach;
mod exec;
mod fingerprint;
mod logs;
mod plugin;
mod run;
mod signal;
mod status;
mod stop;
mod supervise;
mod validate;

use anyhow::Result;
use clap::CommandFactory as _;

use crate::cli::{Cli, Command};
use crate::output;
use crate::paths::DataDir;

/// Carries out what the command line says; gives the exit code.
pub(crate) async fn dispatch(cli: Cli) -> Result<u8> {
    output::set_json(cli.global.json);
    let data = DataDir::resolve(cli.global.data_dir.as_deref());
    match cli.command {
        Command::Run(args) => run::run(&data?, args).await,
        Command::Status(args) => status::status(&data?, &args).await,
        Command::Logs(args) => logs::logs(&data?, &args).await,
        Command::Exec(args) => exec::exec(&data?, args).await,
        Command::Signal(args) => signal::signal(&data?, &args).await,
        Command::Stop(args) => stop::stop(&data?, &args).await,
        Command::Validate(args) => validate::validate(&data?, &args).await,
        Command::Fingerprint(args) => fingerprint::fingerprint(&data?, &args).await,
        Command::Plugin(args) => Box::pin(plugin::plugin(data, cli.global.verbose, args)).await,
        Command::Supervise { alloc } => supervise::supervise(&data?, &alloc).await,
        // Done before there was a runtime.
        Command::Hcldec { .. } | Command::Hold { .. } => Ok(0),
        // A shell without a home can be completed in, too.
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "encamp", &mut script);
            output::to_stdout(&script);
            Ok(0)
        }
    }
}
