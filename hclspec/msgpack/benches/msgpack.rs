//! Both dialects beside `rmp-serde`, which speaks neither, on the configuration of a task.

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use encamp_hclspec_cty::Value;
use encamp_hclspec_msgpack::{cty, legacy};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Config {
    image: String,
    args: Vec<String>,
    env: BTreeMap<String, String>,
    mounts: Vec<Mount>,
    memory: u64,
    share: f64,
}

#[derive(Serialize, Deserialize)]
struct Mount {
    source: String,
    target: String,
    readonly: bool,
    size: i64,
}

fn config() -> Config {
    let mount = |index: i64| Mount {
        source: format!("/srv/data/{index}"),
        target: format!("/data/{index}"),
        readonly: index % 2 == 0,
        size: index * 1000,
    };
    Config {
        image: "registry.example/team/app:1.2.3".to_owned(),
        args: (0..200)
            .map(|index| format!("--argument-{index}=with some value of a usual length"))
            .collect(),
        env: (0..200)
            .map(|index| (format!("VARIABLE_{index}"), format!("value {index}")))
            .collect(),
        mounts: (0..200).map(mount).collect(),
        memory: 1 << 33,
        share: 0.5,
    }
}

fn value(config: &Config) -> Value {
    let mount = |mount: &Mount| {
        Value::object([
            ("source", Value::from(mount.source.as_str())),
            ("target", Value::from(mount.target.as_str())),
            ("readonly", Value::from(mount.readonly)),
            ("size", Value::from(mount.size)),
        ])
    };
    Value::object([
        ("image", Value::from(config.image.as_str())),
        ("args", Value::tuple(config.args.iter().map(String::as_str))),
        (
            "env",
            Value::object(config.env.iter().map(|(name, value)| (name.as_str(), value.as_str()))),
        ),
        ("mounts", Value::tuple(config.mounts.iter().map(mount))),
        ("memory", Value::from(config.memory)),
        (
            "share",
            Value::Number("0.5".parse().unwrap_or(encamp_hclspec_cty::Number::ZERO)),
        ),
    ])
}

fn bench(c: &mut Criterion) {
    let config = config();
    let value = value(&config);
    let (Ok(ours), Ok(struct_bytes), Ok(theirs)) = (
        cty::to_vec(&value),
        legacy::to_vec(&config),
        rmp_serde::to_vec_named(&config),
    ) else {
        return;
    };
    let mut encode = c.benchmark_group("encode");
    encode.throughput(Throughput::Bytes(theirs.len() as u64));
    encode.bench_function("cty", |b| b.iter(|| cty::to_vec(black_box(&value))));
    encode.bench_function("legacy", |b| b.iter(|| legacy::to_vec(black_box(&config))));
    encode.bench_function("rmp-serde", |b| b.iter(|| rmp_serde::to_vec_named(black_box(&config))));
    encode.finish();

    let mut decode = c.benchmark_group("decode");
    decode.throughput(Throughput::Bytes(theirs.len() as u64));
    let ty = value.ty();
    decode.bench_function("cty", |b| b.iter(|| cty::from_slice(black_box(&ours), &ty)));
    decode.bench_function("legacy", |b| {
        b.iter(|| legacy::from_slice::<Config>(black_box(&struct_bytes)));
    });
    decode.bench_function("rmp-serde", |b| {
        b.iter(|| rmp_serde::from_slice::<Config>(black_box(&theirs)));
    });
    decode.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
