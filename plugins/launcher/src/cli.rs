//! The command line, as clap reads it.

pub(crate) mod plugin;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

/// Run a Nomad job file's task group on this machine, with no cluster.
///
/// Tasks run under the drivers docker, exec and raw_exec. They outlive this program: whatever happens to it, the next
/// `encamp` command finds them and goes on from there.
#[derive(Debug, Parser)]
#[command(
    name = "encamp",
    version,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true
)]
#[command(
    after_help = "Exit codes: 0 success; 1 the operation failed; 2 the command line or the job file is wrong; \
                        130 interrupted. `run` ends with the exit code of the task, `exec` with that of the command."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// Where allocations and their records are kept
    /// [default: `/var/lib/encamp` as root, else `$XDG_STATE_HOME/encamp` or `~/.local/state/encamp`]
    #[arg(
        long,
        global = true,
        env = "ENCAMP_DATA_DIR",
        value_name = "DIR",
        hide_env_values = true
    )]
    pub(crate) data_dir: Option<PathBuf>,

    /// Print JSON, one value a line
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Say more on standard error; twice for even more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a task group, show its output, and end with its exit code
    Run(Run),
    /// List allocations, or show one
    Status(Status),
    /// Print a task's output
    Logs(Logs),
    /// Run a command inside a task
    Exec(Exec),
    /// Send a signal to a task
    Signal(Signal),
    /// Stop an allocation and remove what is left of it
    Stop(Stop),
    /// Check a job file without running anything
    Validate(Validate),
    /// Show what each driver, and each device plugin, finds on this machine
    Fingerprint(Fingerprint),
    /// Launch a plugin, whoever wrote it, and try it by hand
    #[command(subcommand)]
    Plugin(plugin::Plugin),
    /// Decode HCL files by a spec, into JSON; `encamp hcldec --help` says how
    #[command(disable_help_flag = true)]
    Hcldec {
        /// The arguments of hcldec
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
        args: Vec<OsString>,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Keep a task's pipes open for the next runner, until they are removed
    #[command(hide = true)]
    Hold {
        /// The pipe of its standard output
        pipe: PathBuf,
    },
    /// Take up an allocation whose runner has died
    #[command(hide = true)]
    Supervise {
        /// The allocation's full id
        alloc: String,
    },
}

/// Which part of which job file. `Debug` prints no variable's value: it may be secret.
#[derive(Clone, Args)]
pub(crate) struct JobArgs {
    /// The job file; `-` for standard input
    pub(crate) job: PathBuf,

    /// The task group to run, where the job has several
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Option<String>,

    /// A task to run; others of the group are left out. Can be given several times
    #[arg(long = "task", value_name = "TASK")]
    pub(crate) tasks: Vec<String>,

    /// A value for one of the job's variables. Can be given several times
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub(crate) vars: Vec<(String, String)>,
}

impl fmt::Debug for JobArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let vars: Vec<_> = self.vars.iter().map(|(name, _)| name).collect();
        f.debug_struct("JobArgs")
            .field("job", &self.job)
            .field("group", &self.group)
            .field("tasks", &self.tasks)
            .field("vars", &vars)
            .finish()
    }
}

/// Which plugins there are.
#[derive(Debug, Args)]
pub(crate) struct PluginArgs {
    /// A directory of plugins. The drivers among those that --plugin-config lists are used beside the built-in ones, and
    /// instead of those of the same name
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) plugin_dir: Option<PathBuf>,

    /// A file of `plugin "name" { args = [..]  config { .. } }` blocks, as in a Nomad agent's configuration
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "plugin_dir")]
    pub(crate) plugin_config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) job: JobArgs,

    #[command(flatten)]
    pub(crate) plugins: PluginArgs,

    /// Return once every task runs; the allocation's id is printed, and it goes on by itself
    #[arg(short, long)]
    pub(crate) detach: bool,

    /// Keep the allocation's directory and records after its end, for `status` and `logs`
    #[arg(long)]
    pub(crate) keep: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// An allocation (its id or the beginning of it) or a job's id; all allocations when left out
    pub(crate) target: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// ALLOC, ALLOC/TASK, JOB, JOB/TASK or TASK; may be left out where only one task can be meant
    pub(crate) target: Option<String>,

    /// Go on printing what is written, until the task is dead
    #[arg(short, long)]
    pub(crate) follow: bool,

    /// Print standard error instead of standard output
    #[arg(long)]
    pub(crate) stderr: bool,

    /// Print the last N lines only
    #[arg(long, short = 'n', value_name = "N")]
    pub(crate) tail: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct Exec {
    /// Pass standard input on
    #[arg(short, long)]
    pub(crate) interactive: bool,

    /// Give the command a terminal
    #[arg(short, long)]
    pub(crate) tty: bool,

    /// ALLOC/TASK, JOB/TASK, or either without TASK where there is only one
    pub(crate) target: String,

    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Signal {
    /// The signal's name
    #[arg(short, long, default_value = "SIGHUP", value_name = "SIGNAL")]
    pub(crate) signal: String,

    /// ALLOC/TASK, JOB/TASK, or either without TASK for every running task
    pub(crate) target: String,
}

#[derive(Debug, Args)]
pub(crate) struct Stop {
    /// An allocation (its id or the beginning of it) or a job's id
    #[arg(required_unless_present = "all")]
    pub(crate) target: Option<String>,

    /// Every allocation
    #[arg(long, conflicts_with = "target")]
    pub(crate) all: bool,

    /// Kill at once, without the tasks' kill timeouts
    #[arg(long)]
    pub(crate) force: bool,

    /// Keep the allocation's directory and records, for `status` and `logs`
    #[arg(long)]
    pub(crate) keep: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Validate {
    #[command(flatten)]
    pub(crate) job: JobArgs,

    #[command(flatten)]
    pub(crate) plugins: PluginArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Fingerprint {
    /// The driver or device plugin to show; all of them when left out
    #[arg(value_name = "DRIVER")]
    pub(crate) name: Option<String>,

    #[command(flatten)]
    pub(crate) plugins: PluginArgs,
}

pub(crate) fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_values_of_variables_are_not_printed() {
        let cli = Cli::try_parse_from(["encamp", "run", "j.hcl", "--var", "token=hunter2"]).unwrap();
        let printed = format!("{cli:?}");
        assert!(printed.contains("token") && !printed.contains("hunter2"), "{printed}");
    }

    #[test]
    fn a_variable_needs_a_name() {
        assert_eq!(name_and_value("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(name_and_value("=x").is_err());
        assert!(name_and_value("x").is_err());
    }
}
