//! `dynamic` blocks.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use encamp_hclspec::{Spec, Type, Value};

use crate::blocks::read;
use crate::{job, parse_text};

#[track_caller]
fn check_error(text: &str, expected: &str) {
    let errors = parse_text(text, &[]).unwrap_err().to_string();
    assert_eq!(errors, expected, "{text}");
}

#[test]
fn blocks_are_made_for_each_element() {
    let text = job(
        "dynamic \"network\" {\n for_each = [\"host\", \"none\"]\n content {\n mode = network.value\n hostname = \"h${network.key}\"\n }\n}",
        "dynamic \"template\" {\n for_each = { a = 1, b = 2 }\n iterator = it\n content {\n data = it.value\n destination = \"local/${it.key}\"\n }\n}",
    );
    let job = read("job.hcl", &text);
    let networks = &job.groups[0].networks;
    let seen: Vec<_> = networks
        .iter()
        .map(|network| (network.mode.as_deref(), network.hostname.as_deref()))
        .collect();
    assert_eq!(seen, [(Some("host"), Some("h0")), (Some("none"), Some("h1"))]);
    let templates = &job.groups[0].tasks[0].templates;
    let seen: Vec<_> = templates
        .iter()
        .map(|template| (template.data.as_deref(), template.destination.as_deref()))
        .collect();
    assert_eq!(seen, [(Some("1"), Some("local/a")), (Some("2"), Some("local/b"))]);
}

#[test]
fn labels_are_computed_and_dynamic_blocks_may_be_nested() {
    let text = "locals {\n groups = { a = [\"x\", \"y\"], b = [\"z\"] }\n}\n\
        job \"j\" {\n dynamic \"group\" {\n for_each = local.groups\n labels = [\"g-${group.key}\"]\n content {\n\
        dynamic \"task\" {\n for_each = toset(group.value)\n labels = [task.value]\n content {\n driver = \"exec\"\n\
        meta { of = \"${group.key}-${task.key}\" }\n config { command = \"/bin/${task.value}\" }\n }\n }\n }\n }\n}";
    let job = parse_text(text, &[]).unwrap_or_else(|errors| panic!("{errors}")).job;
    let names: Vec<_> = job.groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["g-a", "g-b"]);
    let tasks: Vec<_> = job.groups[0]
        .tasks
        .iter()
        .map(|task| (task.name.as_str(), task.meta["of"].as_str()))
        .collect();
    assert_eq!(tasks, [("x", "a-x"), ("y", "a-y")]);
    let spec = Spec::object([("command", Spec::attr("command", Type::String))]);
    let config = job.groups[1].tasks[0].config.decode(&spec, &BTreeMap::new()).unwrap();
    assert_eq!(config.get("command").and_then(Value::as_str), Some("/bin/z"));
    assert_eq!(job.groups[1].tasks[0].span.text(), "dynamic \"task\"");
}

#[test]
fn dynamic_blocks_work_in_configurations() {
    let text = job(
        "",
        "config {\n dynamic \"mount\" {\n for_each = [\"/a\", \"/b\"]\n content {\n target = \"${mount.value}${NOMAD_X}\"\n }\n }\n mount {\n target = \"/c\"\n }\n\
         dynamic \"options\" {\n for_each = [1, 2]\n iterator = o\n content {\n n = o.value\n }\n }\n}",
    );
    let job = parse_text(&text, &[]).unwrap_or_else(|errors| panic!("{errors}")).job;
    let mount = Spec::object([("target", Spec::attr("target", Type::String))]);
    let spec = Spec::object([
        ("mount", Spec::block_list("mount", mount)),
        ("options", Spec::attr("options", Type::list(Type::map(Type::Number)))),
    ]);
    let env = BTreeMap::from([("NOMAD_X".to_owned(), "!".to_owned())]);
    let config = job.groups[0].tasks[0]
        .config
        .decode(&spec, &env)
        .unwrap_or_else(|errors| panic!("{errors}"));
    let json = serde_json::to_value(&config).unwrap();
    assert_eq!(
        json,
        serde_json::json!({"mount": [{"target": "/a!"}, {"target": "/b!"}, {"target": "/c"}], "options": [{"n": 1}, {"n": 2}]})
    );
}

#[test]
fn dynamic_blocks_work_in_json() {
    let text = r#"{"job": {"j": {"group": {"g": {"dynamic": {"task": {"for_each": ["a", "b"], "iterator": "it",
        "labels": ["${it.value}"], "content": {"driver": "exec", "meta": {"n": "${it.key}"}}}}}}}}}"#;
    let job = parse_text(text, &[]).unwrap_or_else(|errors| panic!("{errors}")).job;
    let tasks: Vec<_> = job.groups[0]
        .tasks
        .iter()
        .map(|task| (task.name.as_str(), task.meta["n"].as_str()))
        .collect();
    assert_eq!(tasks, [("a", "0"), ("b", "1")]);
}

#[test]
fn what_is_wrong_with_them_is_reported_at_its_place() {
    let task = |text: &str| job("", &format!("dynamic \"restart\" {{\n{text}\n}}"));
    check_error(
        &task("for_each = null\ncontent {}"),
        "job.hcl:7:12: Invalid dynamic for_each value; Null cannot be iterated over.",
    );
    check_error(
        &task("for_each = 5\ncontent {}"),
        "job.hcl:7:12: Invalid dynamic for_each value; A number cannot be iterated over: a list, a set or a map is needed.",
    );
    check_error(
        &task("for_each = [1]"),
        "job.hcl:6:19: Insufficient content blocks; A dynamic block has a nested block of type \"content\": what each of the blocks holds.",
    );
    check_error(
        &task("for_each = [1]\niterator = \"a\"\ncontent {}"),
        "job.hcl:8:12: Invalid dynamic iterator name; The iterator is a bare name, the variable that holds each element: iterator = item.",
    );
    check_error(
        &task("for_each = [1]\ncontent { attempts = restart.vlaue }"),
        "job.hcl:8:29: Unsupported attribute; There is no attribute named \"vlaue\" in this object. Did you mean \"value\"?",
    );
    check_error(
        &task("for_each = [-1]\ncontent { attempts = restart.value }"),
        "job.hcl:8:22: Invalid attempts; \"attempts\" must be at least 0.",
    );
    check_error(
        &task("for_each = [1, 2]\ncontent {}"),
        "job.hcl:6:1: Duplicate restart block; Only one block of type \"restart\" is allowed here. The first one is at job.hcl:6:1.",
    );
    check_error(
        &job("", "dynamic \"restrat\" {\n for_each = [1]\n content {}\n}"),
        "job.hcl:6:9: Unsupported block type; Blocks of type \"restrat\" are not expected here. Did you mean \"restart\"?",
    );
    check_error(
        &job("dynamic \"task\" {\n for_each = [1]\n content {}\n}", ""),
        "job.hcl:3:1: Wrong number of dynamic block labels; Blocks of type \"task\" have 1 labels, and this dynamic block gives 0: set `labels`.",
    );
}

#[test]
fn dynamic_blocks_that_multiply_are_stopped() {
    let start = Instant::now();
    let networks = "dynamic \"network\" {\n for_each = range(1024)\n content {\n\
        dynamic \"port\" {\n for_each = range(1024)\n labels = [\"p\"]\n content {}\n }\n }\n}";
    let errors = parse_text(&job(networks, ""), &[]).unwrap_err().to_string();
    assert!(
        errors.contains("Too many dynamic blocks"),
        "{}",
        &errors[..500.min(errors.len())]
    );
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}
