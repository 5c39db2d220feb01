//! The command as a whole, in process: arguments and files in, streams and a code out.

#![expect(clippy::unwrap_used, reason = "a test that cannot make its files has failed")]

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use encamp_hcldec::{Streams, run};
use serde_json::Value;

mod hostile;

/// What a run came to.
struct Ran {
    code: ExitCode,
    stdout: String,
    stderr: String,
}

/// Runs in a directory that has these files; `DIR` in an argument stands for it.
fn ran(files: &[(&str, &str)], args: &[&str], stdin: &str) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    ran_in(dir.path(), files, args, stdin)
}

fn ran_in(dir: &Path, files: &[(&str, &str)], args: &[&str], stdin: &str) -> Ran {
    for (name, text) in files {
        fs::write(dir.join(name), text).unwrap();
    }
    let here = dir.to_str().unwrap();
    let args: Vec<_> = std::iter::once("hcldec".to_owned())
        .chain(args.iter().map(|arg| arg.replace("DIR", here)))
        .collect();
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut streams = Streams {
        stdin: Box::new(stdin.as_bytes()),
        stdout: Box::new(&mut stdout),
        stderr: Box::new(&mut stderr),
        color: false,
    };
    let code = run(args, &mut streams);
    drop(streams);
    let text = |bytes| String::from_utf8(bytes).unwrap().replace(&format!("{here}/"), "");
    Ran {
        code,
        stdout: text(stdout),
        stderr: text(stderr),
    }
}

const SPEC: (&str, &str) = (
    "s.hcldec",
    "object {\n  attr \"a\" {\n    type = string\n  }\n  attr \"b\" {\n    type = any\n  }\n}\n",
);

fn check(args: &[&str], stdin: &str, expected: &str) {
    let files = [SPEC, ("x.hcl", "a = 1\n"), ("y.json", r#"{"b": [null, "${1 + 1}"]}"#)];
    let args: Vec<_> = ["--spec=DIR/s.hcldec"].iter().chain(args).copied().collect();
    let ran = ran(&files, &args, stdin);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), (expected, ""), "{args:?}");
    assert_eq!(ran.code, ExitCode::SUCCESS);
}

fn check_failure(args: &[&str], stdin: &str, code: u8, expected: &str) {
    let args: Vec<_> = ["--spec=DIR/s.hcldec"].iter().chain(args).copied().collect();
    let ran = ran(&[SPEC], &args, stdin);
    assert_eq!(ran.code, ExitCode::from(code), "{args:?}: {}", ran.stderr);
    assert!(ran.stderr.contains(expected), "{args:?}: {}", ran.stderr);
    assert_eq!(ran.stdout, "");
}

#[test]
fn a_result_is_json_on_standard_output() {
    check(&["DIR/x.hcl"], "", "{\"a\":\"1\"}\n");
    check(
        &["DIR/x.hcl", "DIR/y.json"],
        "",
        "{\"a\":\"1\",\"b\":[null,\"${1 + 1}\"]}\n",
    );
    check(&["DIR/x.hcl", "--keep-nulls"], "", "{\"a\":\"1\",\"b\":null}\n");
    check(&["--keep-nulls=false", "DIR/x.hcl"], "", "{\"a\":\"1\"}\n");
    check(
        &["DIR/x.hcl", "--with-type"],
        "",
        "{\"type\":[\"object\",{\"a\":\"string\",\"b\":\"dynamic\"}],\"value\":{\"a\":\"1\"}}\n",
    );
}

#[test]
fn standard_input_is_read_where_no_file_is_named() {
    check(&[], "a = \"x\"", "{\"a\":\"x\"}\n");
    check(&["-"], "a = \"x\"", "{\"a\":\"x\"}\n");
    check(&["DIR/x.hcl", "-"], "b = 2", "{\"a\":\"1\",\"b\":2}\n");
    check_failure(&[], "a = foo", 2, "<stdin>:1:5");
}

#[test]
fn variables_come_as_json_or_as_files_and_later_ones_win() {
    check(&["--vars={\"v\": [1, 2]}"], "b = v", "{\"b\":[1,2]}\n");
    check(&["-V", " {\"v\": 1}", "-V{\"v\": 2}"], "b = v", "{\"b\":2}\n");
    check(&["--vars", "DIR/x.hcl"], "b = a", "{\"b\":1}\n");
    check(&["--vars", "DIR/y.json"], "b = b", "{\"b\":[null,\"${1 + 1}\"]}\n");
    check_failure(&["--vars={\"v\": }"], "b = v", 2, "<vars argument 0>:1:7");
    check_failure(&["--vars=DIR/none.hcl"], "b = v", 2, "Failed to read file");
}

