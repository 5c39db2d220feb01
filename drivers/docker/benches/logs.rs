//! How fast the engine's json log becomes bytes again.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use encamp_docker::Batch;

fn json() -> Vec<u8> {
    let line = |n: u32| {
        let log = format!("{n} a line of the usual length with \"quotes\" and a\ttab, as programs write them\n");
        let stream = if n.is_multiple_of(10) { "stderr" } else { "stdout" };
        format!(
            "{}\n",
            serde_json::json!({ "log": log, "stream": stream, "time": "2026-01-02T03:04:05.678901234Z" })
        )
    };
    (0..100_000).map(line).collect::<String>().into_bytes()
}

fn decode(c: &mut Criterion) {
    let json = json();
    let mut group = c.benchmark_group("json log");
    group.throughput(Throughput::Bytes(json.len() as u64)).sample_size(20);
    let mut batch = Batch::default();
    group.bench_function("decode", |b| {
        b.iter(|| {
            for chunk in json.chunks(128 * 1024) {
                batch.clear();
                batch.decode(chunk);
            }
        });
    });
    // What there is to gain: the same bytes through the parser, values thrown away.
    group.bench_function("serde_json to a value", |b| {
        b.iter(|| {
            let lines = serde_json::Deserializer::from_slice(&json).into_iter::<serde_json::Value>();
            lines.flatten().count()
        });
    });
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
