use proptest::prelude::*;

use super::*;

fn read(chunks: &[&[u8]]) -> Vec<LogRecord> {
    let mut reader = Reader {
        plugin: "p".to_owned(),
        panicking: false,
        line: Vec::new(),
        in_pieces: false,
    };
    let mut records = Vec::new();
    for chunk in chunks {
        reader.feed(chunk, |record| records.push(record.clone()));
    }
    reader.end(|record| records.push(record.clone()));
    records
}

/// Level, message and fields of every record.
#[track_caller]
fn check(text: &str, expected: &[(LogLevel, &str, &str)]) {
    let records = read(&[text.as_bytes()]);
    let shown: Vec<_> = records
        .iter()
        .map(|record| (record.level, record.message.clone(), record.fields().to_string()))
        .collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|(level, message, fields)| (*level, (*message).to_owned(), (*fields).to_owned()))
        .collect();
    assert_eq!(shown, expected);
}

#[test]
fn lines_of_hclog_are_records() {
    let line = r#"{"@level":"warn","@message":"a b","@module":"m","@timestamp":"2026-11-21T19:08:54.000123Z","n":1,"t":"x y"}"#;
    check(line, &[(LogLevel::Warn, "a b", r#"n=1 t="x y""#)]);
    let record = read(&[line.as_bytes()]).remove(0);
    assert_eq!((record.plugin.as_str(), record.module.as_str()), ("p", "m"));
    assert_eq!(record.timestamp, "2026-11-21T19:08:54.000123Z");
    check(
        "{\"@level\":\"ERROR\",\"@message\":\"x\"}\n",
        &[(LogLevel::Error, "x", "")],
    );
}

#[test]
fn values_that_are_no_text_break_nothing() {
    check(
        r#"{"@level":"info","@message":7,"@timestamp":null}"#,
        &[(LogLevel::Info, "7", "")],
    );
    for line in [
        r#"{"@level":3,"@message":"x"}"#,
        r#"{"@message":"x"}"#,
        "[1]",
        "null",
        "3",
        r#"{"@level":"loud"}"#,
        "{",
    ] {
        check(line, &[(LogLevel::Debug, line, "")]);
    }
}

#[test]
fn other_lines_have_the_level_that_they_begin_with() {
    check(
        "[WARN] x\n[ERROR]y\nplain\n\r\n",
        &[
            (LogLevel::Warn, "[WARN] x", ""),
            (LogLevel::Error, "[ERROR]y", ""),
            (LogLevel::Debug, "plain", ""),
        ],
    );
}

#[test]
fn what_follows_a_panic_belongs_to_it() {
    check(
        "before\npanic: oh no\n\ngoroutine 1 [running]:\n[INFO] still\nmain.go:1\n",
        &[
            (LogLevel::Debug, "before", ""),
            (LogLevel::Error, "panic: oh no", ""),
            (LogLevel::Error, "goroutine 1 [running]:", ""),
            (LogLevel::Info, "[INFO] still", ""),
            (LogLevel::Error, "main.go:1", ""),
        ],
    );
}

#[test]
fn a_line_without_end_comes_in_pieces_and_the_next_one_whole() {
    let flood = vec![b'x'; 8 * 1024];
    let mut chunks: Vec<&[u8]> = vec![&flood; 100];
    chunks.push(b"\n{\"@level\":\"info\",\"@message\":\"after\"}\n");
    let records = read(&chunks);
    let (last, pieces) = records.split_last().unwrap();
    assert_eq!((last.level, last.message.as_str()), (LogLevel::Info, "after"));
    assert!(
        pieces
            .iter()
            .all(|piece| piece.level == LogLevel::Debug && piece.message.len() <= 2 * LONGEST_LINE)
    );
    assert_eq!(
        pieces.iter().map(|piece| piece.message.len()).sum::<usize>(),
        100 * flood.len()
    );
}

#[test]
fn only_the_last_words_are_kept() {
    let words = LastWords::default();
    for _ in 0..100 {
        words.hear(&[b'a'; 1024]);
    }
    words.hear(b"the end\n");
    assert_eq!(words.text().len(), LAST_WORDS - 1);
    assert!(words.text().ends_with("athe end"));
}

proptest! {
    #[test]
    fn anything_is_read_and_nothing_depends_on_where_chunks_end(text in any::<Vec<u8>>(), cut in 0..64_usize) {
        let cut = cut.min(text.len());
        prop_assert_eq!(read(&[&text]), read(&[&text[..cut], &text[cut..]]));
    }
}