#[test]
fn the_result_can_go_to_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--spec=DIR/s.hcldec", "--out=DIR/out.json"];
    let ran = ran_in(dir.path(), &[SPEC], &args, "a = 1");
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    assert_eq!(
        fs::read_to_string(dir.path().join("out.json")).unwrap(),
        "{\"a\":\"1\"}\n"
    );
    check_failure(&["-o", "DIR/none/out.json"], "a = 1", 1, "cannot write the result to");
}

#[test]
fn diagnostics_are_all_there_with_their_ranges() {
    let ran = ran(&[SPEC], &["--spec=DIR/s.hcldec", "--diags=json"], "a = []\né = foo\n");
    assert_eq!(ran.code, ExitCode::from(2));
    let json: Value = serde_json::from_str(&ran.stderr).unwrap();
    let diagnostics = json["diagnostics"].as_array().unwrap();
    assert_eq!(diagnostics.len(), 2, "{}", ran.stderr);
    let (first, second) = (&diagnostics[0], &diagnostics[1]);
    assert_eq!(
        (&first["severity"], &first["summary"]),
        (&"error".into(), &"Incorrect attribute value type".into())
    );
    assert_eq!(second["summary"], "Unsupported argument");
    assert_eq!(
        second["subject"],
        serde_json::json!({
            "filename": "<stdin>",
            "start": {"line": 2, "column": 1, "byte": 7},
            "end": {"line": 2, "column": 2, "byte": 9},
        })
    );
}

#[test]
fn diagnostics_for_people_show_the_line() {
    check_failure(&[], "a = foo\n", 2, "1 | a = foo");
}

#[test]
fn each_way_to_fail_has_its_code() {
    check_failure(&["--diags=xml"], "", 2, "only \"json\" is supported");
    check_failure(&["--no-such-option"], "", 2, "--no-such-option");
    check_failure(&["DIR/none.hcl"], "", 2, "Failed to read file");
    check_failure(&["--spec=DIR/none.hcldec"], "", 2, "Failed to read file");
    check_failure(&["--spec="], "", 1, "the --spec=... argument is required");
    check_failure(&[], "b = 1 / 0", 1, "the result has no form in JSON");
    let without = ran(&[], &[], "");
    assert_eq!(without.code, ExitCode::from(1));
    assert_eq!(without.stderr, "Error: the --spec=... argument is required\n\n");
}

#[test]
fn help_and_version_go_to_standard_output() {
    for args in [["--version"], ["-v"], ["--help"], ["-h"]] {
        let ran = ran(&[], &args, "");
        assert_eq!((ran.code, ran.stderr.as_str()), (ExitCode::SUCCESS, ""), "{args:?}");
        assert!(!ran.stdout.is_empty());
    }
}

#[test]
fn a_warning_is_told_beside_the_result() {
    let spec = ("w.hcldec", "default {\n  literal {\n    value = \"d\"\n  }\n}\n");
    let ran = ran(&[spec], &["--spec=DIR/w.hcldec"], "");
    assert_eq!((ran.code, ran.stdout.as_str()), (ExitCode::SUCCESS, "\"d\"\n"));
    assert!(ran.stderr.contains("Useless default block"), "{}", ran.stderr);
}

#[test]
fn references_are_described_with_their_values() {
    let files = [SPEC, ("v.json", r#"{"x": {"y": [1, 2]}}"#)];
    let args = ["--spec=DIR/s.hcldec", "--var-refs", "--vars=DIR/v.json"];
    let ran = ran(&files, &args, "a = x.y[1]\nb = [for v in z : v]\nc = w\n");
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    let names: Vec<_> = json
        .as_array()
        .unwrap()
        .iter()
        .map(|reference| &reference["root_name"])
        .collect();
    assert_eq!(names, ["x", "z"]);
    let first = &json[0];
    assert_eq!(first["value"], 2);
    assert_eq!(first["range"]["end"]["byte"], 10);
    assert_eq!(first["steps"][0]["kind"], "root");
    assert_eq!(
        (&first["steps"][1]["kind"], &first["steps"][1]["name"]),
        (&"attr".into(), &"y".into())
    );
    assert_eq!(
        (&first["steps"][2]["kind"], &first["steps"][2]["key"]),
        (&"index".into(), &1.into())
    );
    assert_eq!(json[1].get("value"), None);
}
