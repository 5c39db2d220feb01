use std::time::UNIX_EPOCH;

use super::*;

fn object(line: &[u8]) -> Value {
    assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
    assert!(line.len() < 64 * 1024);
    serde_json::from_slice(line).unwrap()
}

#[test]
fn a_line_is_what_hosts_parse() {
    let fields = Fields(Map::from_iter([
        ("task".to_owned(), "a".into()),
        ("tries".to_owned(), 3.into()),
    ]));
    let line = line(Level::WARN, "my_driver::start", "two\nlines", fields, UNIX_EPOCH);
    let expected = serde_json::json!({
        "@level": "warn",
        "@message": "two\nlines",
        "@module": "my_driver.start",
        "@timestamp": "1970-01-01T00:00:00.000000Z",
        "task": "a",
        "tries": 3,
    });
    assert_eq!(object(&line), expected);
}

#[test]
fn no_line_is_longer_than_what_hosts_read_at_once() {
    let long = "\u{1}é".repeat(100_000);
    let fields = (0..10_000).map(|n| (format!("field {n}"), Value::from(shorten(&long))));
    let line = line(Level::INFO, "m", &long, Fields(fields.collect()), UNIX_EPOCH);
    let object = object(&line);
    assert!(object["@message"].as_str().unwrap().ends_with('…'));
}
