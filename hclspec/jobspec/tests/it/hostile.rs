//! Files that mean harm, or none at all.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use encamp_hclspec::Source;

use crate::parse_text;

/// A second, and more for builds that are not optimised on machines that are busy.
const SOON: Duration = Duration::from_secs(if cfg!(debug_assertions) { 5 } else { 1 });

/// Checks that a text is refused soon, with this first line.
#[track_caller]
fn check(text: &str, expected: &str) {
    let start = Instant::now();
    let errors = parse_text(text, &[]).unwrap_err().to_string();
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    assert!(errors.starts_with(expected), "{errors}");
}

#[test]
fn ten_megabytes_of_braces_are_refused_at_once() {
    check(&"{".repeat(10 << 20), "job.hcl:1:201: Nesting too deep");
    check(
        &format!("a {}", "{".repeat(17 << 20)),
        "job.hcl:1:1: Configuration file too large",
    );
    check(
        &format!("a {}", "{".repeat(3 << 20)),
        "job.hcl:1:4: Argument or block definition required",
    );
    check(&"a {\n".repeat(1 << 20), "job.hcl:201:3: Nesting too deep");
    check(
        &format!("a = {}", "[".repeat(3 << 20)),
        "job.hcl:1:205: Nesting too deep",
    );
}

#[test]
fn locals_that_multiply_are_stopped() {
    let doubling = (1..200)
        .map(|n| format!("l{n} = [local.l{0}, local.l{0}]\n", n - 1))
        .collect::<Vec<_>>()
        .concat();
    check_contains(
        &format!("locals {{\nl0 = \"{}\"\n{doubling}}}\n", "x".repeat(1000)),
        "Expression too expensive",
    );
    let nesting = (1..5_000)
        .map(|n| format!("l{n} = [local.l{}]\n", n - 1))
        .collect::<Vec<_>>()
        .concat();
    check_contains(&format!("locals {{\nl0 = 1\n{nesting}}}\n"), "Value nested too deep");
    let env = (0..2000)
        .map(|n| format!("A{n} = local.big\n"))
        .collect::<Vec<_>>()
        .concat();
    let task = crate::job("", &format!("env {{\n{env}}}"));
    check_contains(
        &format!("locals {{\nbig = \"{}\"\n}}\n{task}", "x".repeat(1 << 18)),
        "Expression too expensive",
    );
}

/// Checks that a text is refused within a few seconds, for this reason among others.
#[track_caller]
fn check_contains(text: &str, expected: &str) {
    let start = Instant::now();
    let errors = parse_text(text, &[]).unwrap_err().to_string();
    assert!(
        errors.contains(expected),
        "{}",
        errors.chars().take(500).collect::<String>()
    );
    assert!(start.elapsed() < SOON * 4, "{:?}", start.elapsed());
}

#[test]
fn a_binary_file_is_refused_with_its_place() {
    let bytes = b"\x7fELF\x02\x01\x01\x00\xff\xfe".to_vec();
    let error = Source::from_bytes("job.hcl", bytes).unwrap_err();
    assert!(
        error.to_string().starts_with("job.hcl:1:9: Invalid character encoding"),
        "{error}"
    );
    let source = Source::from_bytes("job.hcl", b"\x7fELF\x02\x01\x01\x00".to_vec()).unwrap();
    let error = encamp_jobspec::parse(source, &BTreeMap::new()).unwrap_err();
    assert!(
        error.to_string().starts_with("job.hcl:1:1: Invalid character; "),
        "{error}"
    );
}
