//! HCL text, native and JSON, as a tree with the exact place of every part, and all its errors.
//!
//! A [`Source`] is a named text. [`parse_body`] and its siblings make a tree ([`ast`], [`json`]) and [`Diagnostics`] of
//! it; there is always a tree, also of a text with errors. A tree has [`Range`]s, which a source makes [`Span`]s of:
//!
//! ```
//! use encamp_hclspec_syntax::{Source, parse_expression};
//!
//! let source = Source::new("x.hcl", "1 +\n 2 3".to_owned());
//! let (expr, problems) = parse_expression(&source);
//! assert_eq!(source.slice(expr.range), "1 +\n 2");
//! let place = problems.iter().next().and_then(|problem| problem.span.as_ref());
//! assert_eq!(place.map(|span| (span.line(), span.column(), span.text())), Some((2, 4, "3")));
//! ```
#![forbid(unsafe_code)]

pub mod ast;
mod diagnostic;
pub mod json;
mod native;
mod range;
mod render;
mod source;
mod suggest;
mod text;

pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use native::{is_name, parse_body, parse_expression, parse_json_template, parse_template};
pub use range::Range;
pub use render::Style;
pub use smol_str::SmolStr;
pub use source::{Source, Span};
pub use suggest::{did_you_mean, hint};
pub use text::Text;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
