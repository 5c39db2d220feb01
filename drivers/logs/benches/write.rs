//! Writing a task's output, beside plain `write` calls to one file in the same run.
#![expect(clippy::unwrap_used, reason = "a bench that cannot run has nothing else to say")]

use std::fs::File;
use std::io::{Seek, Write};
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use encamp_logs::{Config, Stream, Writer};

const SIZES: [(&str, usize); 3] = [("200 B", 200), ("4 KiB", 4096), ("64 KiB", 65_536)];

fn chunk(size: usize) -> Vec<u8> {
    let mut chunk = vec![b'x'; size];
    chunk.iter_mut().skip(99).step_by(100).for_each(|byte| *byte = b'\n');
    chunk
}

/// One file that starts anew when it is as large as all that the writer keeps.
struct Plain {
    file: File,
    length: u64,
}

impl Plain {
    fn write(&mut self, chunk: &[u8], limit: u64) {
        if self.length >= limit {
            self.file.set_len(0).unwrap();
            self.file.rewind().unwrap();
            self.length = 0;
        }
        self.file.write_all(chunk).unwrap();
        self.length += chunk.len() as u64;
    }
}

fn write(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("write");
    for (name, size) in SIZES {
        let chunk = chunk(size);
        let dir = tempfile::tempdir().unwrap();
        let config = Config::default();
        let limit = u64::from(config.max_files) * config.max_file_size;
        let mut writer = Writer::open(dir.path(), "task", Stream::Stdout, config).unwrap();
        let file = File::create(dir.path().join("plain")).unwrap();
        let mut plain = Plain { file, length: 0 };
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::new("ours", name), |bencher| {
            bencher.iter(|| writer.write(&chunk).unwrap());
        });
        group.bench_function(BenchmarkId::new("plain_file", name), |bencher| {
            bencher.iter(|| plain.write(&chunk, limit));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_secs(1));
    targets = write
}
criterion_main!(benches);
