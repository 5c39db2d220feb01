//! An expression in its source.

use std::fmt;
use std::sync::Arc;

use encamp_hclspec_syntax::ast::{Expr, ExprKind, ObjectItem};
use encamp_hclspec_syntax::{Range, SmolStr, ast, json, parse_expression, parse_template};
use indexmap::IndexMap;

use crate::body::Attribute;
use crate::eval::{self, Evaluated, Evaluator, Reference, ReferenceStepKind, is_constant_key};
use crate::{Context, Diagnostic, Diagnostics, Source, Span, Type, Value};

/// An expression: native, a JSON value, or a value that was computed before.
///
/// Clones are cheap and share the tree.
///
/// ```
/// use encamp_hclspec::{Context, Expression, Source};
///
/// let expression = Expression::parse(Source::new("greeting", r#""Hello, ${upper(name)}!""#.to_owned()))?;
/// assert_eq!(expression.references("name").len(), 0);
/// assert_eq!(expression.variables()[0].root, "name");
///
/// let value = expression.evaluate(&Context::new().with_variable("name", "you"))?;
/// assert_eq!(value.as_str(), Some("Hello, YOU!"));
///
/// let errors = expression.evaluate(&Context::new().with_variable("nmae", "you")).unwrap_err();
/// let text = r#"greeting:1:17: Unknown variable; There is no variable named "name". Did you mean "nmae"?"#;
/// assert_eq!(errors.to_string(), text);
/// # Ok::<(), encamp_hclspec::Diagnostics>(())
/// ```
#[derive(Clone)]
pub struct Expression {
    source: Arc<Source>,
    node: Node,
    /// What the dynamic blocks around it are at.
    iterators: Option<Arc<IndexMap<String, Value>>>,
}

#[derive(Clone)]
enum Node {
    Native(Arc<Expr>),
    /// The key of an object that may be meant as a name or as a reference.
    Ambiguous(Arc<Expr>),
    Json(Arc<json::Node>),
    /// The name of a JSON property.
    JsonName(json::Text, Range),
    /// With whether text was kept in it.
    Computed(Arc<Value>, Range, bool),
}

/// An entry of an object as it is written.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ObjectEntry {
    /// What the key is computed from.
    pub key: Expression,
    /// What the value is computed from.
    pub value: Expression,
}

impl Expression {
    /// Parses a single expression.
    ///
    /// # Errors
    /// What is wrong with the syntax, with its place.
    #[expect(clippy::needless_pass_by_value, reason = "an expression keeps its source")]
    pub fn parse(source: Arc<Source>) -> Result<Self, Diagnostics> {
        let (expr, diagnostics) = parse_expression(&source);
        diagnostics.into_result(Self::native(&source, &expr))
    }

    /// Parses a template: `a ${b} c`, without quotes around it and without escapes by backslash.
    ///
    /// # Errors
    /// What is wrong with the syntax, with its place.
    #[expect(clippy::needless_pass_by_value, reason = "an expression keeps its source")]
    pub fn parse_template(source: Arc<Source>) -> Result<Self, Diagnostics> {
        let (expr, diagnostics) = parse_template(&source);
        diagnostics.into_result(Self::native(&source, &expr))
    }

    /// Parses a JSON value, in which every string is a template.
    ///
    /// # Errors
    /// What is wrong with the syntax, with its place. What is wrong within strings is found by the evaluation.
    #[expect(clippy::needless_pass_by_value, reason = "an expression keeps its source")]
    pub fn parse_json(source: Arc<Source>) -> Result<Self, Diagnostics> {
        let (node, diagnostics) = json::parse(&source);
        // Any value will do here; only a body has to be an object.
        let of_body = |diagnostic: &Diagnostic| diagnostic.summary == "Root value must be object";
        let diagnostics: Diagnostics = diagnostics.into_iter().filter(|found| !of_body(found)).collect();
        diagnostics.into_result(Self::json(&source, &node))
    }

    pub(crate) fn native(source: &Arc<Source>, expr: &Arc<Expr>) -> Self {
        Self::new(source, Node::Native(Arc::clone(expr)))
    }

    pub(crate) fn json(source: &Arc<Source>, node: &Arc<json::Node>) -> Self {
        Self::new(source, Node::Json(Arc::clone(node)))
    }

    pub(crate) fn computed(source: &Arc<Source>, value: Value, range: Range, kept: bool) -> Self {
        Self::new(source, Node::Computed(Arc::new(value), range, kept))
    }

