//! Attributes, indexes and splats.

use std::borrow::Cow;

use super::{Evaluator, Outcome, STEP, Scope, Stop, all, size};
use crate::ast::{Expr, Step, StepKind};
use crate::convert::convert;
use crate::{Type, Value, suggest};

impl Evaluator<'_> {
    pub(super) fn traversal<'s>(&'s self, base: &'s Expr, steps: &'s [Step], scope: Scope<'s>) -> Outcome<'s> {
        let value = self.eval(base, scope)?;
        self.steps(value, steps, scope)
    }

    fn steps<'s>(&'s self, mut value: Cow<'s, Value>, steps: &'s [Step], scope: Scope<'s>) -> Outcome<'s> {
        for (index, step) in steps.iter().enumerate() {
            let rest = steps.get(index + 1..).unwrap_or_default();
            value = match &step.kind {
                StepKind::Attribute(name) => self.attribute(value, name, step)?,
                StepKind::Index(key) => {
                    let key = self.eval(key, scope)?;
                    self.index(value, &key, step)?
                }
                StepKind::FullSplat => return self.splat(value, rest, step, scope),
                StepKind::AttributeSplat => {
                    let attributes = rest
                        .iter()
                        .take_while(|step| matches!(step.kind, StepKind::Attribute(_)));
                    let (attributes, rest) = rest.split_at(attributes.count());
                    let list = self.splat(value, attributes, step, scope)?;
                    return self.steps(list, rest, scope);
                }
            };
        }
        Ok(value)
    }

    fn attribute<'s>(&self, value: Cow<'s, Value>, name: &str, step: &Step) -> Outcome<'s> {
        match &*value {
            Value::Map(entries) => {
                if entries.contains_key(name) {
                    return Ok(pick(value, name));
                }
                let hint = suggest::hint(name, entries.keys().map(String::as_str));
                let detail = format!("There is no attribute named \"{name}\" here.{hint}");
                self.fail("Unsupported attribute", detail, &step.range)
            }
            Value::List(_) => {
                let detail = format!(
                    "This is a list, which has no attributes. `[0].{name}` is that of its first element, and \
                     `[*].{name}` those of all."
                );
                self.fail("Unsupported attribute", detail, &step.range)
            }
            other => {
                let detail = format!("This is a {}, which has no attributes.", other.kind());
                self.fail("Unsupported attribute", detail, &step.range)
            }
        }
    }

    fn index<'s>(&self, value: Cow<'s, Value>, key: &Value, step: &Step) -> Outcome<'s> {
        match &*value {
            Value::List(values) => {
                let number = convert(key.clone(), &Type::Number);
                let Ok(Value::Number(number)) = number else {
                    let detail = format!("The index of a list must be a number, but this is a {}.", key.kind());
                    return self.fail("Invalid index", detail, &step.range);
                };
                let index = number.as_u64().and_then(|index| usize::try_from(index).ok());
                let Some(index) = index.filter(|index| *index < values.len()) else {
                    let detail = format!("There is no such element: the list has {}.", values.len());
                    return self.fail("Invalid index", detail, &step.range);
                };
                Ok(nth(value, index))
            }
            Value::Map(entries) => {
                let Ok(Value::String(name)) = convert(key.clone(), &Type::String) else {
                    let detail = format!("The key of a map must be a string, but this is a {}.", key.kind());
                    return self.fail("Invalid index", detail, &step.range);
                };
                if entries.contains_key(&name) {
                    return Ok(pick(value, &name));
                }
                let hint = suggest::hint(&name, entries.keys().map(String::as_str));
                self.fail(
                    "Invalid index",
                    format!("There is no element of this key.{hint}"),
                    &step.range,
                )
            }
            other => {
                let detail = format!("This is a {}, which has no elements.", other.kind());
                self.fail("Invalid index", detail, &step.range)
            }
        }
    }

    /// The steps for each element. What is no list is one element, and null is none.
    fn splat<'s>(&'s self, value: Cow<'s, Value>, steps: &'s [Step], splat: &Step, scope: Scope<'s>) -> Outcome<'s> {
        let elements = match value.into_owned() {
            Value::Null => Vec::new(),
            Value::List(values) => values,
            other => vec![other],
        };
        let outcomes = elements.into_iter().map(|element| {
            self.charge(STEP + size(&element), &splat.range)?;
            let outcome = self.steps(Cow::Owned(element), steps, scope)?;
            Ok::<_, Stop>(outcome.into_owned())
        });
        all(outcomes).map(|values| Cow::Owned(Value::List(values)))
    }
}

/// An entry that is there.
fn pick<'s>(value: Cow<'s, Value>, name: &str) -> Cow<'s, Value> {
    match value {
        Cow::Borrowed(Value::Map(entries)) => entries.get(name).map_or(Cow::Owned(Value::Null), Cow::Borrowed),
        Cow::Owned(Value::Map(mut entries)) => Cow::Owned(entries.swap_remove(name).unwrap_or_default()),
        other => other,
    }
}

/// An element that is there.
fn nth(value: Cow<'_, Value>, index: usize) -> Cow<'_, Value> {
    match value {
        Cow::Borrowed(Value::List(values)) => values.get(index).map_or(Cow::Owned(Value::Null), Cow::Borrowed),
        Cow::Owned(Value::List(mut values)) => Cow::Owned(values.swap_remove(index)),
        other => other,
    }
}
