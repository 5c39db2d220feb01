//! A schema, an HCL body, and a typed value or spanned diagnostics.
#![forbid(unsafe_code)]

pub mod body;
mod context;
mod decode;
mod duration;
mod eval;
pub mod export;
mod expression;
mod references;
pub mod spec;
mod typed;

pub use body::{Attribute, Block, Body, Label};
pub use context::{Context, UnknownVariables};
pub use decode::{Spellings, decode, decode_partial, decode_with};
pub use duration::{DurationError, parse_duration};
pub use encamp_hclspec_cty as cty;
pub use encamp_hclspec_cty::{DecodeError, Number, NumberError, Type, Value, from_value, serde_map};
pub use encamp_hclspec_syntax as syntax;
pub use encamp_hclspec_syntax::{Diagnostic, Diagnostics, Severity, Source, Span, Style, did_you_mean};
pub use eval::{Evaluated, Reference, ReferenceStep, ReferenceStepKind};
pub use expression::{Expression, ObjectEntry};
pub use references::references;
pub use spec::Spec;
pub use typed::{HclSpec, HclType, decode_into, decode_into_with, into_type};
#[cfg(feature = "derive")]
pub use encamp_hclspec_derive::HclSpec;
