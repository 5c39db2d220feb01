//! What goes wrong in a driver, as statuses.

use encamp_base_grpc::{CallError, status};
use encamp_driver::Error;
use tonic::{Code, Status};

/// The words by which every driver says that it does not know a task; the task's id follows.
const NOT_FOUND: &str = "task not found for given id";
/// The same for a task that runs, and is not to be destroyed for that.
const RUNNING: &str = "cannot destroy running task";

/// The status that hosts read. Whether to try again is said where they look for it; the rest is text.
pub(crate) fn to_status(error: &Error) -> Status {
    let text = error.chain();
    match error {
        Error::Failed { recoverable: true, .. } => status::with_recoverable(text, true),
        Error::Unsupported(_) => Status::unimplemented(text),
        Error::DeadlineExceeded(_) => Status::deadline_exceeded(text),
        // Also the end of a plugin behind this one: it is not this process that ended.
        _ => Status::unknown(text),
    }
}

/// What a driver's answer means. `unsupported` are the words for a driver that does not know the call.
pub(crate) fn from_call(error: CallError, unsupported: &'static str) -> Error {
    match error {
        CallError::Status(status) => from_status(&status, unsupported),
        CallError::Ended(_) => Error::PluginShutdown,
    }
}

fn from_status(status: &Status, unsupported: &'static str) -> Error {
    let text = status.message();
    if let Some(id) = text.strip_prefix(NOT_FOUND) {
        return Error::TaskNotFound(id.trim_start_matches(": ").to_owned());
    }
    if let Some(id) = text.strip_prefix(RUNNING) {
        return Error::TaskRunning(id.trim_start().to_owned());
    }
    match status::recoverable(status) {
        Some(true) => return Error::recoverable(text),
        Some(false) => return Error::fatal(text),
        None => {}
    }
    match status.code() {
        Code::Unimplemented => Error::Unsupported(unsupported),
        // As drivers say it that know no codes.
        _ if text == unsupported => Error::Unsupported(unsupported),
        Code::Unavailable => Error::recoverable(text),
        _ => Error::fatal(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: &Error) -> Error {
        from_status(&to_status(error), "no exec")
    }

    #[test]
    fn whether_to_try_again_survives_the_wire() {
        assert!(check(&Error::recoverable("no space")).is_recoverable());
        assert!(!check(&Error::fatal("no such image")).is_recoverable());
        assert!(!check(&Error::InvalidConfig("image is missing".to_owned())).is_recoverable());
    }

    #[test]
    fn an_unknown_task_is_known_as_such() {
        let error = check(&Error::TaskNotFound("a/b".to_owned()));
        assert!(matches!(error, Error::TaskNotFound(id) if id == "a/b"));
        let error = from_status(&Status::unknown("task not found for given id"), "");
        assert!(matches!(error, Error::TaskNotFound(id) if id.is_empty()));
    }

    #[test]
    fn a_running_task_is_known_as_such() {
        let error = check(&Error::TaskRunning("a/b".to_owned()));
        assert!(matches!(error, Error::TaskRunning(id) if id == "a/b"));
    }

    #[test]
    fn a_call_that_a_driver_does_not_have_is_unsupported() {
        assert!(matches!(
            check(&Error::Unsupported("no exec")),
            Error::Unsupported("no exec")
        ));
        let plain = Status::unknown("no exec");
        assert!(matches!(from_status(&plain, "no exec"), Error::Unsupported(_)));
    }

    #[test]
    fn causes_are_told() {
        let error = Error::fatal("cannot pull").because(std::io::Error::other("connection refused"));
        assert_eq!(check(&error).to_string(), "cannot pull: connection refused");
    }
}
