//! A task's `config` block, decoded later.

use std::collections::BTreeMap;

use encamp_hclspec::{Diagnostics, Spec, Type, UnknownVariables, Value};
use encamp_jobspec::Config;

use crate::{job, parse_text};

fn spec() -> Spec {
    Spec::object([
        ("command", Spec::attr("command", Type::String).required()),
        ("args", Spec::attr("args", Type::list(Type::String))),
        ("port", Spec::attr("port", Type::Number)),
    ])
}

fn config(text: &str) -> Config {
    let text = format!(
        "variable \"v\" {{\n default = \"x\"\n}}\nlocals {{\n l = \"y\"\n}}\n{}",
        job("", text)
    );
    let mut parsed = parse_text(&text, &[]).unwrap();
    parsed.job.groups.remove(0).tasks.remove(0).config
}

fn env() -> BTreeMap<String, String> {
    let pairs = [
        ("NOMAD_TASK_DIR", "/local"),
        ("PORT", "8080"),
        ("attr.kernel.name", "linux"),
        ("attr.driver", "1"),
        ("attr.driver.exec", "2"),
        ("meta.rack", "r1"),
        ("node.unique.name", "n1"),
        ("odd..name", "o"),
        ("local", "hidden"),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn decode(text: &str) -> Result<Value, Diagnostics> {
    config(text).decode(&spec(), &env())
}

#[test]
fn expressions_see_the_job_file_the_environment_and_the_node() {
    let check = |expression: &str, expected: &str| {
        let value =
            decode(&format!("config {{\n command = {expression}\n}}")).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(
            value.get("command").and_then(Value::as_str),
            Some(expected),
            "{expression}"
        );
    };
    check("\"${var.v}${local.l}\"", "xy");
    check("\"${NOMAD_TASK_DIR}/a\"", "/local/a");
    check("\"${env[\"PORT\"]}\"", "8080");
    check("PORT + 1", "8081");
    check("attr.kernel.name", "linux");
    check("attr.driver.exec", "2");
    check("env[\"attr.driver\"]", "1");
    check("env[\"odd..name\"]", "o");
    check("\"${meta.rack}-${node.unique.name}\"", "r1-n1");
}

#[test]
fn unknown_references_are_errors_at_their_place() {
    let errors = decode("config {\n command = \"${NOMAD_TASK_DRI}\"\n args = [meta.rock]\n}").unwrap_err();
    assert_eq!(
        errors.to_string(),
        "job.hcl:13:15: Unknown variable; There is no variable named \"NOMAD_TASK_DRI\". Did you mean \"NOMAD_TASK_DIR\"?\n\
         job.hcl:14:14: Unsupported attribute; There is no attribute named \"rock\" in this object. Did you mean \"rack\"?"
    );
}

#[test]
fn a_configuration_can_be_checked_without_an_environment() {
    let config =
        config("config {\n command = \"${env[\"X\"]}\"\n port = NOMAD_PORT_http\n args = [5, \"${var.v}\"]\n}");
    let value = config
        .decode_with(&spec(), &BTreeMap::new(), UnknownVariables::KeepText)
        .unwrap();
    let expected = Value::object([
        ("command", Value::from("${env[\"X\"]}")),
        ("args", Value::list(Type::String, ["5", "x"])),
        ("port", Value::from("${NOMAD_PORT_http}")),
    ]);
    assert_eq!(value, expected);
}

#[test]
fn a_task_without_config_is_reported_at_its_header() {
    let errors = decode("").unwrap_err();
    assert_eq!(
        errors.to_string(),
        "job.hcl:10:1: Missing required argument; The argument \"command\" is required, but it is not set."
    );
    assert_eq!(
        decode("config { command = \"a\" }").unwrap().get("args"),
        Some(&Value::Null(Type::list(Type::String)))
    );
}

#[test]
fn an_option_can_be_located_for_errors_that_are_found_later() {
    let config = config("config {\n command = \"a\"\n}");
    assert_eq!(config.locate(&["command"]).map(|span| span.line()), Some(13));
    assert_eq!(config.span().text(), "config");
    assert_eq!(format!("{config:?}"), "Config(job.hcl:102..108)");
}
