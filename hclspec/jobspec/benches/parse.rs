//! Reading a job file of 100 tasks, beside the bare parse of its text in the same run.
#![expect(clippy::unwrap_used, reason = "a bench that cannot run has nothing else to say")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use encamp_hclspec::{Body, Source};

fn job() -> String {
    let mut text = String::from("variable \"image\" {\n type = string\n default = \"web:1\"\n}\n");
    text.push_str("job \"bench\" {\n type = \"batch\"\n group \"g\" {\n");
    for n in 0..100 {
        write!(
            text,
            "task \"task-{n}\" {{\n driver = \"docker\"\n config {{\n image = var.image\n args = [\"-c\", \"echo ${{NOMAD_TASK_NAME}} {n}\"]\n }}\n \
             env {{\n MODE = \"${{upper(\"fast\")}}\"\n NUMBER = {n}\n }}\n \
             resources {{\n cpu = 100\n memory = 64\n }}\n restart {{\n attempts = 2\n delay = \"1s\"\n }}\n }}\n"
        )
        .unwrap();
    }
    text.push_str("}\n}\n");
    text
}

fn parse(criterion: &mut Criterion) {
    let text = job();
    let mut group = criterion.benchmark_group("job_of_100_tasks");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("ours", |bencher| {
        bencher.iter(|| encamp_jobspec::parse(Source::new("job.hcl", text.clone()), &BTreeMap::new()).unwrap());
    });
    group.bench_function("body_only", |bencher| {
        bencher.iter(|| Body::parse(Source::new("job.hcl", text.clone())).unwrap());
    });
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
