//! Type expressions.

use crate::{Diagnostic, Diagnostics, Expression, Type};

pub(crate) fn from_expression(expression: &Expression) -> Result<Type, Diagnostics> {
    let _ = expression;
    Err(Diagnostic::error("not yet", "").into())
}
