//! HCL text, native and JSON, as a tree with the exact place of every part, and all its errors.
#![forbid(unsafe_code)]

pub mod ast;
mod diagnostic;
pub mod json;
mod native;
mod range;
mod render;
mod source;
mod suggest;

pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use native::{is_name, parse_body, parse_expression, parse_json_template, parse_template};
pub use range::Range;
pub use render::Style;
pub use smol_str::SmolStr;
pub use source::{Source, Span};
pub use suggest::{did_you_mean, hint};
