//! Parsing texts of four shapes in three sizes, beside hcl-edit in the same run.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use encamp_hclspec_syntax::{Source, parse_body};

const KIB: usize = 1024;

/// A shape of text: one piece of it, to be repeated.
type Shape = fn(&mut String, usize);

fn plain(text: &mut String, index: usize) {
    write!(text, "name_{index} = \"value {index}\"\ncount_{index} = {index}\n").unwrap_or_default();
}

fn labelled(text: &mut String, index: usize) {
    write!(
        text,
        "task \"t{index}\" \"x\" {{\n  driver = \"docker\"\n  count  = {index}\n}}\n\n"
    )
    .unwrap_or_default();
}

fn nested(text: &mut String, index: usize) {
    write!(
        text,
        "group \"g{index}\" {{\n  task \"t\" {{\n    args = [\"-c\", \"echo ${{name}} && sleep ${{1 + {index}}}\", var.x[{index}].y]\n    \
         env {{\n      PATH = \"/bin:/usr/bin\"\n      N = {index} * 2 > max(1, 2) ? \"a\" : upper(\"b\")\n    }}\n    \
         ports = {{ http = 8080, admin = [for p in ports : p.id if p.ok] }}\n    # A comment.\n  }}\n}}\n"
    )
    .unwrap_or_default();
}

fn strings(text: &mut String, index: usize) {
    let line = "The quick brown fox jumps over the lazy dog, and does so again. ".repeat(16);
    write!(
        text,
        "text_{index} = \"{line}\"\nscript_{index} = <<EOT\n{line}\n{line}\nEOT\n"
    )
    .unwrap_or_default();
}

fn deep(text: &mut String, index: usize) {
    writeln!(text, "deep_{index} = {}1{}", "[{a = (".repeat(20), ")}]".repeat(20)).unwrap_or_default();
}

fn text(shape: Shape, size: usize) -> String {
    let mut text = String::with_capacity(size + size / 8);
    let mut index = 0;
    while text.len() < size {
        shape(&mut text, index);
        index += 1;
    }
    text
}

fn parse(criterion: &mut Criterion) {
    let shapes: [(&str, Shape); 5] = [
        ("plain attributes", plain),
        ("labelled blocks", labelled),
        ("nested blocks with expressions", nested),
        ("long strings", strings),
        ("deep nesting", deep),
    ];
    for (name, shape) in shapes {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(10);
        for size in [100 * KIB, 1024 * KIB, 10 * 1024 * KIB] {
            let source = Source::new("bench.hcl", text(shape, size));
            let label = format!("{} KiB", size / KIB);
            assert!(parse_body(&source).1.is_empty(), "the text must be valid");
            group.throughput(Throughput::Bytes(source.text().len() as u64));
            group.bench_with_input(BenchmarkId::new("ours", &label), &source, |bench, source| {
                bench.iter(|| parse_body(black_box(source)));
            });
            // It takes some seconds for each of the largest.
            if size <= 1024 * KIB {
                group.bench_with_input(BenchmarkId::new("hcl-edit", &label), &source, |bench, source| {
                    bench.iter(|| hcl_edit::parser::parse_body(black_box(source.text())).is_ok());
                });
            }
        }
        group.finish();
    }
}

criterion_group!(benches, parse);
criterion_main!(benches);
