//! Through an expression, to the variables in it.

use std::sync::Arc;

use encamp_hclspec_syntax::ast::{Expr, ExprKind, For, Part, PartKind, Step, StepKind};
use encamp_hclspec_syntax::json::{Node, NodeKind};
use encamp_hclspec_syntax::{Range, SmolStr, parse_json_template};

use super::{Reference, ReferenceKey, ReferenceStep};
use crate::{Source, Span, Value};

pub(super) fn native(source: &Arc<Source>, expr: &Expr, found: &mut Vec<Reference>) {
    let mut walk = Walk {
        source,
        found,
        locals: Vec::new(),
    };
    walk.expr(expr);
}

/// Strings, and the names of properties too, are templates.
pub(super) fn json(source: &Arc<Source>, node: &Node, found: &mut Vec<Reference>) {
    match &node.kind {
        NodeKind::String(_) => template(source, node.range, found),
        NodeKind::Array(elements) => elements.iter().for_each(|element| json(source, element, found)),
        NodeKind::Object(properties) => {
            for property in properties {
                template(source, property.name_range, found);
                json(source, &property.value, found);
            }
        }
        NodeKind::Null | NodeKind::Bool(_) | NodeKind::Number(_) | NodeKind::Invalid => {}
    }
}

fn template(source: &Arc<Source>, range: Range, found: &mut Vec<Reference>) {
    let (expr, diagnostics) = parse_json_template(source, range);
    if !diagnostics.has_errors() {
        native(source, &expr, found);
    }
}

struct Walk<'a> {
    source: &'a Arc<Source>,
    found: &'a mut Vec<Reference>,
    /// The names that are defined around the place at hand.
    locals: Vec<SmolStr>,
}

impl Walk<'_> {
    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Variable(name) => self.variable(name, expr.range, &[]),
            ExprKind::Traversal(start, steps) => self.traversal(start, steps),
            ExprKind::Template(template) => self.parts(&template.parts),
            ExprKind::Parentheses(inner) | ExprKind::Unary(_, inner) => self.expr(inner),
            ExprKind::Tuple(elements) => elements.iter().for_each(|element| self.expr(element)),
            ExprKind::Object(items) => {
                for item in items {
                    self.expr(&item.key);
                    self.expr(&item.value);
                }
            }
            ExprKind::Splat(splat) => {
                self.expr(&splat.source);
                self.expr(&splat.each);
            }
            ExprKind::Call(call) => call.arguments.iter().for_each(|argument| self.expr(argument)),
            ExprKind::Conditional(parts) => parts.iter().for_each(|part| self.expr(part)),
            ExprKind::Binary(first, operations) => {
                self.expr(first);
                operations.iter().for_each(|operation| self.expr(&operation.right));
            }
            ExprKind::For(each) => self.for_each(each),
            ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Number(_)
            | ExprKind::String(_)
            | ExprKind::SplatItem
            | ExprKind::Invalid => {}
        }
    }

    /// Steps by constant keys belong to the reference; from the first other one on they are taken of its value.
    fn traversal(&mut self, start: &Expr, steps: &[Step]) {
        match &start.kind {
            ExprKind::Variable(name) => self.variable(name, start.range, steps),
            _ => self.expr(start),
        }
        for step in steps {
            if let StepKind::Index(key) = &step.kind {
                self.expr(key);
            }
        }
    }

    fn variable(&mut self, name: &SmolStr, range: Range, steps: &[Step]) {
        if self.locals.contains(name) {
            return;
        }
        let steps = steps.iter().map_while(|step| {
            Some(ReferenceStep {
                key: key(&step.kind)?,
                span: self.span(step.range),
            })
        });
        let reference = Reference {
            name: name.to_string(),
            name_span: self.span(range),
            steps: steps.collect(),
        };
        self.found.push(reference);
    }

    fn for_each(&mut self, each: &For) {
        self.expr(&each.collection);
        self.scope(each.key_name.as_ref(), &each.value_name, |walk| {
            each.key.iter().for_each(|key| walk.expr(key));
            walk.expr(&each.value);
            each.condition.iter().for_each(|condition| walk.expr(condition));
        });
    }

    fn parts(&mut self, parts: &[Part]) {
        for part in parts {
            match &part.kind {
                PartKind::Literal(_) => {}
                PartKind::Interpolation { expr, .. } => self.expr(expr),
                PartKind::If {
                    condition,
                    then,
                    otherwise,
                } => {
                    self.expr(condition);
                    self.parts(then);
                    self.parts(otherwise);
                }
                PartKind::For {
                    key_name,
                    value_name,
                    collection,
                    body,
                } => {
                    self.expr(collection);
                    self.scope(key_name.as_ref(), value_name, |walk| walk.parts(body));
                }
            }
        }
    }

    fn scope(&mut self, key: Option<&SmolStr>, value: &SmolStr, inner: impl FnOnce(&mut Self)) {
        let before = self.locals.len();
        self.locals.extend(key.cloned());
        self.locals.push(value.clone());
        inner(self);
        self.locals.truncate(before);
    }

    fn span(&self, range: Range) -> Span {
        Span::new(self.source, range.into())
    }
}

fn key(step: &StepKind) -> Option<ReferenceKey> {
    let number = |text: &str| Some(ReferenceKey::Index(Value::Number(text.parse().ok()?)));
    match step {
        StepKind::Attribute(name) => Some(ReferenceKey::Attribute(name.to_string())),
        StepKind::LegacyIndex(text) => number(text),
        StepKind::Index(key) => match &key.kind {
            ExprKind::Number(text) => number(text),
            ExprKind::String(text) => Some(ReferenceKey::Index(Value::from(text.as_str()))),
            _ => None,
        },
    }
}
