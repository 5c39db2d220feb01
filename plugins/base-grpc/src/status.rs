//! Errors that say whether the same call may succeed later.
//!
//! The protocol carries this as the first detail of the status: a `google.rpc.Status` in the trailer
//! `grpc-status-details-bin`, whose first `Any` is a `RecoverableError`.

use encamp_proto::rpc;
use encamp_proto::structs::RecoverableError;
use prost::Message as _;
use prost_types::Any;
use tonic::{Code, Status};

const TYPE_URL: &str = "type.googleapis.com/hashicorp.nomad.plugins.shared.structs.RecoverableError";

/// The status of a call that failed, with what is known of later attempts.
pub fn with_recoverable(message: impl Into<String>, recoverable: bool) -> Status {
    let message = message.into();
    let detail = Any {
        type_url: TYPE_URL.to_owned(),
        value: RecoverableError { recoverable }.encode_to_vec(),
    };
    let details = rpc::Status {
        code: Code::FailedPrecondition as i32,
        message: message.clone(),
        details: vec![detail],
    };
    Status::with_details(Code::FailedPrecondition, message, details.encode_to_vec().into())
}

/// Whether the same call may succeed later, where the plugin said so. As every host, this looks at the first detail
/// only.
pub fn recoverable(status: &Status) -> Option<bool> {
    let details = rpc::Status::decode(status.details()).ok()?;
    let detail = details.details.first()?;
    if detail.type_url != TYPE_URL {
        return None;
    }
    let error = RecoverableError::decode(detail.value.as_slice()).ok()?;
    Some(error.recoverable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recoverability_survives_the_wire() {
        for whether in [true, false] {
            let status = with_recoverable("no space left", whether);
            assert_eq!(status.code(), Code::FailedPrecondition);
            assert_eq!(recoverable(&status), Some(whether));
        }
    }

    #[test]
    fn a_status_without_the_detail_says_nothing_of_later() {
        assert_eq!(recoverable(&Status::unknown("failed")), None);
        let garbage = Status::with_details(Code::FailedPrecondition, "failed", vec![0xff; 16].into());
        assert_eq!(recoverable(&garbage), None);
    }

    #[test]
    fn the_detail_is_what_hosts_look_for() {
        let status = with_recoverable("x", true);
        let expected: &[u8] = b"\x08\x09\x12\x01x\x1a\x51\x0a\x4btype.googleapis.com/hashicorp.nomad.plugins.shared.structs.RecoverableError\x12\x02\x08\x01";
        assert_eq!(status.details(), expected);
    }
}
