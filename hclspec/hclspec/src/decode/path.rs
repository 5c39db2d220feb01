//! The way to the value at hand.

use std::fmt;

use encamp_hclspec_syntax::SmolStr;

/// A step of the way. There is one for every value, and a text is made of it only for what is wrong there.
pub(super) enum Step {
    /// The name of an argument or a block, or a label.
    Name(SmolStr),
    /// Which of several.
    Index(usize),
}

impl From<&str> for Step {
    fn from(name: &str) -> Self {
        Self::Name(name.into())
    }
}

impl From<&SmolStr> for Step {
    fn from(name: &SmolStr) -> Self {
        Self::Name(name.clone())
    }
}

impl From<usize> for Step {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}
