//! What goes wrong between the driver and the engine.

use std::time::Duration;

/// A [`Result`] with an [`EngineError`].
pub type EngineResult<T> = Result<T, EngineError>;

/// What goes wrong between the driver and the engine, by what the driver does about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The endpoint's address cannot be used at all.
    #[error("engine endpoint `{endpoint}` cannot be used: {reason}")]
    Endpoint {
        /// The address.
        endpoint: String,
        /// What is wrong with it, and what would be right.
        reason: String,
    },
    /// Nobody answers, or the connection broke: nothing is known about what was asked.
    #[error("engine is unreachable: {0}")]
    Unreachable(String),
    /// The engine did not answer in time: nothing is known about what was asked.
    #[error("engine did not answer `{call}` within {after:?}")]
    Timeout {
        /// The call.
        call: &'static str,
        /// The deadline.
        after: Duration,
    },
    /// There is no such container, image or command.
    #[error("{0}")]
    NotFound(String),
    /// The thing is in a state that does not allow it, or its name is taken.
    #[error("{0}")]
    Conflict(String),
    /// The engine cannot do that.
    #[error("{0}")]
    Unsupported(String),
    /// The engine refused, for another reason.
    #[error("{message} (engine status {status})")]
    Api {
        /// The HTTP status; 500 and above are the engine's own failures.
        status: u16,
        /// What the engine says.
        message: String,
    },
    /// A long operation failed half way; the text is the engine's.
    #[error("{0}")]
    Stream(String),
    /// The engine's answer makes no sense.
    #[error("engine answered `{call}` with something unexpected: {reason}")]
    Protocol {
        /// The call.
        call: &'static str,
        /// What was unexpected.
        reason: String,
    },
}

impl EngineError {
    /// The error that an answer with this HTTP status means.
    pub fn from_status(status: u16, message: String) -> Self {
        match status {
            404 => Self::NotFound(message),
            409 => Self::Conflict(message),
            501 => Self::Unsupported(message),
            _ if message.contains("does not support reading") => Self::Unsupported(message),
            _ => Self::Api { status, message },
        }
    }

    /// Whether it is unknown if the engine did what was asked: it may have, or may yet.
    pub fn is_ambiguous(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Timeout { .. } | Self::Protocol { .. } | Self::Stream(_) => true,
            Self::Api { status, .. } => *status >= 500,
            _ => false,
        }
    }

    /// Whether the engine itself was not there to answer.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Timeout { .. } => true,
            // What a proxy or a starting engine says.
            Self::Api { status, .. } => matches!(status, 502..=504),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, message: &str, ambiguous: bool, kind: &str) {
        let error = EngineError::from_status(status, message.to_owned());
        assert_eq!(error.is_ambiguous(), ambiguous, "{error:?}");
        assert!(format!("{error:?}").starts_with(kind), "{error:?}");
    }

    #[test]
    fn a_status_decides_what_the_driver_may_conclude() {
        check(404, "No such container: x", false, "NotFound");
        check(409, "name is in use", false, "Conflict");
        check(501, "not implemented", false, "Unsupported");
        check(
            500,
            "configured logging driver does not support reading",
            false,
            "Unsupported",
        );
        check(400, "invalid reference format", false, "Api");
        check(500, "context canceled", true, "Api");
        check(503, "starting", true, "Api");
    }
}
