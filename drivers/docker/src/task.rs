//! A running task: who waits for its end, and what its end is.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use encamp_driver::{ExitResult, NetworkOverride, TaskState, TaskStatus};
use nix::sys::signal::Signal;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::collect::Collector;
use crate::engine::{Container, Engine, EngineError};
use crate::events::{Events, TaskRef};
use crate::oom;

const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);
/// How often the engine is asked for the details of an end that it has reported.
const DETAILS: u32 = 10;

/// Where a task's life has come to.
#[derive(Clone, Debug)]
enum Phase {
    Running,
    /// Its container has ended, and the rest of its output is being taken over.
    Draining,
    Ended(ExitResult),
}

/// A task that was started or taken back.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) info: Info,
    phase: watch::Receiver<Phase>,
    watcher: AbortHandle,
}

/// What is known of a task from its start.
#[derive(Clone)]
pub(crate) struct Info {
    pub(crate) task: TaskRef,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) container: String,
    pub(crate) image: String,
    pub(crate) stop_signal: Option<String>,
    pub(crate) network: Option<NetworkOverride>,
    pub(crate) sent: Sent,
}

/// The signals that were sent to a task. The engine does not say whether a signal ended it: a status of 128 and more may
/// be one that the program chose.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent(Arc<Mutex<BTreeSet<i32>>>);

impl Sent {
    /// Notes a signal by name or number, before it is sent: the end may be seen before the answer.
    pub(crate) fn note(&self, signal: &str) {
        let by_name = signal.parse().map(|signal: Signal| signal as i32);
        if let Ok(number) = by_name.or_else(|_| signal.parse()) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
        }
    }

    fn has(&self, signal: i32) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&signal)
    }
}

impl std::fmt::Debug for Info {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Info")
            .field("task", &self.task)
            .field("container", &self.container)
            .finish_non_exhaustive()
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

impl Task {
    /// Begins to wait for the task's end. Its output is drained before the end is told.
    pub(crate) fn watch(info: Info, events: Events, collector: Arc<Collector>) -> Self {
        let (tell, phase) = watch::channel(Phase::Running);
        let work = tokio::spawn({
            let info = info.clone();
            async move {
                let end = end(&info, &events).await;
                tell.send_replace(Phase::Draining);
                collector.finish(&info.task.id).await;
                tell.send_replace(Phase::Ended(end));
            }
        });
        Self {
            info,
            phase,
            watcher: work.abort_handle(),
        }
    }

    /// The end, if it has been told.
    pub(crate) fn exit(&self) -> Option<ExitResult> {
        match &*self.phase.borrow() {
            Phase::Ended(exit) => Some(exit.clone()),
            _ => None,
        }
    }

    /// Whether there is still somebody to signal.
    pub(crate) fn is_running(&self) -> bool {
        matches!(*self.phase.borrow(), Phase::Running)
    }

    /// Something to wait for the end with.
    pub(crate) fn waiter(&self) -> Waiter {
        Waiter(self.phase.clone())
    }

    /// What can be said of the task now.
    pub(crate) async fn status(&self) -> TaskStatus {
        let mut status = TaskStatus {
            id: self.info.task.id.clone(),
            name: self.info.task.name.clone(),
            state: TaskState::Unknown,
            started_at: None,
            completed_at: None,
            exit: self.exit(),
            attributes: [("container_id".to_owned(), self.info.container.clone())].into(),
            network: self.info.network.clone(),
        };
        if let Ok(found) = self.info.engine.inspect(&self.info.container).await {
            status.started_at = found.state.started_at;
            if found.state.running {
                status.state = TaskState::Running;
                status.attributes.insert("pid".to_owned(), found.state.pid.to_string());
            } else {
                // The engine takes the two times from different clocks; a short task can end before it started.
                status.completed_at = found.state.finished_at.max(found.state.started_at);
            }
        }
        // The end is what was told to waiters, not what the engine knows a moment earlier.
        if status.exit.is_some() {
            status.state = TaskState::Exited;
        } else if status.state == TaskState::Unknown && status.completed_at.is_some() {
            status.state = TaskState::Running;
            status.completed_at = None;
        }
        status
    }
}

/// Waits for a task's end.
pub(crate) struct Waiter(watch::Receiver<Phase>);

impl Waiter {
    /// The end; `None` when nobody waits for it any more.
    pub(crate) async fn end(mut self) -> Option<ExitResult> {
        match &*self.0.wait_for(|phase| matches!(phase, Phase::Ended(_))).await.ok()? {
            Phase::Ended(exit) => Some(exit.clone()),
            _ => None,
        }
    }

