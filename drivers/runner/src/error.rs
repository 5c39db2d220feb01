//! What keeps an allocation from running.

use encamp_hook::HookError;

/// What keeps an allocation from running, as against a task that fails.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// What became of a task under an earlier runner cannot be read; nothing was started.
    #[error("a task's record is damaged")]
    Record(#[source] crate::StoreError),
    /// A driver of the allocation cannot work; nothing was set up.
    #[error("driver {driver} cannot work")]
    Driver {
        /// The driver's name.
        driver: String,
        /// What keeps it from working.
        #[source]
        source: encamp_driver::Error,
    },
    /// A hook could not prepare the allocation; what it and those before it had made was removed.
    #[error("cannot set up the allocation: hook {hook}")]
    Prerun {
        /// The hook's name.
        hook: &'static str,
        /// What went wrong.
        #[source]
        source: HookError,
    },
    /// Every task has ended, and some hook could not clean up.
    #[error("cannot clean up after the allocation: {}", failures.join("; "))]
    Postrun {
        /// Each hook that failed, and how.
        failures: Vec<String>,
    },
}
