//! `solo`: each crate alone, and each of its features alone.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
use lexopt::prelude::*;

use crate::args::Args;
use crate::shell::{self, Cmd};
use crate::workspace::{Package, Workspace};
use crate::{style, suggest};

pub(crate) const HELP: &str = "\
Usage: cargo xtask solo [CRATE]...

For each crate that is named, or for all of them: builds it by itself, without its default features, with each feature
alone, runs its tests that need nothing, and builds its documentation. A crate that only works beside the others, whose
features hide what it forgot to ask for, fails here.

A crate is given by its package name, with or without `encamp-`, or by its folder.
";

pub(crate) fn main(args: Args) -> Result<ExitCode> {
    let workspace = Workspace::load()?;
    let packages = options(args.only_own()?, &workspace)?;
    let mut lines = Vec::new();
    let mut failed = 0;
    for package in packages {
        let start = Instant::now();
        let broken = broken_steps(package)?;
        failed += broken.len();
        let time = format!("{:>6.1} s", start.elapsed().as_secs_f64());
        let state = if broken.is_empty() {
            style::green("ok")
        } else {
            style::red(&broken.join(", "))
        };
        lines.push(format!("{:<24}{time}  {state}", package.name));
    }
    println!("\n{}", lines.join("\n"));
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn options(mut args: lexopt::Parser, workspace: &Workspace) -> Result<Vec<&Package>> {
    let members = workspace.members();
    let mut packages = Vec::new();
    while let Some(arg) = args.next()? {
        let Value(name) = arg else {
            return Err(arg.unexpected().into());
        };
        let name = name.to_string_lossy();
        let Some(package) = members.iter().find(|package| is_named(package, &name)) else {
            bail!(
                "{}",
                suggest::unknown("crate", &name, members.iter().map(|package| package.name.as_str()))
            );
        };
        packages.push(*package);
    }
    Ok(if packages.is_empty() { members } else { packages })
}

fn is_named(package: &Package, name: &str) -> bool {
    let short = package.name.strip_prefix("encamp-");
    package.name == name || short == Some(name) || package.room.as_deref() == Some(name.trim_end_matches('/'))
}

/// The steps that fail for one crate; every one is tried.
fn broken_steps(package: &Package) -> Result<Vec<String>> {
    let alone = |verb: &str| Cmd::cargo(verb).args(["--quiet", "--package", &package.name]);
    let mut steps = vec![
        ("build".to_owned(), alone("build")),
        (
            "build without features".to_owned(),
            alone("build").arg("--no-default-features"),
        ),
    ];
    for feature in package.features.iter().filter(|feature| *feature != "default") {
        let build = alone("build").args(["--no-default-features", "--features", feature]);
        steps.push((format!("build with {feature} alone"), build));
    }
    steps.push(("test".to_owned(), alone("test")));
    steps.push((
        "doc".to_owned(),
        alone("doc").arg("--no-deps").env("RUSTDOCFLAGS", "-D warnings"),
    ));
    let mut broken = Vec::new();
    for (name, step) in steps {
        if !step.status()?.success() {
            broken.push(name);
        }
        shell::go_on()?;
    }
    Ok(broken)
}

#[cfg(test)]
mod tests {
    use super::is_named;
    use crate::workspace::tests::workspace;

    #[test]
    fn a_crate_is_given_by_its_name_or_its_folder() {
        let workspace = workspace(&[("encamp-logs", "drivers/logs", &[], &[])]);
        let package = &workspace.packages["encamp-logs"];
        for name in ["encamp-logs", "logs", "drivers/logs", "drivers/logs/"] {
            assert!(is_named(package, name), "{name}");
        }
        assert!(!is_named(package, "encamp"));
    }
}
