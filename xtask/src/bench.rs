//! `bench`: run the benches, and compare ours with their peers.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::{Result, bail};
use lexopt::prelude::*;
use serde_json::Value as Json;

use crate::args::Args;
use crate::engine::Engine;
use crate::scratch::Scratch;
use crate::shell::{self, Cmd};
use crate::workspace::{Package, Workspace};
use crate::{children, peers, setup, style, suggest};

pub(crate) const HELP: &str = "\
Usage: cargo xtask bench [--quick] [--no-setup] [SUBSYSTEM]... [-- <arguments of the benches>]

Runs the benches of the crates that are named, or of all that have some, built as what is shipped (profile dist), and
prints a table of the medians. Within a group the bench `ours` is compared with the others, its peers: `2.00x` says that
the peer takes twice as long.

A SUBSYSTEM is a crate's name without `encamp-`, or a folder such as `drivers`. Benches that need root or a Docker
Engine need them here too; where no engine answers, root gets a private one for the time of the run.

Options:
  --quick     measure briefly: says whether a bench works, and little about its figure
  --no-setup  do not look for missing tools first
";

/// What is ours within a group.
const OURS: &str = "ours";

struct Options {
    subsystems: Vec<String>,
    quick: bool,
    look_for_tools: bool,
}

/// The median of one bench.
#[derive(Clone, Debug, PartialEq)]
struct Median {
    /// The group, with the parameter where there is one.
    group: String,
    bench: String,
    nanoseconds: f64,
}

pub(crate) fn main(args: Args) -> Result<ExitCode> {
    let options = options(args.own)?;
    if options.look_for_tools {
        setup::ensure()?;
    }
    let workspace = Workspace::load()?;
    let packages = chosen(&workspace, &options.subsystems)?;
    let mut harness: Vec<_> = options.quick.then(|| "--quick".into()).into_iter().collect();
    harness.extend(args.passed_on);

    children::adopt_orphans()?;
    let scratch = Scratch::new()?;
    let engine = engine_for(&workspace, &packages, &scratch)?;
    let peers = peers_for(&workspace, &packages);
    let start = SystemTime::now();
    let mut failed = Vec::new();
    for package in packages {
        let benches = package.targets.iter().filter(|target| target.kind == "bench");
        let names = benches.flat_map(|target| ["--bench", &target.name]);
        let bench = Cmd::cargo("bench")
            .args(["--profile", "dist", "--package", &package.name])
            .args(names)
            .arg("--")
            .args(&harness);
        let bench = match &engine {
            Some(engine) if needs_engine(&workspace, package) => engine.reach(bench),
            _ => bench,
        };
        let bench = match &peers {
            Some(peers) => bench.env(peers::FOLDER, peers),
            None => bench,
        };
        if !bench.status()?.success() {
            failed.push(package.name.as_str());
        }
    }
    print!("{}", table(&medians(&workspace.target.join("criterion"), start)));
    if !failed.is_empty() {
        bail!("the benches of {} failed", failed.join(", "));
    }
    Ok(ExitCode::SUCCESS)
}

fn options(mut args: lexopt::Parser) -> Result<Options> {
    let mut options = Options {
        subsystems: Vec::new(),
        quick: false,
        look_for_tools: true,
    };
    while let Some(arg) = args.next()? {
        match arg {
            Long("quick") => options.quick = true,
            Long("no-setup") => options.look_for_tools = false,
            Value(name) => options.subsystems.push(name.to_string_lossy().into_owned()),
            _ => return Err(arg.unexpected().into()),
        }
    }
    Ok(options)
}

/// The crates with benches that the names choose.
fn chosen<'a>(workspace: &'a Workspace, names: &[String]) -> Result<Vec<&'a Package>> {
    let mut all = workspace.members();
    all.retain(|package| package.targets.iter().any(|target| target.kind == "bench"));
    for name in names {
        if !all.iter().any(|package| is_of(package, name)) {
            bail!(
                "{}",
                suggest::unknown("subsystem with benches", name, all.iter().map(|package| short(package)))
            );
        }
    }
    all.retain(|package| names.is_empty() || names.iter().any(|name| is_of(package, name)));
    Ok(all)
}

fn is_of(package: &Package, name: &str) -> bool {
    let room = package.room.as_deref().unwrap_or_default();
    package.name == name || short(package) == name || Path::new(room).starts_with(name)
}

fn short(package: &Package) -> &str {
    package.name.strip_prefix("encamp-").unwrap_or(&package.name)
}

fn needs_engine(workspace: &Workspace, package: &Package) -> bool {
    workspace
        .way(package, |dependency| dependency.name == "bollard")
        .is_some()
}

/// An engine, where one of the crates works with it; without one its benches say themselves what they miss.
fn engine_for(workspace: &Workspace, packages: &[&Package], scratch: &Scratch) -> Result<Option<Engine>> {
    if !packages.iter().any(|package| needs_engine(workspace, package)) {
        return Ok(None);
    }
    let engine = Engine::find_or_start(&scratch.path().join("engine"));
    shell::go_on()?;
    Ok(engine
        .inspect_err(|reason| eprintln!("{} {reason:#}", style::yellow("warning:")))
        .ok())
}

