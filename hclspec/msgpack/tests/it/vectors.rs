//! What a host and its plugins of the field make of specs and of configurations in JSON: recorded cases, replayed.
//!
//! `vectors.txt` is a list of cases. Each begins with a line that is one of
//!
//! - `spec`: the spec of this case and of those that follow, a message of the plugin protocol in JSON;
//! - `with vars`, after it: the variables that there are, see [`context`];
//! - `from`: the configuration,
//!
//! and goes on with what comes of it:
//!
//! - `type` and `wire`: the value's type and its bytes;
//! - `int64`, `float64`: what Go's decoder makes of the bytes in a field of that type;
//! - `diag`: a diagnostic's columns and summary;
//! - `spec-diag`: the summary of a diagnostic about the spec;
//! - `go ..` and `our ..`: one of these lines that holds only for the field's implementation, or only for ours; `why`
//!   says why.

use std::collections::BTreeMap;

use encamp_hclspec::spec::wire::{WireBlocks, WireSpec};
use encamp_hclspec::{Body, Context, Diagnostics, Source, Spec, Type, Value, decode, spec::text::parse_type};
use encamp_hclspec_msgpack::{cty, legacy};
use serde_json::Value as Json;

use crate::hex;

const VECTORS: &str = include_str!("vectors.txt");

#[derive(Default)]
struct Case<'t> {
    line: usize,
    spec: &'t str,
    with: &'t str,
    from: &'t str,
    /// What holds for ours, and what for the other implementation.
    ours: Vec<&'t str>,
    other: Vec<&'t str>,
    /// What Go's decoder makes of the bytes.
    read: Vec<&'t str>,
    why: &'t str,
}

fn cases() -> Vec<Case<'static>> {
    let (mut spec, mut with) = ("", "");
    let mut cases: Vec<Case<'_>> = Vec::new();
    for (index, line) in VECTORS.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        let (key, rest) = line.split_once(' ').unwrap_or((line, ""));
        let case = cases.last_mut();
        match (key, case) {
            ("#", _) => {}
            ("spec", _) => (spec, with) = (rest, ""),
            ("with", _) => with = rest,
            ("from", _) => cases.push(Case {
                line: index + 1,
                spec,
                with,
                from: rest,
                ..Case::default()
            }),
            ("type" | "wire" | "diag" | "spec-diag", Some(case)) => {
                case.ours.push(line);
                case.other.push(line);
            }
            ("int64" | "float64", Some(case)) => case.read.push(line),
            ("go", Some(case)) => case.other.push(rest),
            ("our", Some(case)) => case.ours.push(rest),
            ("why", Some(case)) => case.why = rest,
            _ => panic!("line {}: {line}", index + 1),
        }
    }
    cases
}

/// What comes of a case, in the words of the file.
fn outcome(case: &Case<'_>) -> Vec<String> {
    let wire = wire(&serde_json::from_str(case.spec).unwrap());
    let spec = match Spec::from_wire(wire.as_ref()) {
        Ok(spec) => spec,
        Err(found) => {
            return found
                .iter()
                .map(|found| format!("spec-diag {}", found.summary))
                .collect();
        }
    };
    let body = Body::parse_json(Source::new("", case.from.to_owned()));
    match body.and_then(|body| decode(&spec, &body, &context(case.with))) {
        Ok(value) => {
            let encoded = cty::to_vec(&value).unwrap();
            let ty = value.ty();
            check_reading(case, &value, &ty, &encoded);
            vec![format!("type {ty}"), format!("wire {}", hex(&encoded))]
        }
        Err(found) => columns(&found),
    }
}

fn columns(found: &Diagnostics) -> Vec<String> {
    let line = |found: &encamp_hclspec::Diagnostic| {
        let span = found.span.as_ref().unwrap();
        format!("diag {}-{} {}", span.column(), span.end_column(), found.summary)
    };
    found.iter().map(line).collect()
}

/// What is read of the bytes: the same value, and in a plugin's struct what Go's decoder has, or more.
fn check_reading(case: &Case<'_>, value: &Value, ty: &Type, encoded: &[u8]) {
    let line = case.line;
    assert_eq!(&cty::from_slice(encoded, ty).unwrap(), value, "line {line}");
    for read in &case.read {
        let number = value.get("n").unwrap().as_number();
        let (kind, expected) = read.split_once(' ').unwrap();
        let mut found = match kind {
            "int64" => legacy::from_slice::<BTreeMap<String, Option<i64>>>(encoded)
                .map(|read| read["n"].map(|read| read.to_string())),
            _ => legacy::from_slice::<BTreeMap<String, Option<f64>>>(encoded)
                .map(|read| read["n"].map(|read| format!("{read:?}"))),
        };
        // Null leaves a field of a Go struct at its zero value.
        if number.is_none() {
            assert_eq!(found, Ok(None), "line {line}");
            continue;
        }
        let number = number.unwrap();
        let ours = match kind {
            "int64" => number.as_i64().map(|number| number.to_string()),
            _ => Some(format!("{:?}", number.as_f64())),
        };
        match (&ours, expected) {
            (None, "refused") => assert!(found.is_err(), "line {line}: {found:?}"),
            (_, "refused") => assert_eq!(found, Ok(ours), "line {line}"),
            _ => {
                let expected: f64 = expected.parse().unwrap();
                assert_eq!(found.as_ref(), Ok(&ours), "line {line}");
                let found: f64 = found.as_mut().unwrap().take().unwrap().parse().unwrap();
                assert_eq!(found.to_bits(), expected.to_bits(), "line {line}");
            }
        }
    }
}

