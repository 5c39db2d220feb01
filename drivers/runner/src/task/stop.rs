//! Stopping a task, beside whoever waits for its end.

use std::sync::Arc;
use std::time::Duration;

use encamp_driver::{Driver, Error};
use tokio::sync::{mpsc, watch};

use super::{MAX_BACKOFF, TaskRunner, ends, ordered};
use crate::context::Shared;
use crate::lifecycle::Order;
use crate::{Event, EventKind};

/// How often a refused stop is tried again before the task is destroyed.
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
            signal: task.kill_signal.clone(),
            orders: runner.wires.orders.clone(),
            mailbox: runner.wires.mailbox.clone(),
        }
    }

    /// Waits for the order and carries it out; then leaves the rest to whoever waits for the end.
    pub(super) async fn stop_when_ordered(mut self) {
        if ordered(&mut self.orders, ends).await == Order::Stop {
            let mut orders = self.orders.clone();
            tokio::select! {
                () = self.stop(self.timeout) => return std::future::pending::<()>().await,
                _ = ordered(&mut orders, |order| order == Order::Kill) => {}
            }
        }
        self.stop(Duration::ZERO).await;
        std::future::pending::<()>().await;
    }

    async fn stop(&self, timeout: Duration) {
        let how = self.signal.as_deref().unwrap_or("the driver's kill signal");
        self.say(
            EventKind::Killing,
            format!("sent {how}; waiting {timeout:?} before force killing"),
        );
        let mut backoff = Duration::from_millis(500);
        for _ in 0..STOP_ATTEMPTS {
            match self.driver.stop_task(&self.id, timeout, self.signal.as_deref()).await {
                Ok(()) | Err(Error::TaskNotFound(_)) => return,
                Err(error) => {
                    self.say(
                        EventKind::DriverFailure,
                        format!("cannot stop the task: {}", error.chain()),
                    );
                }
            }
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 2).min(MAX_BACKOFF);
        }
        drop(self.driver.destroy_task(&self.id, true).await);
    }

    /// Tells watchers, and has it kept in the task's record.
    fn say(&self, kind: EventKind, message: String) {
        let event = Event::now(&self.task, kind, message);
        drop(self.mailbox.try_send(event.clone()));
        self.shared.tell(event);
    }
}
