//! `encamp run --detach`: left to a runner in the background, once its tasks have begun.

use std::time::Duration;

use anyhow::{Result, bail};
use encamp_driver::ExitResult;
use encamp_runner::{Allocation, EventKind, Lock, Phase, Store, Supervisor, TaskRecord};

use crate::paths::DataDir;
use crate::{output, resume};

/// What has come of a task's start.
#[derive(Debug, PartialEq)]
enum Start {
    /// Nothing yet.
    Awaited,
    /// It runs, or has done what it was to do.
    Begun,
    /// It could not be started, or has failed already.
    Failed(String),
}

/// Returns once every main task has begun, with success, or one has failed.
pub(super) async fn detach(data: &DataDir, store: &Store, allocation: &Allocation, lock: Lock) -> Result<u8> {
    let id = &allocation.id;
    if output::is_json() {
        output::print_json(&serde_json::json!({ "alloc_id": id }));
    } else {
        output::line(id);
    }
    resume::supervise(data, store, id, lock).await?;
    loop {
        let runner = store.supervisor(id)?;
        // Read after the question for the runner: one that is gone has written all that it ever will.
        let tasks = tasks(store, allocation)?;
        let starts = tasks.iter().filter(|(_, main, _)| *main).map(|(.., task)| start(task));
        let starts: Vec<_> = starts.collect();
        if starts.iter().any(|start| matches!(start, Start::Failed(_))) {
            report(&tasks);
            return Ok(1);
        }
        if !starts.contains(&Start::Awaited) {
            return Ok(0);
        }
        if runner == Supervisor::None {
            if !store.dir(id).exists() {
                bail!("the allocation was stopped before its tasks had begun");
            }
            bail!("the runner ended: {}", resume::said(&resume::log_file(store, id), 0));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Each task's name, whether it is a main one, and its record.
fn tasks<'a>(store: &Store, allocation: &'a Allocation) -> Result<Vec<(&'a str, bool, TaskRecord)>> {
    let tasks = allocation.group.tasks.iter();
    let read = |task: &'a encamp_jobspec::Task| {
        let record = store.task(&allocation.id, &task.name)?;
        Ok((task.name.as_str(), task.lifecycle.is_none(), record))
    };
    tasks.map(read).collect()
}

fn start(task: &TaskRecord) -> Start {
    let succeeded = task.exit.as_ref().is_some_and(ExitResult::successful);
    match task.phase {
        Phase::Running => Start::Begun,
        Phase::Pending | Phase::Starting => Start::Awaited,
        Phase::Exited | Phase::Waiting | Phase::Dead if succeeded && !task.failed => Start::Begun,
        Phase::Exited | Phase::Waiting => Start::Failed(format!("{}; it is tried again", why(task))),
        Phase::Dead => Start::Failed(why(task).to_owned()),
    }
}

/// What went wrong last.
fn why(task: &TaskRecord) -> &str {
    let failures = [EventKind::DriverFailure, EventKind::SetupFailure, EventKind::Terminated];
    let mut latest = task.events.iter().rev();
    let failure = latest.find(|event| failures.contains(&event.kind));
    failure.map_or("it was not started", |event| &event.message)
}

/// Says which tasks have failed for good, and why; where there are none, which could not begin.
fn report(tasks: &[(&str, bool, TaskRecord)]) {
    let any_failed = tasks.iter().any(|(.., task)| task.failed);
    for (name, main, task) in tasks {
        match start(task) {
            Start::Failed(why) if task.failed || (!any_failed && *main) => {
                output::error(&format!("task \"{name}\" failed: {why}"));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use encamp_runner::Event;

    use super::*;

    #[track_caller]
    fn check(phase: Phase, exit: Option<i32>, failure: Option<&str>, expected: &Start) {
        let mut task = TaskRecord::default();
        task.phase = phase;
        task.exit = exit.map(ExitResult::code);
        if let Some(message) = failure {
            task.push_event(Event::now("t", EventKind::DriverFailure, message));
            task.push_event(Event::now("t", EventKind::Restarting, "task restarting in 15s"));
        }
        assert_eq!(start(&task), *expected, "{task:?}");
    }

    #[test]
    fn a_start_has_succeeded_once_the_task_runs_or_has_ended_well() {
        let failed = |why: &str| Start::Failed(why.to_owned());
        check(Phase::Pending, None, None, &Start::Awaited);
        check(Phase::Starting, None, None, &Start::Awaited);
        check(Phase::Running, None, None, &Start::Begun);
        check(Phase::Dead, Some(0), None, &Start::Begun);
        check(Phase::Waiting, Some(0), None, &Start::Begun);
        check(
            Phase::Waiting,
            None,
            Some("no such image"),
            &failed("no such image; it is tried again"),
        );
        check(Phase::Dead, None, Some("no such image"), &failed("no such image"));
        check(Phase::Dead, None, None, &failed("it was not started"));
    }
}
