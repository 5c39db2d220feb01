//! The first use of a plugin through the catalog, beside its bare launch.
#![expect(clippy::unwrap_used, reason = "a bench cannot go on without")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use encamp_catalog::{Catalog, Listed, Safety, Settings};
use encamp_driver::Driver as _;
use encamp_driver_grpc::LaunchedDriver;
use encamp_goplugin::Program;
use encamp_hclspec::{Body, Source};
use tokio::runtime::Runtime;

/// The example, which is built first.
fn toy() -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "--profile",
            "bench",
            "--package",
            "encamp-catalog",
            "--example",
            "toy",
        ])
        .status();
    assert!(built.unwrap().success(), "the example cannot be built");
    let bench = std::env::current_exe().unwrap();
    bench.parent().unwrap().with_file_name("examples").join("toy")
}

fn dispense(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let toy = toy();
    std::fs::copy(&toy, dir.path().join("toy")).unwrap();
    let mut group = c.benchmark_group("first use of a plugin");
    group.sample_size(20);
    group.bench_function("ours", |bench| {
        bench.iter_custom(|rounds| runtime.block_on(first_uses(dir.path(), rounds)));
    });
    group.bench_function("bare launch", |bench| {
        bench.iter_custom(|rounds| runtime.block_on(launches(&toy, rounds)));
    });
    group.finish();
}

async fn first_uses(dir: &Path, rounds: u64) -> Duration {
    let config = Body::parse(Source::new("toy", "store = \"/nowhere\"".to_owned())).unwrap();
    let mut settings = Settings::new(dir, vec![Listed::new("toy").with_config(config)], dir.join("state"));
    settings.safety = Safety::of_this_process().trusting_above(dir);
    let mut total = Duration::ZERO;
    for _ in 0..rounds {
        let (catalog, _) = Catalog::scan(settings.clone()).await;
        let driver = catalog.driver("toy").unwrap();
        let start = Instant::now();
        driver.init().await.unwrap();
        total += start.elapsed();
        catalog.shutdown().await;
    }
    total
}

async fn launches(toy: &Path, rounds: u64) -> Duration {
    let mut total = Duration::ZERO;
    for _ in 0..rounds {
        let start = Instant::now();
        let driver = LaunchedDriver::launch(Program::new(toy)).await.unwrap();
        total += start.elapsed();
        driver.kill().await;
    }
    total
}

criterion_group!(benches, dispense);
criterion_main!(benches);
