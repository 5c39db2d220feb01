//! Templates.

use std::borrow::Cow;

use encamp_hclspec_syntax::Range;
use encamp_hclspec_syntax::ast::{IfDirective, Part, PartKind};

use super::conditional::Truth;
use super::loops::Header;
use super::{Evaluator, Mark, STEP, Scope, Val};
use crate::cty::nfc;
use crate::{Type, Value};

const INVALID: &str = "Invalid template interpolation value";

/// A text that is being put together, up to the first error.
struct Text {
    done: String,
    is_known: bool,
    mark: Mark,
}

impl Evaluator<'_> {
    /// A template that is a single interpolation has that one's value, of any type; all others are strings.
    pub(super) fn template<'s>(&'s self, parts: &'s [Part], range: Range, scope: Scope<'s>) -> Val<'s> {
        if let [
            Part {
                kind: PartKind::Interpolation { expr, .. },
                range,
            },
        ] = parts
        {
            let (met, mark) = (self.met.get(), self.mark());
            let value = self.eval(expr, scope);
            if scope.keep && self.is_kept(&value, met, mark) {
                return Cow::Owned(Value::String(nfc(self.written(*range).into_owned())));
            }
            return value;
        }
        Cow::Owned(self.render(parts, range, scope))
    }

    /// The parts as one string. Each is tried, so that all errors are found.
    fn render(&self, parts: &[Part], whole: Range, scope: Scope<'_>) -> Value {
        let mut out = Text {
            done: String::new(),
            is_known: true,
            mark: self.mark(),
        };
        for part in parts {
            let before = out.done.len();
            self.part(part, whole, scope, &mut out);
            // A text that grows takes up to three times its length.
            if !self.charge(STEP + 3 * (out.done.len() - before), part.range) {
                return Value::Unknown(Type::String);
            }
        }
        if out.is_known {
            Value::String(nfc(out.done))
        } else {
            Value::Unknown(Type::String)
        }
    }

    fn part(&self, part: &Part, whole: Range, scope: Scope<'_>, out: &mut Text) {
        let (met, mark) = (self.met.get(), self.mark());
        let (value, range) = match &part.kind {
            PartKind::Literal(text) => {
                self.add(text, out);
                return;
            }
            PartKind::Interpolation { expr, .. } => (self.eval(expr, scope.operand()), expr.range),
            PartKind::If(directive) => {
                let value = self.choose(directive, part.range, scope);
                (Cow::Owned(value), part.range)
            }
            PartKind::For(directive) => {
                let header = Header {
                    key: directive.key_name.as_deref(),
                    value: &directive.value_name,
                    collection: &directive.collection,
                    range: part.range,
                };
                let value = self.repeat(header, &directive.body, scope.operand());
                (Cow::Owned(value), part.range)
            }
        };
        if scope.keep && self.is_kept(&value, met, mark) {
            self.add(&self.written(part.range), out);
            return;
        }
        self.append(value, range, whole, out);
    }

    fn add(&self, text: &str, out: &mut Text) {
        if !self.has_failed_since(out.mark) {
            out.done.push_str(text);
        }
    }

    fn append(&self, value: Val<'_>, range: Range, whole: Range, out: &mut Text) {
        match &*value {
            Value::Null(_) => {
                self.fail_in(INVALID, "A null cannot be part of a string.", range, whole);
            }
            Value::Unknown(_) => out.is_known = false,
            Value::String(text) => self.add(text, out),
            other => {
                let kind = other.kind();
                match self.to(value, &Type::String, range) {
                    Ok(text) => self.add(text.as_str().unwrap_or_default(), out),
                    Err(error) => {
                        let detail = format!("This {kind} cannot be part of a string: {}.", error.message);
                        self.fail_in(INVALID, detail, range, whole);
                    }
                }
            }
        }
    }

    /// `%{ if }`: both branches are strings, and as with the operator only the errors of the chosen one count.
    fn choose(&self, directive: &IfDirective, range: Range, scope: Scope<'_>) -> Value {
        let mark = self.mark();
        let kept = self.kept.get();
        let branches = [&directive.then, &directive.otherwise];
        let [(yes, yes_errors, yes_kept), (no, no_errors, no_kept)] = branches.map(|parts| {
            let value = self.render(parts, whole(parts, range), scope);
            (value, self.take_since(mark), self.kept.replace(kept))
        });
        let Truth::Known(truth) = self.condition(&directive.condition, range, scope) else {
            return Value::Unknown(Type::String);
        };
        let (value, errors, kept) = if truth {
            (yes, yes_errors, yes_kept)
        } else {
            (no, no_errors, no_kept)
        };
        self.put_back(errors);
        self.kept.set(kept);
        value
    }

    /// `%{ for }`.
    fn repeat(&self, header: Header<'_>, body: &[Part], scope: Scope<'_>) -> Value {
        let mut text = String::new();
        let mut is_known = true;
        let inner = whole(body, header.range);
        let is_complete = self.each(header, scope, |scope| match self.render(body, inner, scope) {
            Value::String(part) => text.push_str(&part),
            _ => is_known = false,
        });
        if is_complete && is_known {
            Value::String(text)
        } else {
            Value::Unknown(Type::String)
        }
    }
}

/// From the first to the last part.
fn whole(parts: &[Part], otherwise: Range) -> Range {
    let inner = |part: &Part| match &part.kind {
        PartKind::Interpolation { expr, .. } => expr.range,
        _ => part.range,
    };
    match (parts.first(), parts.last()) {
        (Some(first), Some(last)) => inner(first).to(inner(last)),
        _ => otherwise,
    }
}
