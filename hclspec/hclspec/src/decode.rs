//! Bodies into values, by a schema.

use crate::{Body, Context, Diagnostic, Diagnostics, Expression, Spec, Type, Value};

/// Decodes a body by a schema.
///
/// # Errors
/// Every problem of the body, each with its place.
pub fn decode(spec: &Spec, body: &Body, context: &Context) -> Result<Value, Diagnostics> {
    let _ = (spec, body, context);
    Err(Diagnostic::error("not yet", "").into())
}

pub(crate) fn expression(expression: &Expression, ty: &Type, context: &Context) -> Result<Value, Diagnostics> {
    let _ = (expression, ty, context);
    Err(Diagnostic::error("not yet", "").into())
}
