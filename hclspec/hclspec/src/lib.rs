//! A schema, an HCL body, and a typed value or spanned diagnostics.
#![forbid(unsafe_code)]

mod spec;
mod value;

pub use spec::Spec;
pub use value::{Number, Value};
