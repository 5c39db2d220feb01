//! What the driver has to tell about its tasks.

use std::collections::BTreeMap;
use std::time::SystemTime;

use encamp_driver::{BoxStream, Result, TaskConfig, TaskEvent};
use tokio::sync::broadcast;

/// How many events a slow listener may lag behind before it loses the oldest.
const BACKLOG: usize = 1024;

/// The names that an event carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TaskRef {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) alloc_id: String,
}

impl From<&TaskConfig> for TaskRef {
    fn from(task: &TaskConfig) -> Self {
        Self {
            id: task.id.clone(),
            name: task.name.clone(),
            alloc_id: task.alloc_id.clone(),
        }
    }
}

/// Sends events to whoever listens; nobody listening is fine, and a slow listener holds up nobody.
#[derive(Clone, Debug)]
pub(crate) struct Events(broadcast::Sender<TaskEvent>);

impl Default for Events {
    fn default() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }
}

impl Events {
    pub(crate) fn emit(&self, task: &TaskRef, message: impl Into<String>) {
        self.annotate(task, message, []);
    }

    pub(crate) fn annotate<const N: usize>(
        &self,
        task: &TaskRef,
        message: impl Into<String>,
        annotations: [(&str, String); N],
    ) {
        let annotations: BTreeMap<String, String> = annotations
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let event = TaskEvent {
            task_id: task.id.clone(),
            task_name: task.name.clone(),
            alloc_id: task.alloc_id.clone(),
            timestamp: SystemTime::now(),
            message: message.into(),
            annotations,
        };
        // Nobody listening is not a failure.
        drop(self.0.send(event));
    }

    pub(crate) fn subscribe(&self) -> BoxStream<Result<TaskEvent>> {
        let receiver = self.0.subscribe();
        Box::pin(futures_util::stream::unfold(receiver, |mut receiver| async move {
            loop {
                match receiver.recv().await {
                    Ok(event) => return Some((Ok(event), receiver)),
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        }))
    }
}
