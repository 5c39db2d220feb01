//! The tasks of a session.

use std::sync::PoisonError;

use anyhow::Result;
use encamp_driver::{Driver as _, ExitResult, TaskConfig, TaskHandle};
use encamp_driver_grpc::RemoteDriver;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::show;
use crate::collect::Collector;
use crate::exit::usage;
use crate::session::{Ids, Screen};

/// A task.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) name: String,
    pub(super) id: String,
    /// What it is found again by.
    pub(super) handle: TaskHandle,
    pub(super) collector: Collector,
    pub(super) end: watch::Receiver<Option<End>>,
    waiting: Option<AbortHandle>,
}

/// How a task has ended, or why nobody knows.
pub(super) type End = Result<ExitResult, String>;

/// All of them, in the order of their starts.
#[derive(Debug)]
pub(super) struct Tasks {
    all: Vec<Task>,
    started: u32,
    ids: Ids,
}

impl Task {
    pub(super) fn new(config: TaskConfig, collector: Collector) -> Self {
        Self {
            name: config.name.clone(),
            id: config.id.clone(),
            handle: TaskHandle {
                config,
                ..TaskHandle::default()
            },
            collector,
            end: watch::channel(None).1,
            waiting: None,
        }
    }

    /// Waits for the end, and tells it when it comes.
    pub(super) fn watch(&mut self, driver: &RemoteDriver, screen: &Screen) {
        let (sender, end) = watch::channel(None);
        let (driver, screen) = (driver.clone(), screen.clone());
        let (name, id) = (self.name.clone(), self.id.clone());
        let waiting = tokio::spawn(async move {
            let exit = match driver.wait_task(&id).await {
                Ok(exit) => {
                    let json = json!({ "event": "exited", "task": name, "exit": exit });
                    screen.event(&format!("{name} has ended: {}", show::exit(&exit)), &json);
                    Ok(exit)
                }
                Err(error) => Err(error.chain()),
            };
            sender.send_replace(Some(exit));
        });
        self.end = end;
        self.waiting = Some(waiting.abort_handle());
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(waiting) = &self.waiting {
            waiting.abort();
        }
    }
}

impl Tasks {
    pub(super) fn new(ids: Ids) -> Self {
        Self {
            all: Vec::new(),
            started: 0,
            ids,
        }
    }

    /// A name that no task has had yet, unless the user chose one.
    pub(super) fn name(&mut self, wanted: Option<&str>) -> Result<String> {
        let Some(wanted) = wanted else {
            self.started += 1;
            let name = format!("task{}", self.started);
            return if self.has(&name) { self.name(None) } else { Ok(name) };
        };
        let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if wanted.is_empty() || wanted.starts_with('.') || wanted == "alloc" || !wanted.chars().all(is_good) {
            return Err(usage(format!(
                "\"{wanted}\" cannot be the name of a task: use letters, digits, - and _"
            )));
        }
        if self.has(wanted) {
            return Err(usage(format!("there is a task {wanted} already")));
        }
        Ok(wanted.to_owned())
    }

    fn has(&self, name: &str) -> bool {
        self.all.iter().any(|task| task.name == name)
    }

    pub(super) fn add(&mut self, task: Task) -> &mut Task {
        self.all.push(task);
        self.tell();
        let last = self.all.len() - 1;
        #[expect(clippy::indexing_slicing, reason = "one was pushed")]
        &mut self.all[last]
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.all.retain(|task| task.id != id);
        self.tell();
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Task> {
        self.all.iter()
    }

    /// The task that the user means.
    pub(super) fn find(&self, id: &str) -> Result<&Task> {
        if let Some(task) = self.all.iter().find(|task| task.name == id || task.id == id) {
            return Ok(task);
        }
        let names: Vec<_> = self.all.iter().map(|task| task.name.as_str()).collect();
        let mut fitting = self.all.iter().filter(|task| !id.is_empty() && task.id.starts_with(id));
        match (fitting.next(), fitting.next()) {
            (Some(task), None) => Ok(task),
            (Some(_), Some(_)) => Err(usage(format!("several tasks begin with {id}: {}", names.join(", ")))),
            _ if names.is_empty() => Err(usage(format!("there is no task {id}; `start` makes one"))),
            _ => Err(usage(format!("there is no task {id}; there are: {}", names.join(", ")))),
        }
    }

    fn tell(&self) {
        let names = self.all.iter().map(|task| task.name.clone());
        *self.ids.lock().unwrap_or_else(PoisonError::into_inner) = names.collect();
    }
}
