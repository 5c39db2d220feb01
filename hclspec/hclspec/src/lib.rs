//! A schema, an HCL body, and a typed value or spanned diagnostics.
//!
//! [`decode`] takes a [`Spec`], a [`Body`] and a [`Context`], and gives a [`Value`], which [`from_value`] turns into any
//! type that implements `Deserialize`. For what a schema cannot say, walk the body itself: [`Body::attributes`],
//! [`Body::blocks`], [`Expression::evaluate`].
//!
//! ```
//! use encamp_hclspec::{Body, Context, Source, Spec, Type, decode};
//!
//! let spec = Spec::object([("port", Spec::attr("port", Type::Number).required())]);
//! let body = Body::parse(Source::new("a.hcl", "port = 8000 + 80".to_owned()))?;
//! let value = decode(&spec, &body, &Context::new())?;
//! assert_eq!(value.get("port").and_then(|port| port.as_u64()), Some(8080));
//!
//! let body = Body::parse(Source::new("a.hcl", "prot = 8080".to_owned()))?;
//! let errors = decode(&spec, &body, &Context::new()).unwrap_err();
//! assert!(errors.to_string().starts_with("a.hcl:1:1: Unsupported argument; "));
//! # Ok::<(), encamp_hclspec::Diagnostics>(())
//! ```
#![forbid(unsafe_code)]

mod ast;
mod context;
mod convert;
mod de;
mod decode;
mod diagnostic;
mod duration;
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
pub use duration::{DurationError, parse_duration};
pub use number::{Number, NumberError};
pub use render::Style;
pub use source::{Source, Span};
pub use spec::{Spec, Type};
pub use suggest::did_you_mean;
pub use value::Value;

/// The README's examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
