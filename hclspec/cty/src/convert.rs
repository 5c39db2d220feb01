//! Conversion of values between types, with HCL's rules.
use crate::{Type, Value};

/// Why a value cannot be converted.
///
/// Its text is HCL's: "a number is required", "list of string required, but have tuple", "attribute \"b\" is required".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvertError {
    /// Where in the value: names and `[index]`es.
    pub path: Vec<String>,
    /// What is wrong there.
    pub message: String,
}

/// The value as a value of the type.
pub fn convert(_value: Value, _ty: &Type) -> Result<Value, ConvertError> {
    unimplemented!()
}
