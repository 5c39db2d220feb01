//! The executor's errors in the driver's terms.

use encamp_driver::Error;

use crate::{ControlError, LaunchError, SessionError};

pub(super) fn launch_error(error: &LaunchError) -> Error {
    let message = error.to_string();
    let failed = if error.is_recoverable() {
        Error::recoverable(message)
    } else {
        Error::fatal(message)
    };
    match std::error::Error::source(error).map(ToString::to_string) {
        Some(cause) => failed.because(cause),
        None => failed,
    }
}

pub(super) fn control_error(id: &str, error: ControlError) -> Error {
    match error {
        ControlError::Ended => Error::fatal(format!("task {id} has ended")),
        ControlError::Refused(reason) => Error::fatal(reason),
        other => Error::recoverable(format!("cannot reach task {id}")).because(other),
    }
}

pub(super) fn session_error(id: &str, error: SessionError) -> Error {
    match error {
        SessionError::DeadlineExceeded(timeout) => Error::DeadlineExceeded(timeout),
        SessionError::Control(error) => control_error(id, error),
        SessionError::Empty => Error::InvalidConfig(error.to_string()),
        SessionError::Start(failure) => Error::fatal(failure.to_string()),
        error => Error::recoverable(format!("cannot run a command in task {id}")).because(error),
    }
}
