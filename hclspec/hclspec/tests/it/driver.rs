//! The configuration of a driver's task, from its schema to its struct, in the ways that jobs give it.

use std::collections::BTreeMap;

use encamp_hclspec::{Context, Spec, Spellings, Type, Value, decode_with, from_value, serde_map};
use serde::Deserialize;

use crate::{decoded, parse};

fn text(name: &str) -> (&str, Spec) {
    (name, Spec::attr(name, Type::String))
}

/// A driver's schema with a part of every kind that drivers have.
fn schema() -> Spec {
    let logging = Spec::object([
        text("type"),
        ("config", Spec::attr("config", Type::list(Type::map(Type::String)))),
    ]);
    let device = Spec::object([text("host_path"), text("container_path")]);
    Spec::object([
        ("image", Spec::attr("image", Type::String).required()),
        ("args", Spec::attr("args", Type::list(Type::String))),
        ("pids_limit", Spec::attr("pids_limit", Type::Number)),
        ("port_map", Spec::attr("port_map", Type::list(Type::map(Type::Number)))),
        ("labels", Spec::block_attrs("labels", Type::String)),
        ("devices", Spec::block_list("devices", device)),
        ("logging", Spec::block("logging", logging)),
        (
            "timeout",
            Spec::default_value(Spec::attr("timeout", Type::String), "5m"),
        ),
        (
            "privileged",
            Spec::default_value(Spec::attr("privileged", Type::Bool), false),
        ),
    ])
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Task {
    image: String,
    args: Option<Vec<String>>,
    pids_limit: Option<i64>,
    #[serde(deserialize_with = "serde_map::merged")]
    port_map: BTreeMap<String, u16>,
    labels: BTreeMap<String, String>,
    devices: Vec<Device>,
    logging: Logging,
    timeout: String,
    privileged: bool,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Device {
    host_path: String,
    container_path: Option<String>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Logging {
    #[serde(rename = "type")]
    kind: String,
    #[serde(deserialize_with = "serde_map::merged")]
    config: BTreeMap<String, String>,
}

/// Checks that every text is the same task.
#[track_caller]
fn check<const N: usize>(texts: [&str; N], expected: &Task) {
    let context = Context::new()
        .with_variable("NOMAD_ALLOC_INDEX", "2")
        .with_variable("attr", Value::object([("kernel", Value::object([("name", "linux")]))]));
    for text in texts {
        let body = parse(text).unwrap();
        let value = decode_with(&schema(), &body, &context, Spellings::Every).unwrap();
        assert_eq!(&from_value::<Task>(value).unwrap(), expected, "{text}");
    }
}

fn busybox() -> Task {
    Task {
        image: "busybox".to_owned(),
        timeout: "5m".to_owned(),
        ..Task::default()
    }
}

fn map<V, const N: usize>(entries: [(&str, V); N]) -> BTreeMap<String, V> {
    entries.map(|(name, value)| (name.to_owned(), value)).into()
}

#[test]
fn texts_and_numbers() {
    check(["image = \"busybox\"", r#"{"image": "busybox"}"#], &busybox());
    let limited = Task {
        pids_limit: Some(2),
        ..busybox()
    };
    check(
        [
            "image = \"busybox\"\npids_limit = \"2\"",
            "image = \"busybox\"\npids_limit = 1 + 1",
            r#"{"image": "busybox", "pids_limit": "2"}"#,
            r#"{"image": "busybox", "pids_limit": "${1 + 1}"}"#,
            r#"{"image": "busybox", "pids_limit": "${NOMAD_ALLOC_INDEX}"}"#,
        ],
        &limited,
    );
}

#[test]
fn variables_of_the_task_and_of_the_node() {
    let expected = Task {
        image: "busybox".to_owned(),
        args: Some(vec!["linux-2".to_owned(), "${x}".to_owned()]),
        ..busybox()
    };
    check(
        [
            "image = \"busybox\"\nargs = [\"${attr.kernel.name}-${NOMAD_ALLOC_INDEX}\", \"$${x}\"]",
            r#"{"image": "busybox", "args": ["${attr.kernel.name}-${NOMAD_ALLOC_INDEX}", "$${x}"]}"#,
        ],
        &expected,
    );
}

#[test]
fn maps_and_blocks() {
    let expected = Task {
        port_map: map([("http", 80), ("https", 443)]),
        labels: map([("team", "a".to_owned())]),
        devices: vec![
            Device {
                host_path: "/dev/a".to_owned(),
                container_path: Some("/dev/b".to_owned()),
            },
            Device {
                host_path: "/dev/c".to_owned(),
                container_path: None,
            },
        ],
        logging: Logging {
            kind: "json-file".to_owned(),
            config: map([("max-file", "3".to_owned())]),
        },
        ..busybox()
    };
    check(
        [
            r#"
            image = "busybox"
            port_map {
              http = 80
              https = "443"
            }
            labels { team = "a" }
            devices {
              host_path = "/dev/a"
              container_path = "/dev/b"
            }
            devices { host_path = "/dev/c" }
            logging {
              type = "json-file"
              config {
                max-file = 3
              }
            }
            "#,
            r#"
            image = "busybox"
            port_map = [{ http = 80 }, { https = 443 }]
            labels = { team = "a" }
            devices = [
              { host_path = "/dev/a", container_path = "/dev/b" },
              { host_path = "/dev/c" },
            ]
            logging = { type = "json-file", config = [{ "max-file" = "3" }] }
            "#,
            r#"{
              "image": "busybox",
              "port_map": [{"http": 80}, {"https": 443}],
              "labels": [{"team": "a"}],
              "devices": [{"host_path": "/dev/a", "container_path": "/dev/b"}, {"host_path": "/dev/c"}],
              "logging": [{"type": "json-file", "config": [{"max-file": 3}]}]
            }"#,
            r#"{
              "image": "busybox",
              "port_map": {"http": 80, "https": 443},
              "labels": {"team": "a"},
              "devices": [{"host_path": "/dev/a", "container_path": "/dev/b"}, {"host_path": "/dev/c"}],
              "logging": {"type": "json-file", "config": {"max-file": 3}}
            }"#,
        ],
        &expected,
    );
}

#[test]
fn null_is_as_good_as_nothing() {
    check(
        [
            "image = \"busybox\"\nargs = null\npids_limit = null\nport_map = null\ntimeout = null\nprivileged = null",
            r#"{"image": "busybox", "args": null, "pids_limit": null, "port_map": null, "labels": null, "devices": null,
                "logging": null, "timeout": null, "privileged": null}"#,
        ],
        &busybox(),
    );
}

#[test]
fn what_is_wrong_is_wrong_in_every_spelling() {
    let refused = [
        ("image = \"${nope}\"", "Unknown variable"),
        ("image = \"b\"\nport_map { a = nope }", "Unknown variable"),
        ("image = \"b\"\nlabels { a = \"${nope}\" }", "Unknown variable"),
        ("image = \"b\"\nargs = [nope]", "Unknown variable"),
        ("image = \"b\"\nlogging {\n config { a = nope }\n}", "Unknown variable"),
        ("image = \"b\"\nimgae = \"c\"", "Unsupported argument"),
        ("image = \"b\"\nlogin {}", "Unsupported block type"),
        (r#"{"image": "b", "imgae": "c"}"#, "Extraneous JSON object property"),
        ("image = \"b\"\nlogging {}\nlogging {}", "Duplicate logging block"),
        ("args = []", "Missing required argument"),
        (
            "image = \"b\"\nport_map { a = \"x\" }",
            "Incorrect attribute value type",
        ),
    ];
    for (text, summary) in refused {
        let context = Context::new().with_variable("other", "x");
        let found = decoded(&schema(), text, &context, Spellings::Every).unwrap_err();
        assert!(found.lines().count() == 1 && found.contains(summary), "{text}: {found}");
    }
}
