//! Values out to other formats.

use serde::ser::Error;
use serde::{Serialize, Serializer};

use crate::{Number, Value};

/// Integers of 64 bits as integers, other numbers as floats: the nearest ones, where they are not exact.
impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(integer) = self.as_u64() {
            return serializer.serialize_u64(integer);
        }
        match self.as_i64() {
            Some(integer) => serializer.serialize_i64(integer),
            None => serializer.serialize_f64(self.as_f64()),
        }
    }
}

/// Without the types: nulls are plain, sets are sequences. An unknown value is an error.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null(_) => serializer.serialize_unit(),
            Self::Unknown(_) => Err(S::Error::custom("the value is not known")),
            Self::Bool(truth) => serializer.serialize_bool(*truth),
            Self::Number(number) => number.serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::List(_, values) | Self::Set(_, values) | Self::Tuple(values) => values.serialize(serializer),
            Self::Map(_, entries) | Self::Object(entries) => entries.serialize(serializer),
        }
    }
}
