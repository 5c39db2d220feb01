//! Behaviour of the crate as its users see it.

mod decode;
mod evaluate;
