//! One task of the driver's.

use std::time::SystemTime;

use encamp_driver::{Error, ExitResult, TaskConfig, TaskEvent};
use encamp_executor::{ControlError, Event, Exit, Process};
use tokio::sync::broadcast;
use tokio::task::AbortHandle;

/// One task of the driver's, running or ended.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) name: String,
    pub(crate) process: Process,
    /// Follows the task's events, as long as the driver knows the task.
    follower: AbortHandle,
}

impl Task {
    /// Takes a process for a task, and passes on what it has to tell.
    pub(crate) fn new(config: &TaskConfig, process: Process, events: broadcast::Sender<TaskEvent>) -> Self {
        let template = TaskEvent {
            task_id: config.id.clone(),
            task_name: config.name.clone(),
            alloc_id: config.alloc_id.clone(),
            timestamp: SystemTime::now(),
            message: String::new(),
            annotations: std::collections::BTreeMap::new(),
        };
        let follower = tokio::spawn(follow(process.clone(), template, events)).abort_handle();
        Self {
            name: config.name.clone(),
            process,
            follower,
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

async fn follow(process: Process, template: TaskEvent, events: broadcast::Sender<TaskEvent>) {
    let mut from = process.events();
    while let Some(event) = from.next().await {
        let message = match event {
            Event::LogWriteFailed { stream, lost, reason } => {
                format!("Output to {stream} is being lost ({lost} bytes so far): {reason}")
            }
            Event::LogRecovered { stream, lost } => {
                format!("Output to {stream} is written again; {lost} bytes were lost")
            }
            _ => continue,
        };
        // Nobody may be listening.
        drop(events.send(TaskEvent {
            timestamp: SystemTime::now(),
            message,
            ..template.clone()
        }));
    }
}

pub(crate) fn exit_result(exit: &Exit) -> ExitResult {
    ExitResult {
        exit_code: exit.exit_code,
        signal: exit.signal,
        oom_killed: exit.oom_killed,
        err: exit.err.clone(),
    }
}

pub(crate) fn control_error(id: &str, error: ControlError) -> Error {
    match error {
        ControlError::Ended => Error::fatal(format!("task {id} has ended")),
        ControlError::Refused(reason) => Error::fatal(reason),
        other => Error::recoverable(format!("cannot reach task {id}")).because(other),
    }
}
