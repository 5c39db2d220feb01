//! Writing, with rotation.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::files::Files;
use crate::split::{Room, fitting};
use crate::{Config, Stream};

/// Writes one stream of a task.
///
/// Nothing is buffered: every chunk is one `write` (more only where a file is full), so what was written is in the file
/// when the call returns. Callers hand over chunks of up to 64 KiB, as they come out of the task's pipe.
#[derive(Debug)]
pub struct Writer {
    files: Files,
    config: Config,
    index: u64,
    size: u64,
    at_line_start: bool,
    /// None after a rotation that failed halfway; the next write tries again.
    file: Option<File>,
}

impl Writer {
    /// Continues the file with the highest index, or begins with index 0. Files beyond `config.max_files` are removed.
    ///
    /// # Errors
    /// The directory or the file cannot be opened, or `task` cannot be part of a file name.
    pub fn open(dir: &Path, task: &str, stream: Stream, config: Config) -> io::Result<Self> {
        let files = Files::open(dir, task, stream)?;
        let index = files.indices()?.last().copied().unwrap_or(0);
        let mut writer = Self {
            files,
            config: Config {
                max_files: config.max_files.max(1),
                max_file_size: config.max_file_size.max(1),
            },
            index,
            size: 0,
            at_line_start: true,
            file: None,
        };
        writer.open_from(index)?;
        Ok(writer)
    }

    /// Appends a chunk, beginning new files as they fill up.
    ///
    /// # Errors
    /// [`WriteError`] counts what of the chunk was lost. The writer stays usable: the next chunk is tried afresh, and
    /// written again once there is space.
    pub fn write(&mut self, chunk: &[u8]) -> Result<(), WriteError> {
        let mut rest = chunk;
        while !rest.is_empty() {
            match self.write_some(rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(source) if source.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(WriteError {
                        lost: rest.len(),
                        source,
                    });
                }
            }
        }
        Ok(())
    }

    /// Where the next byte goes.
    pub fn position(&self) -> Position {
        Position {
            index: self.index,
            offset: self.size,
        }
    }

    fn write_some(&mut self, rest: &[u8]) -> io::Result<usize> {
        let take = fitting(rest, self.room());
        let (Some(file), Some(part)) = (&mut self.file, rest.get(..take).filter(|part| !part.is_empty())) else {
            self.rotate()?;
            return Ok(0);
        };
        let written = file.write(part)?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.size += written as u64;
        self.at_line_start = part.get(written - 1) == Some(&b'\n');
        Ok(written)
    }

    fn room(&self) -> Room {
        Room {
            left: self.config.max_file_size.saturating_sub(self.size),
            whole: self.config.max_file_size,
            at_line_start: self.at_line_start,
        }
    }

    fn rotate(&mut self) -> io::Result<()> {
        // A file that could not be begun is not stepped over.
        let next = if self.file.is_some() {
            self.index.saturating_add(1)
        } else {
            self.index
        };
        self.file = None;
        self.open_from(next)
    }

    /// Opens the first file from `index` on that is a log file and has room.
    fn open_from(&mut self, index: u64) -> io::Result<()> {
        self.index = index;
        loop {
            if let Some((file, size)) = self.files.append(self.index)?
                && (size < self.config.max_file_size)
            {
                self.at_line_start = size == 0;
                self.size = size;
                self.file = Some(file);
                return self.purge();
            }
            self.index = self.index.checked_add(1).ok_or(io::ErrorKind::StorageFull)?;
        }
    }

    fn purge(&self) -> io::Result<()> {
        let indices = self.files.indices()?;
        let kept = usize::try_from(self.config.max_files).unwrap_or(usize::MAX);
        let excess = indices.len().saturating_sub(kept);
        for &index in indices.iter().take(excess) {
            // What cannot be removed (a directory by that name) must not keep the rest from being written.
            drop(self.files.remove(index));
        }
        Ok(())
    }
}

/// A place in a stream's files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The file's index.
    pub index: u64,
    /// The offset in it, in bytes.
    pub offset: u64,
}

/// A chunk was not written, or not wholly.
#[derive(Debug)]
pub struct WriteError {
    /// How many bytes of the chunk are lost.
    pub lost: usize,
    /// What kept them from being written.
    pub source: io::Error,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes of output could not be written", self.lost)
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}
