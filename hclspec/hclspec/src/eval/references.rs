//! Which variables an expression refers to.

use std::sync::Arc;

use encamp_hclspec_syntax::ast::{Expr, ExprKind, Part, PartKind, Step, StepKind};
use encamp_hclspec_syntax::json::{Node, NodeKind, Text};
use encamp_hclspec_syntax::{Range, SmolStr, parse_json_template};

use super::json::is_template;
use super::start::is_constant_key;
use crate::{Context, Source, Span, Type, Value};

/// A reference to a variable, with the steps by constants that follow: `a.b["c"][0]`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Reference {
    /// The variable's name.
    pub root: SmolStr,
    /// The place of the name.
    pub root_span: Span,
    /// The steps from there, up to the first index that is computed.
    pub steps: Vec<ReferenceStep>,
    /// The place of all of it.
    pub span: Span,
}

/// A step of a [`Reference`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ReferenceStep {
    /// What it selects.
    pub kind: ReferenceStepKind,
    /// Its place, with its dot or brackets.
    pub span: Span,
}

/// What a step of a [`Reference`] selects.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ReferenceStepKind {
    /// `.name`.
    Attribute(SmolStr),
    /// `[key]`, or `.0`.
    Index(Value),
}

impl Reference {
    /// What it refers to, if the context has that.
    pub fn value<'c>(&self, context: &'c Context) -> Option<&'c Value> {
        let root = context.get(&self.root)?;
        self.steps.iter().try_fold(root, |value, step| match &step.kind {
            ReferenceStepKind::Attribute(name) => value.get(name),
            ReferenceStepKind::Index(Value::String(name)) => value.get(name),
            ReferenceStepKind::Index(Value::Number(index)) => match value {
                Value::List(..) | Value::Tuple(_) => value.as_list()?.get(usize::try_from(index.as_u64()?).ok()?),
                _ => value.get(&index.to_string()),
            },
            ReferenceStepKind::Index(_) => None,
        })
    }
}

/// The references of an expression, without those to what a `for` in it makes.
pub(crate) fn in_native(source: &Arc<Source>, expr: &Expr) -> Vec<Reference> {
    let mut walk = Walk {
        source,
        hidden: Vec::new(),
        found: Vec::new(),
    };
    walk.expr(expr);
    walk.found
}

/// The references of the templates in a JSON value.
pub(crate) fn in_json(source: &Arc<Source>, node: &Node) -> Vec<Reference> {
    match &node.kind {
        NodeKind::String(text) => in_text(source, text, node.range),
        NodeKind::Array(elements) => elements.iter().flat_map(|element| in_json(source, element)).collect(),
        NodeKind::Object(properties) => {
            let mut found = Vec::new();
            for property in properties {
                found.extend(in_text(source, &property.name, property.name_range));
                found.extend(in_json(source, &property.value));
            }
            found
        }
        _ => Vec::new(),
    }
}

/// The references of the template that a JSON string is.
pub(crate) fn in_text(source: &Arc<Source>, text: &Text, range: Range) -> Vec<Reference> {
    if !is_template(&text.text) {
        return Vec::new();
    }
    let (expr, diagnostics) = parse_json_template(source, range);
    if diagnostics.has_errors() {
        Vec::new()
    } else {
        in_native(source, &expr)
    }
}

struct Walk<'e, 's> {
    source: &'s Arc<Source>,
    /// The names that a `for` around makes.
    hidden: Vec<&'e str>,
    found: Vec<Reference>,
}

