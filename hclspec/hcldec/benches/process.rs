//! The whole process, from its start to its output, beside upstream's on the same texts of one megabyte.
//!
//! Upstream's program is where `UPSTREAM_HCLDEC` says, or where `cargo xtask interop hcl` has installed it.

#[path = "../../hclspec/benches/inputs/mod.rs"]
mod inputs;

use std::env;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use self::inputs::SHAPES;

const SIZE: usize = 1_000_000;
const OURS: &str = env!("CARGO_BIN_EXE_hcldec");
/// Where the interop tests install upstream's, below the target directory.
const INSTALLED: &str = "interop/go-v2.25.0/hcldec";

#[expect(clippy::print_stderr, reason = "that the peer is missing must be said")]
fn whole_process(criterion: &mut Criterion) {
    let upstream = upstream();
    if upstream.is_none() {
        eprintln!("upstream's hcldec is not there: ours is measured alone; `cargo xtask interop hcl` installs it");
    }
    let programs = [("ours", Some(PathBuf::from(OURS))), ("upstream", upstream)];
    let Ok(folder) = tempfile::tempdir() else {
        return;
    };
    for shape in SHAPES {
        let (spec, input) = (folder.path().join("spec.hcldec"), folder.path().join("input.hcl"));
        let text = shape.text(SIZE);
        assert!(fs::write(&spec, (shape.spec)()).is_ok() && fs::write(&input, &text).is_ok());
        let mut group = criterion.benchmark_group(format!("hcldec, {}", shape.name));
        group.sample_size(10).measurement_time(Duration::from_secs(1));
        group.throughput(Throughput::Bytes(text.len() as u64));
        for (name, program) in &programs {
            if let Some(program) = program {
                assert!(
                    run(program, &spec, &input) > 0,
                    "{} must accept the text",
                    program.display()
                );
                group.bench_function(*name, |bench| bench.iter(|| black_box(run(program, &spec, &input))));
            }
        }
        group.finish();
    }
}

/// How many bytes it writes; none where it fails.
fn run(program: &Path, spec: &Path, input: &Path) -> usize {
    let output = Command::new(program).arg("--spec").arg(spec).arg(input).output();
    output.map_or(0, |output| {
        if output.status.success() {
            output.stdout.len()
        } else {
            0
        }
    })
}

fn upstream() -> Option<PathBuf> {
    if let Some(path) = env::var_os("UPSTREAM_HCLDEC") {
        return Some(path.into());
    }
    let target = Path::new(OURS).parent()?.parent()?;
    Some(target.join(INSTALLED)).filter(|path| path.is_file())
}

criterion_group!(benches, whole_process);
criterion_main!(benches);
