//! Reading back, from anywhere, while it grows and goes away.

use std::fs;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use encamp_logs::{Next, Start};

use crate::{open, read_all, writer};

#[track_caller]
fn check(start: Start, expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = writer(dir.path(), 10, 8);
    writer.write(b"one\ntwo\nthree\nfour\nrest").unwrap();
    let mut reader = open(dir.path(), start);
    assert_eq!(read_all(&mut reader), (expected.to_owned(), 0), "{start:?}");
    writer.write(b"\nnew\n").unwrap();
    assert_eq!(read_all(&mut reader), ("\nnew\n".to_owned(), 0), "{start:?}, followed");
}

#[test]
fn reading_begins_where_it_is_told_to() {
    check(Start::Oldest, "one\ntwo\nthree\nfour\nrest");
    check(Start::End, "");
    check(Start::TailBytes(0), "");
    check(Start::TailBytes(6), "r\nrest");
    check(Start::TailBytes(15), "three\nfour\nrest");
    check(Start::TailBytes(1000), "one\ntwo\nthree\nfour\nrest");
    check(Start::TailLines(0), "");
    check(Start::TailLines(1), "rest");
    check(Start::TailLines(3), "three\nfour\nrest");
    check(Start::TailLines(1000), "one\ntwo\nthree\nfour\nrest");
}

#[test]
fn a_newline_at_the_end_begins_no_further_line() {
    let dir = tempfile::tempdir().unwrap();
    writer(dir.path(), 10, 100).write(b"one\ntwo\n").unwrap();
    assert_eq!(read_all(&mut open(dir.path(), Start::TailLines(1))).0, "two\n");
    assert_eq!(read_all(&mut open(dir.path(), Start::TailLines(2))).0, "one\ntwo\n");
}

#[test]
fn a_tail_longer_than_a_block_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let line = format!("{}\n", "x".repeat(999));
    let mut writer = writer(dir.path(), 10, 300_000);
    for _ in 0..1000 {
        writer.write(line.as_bytes()).unwrap();
    }
    assert_eq!(read_all(&mut open(dir.path(), Start::TailLines(700))).0.len(), 700_000);
}

#[test]
fn a_stream_that_does_not_exist_yet_is_read_once_it_does() {
    let dir = tempfile::tempdir().unwrap();
    for start in [Start::Oldest, Start::TailLines(5), Start::End] {
        let mut reader = open(dir.path(), start);
        assert_eq!(reader.try_next().unwrap(), Next::Pending);
        assert_eq!(reader.position(), None);
        writer(dir.path(), 10, 100).write(b"born\n").unwrap();
        assert_eq!(read_all(&mut reader).0, "born\n", "{start:?}");
        fs::remove_file(dir.path().join("web.stdout.0")).unwrap();
    }
}

#[test]
fn a_reader_that_is_overtaken_reads_what_it_has_open_and_says_what_it_missed() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = writer(dir.path(), 2, 4);
    writer.write(b"aaa\n").unwrap();
    let mut reader = open(dir.path(), Start::Oldest);
    assert_eq!(reader.try_next().unwrap(), Next::Data(b"aaa\n"));
    writer.write(b"bbb\nccc\nddd\neee\n").unwrap();
    // 1 and 2 are gone, 3 and 4 are left.
    assert_eq!(read_all(&mut reader), ("ddd\neee\n".to_owned(), 2));
}

#[test]
fn waiting_ends_when_something_is_written_and_when_time_is_up() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = writer(dir.path(), 3, 4);
    let mut reader = open(dir.path(), Start::Oldest);
    let before = Instant::now();
    assert_eq!(reader.next(Duration::from_millis(50)).unwrap(), Next::Pending);
    assert!(before.elapsed() >= Duration::from_millis(50));
    assert!(
        reader
            .notify_fd()
            .is_some_and(|fd| fd.as_fd().try_clone_to_owned().is_ok())
    );
    let dir = dir.path().to_owned();
    let writing = std::thread::spawn(move || {
        for number in 0..500 {
            writer.write(format!("{number:03}\n").as_bytes()).unwrap();
        }
        dir
    });
    let (mut bytes, mut skipped) = (0, 0);
    while bytes + skipped * 4 < 2000 {
        match reader.next(Duration::from_secs(10)).unwrap() {
            Next::Data(data) => bytes += data.len() as u64,
            Next::Skipped { files } => skipped += files,
            Next::Pending => panic!("{bytes} bytes, {skipped} files skipped, then nothing for ten seconds"),
        }
    }
    assert_eq!(bytes + skipped * 4, 2000);
    writing.join().unwrap();
}
