//! The engine's own log file, read across its rotations.
//!
//! The file being read stays open when the engine renames or removes it, and files that appear are opened as soon as
//! they are seen, so reading may be as slow as it likes: only two rotations between two looks can lose anything, and
//! that is noticed.

use std::collections::VecDeque;
use std::collections::hash_map::DefaultHasher;
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cursor::FilePoint;
use super::watch::Watch;

/// How many rotated files are looked for at most.
const MOST_FILES: usize = 1000;
/// This many free names in a row are the end: a rotation, and one that follows at once, leave fewer.
const FREE_NAMES: usize = 3;
/// How much of a file's head tells it from a later one of the same inode.
const HEAD: usize = 128;
/// How many files, and bytes in them, are held open for a reader that does not keep up.
const MOST_OPEN: usize = 256;
const MOST_HELD: u64 = 1024 * 1024 * 1024;

/// A log file and its successors.
#[derive(Debug)]
pub(crate) struct Tail(Arc<Shared>);

/// Output that the engine threw away before it was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Gap {
    #[default]
    None,
    /// So many files.
    Files(u64),
    /// Possibly some.
    Unknown,
}

/// What the reader shares with the thread that sees rotations.
#[derive(Debug)]
struct Shared {
    path: PathBuf,
    watch: Option<Watch>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    segments: VecDeque<Segment>,
    /// Rotations whose files were found or reported as lost.
    rotations: Option<u64>,
    /// Found and not told yet.
    gap: Gap,
}

#[derive(Debug)]
struct Segment {
    file: Arc<File>,
    inode: u64,
    offset: u64,
}

impl Tail {
    /// Begins at `from`, or with the oldest file there is. There may be none for a moment, in the middle of a rotation.
    pub(crate) fn open(path: &Path, watch: Option<Watch>, from: Option<FilePoint>) -> io::Result<Self> {
        let shared = Shared {
            path: path.to_owned(),
            watch,
            state: Mutex::default(),
        };
        let known = |segment: &Segment| from.is_some_and(|point| segment.is_at(point));
        let mut state = State::default();
        let resumed = loop {
            let before = shared.seen();
            let found = shared.candidates(known)?.ok_or(io::ErrorKind::NotFound)?;
            state.rotations = shared.seen();
            if before == state.rotations {
                state.segments = found.newest_first.into_iter().rev().collect();
                break found.reached;
            }
        };
        match (from, state.segments.front_mut()) {
            (Some(point), Some(first)) if resumed => first.offset = point.offset,
            (Some(_), _) => state.gap = Gap::Unknown,
            (None, _) => {}
        }
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            ..shared
        });
        if let Some(watch) = &shared.watch {
            let shared = Arc::downgrade(&shared);
            watch.on_rotation(move || {
                if let Some(shared) = shared.upgrade() {
                    // A failure shows again when the reader looks.
                    drop(shared.look());
                }
            });
        }
        Ok(Self(shared))
    }

    /// Opens what has appeared since the last look, and says what was found to be missing.
    pub(crate) fn look(&mut self) -> io::Result<Gap> {
        self.0.look()?;
        Ok(std::mem::take(&mut self.0.lock().gap))
    }

    /// Rotations that left no file behind: the engine threw those away before they were seen.
    pub(crate) fn missing(&mut self) -> Gap {
        let mut state = self.0.lock();
        let seen = self.0.seen();
        state.settle(seen, 0, true);
        std::mem::take(&mut state.gap)
    }

    /// Reads on behind `pending` bytes that were read and not yet taken; 0 when there is nothing more for now. `pending`
    /// is cleared where the file that it came from has ended: its rest will never be complete.
    pub(crate) fn read(&mut self, pending: &mut Vec<u8>, most: usize) -> io::Result<usize> {
        loop {
            let held = pending.len();
            let (file, at, more) = {
                let state = self.0.lock();
                let Some(front) = state.segments.front() else {
                    return Ok(0);
                };
                (
                    Arc::clone(&front.file),
                    front.offset + held as u64,
                    state.segments.len() > 1,
                )
            };
            if !more && file.metadata()?.len() < at {
                // Truncated in place, which is how the engine rotates when it may keep only one file.
                self.rewind();
                pending.clear();
                continue;
            }
            pending.resize(held + most, 0);
            let read = match file.read_at(pending.get_mut(held..).unwrap_or_default(), at) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
                other => other,
            };
            pending.truncate(held + *read.as_ref().unwrap_or(&0));
            match read? {
                // There was a next one before this one was found to be at its end: the engine writes here no more.
                0 if more => {
                    pending.clear();
                    self.0.lock().segments.pop_front();
                }
                read => return Ok(read),
            }
        }
    }

    /// Counts bytes of the current file as taken.
    pub(crate) fn take(&mut self, bytes: usize) {
        if let Some(front) = self.0.lock().segments.front_mut() {
            front.offset += bytes as u64;
        }
    }

    /// The place up to which everything was taken.
    pub(crate) fn point(&self) -> Option<FilePoint> {
        let state = self.0.lock();
        let front = state.segments.front()?;
        Some(FilePoint {
            inode: front.inode,
            head: front.head(),
            offset: front.offset,
        })
    }

    fn rewind(&mut self) {
        let mut state = self.0.lock();
        state.gap = Gap::Unknown;
        if let Some(front) = state.segments.front_mut() {
            front.offset = 0;
        }
    }
}

