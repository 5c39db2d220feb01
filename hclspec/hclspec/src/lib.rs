//! A schema, an HCL body, and a typed value or spanned diagnostics.
#![forbid(unsafe_code)]

mod ast;
mod context;
mod convert;
mod de;
mod decode;
mod diagnostic;
mod eval;
mod lower;
mod number;
mod parse;
mod render;
mod scan;
mod ser;
pub mod serde_map;
mod source;
mod spec;
mod suggest;
mod types;
mod value;

pub use ast::{Attribute, Block, Body, Expression, Label};
pub use context::{Context, UnknownVariables};
pub use de::{DecodeError, from_value};
pub use decode::{decode, decode_part};
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use number::{Number, NumberError};
pub use render::Style;
pub use source::{Source, Span};
pub use spec::{Spec, Type};
pub use suggest::did_you_mean;
pub use value::Value;
