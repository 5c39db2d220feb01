//! What goes wrong in a device plugin, as statuses.

use encamp_base_grpc::CallError;
use encamp_device::Error;
use tonic::{Code, Status};

/// The words by which plugins say that they do not know a device; the device's id follows.
const UNKNOWN_DEVICE: &str = "unknown device id: ";
const NO_SUCH_CALL: &str = "the plugin does not know this call of a device plugin";

/// The status that hosts read: a text, as every device plugin answers.
pub(crate) fn to_status(error: &Error) -> Status {
    match error {
        Error::Unsupported(text) => Status::unimplemented(*text),
        Error::Invalid(invalid) => Status::invalid_argument(invalid.to_string()),
        // Also the end of a plugin behind this one: it is not this process that ended.
        _ => Status::unknown(error.chain()),
    }
}

/// What a plugin's answer means.
pub(crate) fn from_call(error: CallError) -> Error {
    match error {
        CallError::Status(status) => from_status(&status),
        CallError::Ended(_) => Error::PluginShutdown,
    }
}

fn from_status(status: &Status) -> Error {
    let text = status.message();
    if let Some(id) = text.strip_prefix(UNKNOWN_DEVICE) {
        return Error::UnknownDevice(id.to_owned());
    }
    if text == Error::Disabled.to_string() {
        return Error::Disabled;
    }
    match status.code() {
        Code::Unimplemented => Error::Unsupported(NO_SUCH_CALL),
        _ => Error::failed(text),
    }
}

#[cfg(test)]
mod tests {
    use encamp_device::Invalid;

    use super::*;

    #[track_caller]
    fn check(error: &Error) -> Error {
        let back = from_status(&to_status(error));
        assert!(matches!(error, Error::Unsupported(_)) || back.to_string() == error.chain());
        back
    }

    #[test]
    fn what_hosts_act_on_survives_the_wire() {
        assert!(matches!(check(&Error::Disabled), Error::Disabled));
        assert!(matches!(check(&Error::UnknownDevice("GPU 1".to_owned())), Error::UnknownDevice(id) if id == "GPU 1"));
        assert!(matches!(check(&Error::Unsupported("no")), Error::Unsupported(_)));
    }

    #[test]
    fn the_rest_is_told_with_its_causes() {
        let cause = std::io::Error::other("no such bus");
        let error = check(&Error::failed("cannot list the devices").because(cause));
        assert_eq!(error.to_string(), "cannot list the devices: no such bus");
        check(&Error::from(Invalid::new("group", "is empty")));
    }

    #[test]
    fn the_end_of_a_plugin_behind_a_plugin_is_not_the_end_of_the_plugin() {
        assert!(matches!(check(&Error::PluginShutdown), Error::Failed { .. }));
    }
}