impl State {
    fn is_full(&self) -> bool {
        let held = || self.segments.iter().filter_map(|segment| segment.file.metadata().ok());
        let files = self.segments.len();
        files >= MOST_OPEN || (files > 2 && held().map(|meta| meta.len()).sum::<u64>() >= MOST_HELD)
    }

    fn settle(&mut self, seen: Option<u64>, appeared: u64, connected: bool) {
        let accounted = self.rotations.map(|rotations| rotations + appeared);
        self.rotations = seen.max(accounted);
        let gap = match (seen, accounted) {
            (Some(seen), Some(accounted)) if seen > accounted => Gap::Files(seen - accounted),
            (Some(_), Some(_)) => Gap::None,
            _ if connected => Gap::None,
            _ => Gap::Unknown,
        };
        self.gap = match (self.gap, gap) {
            (known, Gap::None) => known,
            (Gap::Files(known), Gap::Files(more)) => Gap::Files(known + more),
            (Gap::Unknown, _) | (_, Gap::Unknown) => Gap::Unknown,
            (Gap::None, gap) => gap,
        };
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self) -> Option<u64> {
        self.watch.as_ref()?.rotations()
    }

    fn look(&self) -> io::Result<()> {
        let mut state = self.lock();
        let last = state.segments.back().map(|segment| segment.inode);
        if state.is_full() || (last.is_some() && inode_of(&self.path)? == last) {
            return Ok(());
        }
        let seen = self.seen();
        // The last one is held open, so its inode number cannot belong to another file.
        let Some(found) = self.candidates(|segment| Some(segment.inode) == last)? else {
            return Ok(());
        };
        let fresh = found.newest_first.into_iter().rev().skip(usize::from(found.reached));
        let before = state.segments.len();
        state.segments.extend(fresh);
        let appeared = state.segments.len() - before;
        let connected = found.reached || last.is_none() || appeared == 0;
        state.settle(seen, appeared as u64, connected);
        Ok(())
    }

    /// Opens the file and the rotated ones behind it, newest first, until one that `known` accepts. A rotation in the
    /// middle of that is noticed and it is done again.
    fn candidates(&self, known: impl Fn(&Segment) -> bool) -> io::Result<Option<Candidates>> {
        for _ in 0..100 {
            let mut found = Candidates::default();
            let mut free = 0;
            for n in 0..MOST_FILES {
                match Segment::open(&self.numbered(n))? {
                    // It was renamed while we went through the names, and is met again.
                    Some(segment) if found.has(&segment) => {}
                    Some(segment) => {
                        found.reached = known(&segment);
                        found.newest_first.push(segment);
                        free = 0;
                    }
                    // In the middle of a rotation one of the names is free, and there are files behind it.
                    None => free += 1,
                }
                if found.reached || free == FREE_NAMES {
                    break;
                }
            }
            let newest = found.newest_first.first().map(|segment| segment.inode);
            let inode = inode_of(&self.path)?;
            if inode.is_some() && inode == newest {
                return Ok(Some(found));
            }
            std::thread::yield_now();
        }
        // No file, or the engine is in the middle of a rotation; the next event brings us back.
        Ok(None)
    }

    fn numbered(&self, n: usize) -> PathBuf {
        if n == 0 {
            return self.path.clone();
        }
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{n}"));
        name.into()
    }
}

#[derive(Debug, Default)]
struct Candidates {
    newest_first: Vec<Segment>,
    /// The last of them is the one that was looked for.
    reached: bool,
}

impl Candidates {
    fn has(&self, segment: &Segment) -> bool {
        self.newest_first.iter().any(|other| other.inode == segment.inode)
    }
}

impl Segment {
    fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let inode = file.metadata()?.ino();
        Ok(Some(Self {
            file: Arc::new(file),
            inode,
            offset: 0,
        }))
    }

    fn is_at(&self, point: FilePoint) -> bool {
        let long_enough = self.file.metadata().is_ok_and(|meta| meta.len() >= point.offset);
        self.inode == point.inode && long_enough && (point.offset == 0 || self.head() == point.head)
    }

    /// A hash of the first line's beginning; what is not there yet does not count.
    fn head(&self) -> u64 {
        let mut head = [0; HEAD];
        let read = self.file.read_at(&mut head, 0).unwrap_or(0);
        let head = head.get(..read).unwrap_or_default();
        // A first line shorter than this must hash alike before and after the second one was written.
        let end = memchr::memchr(b'\n', head).unwrap_or(head.len());
        let mut hasher = DefaultHasher::new();
        head.get(..end).hash(&mut hasher);
        hasher.finish()
    }
}

fn inode_of(path: &Path) -> io::Result<Option<u64>> {
    match std::fs::metadata(path) {
        Ok(meta) => Ok(Some(meta.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