/// The peers in Go, where one of the crates has some; without them its benches say themselves what they miss.
fn peers_for(workspace: &Workspace, packages: &[&Package]) -> Option<PathBuf> {
    let mut rooms = packages.iter().filter_map(|package| package.room.as_deref());
    rooms.find(|room| peers::of(&workspace.root.join(room)).is_some())?;
    peers::build()
        .inspect_err(|reason| eprintln!("{} {reason:#}", style::yellow("warning:")))
        .ok()
}

/// What criterion has measured since `start`.
fn medians(criterion: &Path, start: SystemTime) -> Vec<Median> {
    let mut found = Vec::new();
    let mut open = vec![criterion.to_owned()];
    while let Some(directory) = open.pop() {
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        open.extend(
            entries
                .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                .map(|entry| entry.path()),
        );
        let file = directory.join("estimates.json");
        let written = fs::metadata(&file).and_then(|data| data.modified());
        if directory.ends_with("new") && written.is_ok_and(|written| written >= start) {
            let json = |file: &Path| serde_json::from_str::<Json>(&fs::read_to_string(file).ok()?).ok();
            let about = json(&directory.join("benchmark.json"));
            found.extend(
                json(&file)
                    .zip(about)
                    .and_then(|(estimates, about)| median(&estimates, &about)),
            );
        }
    }
    found
}

fn median(estimates: &Json, about: &Json) -> Option<Median> {
    let text = |key: &str| about.get(key).and_then(Json::as_str);
    let group = [text("group_id"), text("value_str")]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ");
    let bench = text("function_id").unwrap_or_default().to_owned();
    let nanoseconds = estimates.get("median")?.get("point_estimate")?.as_f64()?;
    Some(Median {
        group,
        bench,
        nanoseconds,
    })
}

/// One line a bench: its median, and in the lines of peers how it compares with ours.
fn table(medians: &[Median]) -> String {
    let mut groups: BTreeMap<&str, Vec<&Median>> = BTreeMap::new();
    for median in medians {
        groups.entry(&median.group).or_default().push(median);
    }
    let heading = format!("{:<48}{:>12}{:>12}", "bench", "median", "to ours");
    let mut lines = vec![format!("\n{}\n", style::bold(&heading))];
    for (group, mut benches) in groups {
        benches.sort_by(|a, b| (a.bench != OURS, &a.bench).cmp(&(b.bench != OURS, &b.bench)));
        let ours = benches
            .iter()
            .find(|median| median.bench == OURS)
            .map(|median| median.nanoseconds);
        for median in benches {
            let name = [group, &median.bench].join("/");
            let ratio = ours
                .filter(|_| median.bench != OURS)
                .map(|ours| format!("{:.2}x", median.nanoseconds / ours));
            let time = duration(median.nanoseconds);
            let ratio = ratio.unwrap_or_default();
            let name = name.trim_end_matches('/');
            lines.push(format!("{name:<48}{time:>12}{ratio:>12}\n"));
        }
    }
    lines.concat()
}

fn duration(nanoseconds: f64) -> String {
    match nanoseconds {
        n if n < 1e3 => format!("{n:.1} ns"),
        n if n < 1e6 => format!("{:.1} us", n / 1e3),
        n if n < 1e9 => format!("{:.1} ms", n / 1e6),
        n => format!("{:.2} s", n / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::{Median, duration, median, table};
    use serde_json::json;

    fn measured(group: &str, bench: &str, nanoseconds: f64) -> Median {
        Median {
            group: group.into(),
            bench: bench.into(),
            nanoseconds,
        }
    }

    #[test]
    fn peers_are_compared_with_ours() {
        let text = table(&[
            measured("start", "runc", 33.4e6),
            measured("start", "ours", 4.0e6),
            measured("alone", "", 12.0),
        ]);
        let lines: Vec<_> = text
            .lines()
            .skip(2)
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .collect();
        assert_eq!(
            lines,
            [
                vec!["alone", "12.0", "ns"],
                vec!["start/ours", "4.0", "ms"],
                vec!["start/runc", "33.4", "ms", "8.35x"]
            ]
        );
    }

    #[test]
    fn a_parameter_is_part_of_the_group() {
        let about = json!({ "group_id": "write", "function_id": "ours", "value_str": "4096", "throughput": null });
        let estimates = json!({ "median": { "point_estimate": 1.5 } });
        assert_eq!(median(&estimates, &about), Some(measured("write, 4096", "ours", 1.5)));
        assert_eq!(median(&json!({}), &about), None);
    }

    #[test]
    fn durations_have_a_fitting_unit() {
        assert_eq!(
            [12.3, 4.56e4, 7.8e6, 2.5e9].map(duration),
            ["12.3 ns", "45.6 us", "7.8 ms", "2.50 s"]
        );
    }
}
