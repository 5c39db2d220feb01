//! Our raw_exec beside upstream's, each as a plugin under a host that is made of the agent's own libraries, in one run.
//!
//! The host and upstream's plugin are where `ENCAMP_GO_PEERS` says, or where `cargo xtask interop go` has built them.
//! Each figure is measured in rounds of the two in turn; the best round of each counts, since whatever else the machine
//! does only makes a round worse.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench prints")]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const OURS: &str = env!("CARGO_BIN_EXE_encamp-plugin");

/// A bench of the host's: its name, how often a round repeats it, and which of its figures count.
struct Bench {
    name: &'static str,
    repeats: &'static str,
    figures: &'static [Figure],
}

/// One figure: what it is called here, its unit in the host's output, and how ours should compare with upstream's.
struct Figure {
    name: &'static str,
    unit: &'static str,
    wanted: Wanted,
}

/// The goal for ours.
#[derive(Clone, Copy)]
enum Wanted {
    /// At most so many times upstream's.
    Ratio(f64),
    /// At most so much.
    Below(f64),
    /// As it comes.
    Nothing,
}

const BENCHES: [Bench; 8] = [
    bench(
        "Launch",
        "20x",
        &[figure("launch to first answer", "ns/op", Wanted::Nothing)],
    ),
    bench(
        "HealthCheck",
        "3000x",
        &[
            figure("health check, p50", "p50-ns", Wanted::Nothing),
            figure("health check, p99", "p99-ns", Wanted::Nothing),
        ],
    ),
    bench(
        "InspectTask",
        "3000x",
        &[
            figure("InspectTask, p50", "p50-ns", Wanted::Ratio(0.6)),
            figure("InspectTask, p99", "p99-ns", Wanted::Ratio(0.5)),
            figure("InspectTask, processor time", "cpu-ns", Wanted::Nothing),
        ],
    ),
    bench(
        "StartToExit",
        "50x",
        &[figure(
            "/bin/true, start to exit, p50",
            "p50-ns",
            Wanted::Ratio(1.0 / 6.0),
        )],
    ),
    bench("ExecStream", "3x", &[figure("exec output", "MB/s", Wanted::Nothing)]),
    bench(
        "IdleMemory",
        "1x",
        &[figure("private memory, idle", "KiB", Wanted::Below(3072.0))],
    ),
    bench(
        "ThousandWaits",
        "1000x",
        &[
            figure("1,000 waits: memory", "KiB", Wanted::Nothing),
            figure("1,000 waits: InspectTask, p99", "p99-ns", Wanted::Nothing),
        ],
    ),
    bench(
        "ThousandStats",
        "1000x",
        &[
            figure("1,000 tasks' stats: memory", "KiB", Wanted::Nothing),
            figure("1,000 tasks' stats: InspectTask, p99", "p99-ns", Wanted::Nothing),
        ],
    ),
];

const ROUNDS: usize = 3;

const fn bench(name: &'static str, repeats: &'static str, figures: &'static [Figure]) -> Bench {
    Bench { name, repeats, figures }
}

const fn figure(name: &'static str, unit: &'static str, wanted: Wanted) -> Figure {
    Figure { name, unit, wanted }
}

fn main() -> ExitCode {
    // `cargo test --benches` runs this too, and measures nothing.
    if !env::args().any(|arg| arg == "--bench") {
        return ExitCode::SUCCESS;
    }
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("plugins: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), Box<dyn std::error::Error>> {
    let peers = peers().ok_or("the peers are not there: `cargo xtask interop go` builds them")?;
    let rounds = if env::args().any(|arg| arg == "--quick") {
        1
    } else {
        ROUNDS
    };
    let machine = tempfile::tempdir()?;
    // As under an agent: `/run` is in memory, and a disk's file system may take milliseconds to make many files anew.
    let state = tempfile::tempdir_in("/dev/shm")?;
    let ours = installed(&machine.path().join("ours"), Path::new(OURS))?;
    let upstream = installed(&machine.path().join("upstream"), &peers.join("nomad"))?;
    println!(
        "{:<40}{:>12}{:>12}{:>9}  wanted",
        "raw_exec as a plugin", "ours", "upstream", "ratio"
    );
    for bench in &BENCHES {
        let (mut best, mut peer) = (BTreeMap::new(), BTreeMap::new());
        for _ in 0..rounds {
            keep_best(&mut best, run(&peers, &ours, bench, Some(state.path()))?);
            keep_best(&mut peer, run(&peers, &upstream, bench, None)?);
        }
        for figure in bench.figures {
            println!("{}", line(figure, best.get(figure.unit), peer.get(figure.unit)));
        }
    }
    Ok(())
}

/// Where the peers are.
fn peers() -> Option<PathBuf> {
    if let Some(folder) = env::var_os("ENCAMP_GO_PEERS") {
        return Some(folder.into());
    }
    let target = Path::new(OURS).parent()?.parent()?;
    Some(target.join("interop/peers")).filter(|folder| folder.join("host.test").is_file())
}

/// A directory of plugins with `program` as raw_exec.
fn installed(folder: &Path, program: &Path) -> std::io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    symlink(program, folder.join("raw_exec"))?;
    Ok(folder.to_owned())
}

