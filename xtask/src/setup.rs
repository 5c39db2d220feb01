//! `setup`: find and install what the other verbs need.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use lexopt::prelude::*;

use crate::args::Args;
use crate::{shell, style};

mod apt;
pub(crate) mod tools;

use tools::{TOOLS, Tool};

pub(crate) const HELP: &str = "\
Usage: cargo xtask setup [--check] [--yes]

Finds what is missing on a Debian or Ubuntu machine, says why it is needed, asks, and installs it with apt-get. No
service is started. Where nothing is missing this takes no time, and the other verbs do it first.

Options:
  --check  only tell what is missing; fails if anything is
  --yes    do not ask (neither does it ask with CI=true, nor without a terminal)

Only root installs. Anybody else is told the command to run.
";

pub(crate) fn main(args: Args) -> Result<ExitCode> {
    let mut args = args.only_own()?;
    let (mut check, mut yes) = (false, false);
    while let Some(arg) = args.next()? {
        match arg {
            Long("check") => check = true,
            Long("yes") | Short('y') => yes = true,
            _ => return Err(arg.unexpected().into()),
        }
    }
    let mut missing = missing();
    if !check && !missing.is_empty() {
        install(&missing, yes)?;
        missing = self::missing();
    }
    let absent: Vec<_> = missing.iter().map(|tool| tool.name).collect();
    for tool in TOOLS {
        let state = if absent.contains(&tool.name) {
            style::red("missing")
        } else {
            style::green("present")
        };
        println!("{state}  {:<18} {}", tool.name, style::dim(tool.why));
    }
    if check && !missing.is_empty() && is_debian() {
        println!(
            "\nTo install what is missing: cargo xtask setup, or\n  {}",
            apt::command(&missing)
        );
    }
    Ok(if missing.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What a verb does first: installs what is missing, where it may.
///
/// # Errors
/// Only when the verb cannot work at all; whatever else is missing shows up as what the verb leaves out.
pub(crate) fn ensure() -> Result<()> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    let installed = install(&missing, false);
    match (installed, self::missing().iter().find(|tool| tool.required)) {
        (Err(error), Some(_)) => Err(error),
        (Ok(()), Some(tool)) => bail!("{} is missing, which {}", tool.name, tool.why),
        (Err(error), None) => {
            eprintln!("{} {error:#}", style::yellow("warning:"));
            shell::go_on()
        }
        (Ok(()), None) => Ok(()),
    }
}

fn missing() -> Vec<Tool> {
    TOOLS.into_iter().filter(|tool| !tool.present()).collect()
}

/// Says what is missing and why it is needed, asks where that is due, and installs it.
fn install(missing: &[Tool], yes: bool) -> Result<()> {
    eprintln!("Missing on this machine:");
    for tool in missing {
        eprintln!("  {:<18} {}", style::bold(tool.name), style::dim(tool.why));
    }
    if !is_debian() {
        bail!("this machine has no apt-get: install the above by other means, or go on without");
    }
    if !shell::is_root() {
        bail!("only root can install it: {}", apt::command(missing));
    }
    let asking = !yes && !shell::on_ci() && std::io::stdin().is_terminal();
    if asking && !confirmed("Install it with apt-get now? [Y/n] ")? {
        bail!("not installed: `cargo xtask setup` does it later");
    }
    apt::install(missing)
}

fn confirmed(question: &str) -> Result<bool> {
    let mut stderr = std::io::stderr();
    write!(stderr, "{question}")
        .and_then(|()| stderr.flush())
        .context("cannot ask")?;
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .context("cannot read the answer")?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "" | "y" | "yes"))
}

fn is_debian() -> bool {
    Path::new("/etc/debian_version").exists() && tools::find("apt-get").is_some()
}
