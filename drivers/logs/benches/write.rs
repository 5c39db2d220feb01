//! Writing a task's output, beside plain `write` calls to one file in the same run.
#![expect(clippy::print_stdout, reason = "a bench prints")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot run has nothing else to say")]

use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use encamp_logs::{Config, Stream, Writer};

const SIZES: [(&str, usize); 3] = [("200 B", 200), ("4 KiB", 4096), ("64 KiB", 65_536)];

fn chunk(size: usize) -> Vec<u8> {
    let mut chunk = vec![b'x'; size];
    chunk.iter_mut().skip(99).step_by(100).for_each(|byte| *byte = b'\n');
    chunk
}

/// MB/s over one second, into files that are thrown away.
fn rate(chunk: &[u8], mut write: impl FnMut(&[u8])) -> f64 {
    let (before, mut bytes) = (Instant::now(), 0_u32);
    while before.elapsed() < Duration::from_secs(1) && bytes < 2_000_000_000 {
        for _ in 0..16 {
            write(chunk);
            bytes += u32::try_from(chunk.len()).unwrap();
        }
    }
    f64::from(bytes) / before.elapsed().as_secs_f64() / 1e6
}

fn write(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("write");
    for (name, size) in SIZES {
        let chunk = chunk(size);
        let dir = tempfile::tempdir().unwrap();
        let mut writer = Writer::open(dir.path(), "task", Stream::Stdout, Config::default()).unwrap();
        let mut plain = File::create(dir.path().join("plain")).unwrap();
        let (ours, theirs) = (
            rate(&chunk, |chunk| writer.write(chunk).unwrap()),
            rate(&chunk, |chunk| plain.write_all(chunk).unwrap()),
        );
        println!(
            "{name}: {ours:.0} MB/s, plain file {theirs:.0} MB/s, ratio {:.2}",
            ours / theirs
        );
        drop(plain);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(name, |bencher| bencher.iter(|| writer.write(&chunk).unwrap()));
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_secs(1));
    targets = write
}
criterion_main!(benches);
