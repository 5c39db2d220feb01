//! What every follower writes through: the sinks, the cursor, and the events that tell of trouble.

use std::collections::HashSet;

use super::cursor::{Cursor, CursorFile, Source};
use super::sink::Sink;
use crate::events::{Events, TaskRef};

/// A task's output on its way to disk.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) task: TaskRef,
    pub(super) container: String,
    pub(super) sink: Sink,
    pub(super) file: CursorFile,
    pub(super) events: Events,
    failing: bool,
    said: std::sync::Mutex<HashSet<String>>,
}

impl Output {
    pub(super) fn new(task: TaskRef, container: String, sink: Sink, file: CursorFile, events: Events) -> Self {
        Self {
            task,
            container,
            sink,
            file,
            events,
            failing: false,
            said: std::sync::Mutex::default(),
        }
    }

    /// Writes; whether anything was lost. The first loss is told, and its end makes room for the next.
    pub(super) async fn write(&mut self, stdout: &[u8], stderr: &[u8]) -> bool {
        if stdout.is_empty() && stderr.is_empty() {
            return false;
        }
        match self.sink.write(stdout, stderr).await {
            Ok(()) => {
                if std::mem::take(&mut self.failing) {
                    self.event("task output is written again".to_owned());
                }
                false
            }
            Err(lost) => {
                if !std::mem::replace(&mut self.failing, true) {
                    let (bytes, cause) = (lost.bytes, lost.cause);
                    self.lost(format!(
                        "task output cannot be written and is lost from here on ({bytes} bytes so far): {cause}"
                    ));
                }
                true
            }
        }
    }

    /// Stores the cursor at `source`; whether that was possible.
    pub(super) fn store(&self, source: Source) -> bool {
        let Some((stdout, stderr)) = self.sink.places() else {
            return false;
        };
        let cursor = Cursor {
            container: self.container.clone(),
            source,
            stdout,
            stderr,
        };
        let stored = self.file.store(&cursor);
        if let Err(error) = &stored {
            tracing::warn!(task = self.task.id, %error, "cannot store how far the task's output was taken over");
        }
        stored.is_ok()
    }

    /// Tells of output that will not come any more: to the host, and in the log.
    pub(super) fn lost(&self, message: String) {
        tracing::warn!(task = self.task.id, "{message}");
        self.event(message);
    }

    pub(super) fn event(&self, message: String) {
        self.events.emit(&self.task, message);
    }

    /// Tells something that would be the same the next time, once.
    pub(super) fn once(&self, message: String) {
        let mut said = self.said.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if said.len() < 100 && said.insert(message.clone()) {
            self.event(message);
        }
    }
}
