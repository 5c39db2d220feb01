//! Rotation, and what is in the way of it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use encamp_logs::{Config, Position, Reader, Start, Stream, Writer};

use crate::{files, texts, writer};

#[track_caller]
fn check(size: u64, chunks: &[&str], expected: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = writer(dir.path(), 100, size);
    for chunk in chunks {
        writer.write(chunk.as_bytes()).unwrap();
    }
    assert_eq!(texts(dir.path()), expected, "{chunks:?} in files of {size}");
}

#[test]
fn files_end_with_a_line_where_they_can() {
    check(
        5,
        &["ab\ncdef\n1234567890\n"],
        &["ab\n", "cdef\n", "12345", "67890", "\n"],
    );
    check(5, &["ab\n", "cdef\n", "x"], &["ab\n", "cdef\n", "x"]);
    check(10, &["abc\n", "def\n", "ghi\n"], &["abc\ndef\n", "ghi\n"]);
    check(10, &["0123456789", "0123456789"], &["0123456789", "0123456789"]);
}

#[test]
fn many_small_chunks_fill_a_file_to_its_size() {
    let chunks = ["x\n"; 50];
    check(20, &chunks, &["x\nx\nx\nx\nx\nx\nx\nx\nx\nx\n"; 5]);
}

#[test]
fn the_first_file_exists_before_anything_is_written_and_all_can_read_it() {
    let dir = tempfile::tempdir().unwrap();
    drop(writer(dir.path(), 2, 10));
    let meta = fs::metadata(dir.path().join("web.stdout.0")).unwrap();
    assert_eq!((meta.len(), meta.permissions().mode() & 0o777), (0, 0o644));
}

#[test]
fn a_new_writer_goes_on_in_the_file_with_the_highest_index() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("web.stdout.9"), "nine\n").unwrap();
    fs::write(dir.path().join("web.stdout.10"), "ten\n").unwrap();
    let mut again = writer(dir.path(), 5, 10);
    assert_eq!(again.position(), Position { index: 10, offset: 4 });
    again.write(b"more\nand more\n").unwrap();
    assert_eq!(texts(dir.path()), ["nine\n", "ten\nmore\n", "and more\n"]);
    drop(again);
    let full = writer(dir.path(), 5, 9);
    assert_eq!(full.position(), Position { index: 12, offset: 0 });
}

#[test]
fn only_the_newest_files_are_kept_and_strangers_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let strangers = [
        "web.stdout",
        "web.stdout.",
        "web.stdout.x",
        "web.stdout.01",
        "web.stdout.+1",
        "web.stdout.1.gz",
        "web.stderr.0",
        "webx.stdout.0",
        "web.stdoutx.0",
        ".web.stdout.0",
    ];
    for name in strangers {
        fs::write(dir.path().join(name), "keep").unwrap();
    }
    let mut writer = writer(dir.path(), 2, 2);
    for digit in ["1\n", "2\n", "3\n", "4\n"] {
        writer.write(digit.as_bytes()).unwrap();
    }
    let kept: Vec<u64> = files(dir.path())
        .into_iter()
        .map(|(index, _)| index)
        .filter(|index| *index > 1)
        .collect();
    assert_eq!(kept, [2, 3]);
    for name in strangers {
        assert_eq!(fs::read_to_string(dir.path().join(name)).unwrap(), "keep", "{name}");
    }
}

#[test]
fn fewer_files_than_before_are_kept_as_soon_as_a_writer_opens() {
    let dir = tempfile::tempdir().unwrap();
    for index in 0..6 {
        fs::write(dir.path().join(format!("web.stdout.{index}")), "x").unwrap();
    }
    drop(writer(dir.path(), 2, 10));
    assert_eq!(files(dir.path()).len(), 2);
}

#[test]
fn what_is_no_log_file_is_stepped_over_and_not_written_to() {
    let dir = tempfile::tempdir().unwrap();
    let (victim, linked) = (dir.path().join("victim"), dir.path().join("linked"));
    for path in [&victim, &linked] {
        fs::write(path, "precious").unwrap();
    }
    symlink(&victim, dir.path().join("web.stdout.3")).unwrap();
    fs::hard_link(&linked, dir.path().join("web.stdout.4")).unwrap();
    nix::unistd::mkfifo(
        &dir.path().join("web.stdout.5"),
        nix::sys::stat::Mode::from_bits_truncate(0o600),
    )
    .unwrap();
    fs::create_dir(dir.path().join("web.stdout.6")).unwrap();
    symlink("/no/such/place", dir.path().join("web.stdout.7")).unwrap();
    fs::write(dir.path().join("web.stdout.2"), "xx").unwrap();
    let mut writer = writer(dir.path(), 100, 2);
    assert_eq!(writer.position().index, 8);
    writer.write(b"hi").unwrap();
    for path in [&victim, &linked] {
        assert_eq!(fs::read_to_string(path).unwrap(), "precious");
    }
}

#[test]
fn a_symlink_put_in_the_place_of_the_next_file_is_stepped_over() {
    let dir = tempfile::tempdir().unwrap();
    let victim = dir.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    let mut writer = writer(dir.path(), 100, 2);
    symlink(&victim, dir.path().join("web.stdout.1")).unwrap();
    writer.write(b"aabb").unwrap();
    assert_eq!(writer.position(), Position { index: 2, offset: 2 });
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
}

#[test]
fn a_log_directory_that_is_a_link_is_refused_and_one_below_a_link_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let (victim, logs) = (dir.path().join("victim"), dir.path().join("alloc/logs"));
    fs::create_dir_all(&victim).unwrap();
    fs::create_dir_all(dir.path().join("alloc")).unwrap();
    symlink(&victim, &logs).unwrap();
    for spelling in [logs.clone(), logs.join(""), logs.join(".")] {
        Writer::open(&spelling, "web", Stream::Stdout, Config::default()).unwrap_err();
        Reader::open(&spelling, "web", Stream::Stdout, Start::TailLines(1)).unwrap_err();
    }
    assert_eq!(fs::read_dir(&victim).unwrap().count(), 0);

    symlink(dir.path(), dir.path().join("data")).unwrap();
    let below = dir.path().join("data/victim");
    Writer::open(&below, "web", Stream::Stdout, Config::default()).unwrap();
    assert_eq!(files(&victim).len(), 1);
}

#[test]
fn names_that_cannot_be_file_names_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for task in ["", "../escape", "a/b", "a\0b"] {
        assert!(
            Writer::open(dir.path(), task, Stream::Stdout, Config::default()).is_err(),
            "{task:?}"
        );
    }
    assert!(Writer::open(&dir.path().join("missing"), "web", Stream::Stdout, Config::default()).is_err());
}

#[test]
fn a_directory_that_goes_away_loses_chunks_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let logs = dir.path().join("logs");
    fs::create_dir(&logs).unwrap();
    let mut writer = writer(&logs, 2, 4);
    fs::remove_dir_all(&logs).unwrap();
    let error = writer.write(b"aaaabbbb").unwrap_err();
    assert_eq!(error.lost, 4);
    assert_eq!(writer.write(b"cc").unwrap_err().lost, 2);
}
