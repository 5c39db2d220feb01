//! What `encamp run` shows while it runs, by a thread of its own.
//!
//! A terminal that is stopped, or a pipe that nobody reads, blocks that thread and nothing else. It keeps up with nobody:
//! the tasks' output is in their log files, from where it reads on; of events the last 1024 wait, and it says how many it
//! has missed.

mod follow;
mod pulls;
mod screen;

use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use encamp_runner::{Event, EventKind, Outcome};
use tokio::sync::broadcast::{self, error::TryRecvError};
use tokio::sync::oneshot;

use crate::ui::follow::Followed;
use crate::ui::screen::Screen;

/// How often events and files are looked at.
const TICK: Duration = Duration::from_millis(40);

/// How often more of a task's last words is looked for before its end is told. If it was started again meanwhile, they
/// do not end.
const LAST_WORDS: u32 = 16;

/// The thread that shows a run.
pub(crate) struct Printer {
    words: Sender<Word>,
    done: oneshot::Receiver<()>,
}

/// What is shown.
pub(crate) struct Shown {
    pub(crate) alloc_id: String,
    /// Where the tasks' log files will be.
    pub(crate) logs: PathBuf,
    pub(crate) tasks: Vec<String>,
    pub(crate) events: broadcast::Receiver<Event>,
}

enum Word {
    Notice(String),
    /// The run is over; without an outcome where it has failed.
    Over(Option<Outcome>),
}

impl Printer {
    pub(crate) fn start(shown: Shown) -> Self {
        let (words, inbox) = mpsc::channel();
        let (done_sender, done) = oneshot::channel();
        thread::spawn(move || {
            Show::new(shown).run(&inbox);
            // Nobody waits for it any more, at worst.
            let _waited_for = done_sender.send(());
        });
        Self { words, done }
    }

    /// Shows what it is given, without waiting.
    pub(crate) fn notices(&self) -> impl Fn(&str) + Send + use<> {
        let words = self.words.clone();
        move |text| drop(words.send(Word::Notice(text.to_owned())))
    }

    /// Shows the rest; returns when all of it is out.
    ///
    /// # Cancel safety
    /// The thread goes on.
    pub(crate) async fn finish(self, outcome: Option<Outcome>) {
        drop(self.words.send(Word::Over(outcome)));
        drop(self.done.await);
    }
}

/// What the thread works on.
struct Show {
    screen: Screen,
    followed: Vec<Followed>,
    shown: Shown,
}

impl Show {
    fn new(shown: Shown) -> Self {
        Self {
            screen: Screen::new(&shown.alloc_id, &shown.tasks),
            followed: Followed::all(&shown.tasks),
            shown,
        }
    }

    fn run(mut self, inbox: &Receiver<Word>) {
        let mut over = None;
        let mut moved = false;
        loop {
            // Heard before looking: what happens before the end of the run is seen after it is told.
            match inbox.recv_timeout(if moved { Duration::ZERO } else { TICK }) {
                Ok(Word::Notice(text)) => self.screen.notice(&text),
                Ok(Word::Over(outcome)) => over = Some(outcome),
                // The run was given up.
                Err(RecvTimeoutError::Disconnected) if over.is_none() => return,
                Err(_) => {}
            }
            moved = self.show_events();
            moved |= self.show_output(None);
            if let (Some(outcome), false) = (&over, moved) {
                self.flush(None);
                return self.screen.finish(outcome.as_ref());
            }
        }
    }

    /// Shows what has happened since the last look; says whether anything has.
    fn show_events(&mut self) -> bool {
        let mut any = false;
        loop {
            match self.shown.events.try_recv() {
                Ok(event) => self.show_event(&event),
                Err(TryRecvError::Lagged(missed)) => self.screen.notice(&format!("{missed} events were not shown")),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return any,
            }
            any = true;
        }
    }

    fn show_event(&mut self, event: &Event) {
        if event.kind == EventKind::Terminated {
            self.show_last_words(&event.task);
        }
        self.screen.event(event);
    }

    /// A task's last words come before its end.
    fn show_last_words(&mut self, task: &str) {
        let task = self.shown.tasks.iter().position(|name| name == task);
        let is_all_out = task.is_some() && !(0..LAST_WORDS).all(|_| self.show_output(task));
        if is_all_out {
            self.flush(task);
        }
    }

    /// Shows last lines of tasks, or of one task, though nothing ended them.
    fn flush(&mut self, task: Option<usize>) {
        for one in &mut self.followed {
            if task.is_none_or(|task| task == one.task) {
                one.flush(&mut self.screen);
            }
        }
    }

    /// Shows some of what tasks, or one task, have written since the last look; says whether there was anything.
    fn show_output(&mut self, task: Option<usize>) -> bool {
        let mut any = false;
        for one in &mut self.followed {
            if task.is_none_or(|task| task == one.task) {
                any |= one.show_new(&self.shown.logs, &mut self.screen);
            }
        }
        any
    }
}