    /// Returns once the container has ended, which is before its output was taken over and the end is told.
    pub(crate) async fn stopped(mut self) {
        // An error says that nobody waits for it any more.
        drop(self.0.wait_for(|phase| !matches!(phase, Phase::Running)).await);
    }
}

/// The container's true end. A lost connection, or an engine that is away, says nothing about the container: it is
/// looked at again until the engine answers.
async fn end(info: &Info, events: &Events) -> ExitResult {
    let mut pause = SHORTEST;
    let mut away = false;
    loop {
        let lost = match info.engine.wait(&info.container).await {
            Ok(code) => return details(info, code).await,
            Err(EngineError::NotFound(_)) => return removed(),
            Err(error) => error,
        };
        tracing::debug!(container = info.container, error = %lost, "lost the wait for a container");
        loop {
            match info.engine.inspect(&info.container).await {
                Ok(found) => {
                    if std::mem::take(&mut away) {
                        events.emit(&info.task, "engine is back");
                    }
                    if !found.state.running {
                        return exit_of(info, &found, found.state.exit_code).await;
                    }
                    break;
                }
                Err(EngineError::NotFound(_)) => return removed(),
                Err(error) => {
                    if !std::mem::replace(&mut away, true) {
                        events.emit(&info.task, format!("engine unreachable, waiting: {error}"));
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST);
                }
            }
        }
        // It runs, and waiting for it fails: not more often than this.
        tokio::time::sleep(pause).await;
        pause = if away { pause } else { (pause * 2).min(LONGEST) };
    }
}

/// The details of an end whose status is known.
async fn details(info: &Info, code: i64) -> ExitResult {
    let mut pause = SHORTEST;
    for _ in 0..DETAILS {
        match info.engine.inspect(&info.container).await {
            Ok(found) => return exit_of(info, &found, code).await,
            Err(EngineError::NotFound(_)) => break,
            Err(_) => tokio::time::sleep(pause).await,
        }
        pause = (pause * 2).min(Duration::from_secs(1));
    }
    let exit_code = i32::try_from(code).unwrap_or(-1);
    ExitResult {
        signal: signal_of(exit_code, false, &info.sent),
        ..ExitResult::code(exit_code)
    }
}

async fn exit_of(info: &Info, found: &Container, code: i64) -> ExitResult {
    let code = i32::try_from(code).unwrap_or(-1);
    // A task that did what it was started for was not killed, whatever became of a child of its.
    let oom_killed = code != 0 && (found.state.oom_killed || oom::killed(found.id.clone()).await);
    let err = Some(&found.state.error).filter(|text| !text.is_empty());
    ExitResult {
        exit_code: code,
        signal: signal_of(code, oom_killed, &info.sent),
        oom_killed,
        err: err.map(|text| format!("engine: {text}")),
    }
}

/// The signal that a status of 128 and more stands for, if anybody is known to have sent it.
fn signal_of(code: i32, oom_killed: bool, sent: &Sent) -> i32 {
    let signal = code.saturating_sub(128);
    let by_kernel = oom_killed && signal == Signal::SIGKILL as i32;
    if signal > 0 && (by_kernel || sent.has(signal)) {
        signal
    } else {
        0
    }
}

fn removed() -> ExitResult {
    ExitResult {
        exit_code: -1,
        err: Some("the container was removed by somebody else; how it ended is not known".to_owned()),
        ..ExitResult::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: i32, oom_killed: bool, sent: &[&str], signal: i32) {
        let noted = Sent::default();
        for signal in sent {
            noted.note(signal);
        }
        assert_eq!(signal_of(code, oom_killed, &noted), signal, "{code} after {sent:?}");
    }

    #[test]
    fn a_status_is_a_signal_if_somebody_sent_it() {
        check(0, false, &["SIGTERM"], 0);
        check(3, false, &["SIGTERM", "SIGQUIT"], 0);
        check(143, false, &["SIGTERM"], 15);
        check(143, false, &["15"], 15);
        check(137, false, &["SIGTERM", "SIGKILL"], 9);
        check(137, false, &["SIGTERM"], 0);
        check(137, false, &[], 0);
        check(137, true, &[], 9);
        check(1, true, &[], 0);
        check(-1, false, &["SIGKILL"], 0);
        check(143, false, &["SIGRTMIN+3"], 0);
    }
}
