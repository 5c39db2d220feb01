//! Moves a tree to other ranges.

use super::json_text::Decoded;
use crate::Range;
use crate::ast::{Expr, ExprKind, ObjectItem, Operation, Part, PartKind, Step, StepKind};

/// From a resolved JSON string to the source that it is in.
pub(super) struct Relocate<'d>(pub(super) &'d Decoded);

impl Relocate<'_> {
    fn range(&self, range: &mut Range) {
        *range = self.0.locate(*range);
    }

    fn all(&self, exprs: &mut [Expr]) {
        for expr in exprs {
            self.expr(expr);
        }
    }

    pub(super) fn expr(&self, expr: &mut Expr) {
        self.range(&mut expr.range);
        match &mut expr.kind {
            ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Number(_)
            | ExprKind::String(_)
            | ExprKind::Variable(_)
            | ExprKind::SplatItem
            | ExprKind::Invalid => {}
            ExprKind::Template(template) => self.parts(&mut template.parts),
            ExprKind::Parentheses(inner) | ExprKind::Unary(_, inner) => self.expr(inner),
            ExprKind::Tuple(items) => self.all(items),
            ExprKind::Object(items) => self.items(items),
            ExprKind::Traversal(path) => {
                self.expr(&mut path.base);
                self.steps(&mut path.steps);
            }
            ExprKind::Splat(splat) => {
                self.expr(&mut splat.source);
                self.expr(&mut splat.each);
                self.range(&mut splat.marker_range);
            }
            ExprKind::Call(call) => {
                self.range(&mut call.name_range);
                self.range(&mut call.open_range);
                self.range(&mut call.close_range);
                self.all(&mut call.arguments);
            }
            ExprKind::Conditional(exprs) => self.all(exprs.as_mut_slice()),
            ExprKind::Binary(chain) => {
                self.expr(&mut chain.first);
                self.operations(&mut chain.operations);
            }
            ExprKind::For(made) => {
                self.expr(&mut made.collection);
                self.expr(&mut made.value);
                made.key
                    .iter_mut()
                    .chain(&mut made.condition)
                    .for_each(|expr| self.expr(expr));
                self.range(&mut made.open_range);
                self.range(&mut made.close_range);
            }
        }
    }

    fn items(&self, items: &mut [ObjectItem]) {
        for item in items {
            self.expr(&mut item.key);
            self.expr(&mut item.value);
        }
    }

    fn steps(&self, steps: &mut [Step]) {
        for step in steps {
            self.range(&mut step.range);
            if let StepKind::Index(key) = &mut step.kind {
                self.expr(key);
            }
        }
    }

    fn operations(&self, chain: &mut [Operation]) {
        for operation in chain {
            self.range(&mut operation.operator_range);
            self.expr(&mut operation.right);
        }
    }

    fn parts(&self, parts: &mut [Part]) {
        for part in parts {
            match &mut part.kind {
                PartKind::Literal(_) => {}
                PartKind::Interpolation { expr, text } => {
                    let written = self.0.text.get(std::ops::Range::from(part.range)).unwrap_or_default();
                    *text = Some(written.into());
                    self.expr(expr);
                }
                PartKind::If(directive) => {
                    self.expr(&mut directive.condition);
                    self.parts(&mut directive.then);
                    self.parts(&mut directive.otherwise);
                }
                PartKind::For(directive) => {
                    self.expr(&mut directive.collection);
                    self.parts(&mut directive.body);
                }
            }
            self.range(&mut part.range);
        }
    }
}
