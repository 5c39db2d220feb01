//! What a session shows on its own: a plugin's log, and what happens while the user types.
//!
//! A thread shows it, so that a terminal that is stopped holds up nobody who has something to tell.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Duration;

use crate::output;

/// How many lines wait to be shown; more are counted and left out.
const BACKLOG: usize = 1024;

/// How long the last ones may take.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(500);

/// A way to show a line without harm to the one that is being typed.
pub(super) type Printer = Box<dyn FnMut(String) -> bool + Send>;

/// The way to the thread.
#[derive(Clone)]
pub(crate) struct Screen {
    words: SyncSender<Word>,
    missed: Arc<AtomicU64>,
}

enum Word {
    /// A line of results.
    Out(String),
    /// A line that is not.
    Err(String),
    /// From now on somebody types.
    Typing(Printer),
    /// Nobody types any more.
    Still,
    /// Answered once all that came before is shown.
    Flush(SyncSender<()>),
}

impl Screen {
    pub(crate) fn start() -> Self {
        let (words, inbox) = mpsc::sync_channel(BACKLOG);
        let missed = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&missed);
        thread::spawn(move || show_all(&inbox, &counter));
        Self { words, missed }
    }

    /// Something that has happened: a sentence for people, or a value where JSON was asked for.
    pub(crate) fn event(&self, text: &str, json: &serde_json::Value) {
        let line = if output::is_json() {
            json.to_string()
        } else {
            plain(text)
        };
        self.send(Word::Out(line));
    }

    /// Something worth knowing that is no result. It may come from a plugin, and so cannot do anything to the terminal.
    pub(crate) fn note(&self, text: &str) {
        self.send(Word::Err(plain(text)));
    }

    pub(super) fn typing(&self, printer: Printer) {
        self.send(Word::Typing(printer));
    }

    pub(super) fn still(&self) {
        self.send(Word::Still);
        self.flush();
    }

    /// Waits until all is shown, for a moment.
    pub(crate) fn flush(&self) {
        let (answer, answered) = mpsc::sync_channel(1);
        if self.words.try_send(Word::Flush(answer)).is_ok() {
            let _in_time = answered.recv_timeout(FLUSH_TIMEOUT);
        }
    }

    fn send(&self, word: Word) {
        if self.words.try_send(word).is_err() {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Screen").finish_non_exhaustive()
    }
}

fn show_all(inbox: &Receiver<Word>, missed: &AtomicU64) {
    let mut printer: Option<Printer> = None;
    let show = |line: String, is_result: bool, printer: &mut Option<Printer>| {
        let is_shown = printer.as_mut().is_some_and(|print| print(format!("{line}\n")));
        match is_result {
            _ if is_shown => {}
            true => output::line(&line),
            false => output::to_stderr(&line),
        }
    };
    for word in inbox {
        match word {
            Word::Out(line) => show(line, true, &mut printer),
            Word::Err(line) => show(line, false, &mut printer),
            Word::Typing(new) => printer = Some(new),
            Word::Still => printer = None,
            Word::Flush(answer) => drop(answer.send(())),
        }
        let count = missed.swap(0, Ordering::Relaxed);
        if count > 0 {
            show(format!("{count} lines were not shown"), false, &mut printer);
        }
    }
}

/// Text that does nothing but stand there.
pub(crate) fn plain(text: &str) -> String {
    let is_plain = |c: char| !c.is_control() || c == '\t' || c == '\n';
    if text.chars().all(is_plain) {
        return text.to_owned();
    }
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_plain(c) {
            safe.push(c);
        } else {
            safe.extend(c.escape_default());
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, shown: &str) {
        assert_eq!(plain(text), shown);
    }

    #[test]
    fn a_plugin_cannot_reach_the_terminal() {
        check("a\tb\nc é", "a\tb\nc é");
        check("\x1b[2Jgone\r\u{9b}0m", "\\u{1b}[2Jgone\\r\\u{9b}0m");
    }
}