    fn new(source: &Arc<Source>, node: Node) -> Self {
        Self {
            source: Arc::clone(source),
            node,
            iterators: None,
        }
    }

    /// The same expression, with variables of its own.
    pub(crate) fn with_iterators(mut self, iterators: Option<&Arc<IndexMap<String, Value>>>) -> Self {
        self.iterators = iterators.cloned();
        self
    }

    /// The source.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    pub(crate) fn range(&self) -> Range {
        match &self.node {
            Node::Native(expr) | Node::Ambiguous(expr) => expr.range,
            Node::Json(node) => node.range,
            Node::JsonName(_, range) | Node::Computed(_, range, _) => *range,
        }
    }

    /// The tree of a native expression.
    pub(crate) fn native_node(&self) -> Option<&Arc<ast::Expr>> {
        match &self.node {
            Node::Native(expr) => Some(expr),
            _ => None,
        }
    }

    /// The place.
    pub fn span(&self) -> Span {
        Span::new(&self.source, self.range().into())
    }

    /// The value.
    ///
    /// # Errors
    /// Whatever in the expression has no value, each with its place.
    pub fn evaluate(&self, context: &Context) -> Result<Value, Diagnostics> {
        let evaluated = self.evaluate_partly(context);
        evaluated.diagnostics.into_result(evaluated.value)
    }

    /// The value as far as it can be told: unknown where there are errors, which are pushed.
    pub(crate) fn value(&self, context: &Context, diagnostics: &mut Diagnostics) -> Value {
        let evaluated = self.evaluate_partly(context);
        diagnostics.extend(evaluated.diagnostics);
        evaluated.value
    }

    /// The value as far as it can be told, what is wrong, and whether the text of references was kept. What has no value
    /// is unknown in it.
    pub fn evaluate_partly(&self, context: &Context) -> Evaluated {
        match &self.iterators {
            Some(iterators) => self.evaluate_in(&context.child_with(iterators)),
            None => self.evaluate_in(context),
        }
    }

    fn evaluate_in(&self, context: &Context) -> Evaluated {
        match &self.node {
            Node::Native(expr) => Evaluator::native(&self.source, context, expr),
            Node::Ambiguous(expr) => Evaluator::ambiguous_key(&self.source, context, expr.range),
            Node::Json(node) => Evaluator::json(&self.source, context, node),
            Node::JsonName(text, range) => Evaluator::json_name(&self.source, context, text, *range),
            Node::Computed(value, _, kept) => Evaluated {
                value: Value::clone(value),
                diagnostics: Diagnostics::new(),
                kept: *kept,
            },
        }
    }

    /// The variables that it refers to, each with the steps from it and its place, in the order of the text. Those that
    /// a `for` in it makes are left out, and so are the iterators of dynamic blocks around it.
    pub fn variables(&self) -> Vec<Reference> {
        let mut references = self.all_variables();
        if let Some(iterators) = &self.iterators {
            references.retain(|reference| !iterators.contains_key(reference.root.as_str()));
        }
        references
    }

    fn all_variables(&self) -> Vec<Reference> {
        match &self.node {
            Node::Native(expr) | Node::Ambiguous(expr) => eval::in_native(&self.source, expr),
            Node::Json(node) => eval::in_json(&self.source, node),
            Node::JsonName(text, range) => eval::in_text(&self.source, text, *range),
            Node::Computed(..) => Vec::new(),
        }
    }

    /// The attributes of a variable that it refers to, each with the place of the whole reference: `a` for `local.a`,
    /// if `root` is `local`.
    pub fn references(&self, root: &str) -> Vec<(String, Span)> {
        let references = self.variables().into_iter().filter(|reference| reference.root == root);
        let attributes = references.filter_map(|reference| match reference.steps.first().map(|step| &step.kind) {
            Some(ReferenceStepKind::Attribute(name)) => Some((name.to_string(), reference.span)),
            _ => None,
        });
        attributes.collect()
    }

    /// The expression read as a type: `list(map(string))`, `object({ name = string })`; `null` is any type.
    ///
    /// # Errors
    /// Whatever is not a type.
    pub fn to_type(&self) -> Result<Type, Diagnostics> {
        let mut diagnostics = Diagnostics::new();
        let ty = crate::spec::text::type_of(self, &mut diagnostics);
        ty.ok_or(diagnostics)
    }

    /// The elements of a written-out list (`[a, b]`, a JSON array).
    pub fn elements(&self) -> Option<Vec<Self>> {
        match &self.node {
            Node::Native(expr) => match &within(expr).kind {
                ExprKind::Tuple(elements) => Some(elements.iter().map(|expr| self.part(expr)).collect()),
                _ => None,
            },
            Node::Json(node) => match &node.kind {
                json::NodeKind::Array(nodes) => Some(
                    nodes
                        .iter()
                        .map(|node| self.inner(Node::Json(Arc::clone(node))))
                        .collect(),
                ),
                _ => None,
            },
            _ => None,
        }
    }

    /// The entries of a written-out object (`{ a = b }`, a JSON object), as they are written.
    pub fn object_entries(&self) -> Option<Vec<ObjectEntry>> {
        match &self.node {
            Node::Native(expr) => match &within(expr).kind {
                ExprKind::Object(items) => Some(items.iter().map(|item| self.entry(item)).collect()),
                _ => None,
            },
            Node::Json(node) => match &node.kind {
                json::NodeKind::Object(properties) => {
                    let entries = properties.iter().map(|property| ObjectEntry {
                        key: self.inner(Node::JsonName(property.name.clone(), property.name_range)),
                        value: self.inner(Node::Json(Arc::clone(&property.value))),
                    });
                    Some(entries.collect())
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// The entries of a written-out object whose keys are all plain texts, with nothing to be filled in.
    pub fn entries(&self) -> Option<Vec<(String, Self)>> {
        let entries = self.object_entries()?.into_iter();
        entries
            .map(|entry| Some((entry.key.plain_text()?, entry.value)))
            .collect()
    }

    /// The entries of a written-out object as arguments; none where it is no such object, or where a key is no text, even
    /// when it is evaluated.
    pub(crate) fn attributes(&self, context: &Context) -> Option<Vec<Attribute>> {
        let entries = self.object_entries()?.into_iter();
        let attributes = entries.map(|entry| {
            let name = match entry.key.plain_text() {
                Some(name) => name,
                None => match crate::cty::convert(entry.key.evaluate(context).ok()?, &Type::String).ok()? {
                    Value::String(name) => name,
                    _ => return None,
                },
            };
            Some(Attribute {
                name: SmolStr::from(name),
                name_range: entry.key.range(),
                value: entry.value,
            })
        });
        attributes.collect()
    }

    /// The text that it is, where there is nothing to be evaluated.
    fn plain_text(&self) -> Option<String> {
        match &self.node {
            Node::Native(expr) => match &expr.kind {
                ExprKind::String(text) => Some(crate::cty::nfc(text.to_string())),
                _ => None,
            },
            Node::JsonName(text, _) if !eval::is_template(&text.text) => Some(crate::cty::nfc(text.text.to_string())),
            _ => None,
        }
    }

    /// The text of a JSON string that is a name.
    pub(crate) fn json_name(&self) -> Option<String> {
        match &self.node {
            Node::Json(node) => match &node.kind {
                json::NodeKind::String(text) => Some(text.text.to_string()),
                _ => None,
            },
            _ => None,
        }
    }

    fn entry(&self, item: &ObjectItem) -> ObjectEntry {
        let key = if item.bare_key && !is_constant_key(&item.key) {
            self.inner(Node::Ambiguous(Arc::new(item.key.clone())))
        } else {
            self.part(&item.key)
        };
        ObjectEntry {
            key,
            value: self.part(&item.value),
        }
    }

    /// A part of the tree as an expression of its own.
    fn part(&self, expr: &Expr) -> Self {
        self.inner(Node::Native(Arc::new(expr.clone())))
    }

    fn inner(&self, node: Node) -> Self {
        Self::new(&self.source, node).with_iterators(self.iterators.as_ref())
    }
}

fn within(mut expr: &Expr) -> &Expr {
    while let ExprKind::Parentheses(inner) = &expr.kind {
        expr = inner;
    }
    expr
}

/// The source's text may hold secrets: the place alone.
impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.span()).finish()
    }
}

/// Whether they are the same, or written alike.
impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        if self.iterators != other.iterators {
            return false;
        }
        match (&self.node, &other.node) {
            (Node::Native(a), Node::Native(b)) if Arc::ptr_eq(a, b) => true,
            (Node::Json(a), Node::Json(b)) if Arc::ptr_eq(a, b) => true,
            (Node::Computed(a, ..), Node::Computed(b, ..)) => a == b,
            (Node::Computed(..), _) | (_, Node::Computed(..)) => false,
            _ => {
                std::mem::discriminant(&self.node) == std::mem::discriminant(&other.node)
                    && self.span().text() == other.span().text()
            }
        }
    }
}
