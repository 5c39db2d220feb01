//! Literal text of a tree.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use smol_str::SmolStr;

use crate::{Range, Source};

/// The text of a literal, as a `str`.
///
/// What is long and stands in the source as it is, is not copied from there: the source is kept.
#[derive(Clone)]
pub struct Text(Repr);

#[derive(Clone)]
enum Repr {
    Own(SmolStr),
    Part(Arc<Source>, Range),
}

/// Texts up to this length take no memory but the node's.
const SHORT: u32 = 23;

impl Text {
    /// The text of a range of a source.
    pub(crate) fn of(source: &Arc<Source>, range: Range) -> Self {
        Self(if range.len() > SHORT {
            Repr::Part(Arc::clone(source), range)
        } else {
            Repr::Own(source.slice(range).into())
        })
    }

    /// As a `str`.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Own(text) => text,
            Repr::Part(source, range) => source.slice(*range),
        }
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl From<SmolStr> for Text {
    fn from(text: SmolStr) -> Self {
        Self(Repr::Own(text))
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_takes_no_more_room_than_a_short_string() {
        assert_eq!(size_of::<Text>(), size_of::<SmolStr>());
    }
}
