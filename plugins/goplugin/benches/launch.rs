//! What a plugin costs to launch, and to ask: ours, and Go's beside it where `ENCAMP_GO_PEERS` names the directory of the
//! programs in `tests/go`.
#![expect(clippy::unwrap_used, reason = "a bench that cannot run says why")]

use std::path::{Path, PathBuf};
use std::process::Command;

use criterion::{Criterion, criterion_group, criterion_main};
use encamp_goplugin::{Cookie, Host, Program};
use tokio::runtime::Runtime;

/// The plugins that are there, by name.
fn plugins() -> Vec<(&'static str, PathBuf)> {
    let ours = example();
    let go = std::env::var_os("ENCAMP_GO_PEERS").map(|folder| Path::new(&folder).join("kv-plugin"));
    std::iter::once(("ours", ours)).chain(go.map(|go| ("go", go))).collect()
}

/// The example plugin, built as what is shipped.
fn example() -> PathBuf {
    let arguments = [
        "build",
        "--quiet",
        "--profile=dist",
        "--package=encamp-goplugin",
        "--example=kv",
    ];
    let built = Command::new(env!("CARGO")).args(arguments).status().unwrap();
    assert!(built.success(), "the example does not build");
    let own = std::env::current_exe().unwrap();
    own.ancestors().nth(3).unwrap().join("dist/examples/kv")
}

fn host() -> Host {
    Host::new(Cookie::new("KV_PLUGIN", "hello"), [1]).log_to(|_| {})
}

fn launch(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("launch to ready, and end");
    group.sample_size(20);
    for (name, path) in plugins() {
        for (how, auto_mtls) in [("plain", false), ("automtls", true)] {
            let host = host().auto_mtls(auto_mtls);
            group.bench_function(format!("{name}, {how}"), |bencher| {
                bencher.iter(|| {
                    runtime.block_on(async {
                        let plugin = host.launch(Program::new(&path)).await.unwrap();
                        // Dropped, it is killed at once: what ends it is not measured but for that.
                        drop(plugin);
                    });
                });
            });
        }
    }
}

fn ask(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("health round trip");
    for (name, path) in plugins() {
        for (how, auto_mtls) in [("plain", false), ("automtls", true)] {
            let plugin = runtime
                .block_on(host().auto_mtls(auto_mtls).launch(Program::new(&path)))
                .unwrap();
            group.bench_function(format!("{name}, {how}"), |bencher| {
                bencher.iter(|| runtime.block_on(plugin.ping()).unwrap());
            });
        }
    }
}

criterion_group!(benches, launch, ask);
criterion_main!(benches);
