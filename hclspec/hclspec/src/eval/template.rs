//! Templates.

use std::borrow::Cow;

use super::{Evaluator, Outcome, STEP, Scope, Stop};
use crate::Value;
use crate::ast::{Part, PartKind};

impl Evaluator<'_> {
    /// A template that is a single interpolation has that one's value, of any type; all others are strings.
    pub(super) fn template<'s>(&'s self, parts: &'s [Part], scope: Scope<'s>) -> Outcome<'s> {
        if let [
            Part {
                kind: PartKind::Interpolation(expr),
                range,
            },
        ] = parts
        {
            return match self.eval(expr, scope) {
                Err(Stop::Unknown) if scope.keep => {
                    let mut text = String::new();
                    self.keep_text(range.clone(), &mut text);
                    Ok(Cow::Owned(Value::String(text)))
                }
                other => other,
            };
        }
        let mut text = String::new();
        self.render(parts, scope, &mut text)?;
        Ok(Cow::Owned(Value::String(text)))
    }

    fn keep_text(&self, range: std::ops::Range<usize>, out: &mut String) {
        self.kept.set(true);
        out.push_str(self.source.text().get(range).unwrap_or_default());
    }

    /// Appends the parts. Every part is tried, so that all diagnostics are made.
    fn render(&self, parts: &[Part], scope: Scope<'_>, out: &mut String) -> Result<(), Stop> {
        let mut stop = None;
        for part in parts {
            let before = out.len();
            let outcome = self.part(part, scope, out);
            let outcome = outcome.and_then(|()| self.charge(STEP + out.len() - before, &part.range));
            match outcome {
                Err(Stop::Unknown) if scope.keep => {
                    out.truncate(before);
                    self.keep_text(part.range.clone(), out);
                }
                Err(error) if stop != Some(Stop::Failed) => stop = Some(error),
                _ => {}
            }
        }
        stop.map_or(Ok(()), Err)
    }

    fn part(&self, part: &Part, scope: Scope<'_>, out: &mut String) -> Result<(), Stop> {
        let scope = scope.operand();
        match &part.kind {
            PartKind::Text(text) => out.push_str(text),
            PartKind::Interpolation(expr) => {
                let value = self.eval(expr, scope)?;
                match &*value {
                    Value::String(text) => out.push_str(text),
                    Value::Number(number) => out.push_str(&number.to_string()),
                    Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
                    other => {
                        let detail = format!(
                            "A string, a number or a bool is required here, but this is a {}.",
                            other.kind()
                        );
                        return self.fail("Invalid template interpolation value", detail, &expr.range);
                    }
                }
            }
            PartKind::If {
                condition,
                then,
                otherwise,
            } => {
                let truth = self.truth(condition, "The condition of an `if`", scope)?;
                self.render(if truth { then } else { otherwise }, scope, out)?;
            }
            PartKind::For {
                key_name,
                value_name,
                collection,
                body,
            } => self.each(collection, (key_name.as_deref(), value_name), scope, |scope| {
                self.render(body, scope, out)
            })?,
        }
        Ok(())
    }
}
