use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use super::*;
use crate::collect::watch::Watcher;

/// An engine's log with `keep` files, rotated as the engine does it.
struct Log {
    dir: tempfile::TempDir,
    keep: usize,
}

impl Log {
    fn new(keep: usize) -> Self {
        let log = Self {
            dir: tempfile::tempdir().unwrap(),
            keep,
        };
        fs::write(log.path(), "").unwrap();
        log
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("x-json.log")
    }

    fn write(&self, text: &str) {
        let mut file = fs::OpenOptions::new().append(true).open(self.path()).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn rotate(&self, text: &str) {
        let name = |n: usize| self.dir.path().join(format!("x-json.log.{n}"));
        for n in (1..self.keep - 1).rev() {
            drop(fs::rename(name(n), name(n + 1)));
        }
        fs::rename(self.path(), name(1)).unwrap();
        fs::write(self.path(), text).unwrap();
    }
}

/// All there is to read now, by steps of `step` bytes, and what was missing.
fn drain(tail: &mut Tail, step: usize) -> (String, Vec<Gap>) {
    let mut text = Vec::new();
    let mut gaps = Vec::new();
    loop {
        gaps.push(tail.look().unwrap());
        let mut pending = Vec::new();
        let read = tail.read(&mut pending, step).unwrap();
        tail.take(read);
        text.extend(pending);
        if read == 0 {
            break;
        }
    }
    gaps.push(tail.missing());
    gaps.retain(|gap| *gap != Gap::None);
    (String::from_utf8(text).unwrap(), gaps)
}

/// Gives the watching thread time for one rotation: it holds the new file open then.
#[expect(clippy::disallowed_methods, reason = "waits for a condition")]
fn settle(inode: Option<u64>) {
    let inode = inode.unwrap();
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let held = |entry: fs::DirEntry| fs::metadata(entry.path()).is_ok_and(|meta| meta.ino() == inode);
    while !fs::read_dir("/proc/self/fd").unwrap().flatten().any(held) {
        assert!(std::time::Instant::now() < end, "inode {inode} was not opened");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// What is read across `act`, and what was missing.
fn read_across(keep: usize, events: bool, act: impl Fn(&Log)) -> (String, Vec<Gap>) {
    let watcher = Watcher::start().unwrap();
    let log = Log::new(keep);
    log.write("a");
    let watch = events.then(|| watcher.watch(log.dir.path()).unwrap());
    let mut tail = Tail::open(&log.path(), watch, None).unwrap();
    let mut text = String::new();
    let first = drain(&mut tail, 1);
    text.push_str(&first.0);
    act(&log);
    let (rest, found) = drain(&mut tail, 3);
    text.push_str(&rest);
    (text, found)
}

#[track_caller]
fn check(keep: usize, events: bool, act: impl Fn(&Log), want: &str, gaps: &[Gap]) {
    let (text, found) = read_across(keep, events, act);
    assert_eq!(text, want);
    assert_eq!(found, gaps);
}

#[test]
fn the_open_file_is_read_to_its_end_across_a_rotation() {
    let act = |log: &Log| {
        log.write("bcdefg");
        log.rotate("hi");
        log.write("j");
    };
    check(2, true, act, "abcdefghij", &[]);
    check(2, false, act, "abcdefghij", &[]);
}

#[test]
fn a_reader_that_does_not_keep_up_loses_nothing() {
    let act = |log: &Log| {
        for n in 0..20 {
            log.rotate(&format!("{n},"));
            // What a busy reader does not do, the watching thread does.
            settle(inode_of(&log.path()).unwrap());
        }
    };
    check(2, true, act, "a0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,", &[]);
}

#[test]
fn two_rotations_between_two_looks_lose_nothing() {
    let act = |log: &Log| {
        log.write("b");
        log.rotate("c");
        log.rotate("d");
    };
    check(2, true, act, "abcd", &[]);
    // Without events nobody can know that there was no third one.
    check(2, false, act, "abcd", &[Gap::Unknown]);
}

#[test]
fn a_third_rotation_is_reported() {
    let act = |log: &Log| {
        log.rotate("LOST");
        log.rotate("c");
        log.rotate("d");
    };
    // The watching thread may be quick enough to open what is lost otherwise.
    let read = read_across(2, true, act);
    let kept = read == ("aLOSTcd".to_owned(), Vec::new());
    assert!(kept || read == ("acd".to_owned(), vec![Gap::Files(1)]), "{read:?}");
    check(2, false, act, "acd", &[Gap::Unknown]);
    check(4, true, act, "aLOSTcd", &[]);
    check(4, false, act, "aLOSTcd", &[]);
}

#[test]
fn reading_goes_on_where_the_cursor_was_left() {
    let log = Log::new(3);
    log.write("first line\nsecond\n");
    let mut tail = Tail::open(&log.path(), None, None).unwrap();
    tail.read(&mut Vec::new(), 100).unwrap();
    tail.take(11);
    let point = tail.point().unwrap();
    drop(tail);
    log.write("third\n");
    log.rotate("fourth\n");
    let mut tail = Tail::open(&log.path(), None, Some(point)).unwrap();
    assert_eq!(tail.look().unwrap(), Gap::None);
    assert_eq!(drain(&mut tail, 100).0, "second\nthird\nfourth\n");
}

#[test]
fn a_cursor_whose_file_is_gone_begins_with_the_oldest_and_says_so() {
    let log = Log::new(2);
    log.write("first\n");
    let mut tail = Tail::open(&log.path(), None, None).unwrap();
    tail.take(6);
    let point = tail.point().unwrap();
    drop(tail);
    log.rotate("second\n");
    log.rotate("third\n");
    let mut tail = Tail::open(&log.path(), None, Some(point)).unwrap();
    assert_eq!(tail.look().unwrap(), Gap::Unknown);
    assert_eq!(drain(&mut tail, 100).0, "second\nthird\n");
}

#[test]
fn an_inode_used_again_is_not_taken_for_the_old_file() {
    let log = Log::new(2);
    log.write("first\n");
    let mut tail = Tail::open(&log.path(), None, None).unwrap();
    tail.take(6);
    let point = tail.point().unwrap();
    fs::write(log.path(), "another line\n").unwrap();
    let mut tail = Tail::open(&log.path(), None, Some(point)).unwrap();
    assert_eq!(tail.look().unwrap(), Gap::Unknown);
    assert_eq!(drain(&mut tail, 100).0, "another line\n");
}
