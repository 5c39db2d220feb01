//! Errors.

use encamp_hclspec_cty::refusal;
use serde::de::{Expected, Unexpected};

/// What is wrong with a value that is to be encoded, or with bytes that are to be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes end before the value does.
    #[error("the msgpack data ends at byte {at}, in the middle of a value")]
    End {
        /// How many bytes there are.
        at: usize,
    },
    /// There are bytes after the value.
    #[error("there is more msgpack data after the value, from byte {at}")]
    Trailing {
        /// The first of them.
        at: usize,
    },
    /// Something else stands where a value of some kind is needed.
    #[error("expected {expected} at byte {at}, found {found}")]
    Unexpected {
        /// Where.
        at: usize,
        /// What is needed.
        expected: String,
        /// What is there.
        found: &'static str,
    },
    /// Values are nested too deep.
    #[error("more than {limit} levels of lists and maps at byte {at}")]
    Depth {
        /// Where.
        at: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A text that is not UTF-8.
    #[error("the text at byte {at} is not UTF-8")]
    Utf8 {
        /// Where.
        at: usize,
    },
    /// A value that this dialect has no form for.
    #[error("cannot encode {0}")]
    Unencodable(String),
    /// What the type that is encoded or decoded says.
    #[error("{0}")]
    Custom(String),
    /// What the type of a part says, of a struct, a map or a list that is decoded.
    #[error("`{path}`: {message}")]
    Part {
        /// The names and `[index]`es down to the part: `volumes[0].target`.
        path: String,
        /// What is wrong with it.
        message: String,
    },
}

impl Error {
    /// The same, of a part with this name or `[index]`. Where bytes are at fault, it is told which.
    pub(crate) fn under(self, step: &str) -> Self {
        match self {
            Self::Custom(message) => Self::Part {
                path: step.to_owned(),
                message,
            },
            Self::Part { path, message } => {
                let point = if path.starts_with('[') { "" } else { "." };
                Self::Part {
                    path: format!("{step}{point}{path}"),
                    message,
                }
            }
            other => other,
        }
    }
}

impl serde::ser::Error for Error {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::Custom(message.to_string())
    }
}

impl serde::de::Error for Error {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::Custom(message.to_string())
    }

    /// Without the value, which may be secret.
    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Custom(format!("expected {expected}, found {}", refusal::kind(unexpected)))
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match unexpected {
            // Every text is bytes as well: these are none.
            Unexpected::Bytes(_) => "bytes".to_owned(),
            other => format!("another {}", refusal::kind(other)),
        };
        Self::Custom(format!("expected {expected}, found {found}"))
    }

    fn unknown_variant(_variant: &str, expected: &'static [&'static str]) -> Self {
        Self::Custom(refusal::variant(expected))
    }
}
