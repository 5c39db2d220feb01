//! Build, check, test and bench the workspace, and each crate of it alone.
//!
//! `cargo xtask <verb>`; each verb is one file, and says what it does in its `HELP`.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool prints")]

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Result, bail};
use args::Args;

mod args;
mod bench;
mod check;
mod children;
mod demo;
mod engine;
mod go;
mod interop;
mod leaks;
mod outcome;
mod peers;
mod poll;
mod proto;
mod scratch;
mod setup;
mod shell;
mod solo;
mod style;
mod suggest;
mod test;
mod workspace;

type Run = fn(Args) -> Result<ExitCode>;

/// One thing that this tool does.
struct Verb {
    name: &'static str,
    about: &'static str,
    help: &'static str,
    run: Run,
}

const VERBS: [Verb; 8] = [
    verb(
        "setup",
        "Find and install what the other verbs need",
        setup::HELP,
        setup::main,
    ),
    verb("demo", "Build, and run an example job", demo::HELP, demo::main),
    verb(
        "test",
        "Run every test suite, and look for leaks",
        test::HELP,
        test::main,
    ),
    verb(
        "check",
        "Lints, docs and the rules of the tree",
        check::HELP,
        check::main,
    ),
    verb("solo", "Build and test each crate alone", solo::HELP, solo::main),
    verb("bench", "Run the benches, beside their peers", bench::HELP, bench::main),
    verb(
        "interop",
        "Run our programs beside upstream's",
        interop::HELP,
        interop::main,
    ),
    verb(
        "proto",
        "Compare the generated code with its .proto files",
        proto::HELP,
        proto::main,
    ),
];

const fn verb(name: &'static str, about: &'static str, help: &'static str, run: Run) -> Verb {
    Verb { name, about, help, run }
}

fn main() -> ExitCode {
    if let Err(error) = children::watch_signals() {
        eprintln!("{} cannot watch for signals: {error:#}", style::red("error:"));
        return ExitCode::FAILURE;
    }
    let code = match dispatch(std::env::args_os().skip(1).collect()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{} {error:#}", style::red("error:"));
            ExitCode::FAILURE
        }
    };
    // What a shell expects of a command that a signal ended.
    children::interrupted().map_or(code, |signal| ExitCode::from(128 + signal))
}

fn dispatch(args: Vec<OsString>) -> Result<ExitCode> {
    let own = args.iter().take_while(|arg| *arg != "--");
    let help = own.clone().any(|arg| arg == "--help" || arg == "-h") || args.first().is_some_and(|arg| arg == "help");
    let name = own
        .filter(|arg| *arg != "help")
        .find(|arg| !arg.to_string_lossy().starts_with('-'));
    let Some(name) = name.and_then(|name| name.to_str()) else {
        print!("{}", overview());
        return Ok(if help { ExitCode::SUCCESS } else { ExitCode::from(2) });
    };
    let Some(verb) = VERBS.iter().find(|verb| verb.name == name) else {
        bail!("{}", suggest::unknown("verb", name, VERBS.iter().map(|verb| verb.name)));
    };
    if help {
        print!("{}.\n\n{}", verb.about, verb.help);
        return Ok(ExitCode::SUCCESS);
    }
    let rest = args.iter().position(|arg| arg == name).map_or(0, |at| at + 1);
    (verb.run)(Args::new(args.into_iter().skip(rest)))
}

fn overview() -> String {
    let lines = VERBS.iter().map(|verb| format!("  {:<7} {}", verb.name, verb.about));
    let verbs = lines.collect::<Vec<_>>().join("\n");
    format!(
        "Build, check, test and bench the workspace, and each crate of it alone.\n\n\
         Usage: cargo xtask <verb> [options]\n\nVerbs:\n{verbs}\n\n\
         `cargo xtask <verb> --help` says more. Colour is used on a terminal only, and not with NO_COLOR set.\n\
         With CI=true nothing is asked, and a missing prerequisite of a test is a failure.\n"
    )
}
