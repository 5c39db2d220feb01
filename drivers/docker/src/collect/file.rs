//! Following the engine's own json file.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::cursor::{Cursor, FilePoint, Source};
use super::decode::Batch;
use super::tail::{Gap, Tail};
use super::watch::{Watch, Watcher};
use super::writer::Output;

/// One look reads this much, then others get their turn.
const CHUNK: usize = 128 * 1024;
/// No entry of the engine's is longer: 16 KiB of text, all of it escaped, and some attributes.
const LONGEST: usize = 1024 * 1024;
/// The cursor follows behind by no more than this.
const CURSOR_BYTES: usize = 1024 * 1024;
const CURSOR_TIME: Duration = Duration::from_secs(1);
/// Looks without inotify, and after a failure.
const SOON: Duration = Duration::from_millis(20);
const FALLBACK: Duration = Duration::from_millis(500);
/// How long a container log that cannot be read is tried again once the task has ended.
const UNREADABLE: Duration = Duration::from_secs(30);

/// Follows the file at `path` into `output` until `finish` says that nothing more will be written, and then to its end.
pub(super) async fn follow(
    path: PathBuf,
    watcher: Option<Arc<Watcher>>,
    resume: Option<FilePoint>,
    output: Output,
    finish: watch::Receiver<bool>,
) {
    let watch = watcher.and_then(|watcher| {
        let watch = watcher.watch(path.parent()?);
        watch.inspect_err(|error| warn(&path, error)).ok()
    });
    let tail = loop {
        match Tail::open(&path, watch.clone(), resume) {
            Ok(opened) => break opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => output.once(format!("cannot read container log {}: {error}", path.display())),
        }
        if *finish.borrow() {
            let path = path.display();
            return output.lost(format!(
                "output may be missing: container log {path} is gone or cannot be opened"
            ));
        }
        tokio::time::sleep(SOON).await;
    };
    let mut follower = Follower {
        tail,
        output,
        pending: Vec::new(),
        batch: Batch::default(),
        dirty: 0,
        stored: Instant::now(),
    };
    follower.run(watch.as_ref(), finish).await;
}

fn warn(path: &std::path::Path, error: &io::Error) {
    tracing::warn!(path = %path.display(), %error, "cannot watch container log; looking twice a second instead");
}

struct Follower {
    tail: Tail,
    output: Output,
    pending: Vec<u8>,
    batch: Batch,
    /// Bytes taken since the cursor was stored.
    dirty: usize,
    stored: Instant,
}

impl Follower {
    async fn run(&mut self, wake: Option<&Watch>, mut finish: watch::Receiver<bool>) {
        let mut readable = Instant::now();
        loop {
            // Taken before the look: what is written before this is found by it.
            let last = *finish.borrow_and_update();
            match self.step().await {
                Ok(0) if last => break,
                Ok(0) => {
                    self.idle(wake, &mut finish).await;
                    readable = Instant::now();
                }
                Ok(_) => {
                    readable = Instant::now();
                    tokio::task::yield_now().await;
                }
                Err(error) if last && readable.elapsed() >= UNREADABLE => {
                    self.output.lost(format!(
                        "the end of the task's output is lost, the container log cannot be read: {error}"
                    ));
                    break;
                }
                Err(error) => {
                    self.output.once(format!("cannot read container log: {error}"));
                    tokio::time::sleep(FALLBACK).await;
                }
            }
        }
        let missing = self.tail.missing();
        self.report(missing);
        self.store();
    }

    /// Sleeps until something happens. Costs nothing while nothing does; memory of a burst is given back.
    async fn idle(&mut self, wake: Option<&Watch>, finish: &mut watch::Receiver<bool>) {
        let changed = async {
            match wake {
                Some(watch) => watch.changed().await,
                None => tokio::time::sleep(FALLBACK).await,
            }
        };
        let store_at = self.stored + CURSOR_TIME;
        let dirty = self.dirty > 0;
        tokio::select! {
            () = changed => {}
            _ = finish.changed() => {}
            () = tokio::time::sleep_until(store_at), if dirty => {
                self.store();
                self.pending.shrink_to(0);
                self.batch = Batch::default();
            }
        }
    }

    /// Takes one chunk over and returns its size.
    async fn step(&mut self) -> io::Result<usize> {
        let gap = self.tail.look()?;
        self.report(gap);
        let read = self.tail.read(&mut self.pending, CHUNK)?;
        if read == 0 {
            return Ok(0);
        }
        let taken = self.batch.decode(&self.pending);
        self.pending.drain(..taken);
        self.tail.take(taken);
        if self.pending.len() > LONGEST {
            // Not a log of the engine's any more: step over it, to the next line.
            self.batch.malformed += 1;
            self.tail.take(self.pending.len());
            self.pending.clear();
        }
        let lost = self.output.write(&self.batch.stdout, &self.batch.stderr).await;
        if self.batch.malformed > 0 {
            let lines = self.batch.malformed;
            self.output
                .once(format!("{lines} damaged lines in the container log were left out"));
        }
        self.batch.clear();
        self.dirty += taken;
        let due = self.dirty >= CURSOR_BYTES || self.stored.elapsed() >= CURSOR_TIME;
        if lost || due || self.output.sink.forgets() {
            self.store();
        }
        Ok(read)
    }

    fn report(&self, gap: Gap) {
        let text = match gap {
            Gap::None => return,
            Gap::Files(1) => "one file of the container log was".to_owned(),
            Gap::Files(n) => format!("{n} files of the container log were"),
            Gap::Unknown => "output may be missing: the container log was".to_owned(),
        };
        let hint = "rotated away before it could be read; raise `max-file` or `max-size` in the logging config";
        self.output.lost(format!("{text} {hint}"));
    }

    fn store(&mut self) {
        let Some(point) = self.tail.point() else { return };
        if self.output.store(Source::File(point)) {
            self.dirty = 0;
        }
        self.stored = Instant::now();
    }
}

/// Where a cursor says that the file was left.
pub(super) fn resume_point(cursor: Option<&Cursor>) -> Option<FilePoint> {
    match cursor?.source {
        Source::File(point) => Some(point),
        _ => None,
    }
}
