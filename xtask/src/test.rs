//! `test`: every suite, and what they leave behind.

use std::ffi::OsString;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use lexopt::prelude::*;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::args::Args;
use crate::engine::Engine;
use crate::leaks::{self, Kind, Leak, Snapshot, process};
use crate::outcome::Outcome;
use crate::scratch::Scratch;
use crate::shell::{self, Cmd};
use crate::{children, peers, setup, style, suggest};

mod report;

use report::Report;

pub(crate) const HELP: &str = "\
Usage: cargo xtask test [unit|root|docker]... [--no-setup] [-- <cargo test arguments>]

Builds once, then runs the suites that are named, or all of them:

  unit    tests that need nothing, and the examples in the documentation
  root    tests in a module `root`: they need root
  docker  tests in a module `docker`: they need a Docker Engine
  interop tests in a module `interop`: they need root, an engine, and Go, which builds the peers in tests/go of the
          crates (a Go toolchain is fetched where there is none, and kept in the target directory)

The Docker Engine is the one at DOCKER_HOST or at /var/run/docker.sock; where none answers, root gets a private one for
the time of the run, with its own data, socket and network namespace. The tests get a private TMPDIR.

A suite whose prerequisite is missing is skipped and says why; with CI=true that is a failure.

After the suites the machine is compared with what it was before: processes, mounts, network namespaces, cgroups, links,
packet filter rules, TMPDIR and what is in the engine. Each thing left behind is a failure. Processes are told exactly;
what other programs mount (and so on) meanwhile, and keep, cannot be told from a leak.

The last line reads `N passed, N failed, N skipped`.

Options:
  --no-setup  do not look for missing tools first

Example: cargo xtask test root -- -p encamp-cgroup
";

/// Tests of one kind. What neither of the special suites claims is in `unit`.
pub(crate) struct Suite {
    name: &'static str,
    needs: Needs,
    /// The arguments of the test binaries.
    harness: &'static [&'static str],
    claims: fn(&str) -> bool,
}

#[derive(Clone, Copy)]
enum Needs {
    Nothing,
    Root,
    Engine,
    Go,
}

const SUITES: [Suite; 4] = [
    Suite {
        name: "unit",
        needs: Needs::Nothing,
        harness: &[],
        claims: |_| false,
    },
    Suite {
        name: "root",
        needs: Needs::Root,
        harness: &["--ignored", "root::", "--skip", "docker::", "--skip", "interop::"],
        claims: |test| test.contains("root::") && !test.contains("docker::") && !test.contains("interop::"),
    },
    Suite {
        name: "docker",
        needs: Needs::Engine,
        // One at a time: a test that pits us against the engine's speed is to have the machine to itself.
        harness: &["--ignored", "docker::", "--skip", "interop::", "--test-threads=1"],
        claims: |test| test.contains("docker::") && !test.contains("interop::"),
    },
    Suite {
        name: "interop",
        needs: Needs::Go,
        harness: &["--ignored", "interop::", "--test-threads=1"],
        claims: |test| test.contains("interop::"),
    },
];

pub(crate) fn main(args: Args) -> Result<ExitCode> {
    let (suites, look_for_tools) = options(args.own)?;
    if look_for_tools {
        setup::ensure()?;
    }
    let mut run = Run::new(suites, args.passed_on)?;
    if let Err(error) = run.build() {
        shell::go_on()?;
        println!("\n{} {error:#}: nothing was tested", style::red("error:"));
        return Ok(report::summary(0, 1, 0));
    }
    // Only now: what the build leaves running (a compiler cache, say) is no leak of a test.
    children::adopt_orphans()?;
    let before = Snapshot::take(&run.tmp);
    let reports = run.suites();
    let mut leaks = leaks::settle(&before, || Snapshot::take(&run.tmp));
    end_left_processes(&leaks);
    let reports = reports?;
    leaks.append(&mut run.leaks);
    Ok(report::conclude(&reports, &leaks))
}

fn options(mut args: lexopt::Parser) -> Result<(Vec<&'static Suite>, bool)> {
    let (mut suites, mut look_for_tools) = (Vec::new(), true);
    while let Some(arg) = args.next()? {
        match arg {
            Long("no-setup") => look_for_tools = false,
            Value(name) => suites.push(suite(&name.to_string_lossy())?),
            _ => return Err(arg.unexpected().into()),
        }
    }
    if suites.is_empty() {
        suites = SUITES.iter().collect();
    }
    Ok((suites, look_for_tools))
}

fn suite(name: &str) -> Result<&'static Suite> {
    let found = SUITES.iter().find(|suite| suite.name == name);
    found.with_context(|| suggest::unknown("suite", name, SUITES.iter().map(|suite| suite.name)))
}

/// One run of the suites.
struct Run {
    suites: Vec<&'static Suite>,
    /// The arguments of cargo, and after `--` those of the test binaries.
    cargo: Vec<OsString>,
    harness: Vec<OsString>,
    tmp: PathBuf,
    scratch: Scratch,
    /// What was left in the engine; it is looked at while the engine is there.
    leaks: Vec<Leak>,
}

impl Run {
    fn new(suites: Vec<&'static Suite>, passed_on: Vec<OsString>) -> Result<Self> {
        let scratch = Scratch::new()?;
        let tmp = scratch.dir("tmp")?;
        // As open as the machine's own: tests run tasks as other users.
        std::fs::set_permissions(&tmp, Permissions::from_mode(0o1777)).context("cannot open up the private TMPDIR")?;
        let mut passed_on = passed_on.into_iter();
        let cargo = passed_on.by_ref().take_while(|arg| arg != "--").collect();
        Ok(Self {
            suites,
            cargo,
            harness: passed_on.collect(),
            tmp,
            scratch,
            leaks: Vec::new(),
        })
    }

