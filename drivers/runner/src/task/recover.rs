//! Taking back what an earlier runner had started.

use std::time::Duration;

use encamp_driver::{Error, ExitResult, TaskHandle, TaskState};

use super::{MAX_BACKOFF, TaskRunner};
use crate::EventKind;
use crate::lifecycle::Progress;
use crate::restart::End;
use crate::store::Phase;

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
        match self.recover_until_answered().await {
            Ok(()) if self.record.phase == Phase::Exited => {
                self.destroy().await;
                Some(self.recorded_end())
            }
            Ok(()) => {
                self.event(EventKind::Recovered, "task found again after its runner had ended");
                self.set_phase(Phase::Running);
                Some(Recovered::Running)
            }
            Err(_) if self.record.phase == Phase::Exited => Some(self.recorded_end()),
            // Nothing had come of the start, so it is made now.
            Err(_) if self.record.phase == Phase::Starting => None,
            Err(error) => {
                let reason = format!("task lost while nobody watched it: {}", error.chain());
                self.event(EventKind::Lost, &reason);
                self.note_exit(ExitResult {
                    exit_code: -1,
                    err: Some(reason),
                    ..ExitResult::default()
                });
                Some(Recovered::Ended(End::Failure))
            }
        }
    }

    /// Asks the driver for the task until it knows: a driver that cannot answer now says nothing about the task.
    pub(super) async fn recover_until_answered(&mut self) -> Result<(), Error> {
        let mut backoff = Duration::from_millis(100);
        loop {
            let config = self.config().map_err(Error::fatal)?;
            let handle = TaskHandle {
                config,
                state: TaskState::Unknown,
                driver_state: self.record.driver_state.clone(),
            };
            match self.spec.driver.recover_task(handle).await {
                Err(error) if error.is_recoverable() => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "Driver cannot recover the task yet"
                    );
                }
                answer => return answer,
            }
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 2).min(MAX_BACKOFF);
        }
    }

    fn recorded_end(&self) -> Recovered {
        let successful = self.record.exit.as_ref().is_some_and(ExitResult::successful);
        Recovered::Ended(if successful { End::Success } else { End::Failure })
    }
}
