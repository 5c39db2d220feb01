//! [`Misfit`]: what a contract's type holds and a message cannot, or the other way round.

use std::path::Path;

use tonic::Status;

/// A value that the other side's type cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {what}")]
pub struct Misfit {
    field: &'static str,
    what: String,
}

impl Misfit {
    /// The value of this field, and what is wrong with it.
    pub fn new(field: &'static str, what: impl Into<String>) -> Self {
        Self {
            field,
            what: what.into(),
        }
    }
}

impl From<Misfit> for Status {
    fn from(misfit: Misfit) -> Self {
        Self::invalid_argument(misfit.to_string())
    }
}

/// A path as the text of this field.
///
/// # Errors
/// Texts of the protocol are UTF-8; paths need not be.
pub fn text_of(path: &Path, field: &'static str) -> Result<String, Misfit> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        Misfit::new(
            field,
            format!("{} is no UTF-8, which the protocol cannot carry", path.display()),
        )
    })
}
