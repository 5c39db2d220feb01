//! A schema, an HCL body, and a typed value or spanned diagnostics.
//!
//! [`decode`] takes a [`Spec`], a [`Body`] and a [`Context`], and gives a [`Value`], which [`from_value`] turns into any
//! type that implements `Deserialize`; [`decode_into`] does both for a struct that is its own schema. For what a schema
//! cannot say, ask the body itself: [`Body::content`], [`Expression::evaluate`].
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
//! assert!(errors.to_string().starts_with("a.hcl:1:1: "));
//! # Ok::<(), encamp_hclspec::Diagnostics>(())
//! ```
#![forbid(unsafe_code)]

pub mod body;
mod context;
mod decode;
mod duration;
mod eval;
pub mod export;
mod expression;
#[cfg(feature = "hcl-rs")]
pub mod hcl_rs;
mod references;
pub mod spec;
mod typed;

pub use body::{Attribute, Block, Body, Label};
pub use context::{Context, UnknownVariables};
pub use decode::{Spellings, decode, decode_partial, decode_with};
pub use duration::{DurationError, parse_duration};
pub use encamp_hclspec_cty as cty;
pub use encamp_hclspec_cty::{DecodeError, Number, NumberError, Type, Value, from_value, serde_map};
#[cfg(feature = "derive")]
pub use encamp_hclspec_derive::{HclSpec, HclType};
pub use encamp_hclspec_syntax as syntax;
pub use encamp_hclspec_syntax::{Diagnostic, Diagnostics, Severity, Source, Span, Style, did_you_mean};
pub use eval::{Evaluated, Reference, ReferenceStep, ReferenceStepKind};
pub use expression::{Expression, ObjectEntry};
pub use references::references;
pub use spec::Spec;
pub use typed::{HclSpec, HclType, Place, decode_into, decode_into_with, into_type};

/// The README's examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

/// And so is the guide.
#[cfg(all(doctest, feature = "derive"))]
#[doc = include_str!("../../README.md")]
mod guide {}
