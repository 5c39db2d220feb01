//! Facts about a node.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One fact about what a plugin found, for the scheduler: a value, and the unit that it is in.
///
/// ```
/// use encamp_base::Attribute;
///
/// assert_eq!(Attribute::from("29.5.0").to_string(), "29.5.0");
/// assert_eq!(Attribute::from(15).in_unit("GiB").to_string(), "15GiB");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attribute {
    /// The value.
    pub value: AttributeValue,
    /// The unit of a number (`GiB`, `MHz`); empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
}

impl Attribute {
    /// The same fact, in this unit.
    #[must_use]
    pub fn in_unit(self, unit: impl Into<String>) -> Self {
        Self {
            unit: unit.into(),
            ..self
        }
    }
}

impl<V: Into<AttributeValue>> From<V> for Attribute {
    fn from(value: V) -> Self {
        Self {
            value: value.into(),
            unit: String::new(),
        }
    }
}

/// As agents show it: the unit follows the value directly.
impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.value, self.unit)
    }
}

/// The value of an [`Attribute`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AttributeValue {
    /// A truth.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A text.
    String(String),
}

impl fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::String(value) => value.fmt(f),
        }
    }
}

impl From<bool> for AttributeValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for AttributeValue {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for AttributeValue {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for AttributeValue {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

impl From<String> for AttributeValue {
    fn from(value: String) -> Self {
        Self::String(value)
    }
}
