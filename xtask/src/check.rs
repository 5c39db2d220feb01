//! `check`: formatting, lints, documentation, and the rules of the tree.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use lexopt::prelude::*;

use crate::args::Args;
use crate::setup::tools;
use crate::shell::{self, Cmd};
use crate::workspace::Workspace;
use crate::{style, suggest};

mod graph;
mod layout;
mod licences;
mod manifest;
mod sentence;
mod source;

pub(crate) const HELP: &str = "\
Usage: cargo xtask check [rules|fmt|clippy|doc|deny]...

Runs the checks that are named, or all of them, and tells all findings at the end:

  rules     what the folders may hold and depend on, where `unsafe` stands, that a crate says one sentence of itself
            in its manifest, its documentation and README.md, and what licences its dependencies have
  fmt       cargo fmt --all --check
  clippy    every target and feature, with warnings as errors
  doc       the documentation of all crates, with warnings as errors
  deny      cargo deny, where it is installed: licences, bans and sources; advisories where they are in reach
";

const CHECKS: [&str; 5] = ["rules", "fmt", "clippy", "doc", "deny"];

/// Something that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Relative to the root of the workspace.
    file: String,
    line: Option<usize>,
    what: String,
}

impl Finding {
    fn new(file: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line: None,
            what: what.into(),
        }
    }

    fn at(file: impl Into<String>, line: usize, what: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line: Some(line),
            what: what.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.what),
            None => write!(f, "{}: {}", self.file, self.what),
        }
    }
}

pub(crate) fn main(args: Args) -> Result<ExitCode> {
    let mut args = args.only_own()?;
    let mut chosen = Vec::new();
    while let Some(arg) = args.next()? {
        let Value(name) = arg else {
            return Err(arg.unexpected().into());
        };
        let name = name.to_string_lossy();
        let known = CHECKS.iter().find(|check| **check == name);
        chosen.push(*known.with_context(|| suggest::unknown("check", &name, CHECKS.into_iter()))?);
    }
    let chosen = |name: &str| chosen.is_empty() || chosen.contains(&name);
    let findings = if chosen("rules") { rules() } else { Vec::new() };
    let mut failed = Vec::new();
    for (name, cmd) in steps().into_iter().filter(|(name, _)| chosen(name)) {
        if !cmd.status()?.success() {
            failed.push(name);
        }
    }
    println!();
    for finding in &findings {
        println!("{finding}");
    }
    if !failed.is_empty() {
        println!("failed, see above: {}", failed.join(", "));
    }
    if findings.is_empty() && failed.is_empty() {
        println!("{}", style::green("all checks passed"));
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

/// The rules that are ours; they need no build.
fn rules() -> Vec<Finding> {
    let root = shell::root();
    let Ok(workspace) = Workspace::load_locked() else {
        return vec![Finding::new(
            "Cargo.lock",
            "is not what the manifests ask for, or a manifest cannot be read",
        )];
    };
    let mut findings = graph::check(&workspace);
    findings.extend(layout::check(&root));
    findings.extend(licences::check(&workspace));
    findings.extend(manifest::check(&workspace));
    findings.extend(sentence::check(&workspace));
    findings.extend(source::check(&workspace));
    findings
}

fn steps() -> Vec<(&'static str, Cmd)> {
    let clippy = ["--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
    let doc = ["--workspace", "--no-deps", "--all-features"];
    let mut steps = vec![
        ("fmt", Cmd::cargo("fmt").args(["--all", "--check"])),
        ("clippy", Cmd::cargo("clippy").args(clippy)),
        ("doc", Cmd::cargo("doc").args(doc).env("RUSTDOCFLAGS", "-D warnings")),
    ];
    if tools::find("cargo-deny").is_some() {
        let deny = || Cmd::cargo("deny").args(["--offline", "check", "--hide-inclusion-graph"]);
        steps.push(("deny", deny().args(["licenses", "bans", "sources"])));
        if advisories().is_some_and(|folder| folder.exists()) {
            steps.push(("deny", deny().arg("advisories")));
        }
    }
    steps
}

/// Where cargo-deny keeps the advisories that it has fetched.
fn advisories() -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")))?;
    Some(home.join("advisory-dbs"))
}
