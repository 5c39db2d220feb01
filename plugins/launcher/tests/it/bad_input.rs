//! What is wrong with a job file is said with its place, quickly, and nothing is started.

use std::time::Duration;

use crate::camp::Camp;

/// A job file, and what is said about it.
#[track_caller]
fn check(text: impl AsRef<[u8]>, said: &[&str]) {
    let camp = Camp::new();
    let job = camp.job(text);
    let ran = camp.encamp(&["run", job.to_str().unwrap()]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    for words in said {
        assert!(ran.err.contains(words), "`{words}` is not in:\n{}", ran.err);
    }
    // More for builds that are not optimised on machines that are busy.
    let soon = Duration::from_secs(if cfg!(debug_assertions) { 5 } else { 1 });
    assert!(ran.took < soon, "it took {:?}", ran.took);
    assert!(!camp.data().exists(), "something was started");
}

fn task(body: &str) -> String {
    format!("job \"j\" {{\n  group \"g\" {{\n    task \"t\" {{\n{body}\n    }}\n  }}\n}}\n")
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let text = task(
        "      driver = \"raw_exec\"\n      colour = \"red\"\n      config {\n        command = \"true\"\n      }",
    );
    check(text, &["job.nomad.hcl:5", "colour = \"red\""]);
}

#[test]
fn an_unknown_option_of_a_driver_is_named_with_its_line() {
    let text = task("      driver = \"raw_exec\"\n      config {\n        comand = \"true\"\n      }");
    check(text, &["job.nomad.hcl:6", "comand", "command"]);
}

#[test]
fn a_wrong_type_is_named_with_its_line() {
    let text = task("      driver = \"raw_exec\"\n      config {\n        command = [\"true\"]\n      }");
    check(text, &["job.nomad.hcl:6", "string"]);
}

#[test]
fn a_docker_task_without_an_image_says_what_is_missing() {
    check(
        task("      driver = \"docker\"\n      config {\n      }"),
        &["job.nomad.hcl:5", "image"],
    );
}

#[test]
fn an_unknown_driver_is_named_with_those_there_are() {
    check(
        task("      driver = \"dokcer\"\n      config {}"),
        &["job.nomad.hcl:4", "dokcer", "Did you mean \"docker\"?"],
    );
}

#[test]
fn a_binary_file_is_no_job_file() {
    let bytes: Vec<u8> = (0..=255).cycle().take(4096).collect();
    check(bytes, &["job.nomad.hcl:2:118"]);
}

#[test]
fn an_empty_file_is_no_job_file() {
    check("", &["job.nomad.hcl", "job"]);
}

#[test]
fn ten_megabytes_of_braces_are_refused_at_once() {
    check(vec![b'{'; 10 * 1024 * 1024], &["job.nomad.hcl:1"]);
}

#[test]
fn every_mistake_is_reported_and_not_only_the_first() {
    let text = task(
        "      driver = \"raw_exec\"\n      one = 1\n      two = 2\n      config {\n        command = \"true\"\n      }",
    );
    check(text, &["one = 1", "two = 2"]);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let camp = Camp::new();
    let ran = camp.encamp(&["run", "/nowhere/job.hcl"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("/nowhere/job.hcl"), "{ran:?}");
}

#[test]
fn diagnostics_come_as_json_when_json_is_asked_for() {
    let camp = Camp::new();
    let job = camp.job(task(
        "      driver = \"raw_exec\"\n      colour = \"red\"\n      config {\n        command = \"true\"\n      }",
    ));
    let ran = camp.encamp(&["validate", "--json", job.to_str().unwrap()]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let value: serde_json::Value = serde_json::from_str(ran.out.trim()).unwrap();
    assert_eq!(value["diagnostics"][0]["severity"], "error", "{value}");
}

#[test]
fn a_missing_target_says_where_to_look() {
    let camp = Camp::new();
    for args in [
        vec!["logs", "x"],
        vec!["stop", "x"],
        vec!["exec", "x", "true"],
        vec!["signal", "x"],
    ] {
        let ran = camp.encamp(&args);
        assert_eq!(ran.code, Some(2), "{args:?}: {ran:?}");
        assert!(ran.err.contains("encamp"), "{args:?}: {ran:?}");
    }
}

#[test]
fn hcldec_is_a_command_of_its_own_options() {
    let camp = Camp::new();
    let spec = camp.job("object {\n  attr \"a\" {\n    type = number\n  }\n}\n");
    let input = spec.with_file_name("input.hcl");
    std::fs::write(&input, "a = 6 * 7\n").unwrap();
    let ran = camp.encamp(&["hcldec", "--spec", spec.to_str().unwrap(), input.to_str().unwrap()]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "{\"a\":42}\n"), "{ran:?}");
    std::fs::write(&input, "b = 1\n").unwrap();
    let ran = camp.encamp(&["hcldec", "--spec", spec.to_str().unwrap(), input.to_str().unwrap()]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("input.hcl:1:1"), "{ran:?}");
}
