//! Values and types of HCL: exact numbers, nulls and unknowns of a type, conversion, unification and functions.
#![forbid(unsafe_code)]

mod convert;
mod de;
mod entries;
mod function;
pub mod functions;
pub mod json;
mod number;
pub mod operators;
mod order;
pub mod refusal;
mod ser;
pub mod serde_map;
mod types;
mod unify;
mod value;

pub use convert::{ConvertError, convert};
pub use de::{DecodeError, from_value};
pub use entries::Entries;
pub use function::{Function, FunctionError, Parameter};
pub use number::{Number, NumberError};
pub use types::Type;
pub use unify::{unify, unify_safe};
pub use value::{Value, nfc, nfc_name};

/// The README's examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