/// The variables that a case names.
fn context(with: &str) -> Context {
    match with {
        "vars" => Context::new()
            .with_variable("NOMAD_PORT", "8080")
            .with_variable("attr", Value::object([("kernel", Value::object([("name", "linux")]))]))
            .with_variable("env", Value::map(Type::String, [("a.b", "z")])),
        "tmpl" => Context::new()
            .with_variable("k", "key")
            .with_variable("NOMAD_PORT", "8080")
            .with_variable("attr", Value::object([("a", "${k}")])),
        "" => Context::new(),
        other => panic!("no such variables: {other}"),
    }
}

/// A message in JSON; null is no message.
fn wire(json: &Json) -> Option<WireSpec> {
    let Some((kind, of)) = json.as_object()?.iter().next() else {
        return Some(WireSpec::Unset);
    };
    let text = |key: &str| of[key].as_str().unwrap_or_default().to_owned();
    let boxed = |key: &str| wire(&of[key]).map(Box::new);
    let required = of["required"].as_bool().unwrap_or_default();
    let blocks = || WireBlocks {
        name: text("name"),
        min_items: of["min"].as_u64().unwrap_or_default(),
        max_items: of["max"].as_u64().unwrap_or_default(),
        nested: boxed("nested"),
    };
    Some(match kind.as_str() {
        "object" => {
            let parts = of.as_object().unwrap().iter();
            WireSpec::Object(parts.map(|(name, part)| (name.clone(), wire(part).unwrap())).collect())
        }
        "array" => WireSpec::Array(of.as_array().unwrap().iter().map(|part| wire(part).unwrap()).collect()),
        "attr" => WireSpec::Attr {
            name: text("name"),
            type_text: text("type"),
            required,
        },
        "block" => WireSpec::Block {
            name: text("name"),
            required,
            nested: boxed("nested"),
        },
        "block_attrs" => WireSpec::BlockAttrs {
            name: text("name"),
            type_text: text("type"),
            required,
        },
        "block_list" => WireSpec::BlockList(blocks()),
        "block_set" => WireSpec::BlockSet(blocks()),
        "block_map" => WireSpec::BlockMap {
            name: text("name"),
            labels: of["labels"]
                .as_array()
                .unwrap()
                .iter()
                .map(|label| label.as_str().unwrap().to_owned())
                .collect(),
            nested: boxed("nested"),
        },
        "default" => WireSpec::Default {
            primary: boxed("primary"),
            default: boxed("default"),
        },
        "literal" => WireSpec::Literal(of.as_str().unwrap().to_owned()),
        other => panic!("no such message: {other}"),
    })
}

#[test]
fn every_recorded_case_gives_the_recorded_bytes_or_diagnostics() {
    let cases = cases();
    let mut wrong = Vec::new();
    for case in &cases {
        let outcome = outcome(case);
        let differs = case.ours != case.other;
        if outcome != case.ours || differs == case.why.is_empty() {
            wrong.push(format!(
                "line {}: {}\n  of {}\n  expected {:#?}\n  found {outcome:#?}",
                case.line, case.from, case.spec, case.ours
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

#[test]
fn the_recorded_cases_are_all_there() {
    let cases = cases();
    let count = |key: &str| {
        let with = cases
            .iter()
            .filter(|case| case.other.iter().any(|line| line.starts_with(key)));
        with.count()
    };
    assert_eq!(cases.len(), 290);
    assert_eq!(
        (count("wire"), count("diag"), count("spec-diag"), count("panic")),
        (189, 75, 25, 1)
    );
}

#[test]
fn specs_of_all_cases_go_out_as_they_came_in() {
    for case in cases() {
        let Some(wire) = wire(&serde_json::from_str(case.spec).unwrap()) else {
            continue;
        };
        let Ok(spec) = Spec::from_wire(&wire) else { continue };
        let sent = spec.to_wire().unwrap();
        assert_eq!(Spec::from_wire(&sent), Ok(spec), "line {}", case.line);
    }
}

#[test]
fn types_of_all_cases_are_written_as_they_are_read() {
    for case in cases() {
        for ty in case.ours.iter().filter_map(|line| line.strip_prefix("type ")) {
            let read = parse_type(Source::new("type", ty.to_owned())).unwrap();
            assert_eq!(read.to_string(), ty);
        }
    }
}
