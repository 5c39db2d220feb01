//! What a task's supervising process has to tell while the task runs.

use encamp_logs::Stream;
use serde::{Deserialize, Serialize};
use tokio::time::{Duration, sleep};

use super::connection::Connection;
use super::process::UNCLEAR_INTERVAL;
use crate::{Exit, Process};

/// The pause before a supervising process that broke a connection off is called again.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

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

/// The events of one task, from the first call of [`Events::next`] on.
#[derive(Debug)]
pub struct Events {
    process: Process,
    connection: Option<Connection>,
    is_over: bool,
}

impl Events {
    pub(super) fn new(process: Process) -> Self {
        Self {
            // A launch's own has been told everything, and of a short task there may be time for no other.
            connection: process.take_connection(),
            process,
            is_over: false,
        }
    }

    /// The next event; `None` after [`Event::Exited`].
    ///
    /// # Cancel safety
    /// No event is lost when this is dropped.
    pub async fn next(&mut self) -> Option<Event> {
        while !self.is_over {
            if let Some(connection) = &mut self.connection {
                match self.process.next_event(connection).await {
                    Some(Event::Exited(exit)) => return Some(self.over(exit)),
                    Some(event) => return Some(event),
                    None => self.connection = None,
                }
            }
            if let Some(exit) = self.process.exit() {
                return Some(self.over(exit));
            }
            match self.process.watch().await {
                Ok(connection) => self.connection = Some(connection),
                Err(_) => match self.process.autopsy(RETRY_INTERVAL).await {
                    Ok(Some(exit)) => return Some(self.over(exit)),
                    Ok(None) => sleep(RETRY_INTERVAL).await,
                    Err(_) => sleep(UNCLEAR_INTERVAL).await,
                },
            }
        }
        None
    }

    fn over(&mut self, exit: Exit) -> Event {
        self.is_over = true;
        Event::Exited(self.process.ended(exit))
    }
}
