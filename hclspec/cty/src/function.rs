//! Functions that expressions can call.

use std::fmt;
use std::sync::Arc;

use crate::{Type, Value};

/// A function.
#[derive(Clone)]
pub struct Function {
    /// What it takes, in order.
    pub parameters: Vec<Parameter>,
    /// What it takes any number of, after the others.
    pub variadic: Option<Parameter>,
    implementation: Arc<dyn Fn(&[Value]) -> Result<Value, FunctionError> + Send + Sync>,
}

/// What a function takes at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// For messages.
    pub name: String,
    /// What arguments are converted to.
    pub ty: Type,
    /// Whether null is allowed; else it is an error of the call.
    pub allow_null: bool,
    /// Whether the function itself deals with unknown arguments; else its result is unknown.
    pub allow_unknown: bool,
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionError {
    /// Which argument is at fault, if it is one.
    pub argument: Option<usize>,
    /// What is wrong.
    pub message: String,
}
// To come: builder (`Function::new(params, f)`, `.variadic(param)`), `call(&self, &[Value])` that checks nulls and
// unknowns on converted arguments; Debug; Display/Error of FunctionError.
#[allow(unused)]
fn _unused(_: &dyn fmt::Debug) {}
