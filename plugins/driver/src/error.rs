//! What goes wrong in a driver.

/// A [`std::result::Result`] with a driver's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What goes wrong in a driver.
///
/// Whether a start may be tried again is decided where the cause is known, and read with [`Error::is_recoverable`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No task has this id.
    #[error("task not found for given id: {0}")]
    TaskNotFound(String),
    /// A task with this id was started before.
    #[error("task with id {0} is already started")]
    TaskExists(String),
    /// A running task is destroyed only by force.
    #[error("cannot destroy running task {0}")]
    TaskRunning(String),
    /// The job asks for something that its author must change.
    #[error("{0}")]
    InvalidConfig(String),
    /// The driver has no such call.
    #[error("{0}")]
    Unsupported(&'static str),
    /// The driver itself ended; nothing is known of the task.
    #[error("plugin is shut down")]
    PluginShutdown,
    /// A command in the task outlived its deadline and was killed.
    #[error("deadline of {0:?} exceeded")]
    DeadlineExceeded(std::time::Duration),
    /// Something failed on the way.
    #[error("{message}")]
    Failed {
        /// What failed, on which value, and what to do about it.
        message: String,
        /// Whether the same call may succeed later.
        recoverable: bool,
        /// Whether it failed before anything was made, so that nothing is left to be removed.
        early: bool,
        /// What it failed of.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

impl Error {
    /// A failure that a later attempt may not meet again.
    pub fn recoverable(message: impl Into<String>) -> Self {
        Self::Failed {
            message: message.into(),
            recoverable: true,
            early: false,
            source: None,
        }
    }

    /// A failure that will stay until somebody changes something.
    pub fn fatal(message: impl Into<String>) -> Self {
        Self::Failed {
            message: message.into(),
            recoverable: false,
            early: false,
            source: None,
        }
    }

    /// The same failure, with what it failed of.
    #[must_use]
    pub fn because(self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        match self {
            Self::Failed {
                message,
                recoverable,
                early,
                ..
            } => Self::Failed {
                message,
                recoverable,
                early,
                source: Some(cause.into()),
            },
            other => other,
        }
    }

    /// The same failure of a start that had made nothing yet.
    #[must_use]
    pub fn early(mut self) -> Self {
        if let Self::Failed { early, .. } = &mut self {
            *early = true;
        }
        self
    }

    /// Whether a start failed before it had made anything: there is nothing to be removed.
    pub fn is_early(&self) -> bool {
        matches!(self, Self::Failed { early: true, .. })
    }

    /// Whether the same call may succeed later, without a change to the job.
    pub fn is_recoverable(&self) -> bool {
        matches!(self, Self::PluginShutdown | Self::Failed { recoverable: true, .. })
    }

    /// The error and all that it failed of, on one line.
    pub fn chain(&self) -> String {
        encamp_base::chain(self)
    }
}
