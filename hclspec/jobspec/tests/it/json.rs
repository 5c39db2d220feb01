//! Job files in JSON.

use std::fmt::Write as _;

use encamp_hclspec::{Body, Source};
use encamp_jobspec::Job;
use serde_json::{Map, Value, json};

use crate::blocks::{WHOLE, read, said};
use crate::parse_text;

/// The JSON of a body of the native syntax, as the specification of the JSON syntax has it.
fn of_body(body: &Body) -> Value {
    let (attributes, blocks) = body.everything();
    let mut object = Map::new();
    for attribute in attributes {
        let text = attribute.value().span().text().to_owned();
        object.insert(attribute.name().to_owned(), of_expression(attribute.name(), &text));
    }
    for block in blocks {
        let mut value = of_body(block.body());
        for label in block.labels().iter().rev() {
            value = json!([{ label.text(): value }]);
        }
        match object.entry(block.name()).or_insert_with(|| json!([])) {
            Value::Array(values) => values.extend(match value {
                Value::Array(values) => values,
                value => vec![value],
            }),
            other => panic!("{other}"),
        }
    }
    Value::Object(object)
}

fn of_expression(name: &str, text: &str) -> Value {
    if name == "type" && !text.starts_with('"') {
        return Value::from(text);
    }
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(format!("${{{text}}}")))
}

fn without_spans(job: &Job) -> String {
    let text = said(job);
    let mut out = String::new();
    let mut rest = text.as_str();
    // Spans are printed as file:start..end.
    while let Some(at) = rest.find("whole.") {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.find([',', ')', ' ', '}']).unwrap();
        rest = &rest[end..];
        let _ = write!(out, "_");
    }
    out + rest
}

#[test]
fn the_same_job_in_json_is_the_same_job() {
    let native = read("whole.nomad.hcl", WHOLE);
    let body = Body::parse(Source::new("whole.nomad.hcl", WHOLE.to_owned())).unwrap();
    let text = serde_json::to_string_pretty(&of_body(&body)).unwrap();
    let json = read("whole.nomad.json", &text);
    let (native_text, json_text) = (without_spans(&native), without_spans(&json));
    let same = native_text
        .bytes()
        .zip(json_text.bytes())
        .take_while(|(a, b)| a == b)
        .count();
    let from = same.saturating_sub(100);
    let near = |text: &str| text.chars().skip(from).take(200).collect::<String>();
    assert!(native_text == json_text, "{}\n{}", near(&native_text), near(&json_text));
    assert_eq!(native.groups[0].tasks[0].env, json.groups[0].tasks[0].env);
    assert_eq!(
        native.groups[0].scaling.as_ref().unwrap().policy.is_some(),
        json.groups[0].scaling.as_ref().unwrap().policy.is_some()
    );
}

const SMALL: &str = r#"{
  "variable": {"image": {"type": "string", "default": "busybox"}, "count": {"type": "number", "default": 1}},
  "locals": {"full": "${var.image}:1"},
  "job": {
    "j": {
      "type": "batch",
      "meta": {"a": "b"},
      "group": {
        "g": {
          "restart": {"attempts": 0},
          "task": {
            "t": {
              "driver": "docker",
              "env": [{"A": "1", "B": "${NOMAD_TASK_DIR}"}],
              "config": {"image": "${local.full}", "args": ["-c", "x"]},
              "resources": {"cpu": 20}
            }
          }
        }
      }
    }
  }
}"#;

#[test]
fn a_job_in_json_is_known_by_its_first_character() {
    let job = parse_text(SMALL, &[]).unwrap_or_else(|errors| panic!("{errors}")).job;
    let task = &job.groups[0].tasks[0];
    assert_eq!((job.meta["a"].as_str(), job.groups[0].restart.attempts), ("b", 0));
    assert_eq!(
        (task.env["A"].as_str(), task.env["B"].as_str()),
        ("1", "${NOMAD_TASK_DIR}")
    );
    assert_eq!(task.resources.cpu, 20);
    let spec = encamp_hclspec::Spec::object([
        (
            "image",
            encamp_hclspec::Spec::attr("image", encamp_hclspec::Type::String),
        ),
        (
            "args",
            encamp_hclspec::Spec::attr("args", encamp_hclspec::Type::list(encamp_hclspec::Type::String)),
        ),
    ]);
    let config = task.config.decode(&spec, &std::collections::BTreeMap::new()).unwrap();
    assert_eq!(config.get("image").and_then(|image| image.as_str()), Some("busybox:1"));
}

#[test]
fn errors_in_json_have_their_places() {
    let check = |from: &str, to: &str, expected: &str| {
        let errors = parse_text(&SMALL.replacen(from, to, 1), &[]).unwrap_err().to_string();
        assert_eq!(errors, expected);
    };
    check(
        "\"driver\"",
        "\"dirver\"",
        "job.hcl:12:18: Missing driver; The task \"t\" has no driver. Name one: driver = \"exec\".\n\
         job.hcl:13:15: Extraneous JSON object property; No argument or block type is named \"dirver\". Did you mean \
         \"driver\"?",
    );
    check(
        "\"cpu\": 20",
        "\"cpu\": 0",
        "job.hcl:16:36: Invalid cpu; \"cpu\" must be at least 1.",
    );
    check(
        "\"batch\"",
        "\"system\"",
        "job.hcl:6:15: Invalid job type; Jobs of type \"system\" are not supported yet.",
    );
    check(
        "\"restart\": {\"attempts\": 0}",
        "\"network\": {}",
        "job.hcl:10:11: Unsupported block; \"network\" in a group is not supported yet. Remove it to run the job here.",
    );
    check(
        "{\"type\": \"string\", \"default\"",
        "{\"type\": \"strnig\", \"default\"",
        "job.hcl:2:34: Unknown variable; There is no type \"strnig\". Did you mean \"string\"?",
    );
}

#[test]
fn the_schema_names_every_block() {
    let schema = encamp_jobspec::json_schema();
    let text = schema.to_string();
    for name in [
        "job",
        "group",
        "task",
        "sidecar_service",
        "spread",
        "wait",
        "listener",
        "config",
        "variable",
        "locals",
    ] {
        assert!(text.contains(&format!("\"{name}\"")), "{name}");
    }
}
