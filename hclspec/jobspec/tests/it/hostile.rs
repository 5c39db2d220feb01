//! Files that mean harm, or none at all.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use encamp_hclspec::Source;

use crate::parse_text;

/// Checks that a text is refused soon, with this first line.
#[track_caller]
fn check(text: &str, expected: &str) {
    let start = Instant::now();
    let errors = parse_text(text, &[]).unwrap_err().to_string();
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert!(errors.starts_with(expected), "{errors}");
}

#[test]
fn ten_megabytes_of_braces_are_refused_at_once() {
    check(&"{".repeat(10 << 20), "job.hcl:1:1: JSON job file");
    check(
        &format!("a {}", "{".repeat(10 << 20)),
        "job.hcl:1:1: Configuration file too large",
    );
    check(&format!("a {}", "{".repeat(3 << 20)), "job.hcl:1:67: Nesting too deep");
    check(&"a {\n".repeat(1 << 20), "job.hcl:65:3: Nesting too deep");
    check(
        &format!("a = {}", "[".repeat(3 << 20)),
        "job.hcl:1:69: Nesting too deep",
    );
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
        error
            .to_string()
            .starts_with("job.hcl:1:1: Invalid character; The control character U+007F"),
        "{error}"
    );
}
