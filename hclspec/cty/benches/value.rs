//! Numbers to and from text, beside the standard library's floats, and conversion of long lists.
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use encamp_hclspec_cty::{Number, Type, Value, convert, json};

const PI: &str = "3.14159265358979323846264338327950288419716939937510";

fn numbers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("number");
    for (name, text) in [("small", "8080"), ("tenth", "0.1"), ("pi", PI), ("large", "1e4000")] {
        group.bench_function(format!("parse/{name}"), |bencher| {
            bencher.iter(|| black_box(text).parse::<Number>());
        });
        let number: Number = text.parse().unwrap_or_default();
        group.bench_function(format!("format/{name}"), |bencher| {
            bencher.iter(|| black_box(&number).to_string());
        });
    }
    group.bench_function("parse/f64", |bencher| bencher.iter(|| black_box(PI).parse::<f64>()));
    let (a, b): (Number, Number) = ("11".parse().unwrap_or_default(), "5.1".parse().unwrap_or_default());
    group.bench_function("add", |bencher| {
        bencher.iter(|| black_box(&a).checked_add(black_box(&b)));
    });
    group.bench_function("divide", |bencher| {
        bencher.iter(|| black_box(&a).checked_div(black_box(&b)));
    });
    group.finish();
}

fn conversions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("convert");
    let elements = 10_000_u32;
    group.throughput(Throughput::Elements(elements.into()));
    let texts = Value::tuple((0..elements).map(|number| number.to_string()));
    let objects = Value::tuple((0..elements).map(|number| Value::object([("n", number), ("m", number)])));
    for (name, value, ty) in [
        ("list_of_numbers", &texts, Type::list(Type::Number)),
        ("list_of_any", &texts, Type::list(Type::Any)),
        ("set_of_numbers", &texts, Type::set(Type::Number)),
        (
            "list_of_objects",
            &objects,
            Type::list(Type::object([("n", Type::String)])),
        ),
        ("set_of_objects", &objects, Type::set(Type::Any)),
    ] {
        let fresh = || value.clone();
        group.bench_function(name, |bencher| {
            bencher.iter_batched(fresh, |value| convert(value, &ty), criterion::BatchSize::LargeInput);
        });
    }
    group.finish();
}

fn texts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("json");
    let value =
        Value::tuple((0..10_000).map(|number| Value::object([("n", Value::from(number)), ("t", "some text".into())])));
    let text = json::to_plain_string(&value).unwrap_or_default();
    group.throughput(Throughput::Bytes(u64::try_from(text.len()).unwrap_or(0)));
    group.bench_function("write", |bencher| {
        bencher.iter(|| json::to_plain_string(black_box(&value)));
    });
    group.bench_function("read", |bencher| bencher.iter(|| json::parse(black_box(&text))));
    group.bench_function("read/serde_json", |bencher| {
        bencher.iter(|| serde_json::from_str::<serde_json::Value>(black_box(&text)));
    });
    group.finish();
}

criterion_group!(benches, numbers, conversions, texts);
criterion_main!(benches);
