//! Values.

use indexmap::IndexMap;

/// A number.
#[derive(Clone, Debug, PartialEq)]
pub struct Number(f64);

/// What decoding gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// A truth.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    String(String),
    /// Values in order.
    List(Vec<Value>),
    /// Values by name, in order.
    Map(IndexMap<String, Value>),
}
