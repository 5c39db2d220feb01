//! Parsing and decoding texts of four shapes in three sizes, beside hcl-edit's parser alone in the same run.
//!
//! After the figures of criterion, the growth of each shape is printed: the time for a byte of the largest text, in
//! parts of that for a byte of the smallest; and the same of dropping the tree and the value.

mod inputs;

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use encamp_hclspec::spec::text::SpecFile;
use encamp_hclspec::{Body, Context, Diagnostics, Source, Value, decode};
use rustix::time::{ClockId, clock_gettime};

use self::inputs::{SHAPES, Shape};

const KIB: usize = 1024;
const SIZES: [usize; 3] = [100 * KIB, 1024 * KIB, 10 * 1024 * KIB];
/// How often the largest size is measured for the growth.
const ROUNDS: usize = 15;

/// A text with its spec.
struct Case {
    source: Arc<Source>,
    spec: SpecFile,
    context: Context,
}

impl Case {
    #[expect(clippy::panic, reason = "a bench of a wrong text is wrong itself")]
    fn of(shape: Shape, size: usize) -> Self {
        let spec = Source::new("bench.hcldec", (shape.spec)());
        let spec = SpecFile::parse(&spec).unwrap_or_else(|errors| panic!("{:?}", errors.iter().next()));
        let case = Self {
            source: Source::new("bench.hcl", shape.text(size)),
            context: spec.context(),
            spec,
        };
        if let Err(errors) = case.run() {
            panic!("{:?}", errors.iter().next());
        }
        case
    }

    fn run(&self) -> Result<Value, Diagnostics> {
        let body = Body::parse(Arc::clone(black_box(&self.source)))?;
        decode(&self.spec.spec, &body, &self.context)
    }

    /// The least seconds of the processor that it took for a byte, and that dropping the tree and the value took.
    #[expect(clippy::cast_precision_loss, reason = "lengths of texts are far below 2^52")]
    fn seconds_per_byte(&self, runs: usize) -> [f64; 2] {
        let mut best = [f64::INFINITY; 2];
        for _ in 0..runs {
            let start = processor_seconds();
            let made = Body::parse(Arc::clone(black_box(&self.source)))
                .map(|body| (decode(&self.spec.spec, &body, &self.context), body));
            let end = processor_seconds();
            drop(black_box(made));
            let times = [end - start, processor_seconds() - end];
            best = [best[0].min(times[0]), best[1].min(times[1])];
        }
        best.map(|seconds| seconds / self.source.text().len() as f64)
    }
}

/// Of this process. What else the machine does must not count where long runs are compared with short ones.
#[expect(clippy::cast_precision_loss, reason = "a process takes less than 2^52 seconds")]
fn processor_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn parse_and_decode(criterion: &mut Criterion) {
    for shape in SHAPES {
        let mut group = criterion.benchmark_group(shape.name);
        group.sample_size(10);
        for size in SIZES {
            let case = Case::of(shape, size);
            let label = format!("{} KiB", size / KIB);
            group.throughput(Throughput::Bytes(case.source.text().len() as u64));
            group.bench_with_input(BenchmarkId::new("ours", &label), &case, |bench, case| {
                bench.iter(|| case.run());
            });
            let parser = BenchmarkId::new("hcl-edit, parse alone", &label);
            group.bench_with_input(parser, case.source.text(), |bench, text| {
                bench.iter(|| hcl_edit::parser::parse_body(black_box(text)).is_ok());
            });
        }
        group.finish();
    }
}

#[expect(clippy::print_stdout, reason = "the figures are what a bench is for")]
fn growth(_: &mut Criterion) {
    let [small, .., large] = SIZES;
    println!(
        "time per byte at {} KiB / at {} KiB: to decode, to drop",
        large / KIB,
        small / KIB
    );
    for shape in SHAPES {
        // First the large one, after which an allocator has the memory for both.
        let of_large = Case::of(shape, large).seconds_per_byte(ROUNDS);
        let of_small = Case::of(shape, small).seconds_per_byte(ROUNDS * large / small);
        let [decoded, dropped] = [of_large[0] / of_small[0], of_large[1] / of_small[1]];
        println!("{:<32}{decoded:.2} {dropped:.2}", shape.name);
    }
}

criterion_group!(benches, parse_and_decode, growth);
criterion_main!(benches);
