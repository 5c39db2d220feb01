//! The hooks around each start of a task.

use std::sync::Arc;

use super::TaskRunner;
use crate::EventKind;
use crate::restart::End;

impl TaskRunner {
    pub(super) async fn prestart_hooks(&mut self) -> Result<(), End> {
        let shared = Arc::clone(&self.shared);
        for hook in &shared.parts.task_hooks {
            if let Err(error) = hook.prestart(&mut self.context).await {
                self.event(EventKind::SetupFailure, format!("{}: {error}", hook.name()));
                return Err(if error.recoverable {
                    End::StartFailed
                } else {
                    End::StartRefused
                });
            }
        }
        Ok(())
    }

    pub(super) async fn poststart_hooks(&mut self) {
        let shared = Arc::clone(&self.shared);
        for hook in &shared.parts.task_hooks {
            if let Err(error) = hook.poststart(&self.context).await {
                self.event(EventKind::SetupFailure, format!("{}: {error}", hook.name()));
            }
        }
    }

    pub(super) async fn exited_hooks(&mut self) {
        let shared = Arc::clone(&self.shared);
        let exit = self.record.exit.clone().unwrap_or_default();
        for hook in shared.parts.task_hooks.iter().rev() {
            if let Err(error) = hook.exited(&self.context, &exit).await {
                self.event(EventKind::SetupFailure, format!("{}: {error}", hook.name()));
            }
        }
    }

    pub(super) async fn stop_hooks(&mut self) {
        let shared = Arc::clone(&self.shared);
        for hook in shared.parts.task_hooks.iter().rev() {
            if let Err(error) = hook.stop(&self.context).await {
                self.event(EventKind::SetupFailure, format!("{}: {error}", hook.name()));
            }
        }
    }
}
