//! The schema.

use indexmap::IndexMap;

/// A schema: what a body may and must contain, and the shape of the value that decoding gives.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Spec {
    /// An object of named parts.
    Object(IndexMap<String, Spec>),
}

impl Spec {
    /// An object of named parts.
    pub fn object<K: Into<String>>(parts: impl IntoIterator<Item = (K, Spec)>) -> Self {
        Self::Object(parts.into_iter().map(|(name, spec)| (name.into(), spec)).collect())
    }
}
