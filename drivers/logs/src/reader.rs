//! Reading back, and following.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::files::Files;
use crate::watch::Watch;
use crate::{Position, Stream};

const BUFFER: usize = 64 * 1024;

/// Where reading begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the oldest byte that is still there.
    Oldest,
    /// With the last lines. What follows the last newline counts as a line.
    TailLines(u64),
    /// With the last bytes.
    TailBytes(u64),
    /// With what is written from now on.
    End,
}

/// What a look at the files gave.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// The next bytes, in order. Never empty.
    Data(&'a [u8]),
    /// So many files were removed before they could be read; reading goes on behind them.
    Skipped {
        /// How many.
        files: u64,
    },
    /// All that was written has been read.
    Pending,
}

/// Reads one stream of a task, across its files and, if asked again, as it grows.
///
/// The stream may not exist yet: it is then read as soon as it does.
#[derive(Debug)]
pub struct Reader {
    files: Files,
    watch: Watch,
    current: Option<Current>,
    buffer: Box<[u8]>,
}

#[derive(Debug)]
struct Current {
    file: File,
    position: Position,
}

impl Reader {
    /// Begins to read. Nothing but directory entries is read yet, except for [`Start::TailLines`].
    ///
    /// # Errors
    /// The directory cannot be opened or read, or `task` cannot be part of a file name.
    pub fn open(dir: &Path, task: &str, stream: Stream, start: Start) -> io::Result<Self> {
        let files = Files::open(dir, task, stream)?;
        let watch = Watch::new(files.dir());
        let mut reader = Self {
            files,
            watch,
            current: None,
            buffer: vec![0; BUFFER].into_boxed_slice(),
        };
        reader.seek(start)?;
        Ok(reader)
    }

