//! The commands of a session with a driver.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, ValueHint};

use crate::cli::plugin::duration;

/// A driver, tried by hand. An ID is a task's name, as `start` gives it, or the beginning of its full id.
#[derive(Debug, Parser)]
#[command(
    multicall = true,
    disable_help_flag = true,
    subcommand_help_heading = "Commands",
    help_template = "{subcommands}"
)]
pub(super) enum Command {
    /// Show the driver's health and attributes; changes are told when they happen
    Fingerprint,
    /// Show what the driver can do
    Capabilities,
    /// Start a task: `start FILE.hcl`, or `start { command = "/bin/date" }`
    Start(Start),
    /// List the tasks
    List,
    /// Show what the driver knows of a task
    Inspect(One),
    /// Wait for the end of a task
    Wait(One),
    /// Print what a task has written
    Logs(Logs),
    /// Show what a task uses
    Stats(Stats),
    /// Show what the driver has told of tasks; it is told when it happens, too
    Events,
    /// Run a command in a task
    Exec(Exec),
    /// Send a signal to a task
    Signal(Signal),
    /// Stop a task: a signal, and a kill after the timeout
    Stop(Stop),
    /// Forget a task that has ended, and remove what is left of it
    Destroy(Destroy),
    /// End the session; tasks that are left are killed
    #[command(alias = "quit")]
    Exit,
}

#[derive(Debug, Args)]
pub(super) struct One {
    /// The task
    #[arg(value_hint = ValueHint::Other)]
    pub(super) id: String,
}

#[derive(Debug, Args)]
pub(super) struct Start {
    /// What the task is called
    #[arg(long)]
    pub(super) name: Option<String>,

    /// Who it runs as
    #[arg(long)]
    pub(super) user: Option<String>,

    /// A variable of its environment. Can be given several times
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = crate::cli::name_and_value)]
    pub(super) env: Vec<(String, String)>,

    /// Its memory in MiB
    #[arg(long, default_value_t = 300)]
    pub(super) memory: u64,

    /// Its share of the processor in MHz
    #[arg(long, default_value_t = 100)]
    pub(super) cpu: u64,

    /// A file with the task's configuration, or with a `config` block
    #[arg(value_hint = ValueHint::FilePath)]
    pub(super) file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Logs {
    /// Standard error instead of standard output
    #[arg(long)]
    pub(super) stderr: bool,

    /// The task
    #[arg(value_hint = ValueHint::Other)]
    pub(super) id: String,
}

#[derive(Debug, Args)]
pub(super) struct Stats {
    /// Go on until Ctrl-C, or until the task has ended
    #[arg(short, long)]
    pub(super) follow: bool,

    /// How often it is measured
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = duration)]
    pub(super) interval: Duration,

    /// The task
    #[arg(value_hint = ValueHint::Other)]
    pub(super) id: String,
}

#[derive(Debug, Args)]
pub(super) struct Exec {
    /// Give the command this terminal
    #[arg(short, long)]
    pub(super) tty: bool,

    /// The task
    #[arg(value_hint = ValueHint::Other)]
    pub(super) id: String,

    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub(super) command: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct Signal {
    /// The task
    #[arg(value_hint = ValueHint::Other)]
    pub(super) id: String,

    /// The signal's name
    pub(super) signal: String,
}

#[derive(Debug, Args)]
pub(super) struct Stop {
    /// The task
    #[arg(value_hint = ValueHint::Other)]
    pub(super) id: String,

    /// How long it may take to end by itself
    #[arg(default_value = "5s", value_parser = duration)]
    pub(super) timeout: Duration,

    /// The signal's name; the driver's own choice when left out
    pub(super) signal: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Destroy {
    /// Kill it first
    #[arg(short, long)]
    pub(super) force: bool,

    /// The task
    #[arg(value_hint = ValueHint::Other)]
    pub(super) id: String,
}
