//! What goes wrong in a driver, as statuses.

use bytes::Bytes;
use encamp_base_grpc::{CallError, status};
use encamp_driver::Error;
use tonic::{Code, Status};

/// The words by which every driver says that it does not know a task; the task's id follows.
const NOT_FOUND: &str = "task not found for given id";
/// The same for a task that runs, and is not to be destroyed for that.
const RUNNING: &str = "cannot destroy running task";

/// The longest reason in the close frame of a websocket, in bytes.
const CLOSE_FRAME: usize = 123;
/// Stands where a text was cut.
const CUT: &str = "…";

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

/// The status that ends an exec session. Agents hand it on in the close frame of a websocket, and where it does not fit they
/// break the session off without a word: so its text is cut, and stands in the log as a whole.
pub(crate) fn to_session_status(error: &Error) -> Status {
    let status = to_status(error);
    let text = status.message();
    let head = format!("rpc error: code = {:?} desc = ", status.code());
    let room = CLOSE_FRAME.saturating_sub(head.len());
    if text.len() <= room {
        return status;
    }
    tracing::info!(error = text, "An exec session has failed");
    let end = text.floor_char_boundary(room.saturating_sub(CUT.len()));
    let text = [text.get(..end).unwrap_or_default(), CUT].concat();
    Status::with_details(status.code(), text, Bytes::copy_from_slice(status.details()))
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
    fn the_end_of_a_session_fits_into_a_close_frame() {
        let long = "/a/long/path/ünd".repeat(40);
        for error in [Error::fatal(long.as_str()), Error::recoverable(long.as_str())] {
            let status = to_session_status(&error);
            let told = format!("rpc error: code = {:?} desc = {}", status.code(), status.message());
            assert!((CLOSE_FRAME - 4..=CLOSE_FRAME).contains(&told.len()), "{told}");
            assert!(status.message().ends_with(CUT), "{told}");
            assert_eq!(from_status(&status, "no exec").is_recoverable(), error.is_recoverable());
        }
        let short = Error::fatal("no such command");
        assert_eq!(to_session_status(&short).message(), "no such command");
    }

    #[test]
    fn causes_are_told() {
        let error = Error::fatal("cannot pull").because(std::io::Error::other("connection refused"));
        assert_eq!(check(&error).to_string(), "cannot pull: connection refused");
    }
}
