//! Follows every task's log files on one thread and shows their lines.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use encamp_logs::{Next, Reader, Start, Stream};

use crate::ui::Ui;

/// How often files are looked at.
const TICK: Duration = Duration::from_millis(40);

/// A line longer than this is shown in pieces.
const MAX_LINE: usize = 64 * 1024;

/// The thread that prints the tasks' output.
pub(crate) struct LogPrinter {
    thread: JoinHandle<()>,
    ended: Arc<AtomicBool>,
}

/// One stream of one task, and its last line as far as it is known.
struct Followed {
    task: usize,
    name: String,
    stream: Stream,
    reader: Option<Reader>,
    line: Vec<u8>,
}

impl LogPrinter {
    pub(crate) fn start(dir: PathBuf, tasks: Vec<String>, ui: Arc<Mutex<Ui>>) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&ended);
        let thread = thread::spawn(move || {
            let mut followed = Followed::all(tasks);
            loop {
                // Asked before reading, so that what was written before the end is read after it.
                let last = flag.load(Ordering::Acquire);
                let mut moved = false;
                for one in &mut followed {
                    moved |= one.print_new(&dir, &ui);
                }
                if last && !moved {
                    for one in &mut followed {
                        one.flush(&ui);
                    }
                    return;
                }
                if !moved {
                    thread::park_timeout(TICK);
                }
            }
        });
        Self { thread, ended }
    }

    /// Prints the rest; returns when all of it is out.
    pub(crate) fn finish(self) {
        self.ended.store(true, Ordering::Release);
        self.thread.thread().unpark();
        drop(self.thread.join());
    }
}

impl Followed {
    fn all(tasks: Vec<String>) -> Vec<Self> {
        let streams = [Stream::Stdout, Stream::Stderr];
        let tasks = tasks.into_iter().enumerate();
        tasks
            .flat_map(|(task, name)| {
                streams.map(|stream| Self {
                    task,
                    name: name.clone(),
                    stream,
                    reader: None,
                    line: Vec::new(),
                })
            })
            .collect()
    }

    /// Shows the lines that were added since the last look; says whether there were any bytes.
    fn print_new(&mut self, dir: &std::path::Path, ui: &Mutex<Ui>) -> bool {
        if self.reader.is_none() {
            // The directory is made by the run itself.
            self.reader = Reader::open(dir, &self.name, self.stream, Start::Oldest).ok();
        }
        let Some(reader) = &mut self.reader else { return false };
        let Ok(Next::Data(bytes)) = reader.try_next() else {
            return false;
        };
        self.line.extend_from_slice(bytes);
        let complete = self.line.iter().rposition(|byte| *byte == b'\n').map(|end| end + 1);
        let shown = complete.unwrap_or(if self.line.len() > MAX_LINE { self.line.len() } else { 0 });
        let rest = self.line.split_off(shown);
        self.show(ui);
        self.line = rest;
        true
    }

    fn flush(&mut self, ui: &Mutex<Ui>) {
        self.show(ui);
        self.line.clear();
    }

    fn show(&self, ui: &Mutex<Ui>) {
        let Ok(mut ui) = ui.lock() else { return };
        for line in self.line.split_inclusive(|byte| *byte == b'\n') {
            ui.output(self.task, self.stream, line);
        }
    }
}
