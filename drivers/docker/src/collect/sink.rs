//! Where a task's output goes: the rotated files of its two streams, or their pipes.

use std::io;
use std::path::PathBuf;

use encamp_driver::TaskOutput;
use encamp_logs::{Config, Stream, Writer};
use tokio::sync::watch;

use super::cursor::{Cursor, Place};
use super::pipe::Pipe;

/// Both streams of a task.
#[derive(Debug)]
pub(crate) enum Sink {
    /// Rotated files of our own.
    Files { stdout: Half, stderr: Half },
    /// Pipes that somebody else reads.
    Pipes { stdout: Pipe, stderr: Pipe },
}

impl Sink {
    /// Opens both streams' files, so that both exist from the start, or their pipes; `None` for output that goes nowhere.
    /// With a cursor, what the files hold beyond it is skipped when it comes again.
    pub(crate) fn open(
        to: TaskOutput,
        task: &str,
        cursor: Option<&Cursor>,
        ended: &watch::Receiver<bool>,
    ) -> Option<Self> {
        match to {
            TaskOutput::Discard => None,
            TaskOutput::Fifo { stdout, stderr } => Some(Self::Pipes {
                stdout: Pipe::new(stdout, ended.clone()),
                stderr: Pipe::new(stderr, ended.clone()),
            }),
            TaskOutput::Files {
                dir,
                max_files,
                max_file_size,
            } => {
                let config = Config {
                    max_files,
                    max_file_size,
                };
                let half = |stream, place: Option<Place>| Half::open(dir.clone(), task, stream, config, place);
                Some(Self::Files {
                    stdout: half(Stream::Stdout, cursor.map(|cursor| cursor.stdout)),
                    stderr: half(Stream::Stderr, cursor.map(|cursor| cursor.stderr)),
                })
            }
        }
    }

    /// Writes to both. What cannot be written is lost and counted. Files hold up nobody; pipes are as fast as their
    /// readers.
    pub(crate) async fn write(&mut self, out: &[u8], err: &[u8]) -> Result<(), Lost> {
        let (first, second) = match self {
            Self::Files { stdout, stderr } => (stdout.write(out), stderr.write(err)),
            Self::Pipes { stdout, stderr } => tokio::join!(stdout.write(out), stderr.write(err)),
        };
        first.and(second)
    }

    /// The places that the next bytes go to. Only exact once nothing is skipped any more.
    pub(crate) fn places(&self) -> Option<(Place, Place)> {
        match self {
            Self::Files { stdout, stderr } => {
                let skipping = stdout.skip > 0 || stderr.skip > 0;
                (!skipping).then(|| (stdout.place(), stderr.place()))
            }
            Self::Pipes { .. } => Some(Default::default()),
        }
    }

    /// Whether what was written cannot be counted afterwards: the cursor has to follow on the heels then.
    pub(crate) fn forgets(&self) -> bool {
        matches!(self, Self::Pipes { .. })
    }
}

/// Makes the first files of a task's output, which people may want to follow before there is any. What does not work is
/// told when output cannot be written.
pub(crate) fn begin(output: &TaskOutput, task: &str) {
    let TaskOutput::Files {
        dir,
        max_files,
        max_file_size,
    } = output
    else {
        return;
    };
    let config = Config {
        max_files: *max_files,
        max_file_size: *max_file_size,
    };
    for stream in [Stream::Stdout, Stream::Stderr] {
        drop(Writer::open(dir, task, stream, config));
    }
}

/// Output that could not be written.
#[derive(Debug)]
pub(crate) struct Lost {
    pub(crate) bytes: usize,
    pub(crate) cause: io::Error,
}

#[derive(Debug)]
pub(crate) struct Half {
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

    fn open(dir: &std::path::Path, cursor: Option<&Cursor>) -> Sink {
        let to = TaskOutput::Files {
            dir: dir.to_owned(),
            max_files: 3,
            max_file_size: 10,
        };
        Sink::open(to, "t", cursor, &watch::channel(false).1).unwrap()
    }

    fn content(dir: &std::path::Path, stream: &str) -> String {
        (0..20)
            .filter_map(|n| std::fs::read_to_string(dir.join(format!("t.{stream}.{n}"))).ok())
            .collect()
    }

    #[tokio::test]
    async fn what_was_written_after_the_cursor_is_not_written_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut sink = open(dir.path(), None);
        sink.write(b"one\n", b"E1\n").await.unwrap();
        let (stdout, stderr) = sink.places().unwrap();
        let cursor = Cursor {
            stdout,
            stderr,
            ..Cursor::default()
        };
        sink.write(b"two\nthree\n", b"").await.unwrap();
        drop(sink);

        // The source is read again from the cursor on, and has gone on meanwhile.
        let mut sink = open(dir.path(), Some(&cursor));
        assert_eq!(sink.places(), None, "places mean nothing while skipping");
        sink.write(b"two\nth", b"").await.unwrap();
        sink.write(b"ree\nfour\n", b"E2\n").await.unwrap();
        assert!(sink.places().is_some());
        assert_eq!(content(dir.path(), "stdout"), "one\ntwo\nthree\nfour\n");
        assert_eq!(content(dir.path(), "stderr"), "E1\nE2\n");
    }

    #[test]
    fn both_files_exist_before_anything_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let _sink = open(dir.path(), None);
        assert!(dir.path().join("t.stdout.0").exists());
        assert!(dir.path().join("t.stderr.0").exists());
    }

    #[tokio::test]
    async fn a_missing_directory_loses_output_and_says_so_until_it_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let logs = dir.path().join("logs");
        let mut sink = open(&logs, None);
        assert_eq!(sink.write(b"lost", b"").await.unwrap_err().bytes, 4);
        std::fs::create_dir(&logs).unwrap();
        sink.write(b"kept", b"").await.unwrap();
        assert_eq!(content(&logs, "stdout"), "kept");
    }
}