    /// Builds all that the suites run, the programs that tests start included.
    fn build(&self) -> Result<()> {
        if self.cargo.is_empty() {
            // The same selection as that of the tests: another one would have other features, and build twice.
            return Cmd::cargo("build")
                .args(["--workspace", "--lib", "--bins", "--tests", "--examples"])
                .run();
        }
        Cmd::cargo("build").args(["--package", "encamp-executor"]).run()?;
        self.cargo_test().arg("--no-run").run()
    }

    fn suites(&mut self) -> Result<Vec<Report>> {
        let mut reports = Vec::new();
        for suite in self.suites.clone() {
            let start = Instant::now();
            println!("\n{}", style::bold(&format!("suite {}", suite.name)));
            let mut report = self.suite(suite)?;
            report.time = start.elapsed();
            reports.push(report);
        }
        Ok(reports)
    }

    fn suite(&mut self, suite: &'static Suite) -> Result<Report> {
        match suite.needs {
            Needs::Nothing => self.unit(suite),
            Needs::Root if shell::is_root() => self.special(suite, self.cargo_test()),
            Needs::Root => self.skip(suite, "needs root"),
            Needs::Engine => self.with_engine(suite, self.cargo_test()),
            Needs::Go if !shell::is_root() => self.skip(suite, "needs root"),
            Needs::Go => match peers::build() {
                Ok(peers) => self.with_engine(suite, self.cargo_test().env(peers::FOLDER, peers)),
                Err(reason) => self.skip(suite, &format!("{reason:#}")),
            },
        }
    }

    fn with_engine(&mut self, suite: &'static Suite, cargo: Cmd) -> Result<Report> {
        match Engine::find_or_start(&self.scratch.path().join("engine")) {
            Ok(engine) => self.docker(suite, &engine, cargo),
            Err(reason) => self.skip(suite, &format!("{reason:#}")),
        }
    }

    fn unit(&self, suite: &'static Suite) -> Result<Report> {
        let outcome = count(self.cargo_test().arg("--no-fail-fast").arg("--").args(&self.harness))?;
        // What another suite of this run claims is counted there.
        let elsewhere = |test: &str| self.suites.iter().any(|suite| (suite.claims)(test));
        let skipped = outcome
            .ignored
            .iter()
            .filter(|((_, test), _)| !elsewhere(test))
            .map(|(_, reason)| reason.clone());
        let skipped = skipped.collect();
        Ok(Report::new(suite.name, outcome, skipped))
    }

    fn special(&self, suite: &'static Suite, cargo: Cmd) -> Result<Report> {
        // Documentation examples are in no suite but `unit`.
        let cargo = cargo
            .args(self.targets())
            .args(["--no-fail-fast", "--"])
            .args(suite.harness)
            .args(&self.harness);
        Ok(Report::new(suite.name, count(cargo)?, Vec::new()))
    }

    fn docker(&mut self, suite: &'static Suite, engine: &Engine, cargo: Cmd) -> Result<Report> {
        let look = || {
            let mut snapshot = Snapshot::default();
            snapshot.add(Kind::OfEngine, engine.endpoint().belongings().unwrap_or_default());
            snapshot
        };
        let before = look();
        let report = self.special(suite, engine.reach(cargo).env("CARGO_NET_OFFLINE", "true"));
        self.leaks.extend(leaks::settle(&before, look));
        report
    }

    /// Counts the tests of a suite that cannot run here.
    fn skip(&self, suite: &'static Suite, reason: &str) -> Result<Report> {
        let list = self
            .cargo_test()
            .args(self.targets())
            .args(["--quiet", "--", "--list"])
            .args(suite.harness);
        let tests = list
            .quiet()
            .read()?
            .lines()
            .filter(|line| line.ends_with(": test"))
            .count();
        println!("skipped: {reason}");
        let mut outcome = Outcome::default();
        if shell::on_ci() {
            outcome.failed = 1;
            outcome.failures.push(format!(
                "suite {}: {reason}, and with CI=true nothing may be missing",
                suite.name
            ));
        }
        Ok(Report::new(suite.name, outcome, vec![reason.to_owned(); tests]))
    }

    /// Everything but the examples in the documentation, unless the user has made a choice.
    fn targets(&self) -> &'static [&'static str] {
        let options = ["--lib", "--bin", "--test", "--example", "--doc", "--all-targets"];
        let chosen = |arg: &OsString| options.iter().any(|option| arg.to_string_lossy().starts_with(option));
        if self.cargo.iter().any(chosen) {
            &[]
        } else {
            &["--tests"]
        }
    }

    fn cargo_test(&self) -> Cmd {
        let cmd = Cmd::cargo("test").env("TMPDIR", &self.tmp);
        let narrowed = |arg: &OsString| {
            let arg = arg.to_string_lossy();
            ["-p", "--package", "--manifest-path", "--workspace"]
                .iter()
                .any(|option| arg.starts_with(option))
        };
        let cmd = if self.cargo.iter().any(narrowed) {
            cmd
        } else {
            cmd.arg("--workspace")
        };
        cmd.args(&self.cargo)
    }
}

/// Runs a suite, showing its output, and counts.
fn count(cargo: Cmd) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let colour = if style::colour() { "always" } else { "never" };
    let status = cargo.env("CARGO_TERM_COLOR", colour).lines(|line| outcome.line(line))?;
    outcome.end(status.success());
    Ok(outcome)
}

/// Ends the processes that tests have left behind; they are ours, so nobody else will.
fn end_left_processes(leaks: &[Leak]) {
    let left = leaks.iter().filter(|leak| leak.kind == Kind::Process);
    for pid in left.filter_map(|leak| process::pid_of(&leak.what)) {
        _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
}
