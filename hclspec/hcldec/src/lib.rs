//! The hcldec command: a spec file and HCL in, JSON or diagnostics out.
#![doc = ""]
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod args;
mod failure;
mod input;
mod output;
mod references;
mod report;
mod streams;
mod variables;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::{Args as _, Command, FromArgMatches as _};
use encamp_hclspec::spec::text::SpecFile;
use encamp_hclspec::{Body, Diagnostics, Value};

pub use self::args::Args;
use self::failure::Failure;
use self::report::Format;
pub use self::streams::Streams;

/// Runs with the arguments and the streams of the process.
pub fn main() -> ExitCode {
    run(std::env::args_os(), &mut Streams::of_process())
}

/// Runs with these arguments, of which the first is the program's name.
///
/// The code is 0 for a result, 2 for a wrong command line, spec or input, and 1 for anything else that fails.
pub fn run<A: Into<OsString> + Clone>(args: impl IntoIterator<Item = A>, streams: &mut Streams<'_>) -> ExitCode {
    let command = Args::augment_args(Command::new("hcldec").max_term_width(100));
    let parsed = command
        .try_get_matches_from(args)
        .and_then(|matches| Args::from_arg_matches(&matches));
    let error = match parsed {
        Ok(args) => return args.run(streams),
        Err(error) => error,
    };
    let text = error.render();
    let text = if streams.color {
        text.ansi().to_string()
    } else {
        text.to_string()
    };
    let out = if error.use_stderr() {
        &mut streams.stderr
    } else {
        &mut streams.stdout
    };
    let written = out.write_all(text.as_bytes());
    let code = if error.use_stderr() || written.is_err() {
        failure::WRONG
    } else {
        0
    };
    ExitCode::from(code)
}

impl Args {
    /// Does what the arguments say; see [`run`] for the code.
    pub fn run(&self, streams: &mut Streams<'_>) -> ExitCode {
        if self.version {
            let written = writeln!(streams.stdout, "{}", env!("CARGO_PKG_VERSION"));
            return ExitCode::from(u8::from(written.is_err()));
        }
        let format = match Format::parse(self.diags.as_deref()) {
            Ok(format) => format,
            Err(failure) => return failure.report(Format::Text, streams),
        };
        let mut warnings = Diagnostics::new();
        let outcome = self.result(streams, &mut warnings);
        let outcome = outcome.and_then(|text| output::write(&text, self.out.as_deref(), streams));
        match outcome {
            Ok(()) => {
                report::write(&warnings, format, streams);
                ExitCode::SUCCESS
            }
            Err(Failure::Diagnostics(errors)) => {
                warnings.extend(errors);
                Failure::Diagnostics(warnings).report(format, streams)
            }
            Err(failure) => {
                report::write(&warnings, format, streams);
                failure.report(format, streams)
            }
        }
    }

    /// What is to be written, without the line break at its end.
    fn result(&self, streams: &mut Streams<'_>, found: &mut Diagnostics) -> Result<String, Failure> {
        let Some(path) = self.spec.as_deref().filter(|path| !path.as_os_str().is_empty()) else {
            return Err(Failure::NoSpec);
        };
        let (file, warnings) = SpecFile::parse_with_warnings(&input::read(path)?);
        let Some(file) = file else {
            return Err(warnings.into());
        };
        found.extend(warnings);
        let mut errors = Diagnostics::new();
        let context = variables::context(&file, &self.vars, &mut errors);
        let bodies = input::bodies(&self.files, streams, &mut errors)?;
        if errors.has_errors() {
            return Err(errors.into());
        }
        found.extend(errors);
        let body = Body::merged(bodies);
        if self.var_refs {
            return Ok(references::describe(&file.spec, &body, &context));
        }
        let value: Value = encamp_hclspec::decode(&file.spec, &body, &context)?;
        output::json(value, self)
    }
}
