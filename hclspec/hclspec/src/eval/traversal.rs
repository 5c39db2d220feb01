//! Variables, and the steps from them.

use std::borrow::Cow;

use encamp_hclspec_syntax::ast::{Expr, ExprKind, Step, StepKind};
use encamp_hclspec_syntax::{Range, hint};

use super::start::is_constant_key;
use super::{Evaluator, Scope, UNKNOWN, Val};
use crate::Value;
use crate::context::Found;

impl Evaluator<'_> {
    pub(super) fn variable<'s>(&'s self, name: &str, range: Range, scope: Scope<'s>) -> Val<'s> {
        let locals = || std::iter::successors(scope.locals, |local| local.outer);
        for local in locals() {
            if local.name == name {
                return Cow::Borrowed(&local.value);
            }
            if !self.charge(1, range) {
                return UNKNOWN;
            }
        }
        match self.context.find(name) {
            Found::Value(value) => return Cow::Borrowed(value),
            Found::Unknown => return UNKNOWN,
            Found::Kept => {
                self.met.set(self.met.get() + 1);
                return UNKNOWN;
            }
            Found::Nothing => {}
        }
        if scope.locals.is_none() && self.context.names().next().is_none() {
            let detail = format!("There are no variables here, so \"{name}\" cannot be one. A text is put in quotes.");
            return self.fail("Variables not allowed", detail, range);
        }
        let names = self.context.names().chain(locals().map(|local| local.name));
        let detail = format!("There is no variable named \"{name}\".{}", hint(name, names));
        self.fail("Unknown variable", detail, range)
    }

    /// Steps by constants from one value on end with the first error; a computed index starts anew, from a value that is
    /// then unknown.
    pub(super) fn traversal<'s>(&'s self, base: &'s Expr, steps: &'s [Step], scope: Scope<'s>) -> Val<'s> {
        let mark = self.mark();
        let mut value = self.eval(base, scope);
        let mut has_ended = matches!(base.kind, ExprKind::Variable(_)) && self.has_failed_since(mark);
        for step in steps {
            if let StepKind::Index(key) = &step.kind
                && !is_constant_key(key)
            {
                let key = self.eval(key, scope);
                value = self.index(value, key, step.range);
                has_ended = false;
                continue;
            }
            if has_ended {
                continue;
            }
            let mark = self.mark();
            value = match &step.kind {
                StepKind::Attribute(name) => self.attribute(value, name, step.range),
                StepKind::Index(key) => {
                    let key = self.eval(key, scope);
                    self.index(value, key, step.range)
                }
                // The parser has refused `.0.1`, which reads as a fraction.
                StepKind::LegacyIndex(text) if text.contains('.') => UNKNOWN,
                StepKind::LegacyIndex(text) => {
                    let key = text.parse().map_or(UNKNOWN, |number| Cow::Owned(Value::Number(number)));
                    self.index(value, key, step.range)
                }
            };
            has_ended = self.has_failed_since(mark);
        }
        value
    }
}