    /// The next bytes, without waiting for any.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn try_next(&mut self) -> io::Result<Next<'_>> {
        self.watch.clear();
        loop {
            if let Some(length) = self.read_current()? {
                return Ok(Next::Data(self.buffer.get(..length).unwrap_or_default()));
            }
            match self.advance()? {
                Advance::Moved { skipped: 0 } => {}
                Advance::Moved { skipped } => return Ok(Next::Skipped { files: skipped }),
                // Written to after the last read and before its successor was seen.
                Advance::Again(length) => return Ok(Next::Data(self.buffer.get(..length).unwrap_or_default())),
                Advance::None => return Ok(Next::Pending),
            }
        }
    }

    /// The next bytes; waits for them for up to `timeout`, then says [`Next::Pending`].
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn next(&mut self, timeout: Duration) -> io::Result<Next<'_>> {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            // The borrow of a returned chunk would last until the end of the loop: look first, lend later.
            match self.try_next()? {
                Next::Pending => {}
                Next::Skipped { files } => return Ok(Next::Skipped { files }),
                Next::Data(data) => {
                    let length = data.len();
                    return Ok(Next::Data(self.buffer.get(..length).unwrap_or_default()));
                }
            }
            let now = Instant::now();
            let until = deadline.unwrap_or_else(|| now + Duration::from_hours(1));
            if until <= now {
                return Ok(Next::Pending);
            }
            self.watch.wait(until);
        }
    }

    /// The descriptor that becomes readable when it is time for another [`Reader::try_next`], for event loops; `None`
    /// where the kernel had no inotify instance to give: look every 250 ms then.
    pub fn notify_fd(&self) -> Option<BorrowedFd<'_>> {
        self.watch.fd()
    }

    /// Where the next byte is read; `None` before there is any file.
    pub fn position(&self) -> Option<Position> {
        self.current.as_ref().map(|current| current.position)
    }

    fn read_current(&mut self) -> io::Result<Option<usize>> {
        let Some(current) = &mut self.current else {
            return Ok(None);
        };
        let length = retry(|| current.file.read(&mut self.buffer))?;
        current.position.offset += length as u64;
        Ok((length > 0).then_some(length))
    }

    /// Moves to the next file there is, if there is one.
    fn advance(&mut self) -> io::Result<Advance> {
        let indices = self.files.indices()?;
        let after = self.current.as_ref().map(|current| current.position.index);
        for index in indices
            .into_iter()
            .filter(|index| after.is_none_or(|after| *index > after))
        {
            let Some(file) = self.files.read(index)? else { continue };
            if let Some(length) = self.read_current()? {
                return Ok(Advance::Again(length));
            }
            let skipped = after.map_or(0, |after| index - after - 1);
            self.enter(file, Position { index, offset: 0 });
            return Ok(Advance::Moved { skipped });
        }
        Ok(Advance::None)
    }

    fn enter(&mut self, file: File, position: Position) {
        self.watch.follow(file.as_fd());
        self.current = Some(Current { file, position });
    }

    fn seek(&mut self, start: Start) -> io::Result<()> {
        let position = match start {
            Start::Oldest => None,
            Start::End => self.before_last_bytes(0)?,
            Start::TailBytes(bytes) => self.before_last_bytes(bytes)?,
            Start::TailLines(lines) => self.before_last_lines(lines)?,
        };
        let Some(position) = position else { return Ok(()) };
        if let Some(mut file) = self.files.read(position.index)? {
            file.seek(SeekFrom::Start(position.offset))?;
            self.enter(file, position);
        }
        Ok(())
    }

    /// The files, newest first, with their sizes.
    fn newest_first(&self) -> io::Result<Vec<(u64, File, u64)>> {
        let mut found = VecDeque::new();
        for index in self.files.indices()? {
            if let Some(file) = self.files.read(index)? {
                let size = file.metadata()?.len();
                found.push_front((index, file, size));
            }
        }
        Ok(found.into())
    }

    fn before_last_bytes(&self, bytes: u64) -> io::Result<Option<Position>> {
        let mut wanted = bytes;
        let mut oldest = None;
        for (index, _, size) in self.newest_first()? {
            if wanted <= size {
                let offset = size - wanted;
                return Ok(Some(Position { index, offset }));
            }
            wanted -= size;
            oldest = Some(Position { index, offset: 0 });
        }
        Ok(oldest)
    }

    fn before_last_lines(&self, lines: u64) -> io::Result<Option<Position>> {
        let mut tail = LineTail {
            wanted: lines,
            is_last_byte: true,
        };
        let mut oldest = None;
        for (index, file, size) in self.newest_first()? {
            if let Some(offset) = tail.scan(file, size)? {
                return Ok(Some(Position { index, offset }));
            }
            oldest = Some(Position { index, offset: 0 });
        }
        Ok(oldest)
    }
}

enum Advance {
    Moved { skipped: u64 },
    Again(usize),
    None,
}

/// Counts lines from the end of a stream backwards.
struct LineTail {
    wanted: u64,
    /// No byte was looked at yet: a newline there ends the last line rather than beginning one more.
    is_last_byte: bool,
}

impl LineTail {
    /// The offset in `file` at which the wanted lines begin, if they begin in it.
    fn scan(&mut self, mut file: File, size: u64) -> io::Result<Option<u64>> {
        if self.wanted == 0 {
            return Ok(Some(size));
        }
        let mut block = vec![0; BUFFER];
        let mut end = size;
        while end > 0 {
            let start = end.saturating_sub(BUFFER as u64);
            let length = usize::try_from(end - start).unwrap_or(BUFFER);
            let part = block.get_mut(..length).unwrap_or_default();
            file.seek(SeekFrom::Start(start))?;
            file.read_exact(part)?;
            if let Some(offset) = self.scan_block(part) {
                return Ok(Some(start + offset));
            }
            end = start;
        }
        Ok(None)
    }

    fn scan_block(&mut self, block: &[u8]) -> Option<u64> {
        for (at, byte) in block.iter().enumerate().rev() {
            let ends_stream = std::mem::take(&mut self.is_last_byte);
            if *byte != b'\n' || ends_stream {
                continue;
            }
            self.wanted -= 1;
            if self.wanted == 0 {
                return Some(at as u64 + 1);
            }
        }
        None
    }
}

fn retry(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
