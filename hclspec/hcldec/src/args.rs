//! The command line.

use std::path::PathBuf;

use clap::ArgAction;
use clap::builder::{OsStringValueParser, TypedValueParser};

/// Decode HCL files by a spec, into JSON
///
/// The result goes to standard output, everything else to standard error. Exit codes: 0 there is a result; 2 the
/// command line, the spec or the input is wrong; 1 anything else failed.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(disable_version_flag = true, args_override_self = true)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent options of a command line"
)]
pub struct Args {
    /// The spec file (required)
    #[arg(short, long, value_name = "FILE", value_parser = any_path())]
    pub spec: Option<PathBuf>,

    /// Variables for the input: a JSON object, or the name of a file in HCL or JSON (.json); repeatable, later ones win
    #[arg(short = 'V', long, value_name = "JSON-OR-FILE", action = ArgAction::Append)]
    pub vars: Vec<String>,

    /// Describe the variables that the input refers to, as JSON, instead of decoding it
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", hide_default_value = true, hide_possible_values = true, value_name = "BOOL")]
    pub var_refs: bool,

    /// Put the result into an object beside its type: {"value": .., "type": ..}
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", hide_default_value = true, hide_possible_values = true, value_name = "BOOL")]
    pub with_type: bool,

    /// Keep the properties of objects that are null; they are left out otherwise
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", hide_default_value = true, hide_possible_values = true, value_name = "BOOL")]
    pub keep_nulls: bool,

    /// How problems are reported: json, or for people if it is not given
    #[arg(long, value_name = "FORMAT")]
    pub diags: Option<String>,

    /// Write the result to this file
    #[arg(short, long, value_name = "FILE", value_parser = any_path())]
    pub out: Option<PathBuf>,

    /// Print the version
    #[arg(short, long)]
    pub version: bool,

    /// What to decode: files in HCL or JSON (.json), read as one; `-` or none for standard input
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// An empty path is as good as none.
fn any_path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}