impl<'e> Walk<'e, '_> {
    fn expr(&mut self, expr: &'e Expr) {
        match &expr.kind {
            ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Number(_)
            | ExprKind::String(_)
            | ExprKind::SplatItem
            | ExprKind::Invalid => {}
            ExprKind::Template(template) => self.parts(&template.parts),
            ExprKind::Parentheses(inner) | ExprKind::Unary(_, inner) => self.expr(inner),
            ExprKind::Tuple(elements) => elements.iter().for_each(|element| self.expr(element)),
            ExprKind::Object(items) => {
                for item in items {
                    self.expr(&item.key);
                    self.expr(&item.value);
                }
            }
            ExprKind::Variable(name) => self.reference(name, expr.range, &[]),
            ExprKind::Traversal(path) => self.traversal(&path.base, &path.steps),
            ExprKind::Splat(splat) => {
                self.expr(&splat.source);
                self.expr(&splat.each);
            }
            ExprKind::Call(call) => call.arguments.iter().for_each(|argument| self.expr(argument)),
            ExprKind::Conditional(parts) => parts.iter().for_each(|part| self.expr(part)),
            ExprKind::Binary(chain) => {
                self.expr(&chain.first);
                for operation in &chain.operations {
                    self.expr(&operation.right);
                }
            }
            ExprKind::For(tree) => {
                self.expr(&tree.collection);
                self.within(tree.key_name.as_deref(), &tree.value_name, |walk| {
                    let parts = [tree.key.as_ref(), Some(&tree.value), tree.condition.as_ref()];
                    parts.into_iter().flatten().for_each(|part| walk.expr(part));
                });
            }
        }
    }

    fn traversal(&mut self, base: &'e Expr, steps: &'e [Step]) {
        let is_computed = |step: &Step| matches!(&step.kind, StepKind::Index(key) if !is_constant_key(key));
        let constants = steps.iter().position(is_computed).unwrap_or(steps.len());
        match &base.kind {
            ExprKind::Variable(name) => self.reference(name, base.range, steps.get(..constants).unwrap_or_default()),
            _ => self.expr(base),
        }
        for step in steps {
            if let StepKind::Index(key) = &step.kind {
                self.expr(key);
            }
        }
    }

    fn parts(&mut self, parts: &'e [Part]) {
        for part in parts {
            match &part.kind {
                PartKind::Literal(_) => {}
                PartKind::Interpolation { expr, .. } => self.expr(expr),
                PartKind::If(directive) => {
                    self.expr(&directive.condition);
                    self.parts(&directive.then);
                    self.parts(&directive.otherwise);
                }
                PartKind::For(directive) => {
                    self.expr(&directive.collection);
                    self.within(directive.key_name.as_deref(), &directive.value_name, |walk| {
                        walk.parts(&directive.body);
                    });
                }
            }
        }
    }

    fn within(&mut self, key: Option<&'e str>, value: &'e str, walk: impl FnOnce(&mut Self)) {
        let outer = self.hidden.len();
        self.hidden.extend(key);
        self.hidden.push(value);
        walk(self);
        self.hidden.truncate(outer);
    }

    fn reference(&mut self, name: &SmolStr, range: Range, steps: &[Step]) {
        if self.hidden.contains(&name.as_str()) {
            return;
        }
        let span = |range: Range| Span::new(self.source, range.into());
        let whole = steps.last().map_or(range, |last| range.to(last.range));
        let steps = steps.iter().map(|step| ReferenceStep {
            kind: kind(step),
            span: span(step.range),
        });
        self.found.push(Reference {
            root: name.clone(),
            root_span: span(range),
            steps: steps.collect(),
            span: span(whole),
        });
    }
}

fn kind(step: &Step) -> ReferenceStepKind {
    let number = |text: &str| text.parse().map_or(Value::Unknown(Type::Number), Value::Number);
    match &step.kind {
        StepKind::Attribute(name) => ReferenceStepKind::Attribute(name.clone()),
        StepKind::LegacyIndex(text) => ReferenceStepKind::Index(number(text)),
        StepKind::Index(key) => ReferenceStepKind::Index(match &key.kind {
            ExprKind::Number(text) => number(text),
            ExprKind::String(text) => Value::from(text.as_str()),
            ExprKind::Bool(truth) => Value::Bool(*truth),
            _ => Value::NULL,
        }),
    }
}
