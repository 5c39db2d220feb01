//! Started by a person.

use std::process::Command;

/// What the program prints and exits with.
fn check(args: &[&str]) -> (String, String, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_encamp-plugin"))
        .args(args)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code())
}

#[test]
fn help_and_version_are_printed() {
    let (stdout, _, code) = check(&["--help"]);
    assert!(stdout.starts_with("Usage: encamp-plugin DRIVER"), "{stdout}");
    assert_eq!(code, Some(0));
    let (stdout, _, code) = check(&["--version"]);
    assert_eq!(stdout, concat!("encamp-plugin ", env!("CARGO_PKG_VERSION"), "\n"));
    assert_eq!(code, Some(0));
}

#[test]
fn a_driver_that_is_none_is_told_with_those_that_are() {
    let (_, stderr, code) = check(&["java"]);
    assert!(
        stderr.starts_with("encamp-plugin: java is none of the drivers docker, exec, raw_exec\n"),
        "{stderr}"
    );
    assert_eq!(code, Some(2));
}

#[test]
fn without_a_host_it_says_that_it_is_a_plugin() {
    let (stdout, stderr, code) = check(&["raw_exec"]);
    assert_eq!(stdout, "");
    assert!(stderr.contains("plugin"), "{stderr}");
    assert_eq!(code, Some(1));
}
