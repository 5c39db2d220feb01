//! Points in time, and lengths of it, as messages.

use std::time::{Duration, SystemTime};

use prost_types::Timestamp;

use crate::Misfit;

/// The first second of the year 1, which is how Go's peers say that there is no such time.
const NO_TIME: i64 = -62_135_596_800;

/// A point in time as a message. Peers need one where there is none, too.
pub fn to_message(time: Option<SystemTime>) -> Timestamp {
    time.map_or(
        Timestamp {
            seconds: NO_TIME,
            nanos: 0,
        },
        Timestamp::from,
    )
}

/// The point in time that a message says, if any.
pub fn from_message(message: Option<Timestamp>) -> Option<SystemTime> {
    let message = message.filter(|message| message.seconds != NO_TIME)?;
    SystemTime::try_from(message).ok()
}

/// A length of time that the caller must have sent in this field.
///
/// # Errors
/// None was sent, or a negative one.
pub fn duration(message: Option<prost_types::Duration>, field: &'static str) -> Result<Duration, Misfit> {
    let message = message.ok_or_else(|| Misfit::new(field, "is missing"))?;
    Duration::try_from(message).map_err(|_| Misfit::new(field, format!("{message} is no length of time")))
}

/// A length of time as a message; what is beyond the protocol's range (10,000 years) is its longest.
pub fn duration_message(duration: Duration) -> prost_types::Duration {
    prost_types::Duration::try_from(duration).unwrap_or(prost_types::Duration {
        seconds: 315_576_000_000,
        nanos: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_time_is_the_year_one() {
        assert_eq!(to_message(None).seconds, NO_TIME);
        assert_eq!(from_message(Some(to_message(None))), None);
        assert_eq!(from_message(None), None);
    }

    #[test]
    fn times_keep_their_nanoseconds() {
        let time = SystemTime::UNIX_EPOCH + Duration::new(1_790_000_000, 123_456_789);
        assert_eq!(from_message(Some(to_message(Some(time)))), Some(time));
        let before = SystemTime::UNIX_EPOCH - Duration::new(5, 1);
        assert_eq!(from_message(Some(to_message(Some(before)))), Some(before));
    }

    #[test]
    fn lengths_of_time_are_not_negative() {
        assert_eq!(
            duration(Some(duration_message(Duration::from_millis(1500))), "timeout"),
            Ok(Duration::from_millis(1500))
        );
        let minus = prost_types::Duration { seconds: -1, nanos: 0 };
        assert_eq!(
            duration(Some(minus), "timeout").unwrap_err().to_string(),
            "timeout: -1s is no length of time"
        );
        assert_eq!(
            duration(None, "timeout").unwrap_err().to_string(),
            "timeout: is missing"
        );
        assert_eq!(duration_message(Duration::MAX).seconds, 315_576_000_000);
    }
}
