//! Go's times.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::{Unexpected, Visitor};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time, in the binary form of Go's `time.Time`, as plugins have it in their state.
///
/// Written in UTC. The zone of a time that is read is dropped: it is only for people.
///
/// ```
/// use encamp_hclspec_msgpack::legacy::{self, GoTime};
///
/// let start = GoTime(std::time::SystemTime::UNIX_EPOCH);
/// let bytes = legacy::to_vec(&start)?;
/// assert_eq!(bytes.len(), 16);
/// assert_eq!(legacy::from_slice::<GoTime>(&bytes)?, start);
/// # Ok::<(), encamp_hclspec_msgpack::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoTime(pub SystemTime);

/// From the start of the year 1 to that of 1970, in seconds.
const UNIX_START: i64 = 62_135_596_800;
/// The form without seconds in its zone, and the one with.
const VERSIONS: [(u8, usize); 2] = [(1, 15), (2, 16)];
/// The zone of UTC.
const UTC: [u8; 2] = [0xff, 0xff];

impl GoTime {
    fn to_bytes(self) -> Option<[u8; 15]> {
        let (seconds, nanos) = match self.0.duration_since(UNIX_EPOCH) {
            Ok(after) => (i64::try_from(after.as_secs()).ok()?, after.subsec_nanos()),
            Err(error) => {
                let before = error.duration();
                let seconds = -i64::try_from(before.as_secs()).ok()?;
                match before.subsec_nanos() {
                    0 => (seconds, 0),
                    nanos => (seconds - 1, 1_000_000_000 - nanos),
                }
            }
        };
        let mut bytes = [0; 15];
        let seconds = seconds.checked_add(UNIX_START)?.to_be_bytes();
        let parts = [1].into_iter().chain(seconds).chain(nanos.to_be_bytes()).chain(UTC);
        for (slot, byte) in bytes.iter_mut().zip(parts) {
            *slot = byte;
        }
        Some(bytes)
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        if !VERSIONS.contains(&(*version, bytes.len())) {
            return None;
        }
        let (seconds, rest) = rest.split_first_chunk()?;
        let (nanos, _zone) = rest.split_first_chunk()?;
        let seconds = i64::from_be_bytes(*seconds).checked_sub(UNIX_START)?;
        let nanos = u32::from_be_bytes(*nanos);
        let whole = Duration::from_secs(seconds.unsigned_abs());
        let start = match seconds {
            0.. => UNIX_EPOCH.checked_add(whole)?,
            _ => UNIX_EPOCH.checked_sub(whole)?,
        };
        let is_part = nanos < 1_000_000_000;
        is_part
            .then(|| start.checked_add(Duration::from_nanos(nanos.into())))?
            .map(Self)
    }
}

impl From<SystemTime> for GoTime {
    fn from(time: SystemTime) -> Self {
        Self(time)
    }
}

impl Serialize for GoTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.to_bytes() {
            Some(bytes) => serializer.serialize_bytes(&bytes),
            None => Err(S::Error::custom("a time so far away has no form in Go")),
        }
    }
}

impl<'de> Deserialize<'de> for GoTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl Visitor<'_> for Bytes {
            type Value = GoTime;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the 15 or 16 bytes of a time in Go's binary form")
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<GoTime, E> {
                GoTime::from_bytes(bytes).ok_or_else(|| E::invalid_value(Unexpected::Other("other bytes"), &self))
            }

            fn visit_byte_buf<E: serde::de::Error>(self, bytes: Vec<u8>) -> Result<GoTime, E> {
                self.visit_bytes(&bytes)
            }
        }

        deserializer.deserialize_bytes(Bytes)
    }
}
