//! One type for several values.
use crate::Type;

/// The type that values of all these types can be converted to, without loss where that is possible.
pub fn unify<'a>(_types: impl IntoIterator<Item = &'a Type>) -> Option<Type> {
    unimplemented!()
}
