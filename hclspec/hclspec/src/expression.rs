//! An expression in its source. (Contract of the lead's body/, spec/ and decode/ with the evaluator; to be filled in.)

use std::sync::Arc;

use encamp_hclspec_syntax::{Range, ast, json};

use crate::body::Attribute;
use crate::{Context, Diagnostics, Source, Span, Type, Value};

/// An expression: native, a JSON value, or a value that was computed before.
#[derive(Clone)]
pub struct Expression {
    source: Arc<Source>,
    node: Node,
}

#[derive(Clone)]
enum Node {
    Native(Arc<ast::Expr>),
    Json(Arc<json::Node>),
    Computed(Arc<Value>, Range),
}
// Debug as its span; PartialEq: same node (Arc::ptr_eq) or same text of the span.

impl Expression {
    pub(crate) fn native(source: &Arc<Source>, expr: &Arc<ast::Expr>) -> Self;
    pub(crate) fn json(source: &Arc<Source>, node: &Arc<json::Node>) -> Self;
    pub(crate) fn computed(source: &Arc<Source>, value: Value, range: Range) -> Self;
    pub fn source(&self) -> &Arc<Source>;
    pub(crate) fn range(&self) -> Range;
    /// The tree of a native expression (for types in spec text and for the references of an expression).
    pub(crate) fn native_node(&self) -> Option<&Arc<ast::Expr>>;
    /// The tree of a JSON value (the same).
    pub(crate) fn json_node(&self) -> Option<&Arc<json::Node>>;
    pub fn span(&self) -> Span;
    pub fn evaluate(&self, context: &Context) -> Result<Value, Diagnostics>;
    /// The value as far as it can be told: unknown where there are errors, which are pushed.
    pub(crate) fn value(&self, context: &Context, diagnostics: &mut Diagnostics) -> Value;
    /// Whether the value holds text that UnknownVariables::Keep* kept for a later stage
    /// (the value is what `value()` gave for this expression).
    pub(crate) fn has_kept(&self, value: &Value) -> bool;
    /// The elements of a written-out list (tuple constructor or JSON array).
    pub fn elements(&self) -> Option<Vec<Expression>>;
    /// The entries of a written-out object whose keys are all plain text (no interpolation).
    pub fn entries(&self) -> Option<Vec<(String, Expression)>>;
    /// The entries of a written-out object as arguments (name, range of the key, value): None where it is none, or where
    /// a key has to be evaluated and cannot be; keys are evaluated with the context.
    pub(crate) fn attributes(&self, context: &Context) -> Option<Vec<Attribute>>;
}
// Context: `child(&self) -> Context` (a copy to which variables are added; cheap: parent behind an Arc),
// `keeps_text() -> bool`.
// cty: Function::is_same(&other) (Arc::ptr_eq), Function::call(&[Value]) -> Result<Value, FunctionError>.
