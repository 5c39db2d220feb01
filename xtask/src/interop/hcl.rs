//! Our hcldec beside upstream's.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};
use lexopt::prelude::*;

use super::compare::Outcome;
use super::corpus::{self, Case};
use crate::children::Owned;
use crate::go::{self, Module};
use crate::scratch::Scratch;
use crate::shell::{self, Cmd};
use crate::style;
use crate::workspace::Workspace;

const HCL: Module = Module {
    path: "github.com/hashicorp/hcl/v2",
    version: "v2.25.0",
};

/// Where the corpus is, below the root.
const CORPUS: &str = "hclspec/hcldec/tests/corpus";
const DIFFERENCES: &str = "differences.txt";

pub(super) fn main(mut args: lexopt::Parser) -> Result<ExitCode> {
    let (mut verbose, mut program) = (false, None);
    while let Some(arg) = args.next()? {
        match arg {
            Long("verbose") | Short('v') => verbose = true,
            Long("program") => program = Some(std::path::absolute(args.value()?)?),
            _ => return Err(arg.unexpected().into()),
        }
    }
    run(program, verbose)
}

fn run(program: Option<PathBuf>, verbose: bool) -> Result<ExitCode> {
    let go = match go::find_or_fetch() {
        Ok(go) => go,
        Err(reason) if shell::on_ci() => return Err(reason),
        Err(reason) => {
            println!("{} {reason:#}", style::yellow("skipped:"));
            return Ok(ExitCode::SUCCESS);
        }
    };
    let workspace = Workspace::load()?;
    let programs = go::install(&go, &HCL, &["cmd/hcldec", "cmd/hclspecsuite"], &go::folder()?)?;
    let [upstream, suite] = programs.as_slice() else {
        bail!("upstream's programs were not installed");
    };
    let ours = match program {
        Some(program) => program,
        None => build(&workspace)?,
    };

    let suite_passed = specification_suite(suite, &HCL.folder(&go)?, &ours)?;
    let corpus_passed = compare_corpus(&workspace.root.join(CORPUS), upstream, &ours, verbose)?;
    Ok(if suite_passed && corpus_passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn build(workspace: &Workspace) -> Result<PathBuf> {
    Cmd::cargo("build")
        .args(["--release", "--package", "encamp-hcldec"])
        .run()?;
    Ok(workspace.target.join("release/hcldec"))
}

/// Upstream's own cases, with its own runner.
fn specification_suite(runner: &Path, module: &Path, ours: &Path) -> Result<bool> {
    let mut tests = std::collections::BTreeSet::new();
    let status = Cmd::new(runner)
        .arg(module.join("specsuite/tests"))
        .arg(ours)
        .lines(|line| {
            if let Some(name) = line.strip_prefix("- ") {
                tests.insert(name.to_owned());
            }
        })?;
    let verdict = if status.success() {
        style::green("passed")
    } else {
        style::red("failed")
    };
    println!("specification suite: {verdict} ({} tests)\n", tests.len());
    if tests.is_empty() {
        bail!(
            "the specification suite has no tests: is {} complete?",
            module.display()
        );
    }
    Ok(status.success())
}

/// Every case of the corpus, with both programs.
fn compare_corpus(folder: &Path, upstream: &Path, ours: &Path, verbose: bool) -> Result<bool> {
    let cases = cases(folder)?;
    let mut listed = differences(&fs::read_to_string(folder.join(DIFFERENCES)).unwrap_or_default())?;
    let scratch = Scratch::new()?;
    let mut problems = Vec::new();
    let (mut agreed, mut differed) = (0_usize, 0_usize);
    for (number, case) in cases.iter().enumerate() {
        shell::go_on()?;
        let room = scratch.dir(&number.to_string())?;
        for (name, bytes) in &case.files {
            fs::write(room.join(name), bytes).with_context(|| format!("cannot write {name} of {}", case.id))?;
        }
        let expected = call(upstream, case, &room)?;
        let found = call(ours, case, &room)?;
        let reason = listed.remove(&case.id);
        let differs = expected != found;
        if differs && (verbose || reason.is_none()) {
            println!("{}\n  upstream: {expected}\n  ours:     {found}", style::bold(&case.id));
        }
        match (differs, reason) {
            (false, None) => agreed += 1,
            (true, Some(_)) => differed += 1,
            (true, None) => problems.push(format!("differs: {}", case.id)),
            (false, Some(reason)) => {
                problems.push(format!("is listed as different ({reason}) and agrees: {}", case.id));
            }
        }
    }
    problems.extend(
        listed
            .into_keys()
            .map(|id| format!("is listed as different and is no case: {id}")),
    );
    for problem in &problems {
        println!("{} {problem}", style::red("failed:"));
    }
    println!(
        "corpus: {} cases, {agreed} agree, {differed} differ for the reason that is listed, {} problems",
        cases.len(),
        problems.len()
    );
    Ok(problems.is_empty())
}

fn cases(folder: &Path) -> Result<Vec<Case>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let is_cases = path.extension().is_some_and(|end| end == "txt") && !path.ends_with(DIFFERENCES);
        let Some(name) = path.file_stem().and_then(|name| name.to_str()).filter(|_| is_cases) else {
            continue;
        };
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        cases.extend(corpus::parse(name, &text)?);
    }
    let mut seen = std::collections::BTreeSet::new();
    if let Some(case) = cases.iter().find(|case| !seen.insert(&case.id)) {
        bail!("there are two cases {}", case.id);
    }
    Ok(cases)
}

/// Reasons, each on a line that begins with `#`, and below it the cases that it is the reason for.
fn differences(text: &str) -> Result<BTreeMap<String, String>> {
    let mut reasons = BTreeMap::new();
    let mut reason = "";
    for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        if let Some(next) = line.strip_prefix("# ") {
            reason = next;
        } else if reason.is_empty() {
            bail!("{DIFFERENCES}: no reason is given for {line}");
        } else {
            reasons.insert(line.to_owned(), reason.to_owned());
        }
    }
    Ok(reasons)
}

fn call(program: &Path, case: &Case, room: &Path) -> Result<Outcome> {
    let (out, err) = (room.join("stdout"), room.join("stderr"));
    let file = |path: &Path| File::create(path).with_context(|| format!("cannot make {}", path.display()));
    let mut command = Command::new(program);
    command
        .args(&case.args)
        .current_dir(room)
        .stdin(Stdio::null())
        .stdout(file(&out)?)
        .stderr(file(&err)?);
    let mut child = Owned::spawn(&mut command).with_context(|| format!("cannot run {}", program.display()))?;
    let status = child
        .wait()
        .with_context(|| format!("cannot wait for {}", program.display()))?;
    let text = |path: &Path| fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Ok(Outcome::of(
        status.code(),
        &text(&out).context("cannot read what it wrote")?,
        &text(&err).context("cannot read what it wrote")?,
    ))
}

#[cfg(test)]
mod tests {
    use super::differences;

    #[test]
    fn every_difference_has_a_reason() {
        let listed = differences("# upstream panics\na/b\na/c\n\n# ours says more\nd/e\n").unwrap();
        assert_eq!(listed["a/c"], "upstream panics");
        assert_eq!(listed["d/e"], "ours says more");
        assert!(differences("a/b\n").is_err());
    }
}
