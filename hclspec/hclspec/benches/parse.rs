//! Parsing and decoding about a megabyte of labelled blocks, beside the bare parser in the same run.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use encamp_hclspec::{Body, Context, Source, Spec, Type, Value, decode};

fn text() -> String {
    let mut text = String::new();
    for index in 0..3000 {
        write!(
            text,
            r#"task "t{index}" {{
  driver = "docker"
  count  = {index}
  args   = ["-c", "echo ${{name}} && sleep ${{1 + {index}}}", "plain"]
  env {{
    PATH  = "/bin:/usr/bin"
    INDEX = "{index}"
  }}
  port_map = {{ http = 8080, admin = 9090 }}
  # A comment.
  logging {{
    type = "json-file"
    options {{
      max-size = "10m"
    }}
  }}
}}

"#
        )
        .unwrap_or_default();
    }
    text
}

fn spec() -> Spec {
    let logging = Spec::object([
        ("type", Spec::attr("type", Type::String)),
        ("options", Spec::block_attrs("options", Type::String)),
    ]);
    let task = Spec::object([
        ("driver", Spec::attr("driver", Type::String).required()),
        ("count", Spec::default_value(Spec::attr("count", Type::Number), 1)),
        ("args", Spec::attr("args", Type::list(Type::String))),
        ("env", Spec::block_attrs("env", Type::String)),
        ("port_map", Spec::attr("port_map", Type::list(Type::map(Type::Number)))),
        ("logging", Spec::block("logging", logging)),
    ]);
    Spec::block_map("task", ["name"], task)
}

fn run(text: &str, spec: &Spec, context: &Context) -> Option<Value> {
    let body = Body::parse(Source::new("bench.hcl", text.to_owned())).ok()?;
    decode(spec, &body, context).ok()
}

fn parse(criterion: &mut Criterion) {
    let (text, spec) = (text(), spec());
    let context = Context::new().with_variable("name", "world");
    assert!(run(&text, &spec, &context).is_some(), "the text must be valid");
    let mut group = criterion.benchmark_group("parse");
    group.throughput(Throughput::Bytes(text.len() as u64)).sample_size(10);
    group.bench_function("hcl-edit alone", |bench| {
        bench.iter(|| hcl_edit::parser::parse_body(black_box(&text)).is_ok());
    });
    group.bench_function("parse", |bench| {
        bench.iter(|| Body::parse(Source::new("bench.hcl", black_box(&text).clone())).is_ok());
    });
    group.bench_function("parse and decode", |bench| {
        bench.iter(|| run(black_box(&text), &spec, &context));
    });
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
