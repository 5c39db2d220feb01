//! Stopping a task, beside whoever waits for its end.

use std::sync::Arc;
use std::time::Duration;

use encamp_driver::{Driver, Error};
use tokio::sync::{mpsc, watch};

use super::{MAX_BACKOFF, TaskRunner, ends, ordered};
use crate::context::Shared;
use crate::lifecycle::Order;
use crate::{Event, EventKind};

/// How often a refused stop is tried before the task is destroyed as well.
const STOP_ATTEMPTS: u32 = 5;

/// Stops a task when it is ordered to.
pub(super) struct Stopper {
    shared: Arc<Shared>,
    driver: Arc<dyn Driver>,
    task: String,
    id: String,
    timeout: Duration,
    signal: Option<String>,
    orders: watch::Receiver<Order>,
    mailbox: mpsc::Sender<Event>,
}

impl Stopper {
    pub(super) fn new(runner: &TaskRunner) -> Self {
        let task = &runner.spec.task;
        Self {
            shared: Arc::clone(&runner.shared),
            driver: Arc::clone(&runner.spec.driver),
            task: task.name.clone(),
            id: runner.record.task_id.clone(),
            timeout: task.kill_timeout,
            signal: task.kill_signal.as_deref().map(full_name),
            orders: runner.wires.orders.clone(),
            mailbox: runner.wires.mailbox.clone(),
        }
    }

    /// Waits for the order and carries it out; then leaves the rest to whoever waits for the end.
    pub(super) async fn stop_when_ordered(mut self) {
        let mut orders = self.orders.clone();
        if ordered(&mut self.orders, ends).await == Order::Stop {
            tokio::select! {
                () = self.stop(self.timeout) => {}
                _ = ordered(&mut orders, |order| order == Order::Kill) => {}
            }
        }
        // Also after a stop that was carried out: if the task lives on, a kill may still be ordered.
        ordered(&mut orders, |order| order == Order::Kill).await;
        self.stop(Duration::ZERO).await;
        std::future::pending::<()>().await;
    }

    /// Stops the task, however often it takes: only its end, which somebody else waits for, ends the attempts.
    async fn stop(&self, timeout: Duration) {
        let how = self.signal.as_deref().unwrap_or("the driver's kill signal");
        let what = if timeout.is_zero() {
            "force killing".to_owned()
        } else {
            format!("sent {how}; waiting {timeout:?} before force killing")
        };
        self.say(EventKind::Killing, what);
        let mut backoff = Duration::from_millis(500);
        for attempt in 1_u32.. {
            match self.driver.stop_task(&self.id, timeout, self.signal.as_deref()).await {
                Ok(()) | Err(Error::TaskNotFound(_)) => return,
                Err(error) if attempt <= STOP_ATTEMPTS => {
                    self.say(
                        EventKind::DriverFailure,
                        format!("cannot stop the task: {}", error.chain()),
                    );
                }
                // A driver that refuses to stop it may still be able to destroy it.
                Err(_) => drop(self.driver.destroy_task(&self.id, true).await),
            }
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 2).min(MAX_BACKOFF);
        }
    }

    /// Tells watchers, and has it kept in the task's record.
    fn say(&self, kind: EventKind, message: String) {
        let event = Event::now(&self.task, kind, message);
        drop(self.mailbox.try_send(event.clone()));
        self.shared.tell(event);
    }
}

/// `term` and `TERM` are `SIGTERM`, for every driver alike.
fn full_name(signal: &str) -> String {
    let upper = signal.to_ascii_uppercase();
    if upper.starts_with("SIG") {
        upper
    } else {
        format!("SIG{upper}")
    }
}
