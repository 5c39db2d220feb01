//! The command line of `encamp plugin`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum, ValueHint};

/// Launch a plugin by hand.
#[derive(Debug, Subcommand)]
pub(crate) enum Plugin {
    /// Show what a plugin is
    Info(Info),
    /// Show what can be configured, in the plugin or in a driver's tasks
    Schema(Schema),
    /// Check a plugin's configuration, by its schema and by asking it
    Validate(Validate),
    /// Try a task driver: start tasks, look at them, stop them
    Driver(Session),
    /// Try a device plugin: look at devices, reserve them
    Device(Session),
}

/// How a plugin is launched.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Launch {
    /// How long the plugin may take for each step until it is ready
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = duration)]
    pub(crate) start_timeout: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct Info {
    #[command(flatten)]
    pub(crate) launch: Launch,

    /// The plugin's program
    #[arg(value_hint = ValueHint::ExecutablePath)]
    pub(crate) path: PathBuf,

    /// Arguments of the program; after `--` if they begin with a dash
    pub(crate) args: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct Schema {
    #[command(flatten)]
    pub(crate) launch: Launch,

    /// Only the plugin's own configuration
    #[arg(long, conflicts_with = "task")]
    pub(crate) config: bool,

    /// Only the `config` block of a driver's tasks
    #[arg(long)]
    pub(crate) task: bool,

    /// How the schema is written; `--json` stands for json-schema
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,

    /// The plugin's program
    #[arg(value_hint = ValueHint::ExecutablePath)]
    pub(crate) path: PathBuf,

    /// Arguments of the program; after `--` if they begin with a dash
    pub(crate) args: Vec<OsString>,
}

/// How a schema is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table for the terminal
    Table,
    /// A table for a document
    Markdown,
    /// JSON Schema, for editors
    JsonSchema,
    /// The text of a spec file, for hcldec
    Hcl,
}

#[derive(Debug, Args)]
pub(crate) struct Validate {
    #[command(flatten)]
    pub(crate) launch: Launch,

    /// The plugin's program
    #[arg(value_hint = ValueHint::ExecutablePath)]
    pub(crate) path: PathBuf,

    /// A file with the configuration, or with a `plugin` block as in an agent's configuration; `-` for standard input
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,

    /// Arguments of the program; after `--` if they begin with a dash. Without any, those of the `plugin` block with the
    /// program's name
    pub(crate) args: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct Session {
    #[command(flatten)]
    pub(crate) launch: Launch,

    /// A file with the configuration, or with a `plugin` block as in an agent's configuration; without it there are the
    /// defaults
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,

    /// Stop at the first command that fails
    #[arg(short = 'e', long)]
    pub(crate) stop_at_error: bool,

    /// The plugin's program
    #[arg(value_hint = ValueHint::ExecutablePath)]
    pub(crate) path: PathBuf,

    /// Arguments of the program; after `--` if they begin with a dash. Without any, those of the `plugin` block with the
    /// program's name
    pub(crate) args: Vec<OsString>,
}

/// A duration with its unit, or a number of seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    match text.parse::<u32>() {
        Ok(seconds) => Ok(Duration::from_secs(seconds.into())),
        Err(_) => encamp_hclspec::parse_duration(text).map_err(|error| error.to_string()),
    }
}
