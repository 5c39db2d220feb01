//! Taking back what an earlier runner had started.

use std::sync::Arc;
use std::time::Duration;

use encamp_driver::{Error, ExitResult, TaskHandle, TaskState};

use super::{MAX_BACKOFF, TaskRunner};
use crate::EventKind;
use crate::lifecycle::Progress;
use crate::restart::End;
use crate::store::Phase;

/// How long a driver may take to find a task before that is worth telling.
const SLOW: Duration = Duration::from_secs(3);

/// What recovering found.
pub(super) enum Recovered {
    /// The task runs.
    Running,
    /// It ended in the meantime, and nothing is left of it.
    Ended(End),
}

impl TaskRunner {
    /// Takes back what an earlier runner had started.
    pub(super) async fn recover(&mut self) -> Option<Recovered> {
        if !matches!(self.record.phase, Phase::Starting | Phase::Running | Phase::Exited) {
            return None;
        }
        if self.record.phase != Phase::Starting {
            self.wires.progress.send_replace(Progress::Started);
        }
        let found = self.is_there().await;
        match self.record.phase {
            Phase::Exited => {
                if found {
                    self.destroy().await;
                }
                Some(self.recorded_end())
            }
            _ if found => {
                self.event(EventKind::Recovered, "task found again after its runner had ended");
                self.set_phase(Phase::Running);
                Some(Recovered::Running)
            }
            // Nothing had come of the start, so it is made now.
            Phase::Starting => None,
            _ => {
                let reason = "task lost while nobody watched it: its driver knows nothing of it";
                self.event(EventKind::Lost, reason);
                self.note_exit(ExitResult {
                    exit_code: -1,
                    err: Some(reason.to_owned()),
                    ..ExitResult::default()
                });
                Some(Recovered::Ended(End::Failure))
            }
        }
    }

    /// Whether the driver has the task, from now on at the latest. Only its word that there is no such task is a no; whatever
    /// else it says, the task may run, so it is asked again.
    pub(super) async fn is_there(&mut self) -> bool {
        let mut backoff = Duration::from_millis(100);
        loop {
            match self.ask().await {
                Ok(()) => return true,
                Err(Error::TaskNotFound(_)) => return false,
                Err(error) => self.trouble(&format!("cannot tell whether the task is there: {}", error.chain())),
            }
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 2).min(MAX_BACKOFF);
        }
    }

    /// Asks the driver once; says so if the answer takes long.
    async fn ask(&mut self) -> Result<(), Error> {
        let driver = Arc::clone(&self.spec.driver);
        let handle = TaskHandle {
            version: self.record.handle_version,
            config: self.spec.known_config(&self.surroundings(), &self.record.task_id),
            state: TaskState::Unknown,
            driver_state: self.record.driver_state.clone(),
        };
        let mut answer = driver.recover_task(handle);
        if let Ok(answer) = tokio::time::timeout(SLOW, &mut answer).await {
            return answer;
        }
        let name = &self.spec.driver_name;
        self.trouble(&format!("driver {name} has not said yet whether the task is there"));
        answer.await
    }

    fn recorded_end(&self) -> Recovered {
        let successful = self.record.exit.as_ref().is_some_and(ExitResult::successful);
        Recovered::Ended(if successful { End::Success } else { End::Failure })
    }
}
