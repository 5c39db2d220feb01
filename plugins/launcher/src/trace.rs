//! Diagnostics on standard error, by a thread of their own: a terminal that is stopped does not hold up who has something
//! to tell.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Duration;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How many diagnostics wait to be written; more are counted and left out.
const BACKLOG: usize = 256;

/// How long the last ones may take.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(500);

/// The way to the thread.
#[derive(Clone)]
pub(crate) struct Trace {
    entries: SyncSender<Entry>,
    missed: Arc<AtomicU64>,
}

enum Entry {
    Line(Vec<u8>),
    /// Answered once all that came before is written.
    Flush(SyncSender<()>),
}

impl Trace {
    /// Shows the program's own diagnostics only, unless more is asked for: libraries may log requests whole, and those
    /// hold secrets.
    pub(crate) fn init(verbose: u8) -> Self {
        let (ours, theirs) = match verbose {
            0 => (LevelFilter::WARN, LevelFilter::OFF),
            1 => (LevelFilter::INFO, LevelFilter::OFF),
            2 => (LevelFilter::DEBUG, LevelFilter::WARN),
            _ => (LevelFilter::TRACE, LevelFilter::INFO),
        };
        let trace = Self::start();
        let targets = Targets::new().with_default(theirs).with_target("encamp", ours);
        let writer = trace.clone();
        let layer = tracing_subscriber::fmt::layer()
            .with_writer(move || writer.clone())
            .without_time();
        tracing_subscriber::registry().with(targets).with(layer).init();
        trace
    }

    fn start() -> Self {
        let (entries, inbox) = mpsc::sync_channel(BACKLOG);
        let missed = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&missed);
        thread::spawn(move || write_all(&inbox, &counter));
        Self { entries, missed }
    }

    /// Waits until all is written, for a moment.
    pub(crate) fn flush(&self) {
        let (answer, answered) = mpsc::sync_channel(1);
        if self.entries.try_send(Entry::Flush(answer)).is_ok() {
            let _in_time = answered.recv_timeout(FLUSH_TIMEOUT);
        }
    }
}

/// Each write is one diagnostic.
impl Write for Trace {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.entries.try_send(Entry::Line(bytes.to_vec())).is_err() {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_all(inbox: &Receiver<Entry>, missed: &AtomicU64) {
    for entry in inbox {
        match entry {
            // A closed standard error is nobody's loss.
            Entry::Line(bytes) => drop(io::stderr().write_all(&bytes)),
            Entry::Flush(answer) => drop(answer.send(())),
        }
        let count = missed.swap(0, Ordering::Relaxed);
        if count > 0 {
            drop(writeln!(io::stderr(), "{count} diagnostics were not shown"));
        }
    }
}
