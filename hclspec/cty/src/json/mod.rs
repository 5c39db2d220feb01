//! Values as JSON: plain, and with a type that says what a reader is to make of it.
//!
//! Under [`Type::Any`](crate::Type::Any) a value is written as `{"value":…,"type":…}`, so that reading it with the same type gives the
//! same value. Names are sorted, numbers keep every digit, and `<`, `>` and `&` in texts are escaped.
//!
//! ```
//! use encamp_hclspec_cty::{Type, Value, json};
//!
//! let value = json::parse(r#"{"b": [1.50, "x"], "a": null}"#)?;
//! assert_eq!(json::to_string(&value, &value.ty())?, r#"{"a":null,"b":[1.5,"x"]}"#);
//!
//! let any = json::to_string(&Value::from(5), &Type::Any)?;
//! assert_eq!(any, r#"{"value":5,"type":"number"}"#);
//! assert_eq!(json::from_str(&any, &Type::Any)?, Value::from(5));
//! # Ok::<(), encamp_hclspec_cty::json::JsonError>(())
//! ```

mod plain;
mod read;
mod write;

pub use plain::parse;
pub use read::from_str;
pub use write::{to_plain_string, to_string};

use crate::ConvertError;

/// How deep JSON that is read may be nested.
pub const MAX_DEPTH: usize = 200;

/// Why there is no JSON for a value, or no value for JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The text is not JSON.
    #[error("invalid JSON at line {line}, column {column}: {message}")]
    Syntax {
        /// The line, from one.
        line: usize,
        /// The column in characters, from one.
        column: usize,
        /// What is wrong there.
        message: &'static str,
    },
    /// The JSON, or the value, does not fit the type.
    #[error("{}{message}", place(path))]
    Mismatch {
        /// Where in the value: names and `[index]`es.
        path: Vec<String>,
        /// What is wrong there.
        message: String,
    },
}

impl JsonError {
    fn new(message: impl Into<String>) -> Self {
        Self::Mismatch {
            path: Vec::new(),
            message: message.into(),
        }
    }

    fn under(mut self, step: impl Into<String>) -> Self {
        if let Self::Mismatch { path, .. } = &mut self {
            path.insert(0, step.into());
        }
        self
    }
}

impl From<ConvertError> for JsonError {
    fn from(error: ConvertError) -> Self {
        Self::Mismatch {
            path: error.path,
            message: error.message,
        }
    }
}

fn place(path: &[String]) -> String {
    if path.is_empty() {
        return String::new();
    }
    format!("`{}`: ", path.join(".").replace(".[", "["))
}
