//! Where a task's output goes: the rotated files of its two streams.

use std::io;
use std::path::PathBuf;

use encamp_logs::{Config, Stream, Writer};

use super::cursor::{Cursor, Place};

/// Both streams of a task.
#[derive(Debug)]
pub(crate) struct Sink {
    stdout: Half,
    stderr: Half,
}

impl Sink {
    /// Opens both streams' files, so that both exist from the start. With a cursor, what they hold beyond it is skipped
    /// when it comes again.
    pub(crate) fn open(dir: &std::path::Path, task: &str, config: Config, cursor: Option<&Cursor>) -> Self {
        let half = |stream, place: Option<Place>| Half::open(dir.to_owned(), task, stream, config, place);
        Self {
            stdout: half(Stream::Stdout, cursor.map(|cursor| cursor.stdout)),
            stderr: half(Stream::Stderr, cursor.map(|cursor| cursor.stderr)),
        }
    }

    /// Writes to both. What cannot be written is lost and counted; nothing blocks.
    pub(crate) fn write(&mut self, stdout: &[u8], stderr: &[u8]) -> Result<(), Lost> {
        let first = self.stdout.write(stdout);
        let second = self.stderr.write(stderr);
        first.and(second)
    }

    /// The places that the next bytes go to. Only exact once nothing is skipped any more.
    pub(crate) fn places(&self) -> Option<(Place, Place)> {
        let skipping = self.stdout.skip > 0 || self.stderr.skip > 0;
        (!skipping).then(|| (self.stdout.place(), self.stderr.place()))
    }
}

/// Output that could not be written.
#[derive(Debug)]
pub(crate) struct Lost {
    pub(crate) bytes: usize,
    pub(crate) cause: io::Error,
}

#[derive(Debug)]
struct Half {
    dir: PathBuf,
    task: String,
    stream: Stream,
    config: Config,
    writer: Option<Writer>,
    /// Bytes that are in the files already.
    skip: u64,
    last: Place,
}

impl Half {
    fn open(dir: PathBuf, task: &str, stream: Stream, config: Config, from: Option<Place>) -> Self {
        let mut half = Self {
            dir,
            task: task.to_owned(),
            stream,
            config,
            writer: None,
            skip: 0,
            last: from.unwrap_or_default(),
        };
        // A failure shows again, and is reported, at the first write.
        drop(half.writer());
        if let Some(from) = from {
            half.skip = half.held_since(from);
        }
        half
    }

    fn writer(&mut self) -> io::Result<&mut Writer> {
        if self.writer.is_none() {
            self.writer = Some(Writer::open(&self.dir, &self.task, self.stream, self.config)?);
        }
        self.writer.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// How many bytes the files hold beyond `from`.
    fn held_since(&self, from: Place) -> u64 {
        let size = |index: u64| {
            let name = format!("{}.{}.{index}", self.task, self.stream);
            std::fs::symlink_metadata(self.dir.join(name)).map_or(0, |meta| meta.len())
        };
        let held: u64 = (from.index..=self.place().index).map(size).sum();
        held.saturating_sub(from.offset)
    }

    fn place(&self) -> Place {
        self.writer
            .as_ref()
            .map_or(self.last, |writer| writer.position().into())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Lost> {
        let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
        self.skip -= skipped as u64;
        let fresh = bytes.get(skipped..).unwrap_or_default();
        if fresh.is_empty() {
            return Ok(());
        }
        let writer = self.writer().map_err(|cause| Lost {
            bytes: fresh.len(),
            cause,
        })?;
        let written = writer.write(fresh).map_err(|error| Lost {
            bytes: error.lost,
            cause: error.source,
        });
        self.last = self.place();
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config {
            max_files: 3,
            max_file_size: 10,
        }
    }

    fn content(dir: &std::path::Path, stream: &str) -> String {
        (0..20)
            .filter_map(|n| std::fs::read_to_string(dir.join(format!("t.{stream}.{n}"))).ok())
            .collect()
    }

    #[test]
    fn what_was_written_after_the_cursor_is_not_written_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut sink = Sink::open(dir.path(), "t", config(), None);
        sink.write(b"one\n", b"E1\n").unwrap();
        let (stdout, stderr) = sink.places().unwrap();
        let cursor = Cursor {
            stdout,
            stderr,
            ..Cursor::default()
        };
        sink.write(b"two\nthree\n", b"").unwrap();
        drop(sink);

        // The source is read again from the cursor on, and has gone on meanwhile.
        let mut sink = Sink::open(dir.path(), "t", config(), Some(&cursor));
        assert_eq!(sink.places(), None, "places mean nothing while skipping");
        sink.write(b"two\nth", b"").unwrap();
        sink.write(b"ree\nfour\n", b"E2\n").unwrap();
        assert!(sink.places().is_some());
        assert_eq!(content(dir.path(), "stdout"), "one\ntwo\nthree\nfour\n");
        assert_eq!(content(dir.path(), "stderr"), "E1\nE2\n");
    }

    #[test]
    fn both_files_exist_before_anything_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let _sink = Sink::open(dir.path(), "t", config(), None);
        assert!(dir.path().join("t.stdout.0").exists());
        assert!(dir.path().join("t.stderr.0").exists());
    }

    #[test]
    fn a_missing_directory_loses_output_and_says_so_until_it_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let logs = dir.path().join("logs");
        let mut sink = Sink::open(&logs, "t", config(), None);
        assert_eq!(sink.write(b"lost", b"").unwrap_err().bytes, 4);
        std::fs::create_dir(&logs).unwrap();
        sink.write(b"kept", b"").unwrap();
        assert_eq!(content(&logs, "stdout"), "kept");
    }
}
