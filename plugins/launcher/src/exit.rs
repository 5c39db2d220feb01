//! How the program ends.

use std::fmt;
use std::process::ExitCode;

use encamp_hclspec::{Diagnostics, Style};
use nix::sys::signal::Signal;

use crate::output;

/// The exit code for a wrong command line or job file.
const BAD_INPUT: u8 = 2;

/// The exit code after Ctrl-C.
pub(crate) const INTERRUPTED: u8 = 130;

/// The user must change what they gave us.
#[derive(Debug)]
pub(crate) enum BadInput {
    /// Something in a job file, or another one that the user wrote.
    Job(Diagnostics),
    /// Something on the command line.
    Usage(String),
}

impl std::error::Error for BadInput {}

impl fmt::Display for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Job(diagnostics) => diagnostics.fmt(f),
            Self::Usage(message) => message.fmt(f),
        }
    }
}

/// A mistake on the command line.
pub(crate) fn usage(message: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(BadInput::Usage(message.into()))
}

/// The exit code of a program that a signal has ended, as shells tell it.
pub(crate) fn killed_by(signal: Signal) -> u8 {
    u8::try_from(128 + signal as i32).unwrap_or(1)
}

/// Reports a failure on standard error and gives the exit code.
pub(crate) fn code(result: anyhow::Result<u8>) -> ExitCode {
    let error = match result {
        Ok(code) => return ExitCode::from(code),
        Err(error) => error,
    };
    show(&error);
    if error.is::<BadInput>() {
        return ExitCode::from(BAD_INPUT);
    }
    ExitCode::FAILURE
}

/// Reports a failure on standard error.
pub(crate) fn show(error: &anyhow::Error) {
    match error.downcast_ref::<BadInput>() {
        Some(BadInput::Job(diagnostics)) => report(diagnostics),
        Some(BadInput::Usage(message)) => output::error(message),
        None => output::error(&format!("{error:#}")),
    }
}

/// Shows diagnostics with their source lines; as JSON where JSON was asked for.
pub(crate) fn report(diagnostics: &Diagnostics) {
    if output::is_json() {
        output::print_json(&serde_json::json!({ "diagnostics": diagnostics.to_json() }));
        return;
    }
    let style = if output::stderr_has_colour() {
        Style::Terminal
    } else {
        Style::Plain
    };
    output::to_stderr(&diagnostics.render(style));
}