/// One round: the figures by unit.
fn run(
    peers: &Path,
    plugins: &Path,
    bench: &Bench,
    state: Option<&Path>,
) -> Result<BTreeMap<String, f64>, Box<dyn std::error::Error>> {
    let mut host = Command::new(peers.join("host.test"));
    host.args(["-test.run=^$", &format!("-test.bench=^Benchmark{}$", bench.name)]);
    host.arg("-test.timeout=3m")
        .arg(format!("-test.benchtime={}", bench.repeats))
        .env("ENCAMP_PLUGIN_DIR", plugins);
    // Only ours keeps state.
    if let Some(state) = state {
        host.env("ENCAMP_STATE_DIR", state);
        host.env("ENCAMP_EXECUTOR", encamp_executor::testing::program().path());
    }
    let output = host.output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Err(format!("{} failed with {}: {text}", bench.name, plugins.display()).into());
    }
    let result = text
        .lines()
        .find(|line| line.starts_with("Benchmark") && line.contains("ns/op"));
    Ok(result.map(figures).unwrap_or_default())
}

/// The figures in a line of the host's: `Benchmark<name> <repeats> {<figure> <unit>}`.
fn figures(line: &str) -> BTreeMap<String, f64> {
    let words: Vec<&str> = line.split_whitespace().skip(2).collect();
    let pairs = words.chunks_exact(2);
    pairs
        .filter_map(|pair| match pair {
            [figure, unit] => Some(((*unit).to_owned(), figure.parse().ok()?)),
            _ => None,
        })
        .collect()
}

/// Throughput is best when high, all else when low.
fn keep_best(best: &mut BTreeMap<String, f64>, round: BTreeMap<String, f64>) {
    for (unit, figure) in round {
        let kept = best.entry(unit.clone()).or_insert(figure);
        *kept = if unit == "MB/s" {
            kept.max(figure)
        } else {
            kept.min(figure)
        };
    }
}

fn line(figure: &Figure, ours: Option<&f64>, upstream: Option<&f64>) -> String {
    let ratio = ours.zip(upstream).map(|(ours, upstream)| ours / upstream);
    let (goal, is_met) = match figure.wanted {
        Wanted::Ratio(most) => (format!("<= {most:.2}x"), ratio.is_none_or(|ratio| ratio <= most)),
        Wanted::Below(most) => (
            format!("<= {}", human(most, figure.unit)),
            ours.is_none_or(|ours| *ours <= most),
        ),
        Wanted::Nothing => (String::new(), true),
    };
    let verdict = if is_met { "" } else { "  MISSED" };
    let text = |figure: &Figure, value: Option<&f64>| value.map_or("-".to_owned(), |value| human(*value, figure.unit));
    format!(
        "{:<40}{:>12}{:>12}{:>9}  {goal}{verdict}",
        figure.name,
        text(figure, ours),
        text(figure, upstream),
        ratio.map_or(String::new(), |ratio| format!("{ratio:.2}x")),
    )
}

fn human(value: f64, unit: &str) -> String {
    match unit {
        "KiB" if value >= 1024.0 => format!("{:.1} MiB", value / 1024.0),
        "KiB" | "MB/s" => format!("{value:.0} {unit}"),
        _ if value >= 1e6 => format!("{:.2} ms", value / 1e6),
        _ => format!("{:.0} us", value / 1e3),
    }
}
