use proptest::prelude::*;

use super::Batch;

#[track_caller]
fn check(json: &str, stdout: &str, stderr: &str, malformed: u64) {
    let mut batch = Batch::default();
    assert_eq!(batch.decode(json.as_bytes()), json.len());
    assert_eq!(String::from_utf8_lossy(&batch.stdout), stdout);
    assert_eq!(String::from_utf8_lossy(&batch.stderr), stderr);
    assert_eq!(batch.malformed, malformed);
}

fn line(log: &str, stream: &str) -> String {
    let json = serde_json::json!({ "log": log, "stream": stream, "time": "2026-01-02T03:04:05.000000006Z" });
    format!("{json}\n")
}

#[test]
fn each_stream_gets_its_own_bytes() {
    let json = [line("a\n", "stdout"), line("b\n", "stderr"), line("c\n", "stdout")].concat();
    check(&json, "a\nc\n", "b\n", 0);
}

#[test]
fn pieces_of_a_long_line_are_joined_as_they_are() {
    let json = [line("first half, ", "stdout"), line("second half\n", "stdout")].concat();
    check(&json, "first half, second half\n", "", 0);
}

#[test]
fn attributes_and_field_order_do_not_matter() {
    let json = "{\"attrs\":{\"tag\":\"x\"},\"stream\":\"stderr\",\"time\":\"t\",\"log\":\"\\u0000\\u00e9\\\"\\n\"}\n";
    check(json, "", "\0é\"\n", 0);
}

#[test]
fn an_incomplete_line_is_left_for_later() {
    let whole = line("a\n", "stdout");
    let json = format!("{whole}{{\"log\":\"b");
    let mut batch = Batch::default();
    assert_eq!(batch.decode(json.as_bytes()), whole.len());
    assert_eq!(batch.stdout, b"a\n");
}

#[test]
fn the_line_after_a_torn_one_is_still_read() {
    let json = format!("{{\"log\":\"to{}", line("whole\n", "stdout"));
    check(&json, "whole\n", "", 1);
}

#[test]
fn nonsense_is_counted_and_stepped_over() {
    let json = format!("nonsense\n{{}}\n[1]\n\n\0\0\0{}", line("good\n", "stderr"));
    check(&json, "", "good\n", 3);
}

proptest! {
    #[test]
    fn whatever_the_engine_writes_comes_back(
        entries in prop::collection::vec((any::<String>(), any::<bool>()), 0..20),
        cut in any::<prop::sample::Index>(),
    ) {
        let json: String = entries.iter().map(|(log, err)| line(log, if *err { "stderr" } else { "stdout" })).collect();
        let of = |want: bool| -> String {
            entries.iter().filter(|(_, err)| *err == want).map(|(log, _)| log.as_str()).collect()
        };
        let cut = if json.is_empty() { 0 } else { cut.index(json.len()) };
        let mut batch = Batch::default();
        let done = batch.decode(&json.as_bytes()[..cut]);
        let rest = batch.decode(&json.as_bytes()[done..]);
        prop_assert_eq!(done + rest, json.len());
        prop_assert_eq!(batch.stdout, of(false).into_bytes());
        prop_assert_eq!(batch.stderr, of(true).into_bytes());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut batch = Batch::default();
        prop_assert!(batch.decode(&bytes) <= bytes.len());
    }
}
