//! Behaviour of the crate as its users see it.

mod decode;
mod evaluate;
mod hostile;
mod properties;
mod serde;
mod syntax;
