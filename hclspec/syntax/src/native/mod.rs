//! The parser of native HCL.

use std::sync::Arc;

use crate::ast::{Body, Expr};
use crate::{Diagnostics, Range, Source};

/// The body that a text is, and what is wrong with it.
///
/// There is always a tree; where there are errors, it is what could be made out.
pub fn parse_body(_source: &Arc<Source>) -> (Arc<Body>, Diagnostics) {
    unimplemented!("the native parser")
}

/// The expression that a text is.
pub fn parse_expression(_source: &Arc<Source>) -> (Arc<Expr>, Diagnostics) {
    unimplemented!("the native parser")
}

/// The template that a text is: `a ${b} c`, without quotes around it and without escapes by backslash.
pub fn parse_template(_source: &Arc<Source>) -> (Arc<Expr>, Diagnostics) {
    unimplemented!("the native parser")
}

/// The template in a JSON string of `source`: `range` is the string's, with its quotes.
///
/// Ranges in the tree are of `source`, also where the string has escapes.
pub fn parse_json_template(_source: &Arc<Source>, _range: Range) -> (Expr, Diagnostics) {
    unimplemented!("the native parser")
}
