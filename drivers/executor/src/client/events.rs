//! What a task's supervising process has to tell while the task runs.

use encamp_logs::Stream;
use serde::{Deserialize, Serialize};

use crate::Exit;

/// Something that a supervising process has to tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// Output is being lost. Told once, until it is written again.
    LogWriteFailed {
        /// The stream.
        stream: Stream,
        /// Bytes lost since the task started.
        lost: u64,
        /// Why.
        reason: String,
    },
    /// Output is written again.
    LogRecovered {
        /// The stream.
        stream: Stream,
        /// Bytes lost since the task started.
        lost: u64,
    },
    /// The task has ended. The last event.
    Exited(Exit),
}

/// The events of one task, from the moment this was asked for.
#[derive(Debug)]
pub struct Events {}

impl Events {
    /// The next event; `None` after [`Event::Exited`].
    ///
    /// # Cancel safety
    /// No event is lost when this is dropped.
    pub async fn next(&mut self) -> Option<Event> {
        None
    }
}
