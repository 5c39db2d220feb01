//! Written-out tuples and objects.

use std::borrow::Cow;

use encamp_hclspec_syntax::Range;
use encamp_hclspec_syntax::ast::{Expr, ObjectItem};

use super::{ELEMENT, ENTRY, Evaluator, Scope, UNKNOWN, Val};
use crate::cty::Entries;
use crate::{Type, Value};

impl Evaluator<'_> {
    pub(super) fn tuple<'s>(&'s self, elements: &'s [Expr], scope: Scope<'s>) -> Val<'s> {
        let mut values = Vec::with_capacity(elements.len());
        for element in elements {
            if !self.charge(ELEMENT, element.range) {
                return UNKNOWN;
            }
            let value = self.keeping(element, scope);
            values.push(self.own(value, element.range));
        }
        Cow::Owned(Value::Tuple(values))
    }

    /// Where a key is not known, nothing is known of the object.
    pub(super) fn object<'s>(&'s self, items: &'s [ObjectItem], scope: Scope<'s>) -> Val<'s> {
        let mut object = Entries::with_capacity(items.len());
        let mut is_known = true;
        for item in items {
            if !self.charge(ENTRY, item.key.range) {
                return UNKNOWN;
            }
            let mark = self.mark();
            let key = if item.bare_key && !super::is_constant_key(&item.key) {
                self.ambiguous(item.key.range)
            } else {
                self.keeping(&item.key, scope)
            };
            let has_failed = self.has_failed_since(mark);
            let value = self.keeping(&item.value, scope);
            let value = self.own(value, item.value.range);
            let name = if has_failed {
                None
            } else {
                self.key(key, item.key.range)
            };
            match name {
                Some(name) => {
                    object.insert(name, value);
                }
                None => is_known = false,
            }
        }
        if !is_known {
            return UNKNOWN;
        }
        Cow::Owned(Value::Object(object))
    }

    /// A bare traversal may be meant as a name or as a reference.
    pub(super) fn ambiguous<'s>(&self, range: Range) -> Val<'s> {
        let detail = "A reference must be in parentheses here, and a name with periods in quotes.";
        self.fail("Ambiguous attribute key", detail, range)
    }

    /// A key as a string; none where it is not known or is none, which is noted.
    fn key(&self, key: Val<'_>, range: Range) -> Option<String> {
        if key.is_null() {
            self.fail("Null value as key", "A key must not be null.", range);
            return None;
        }
        let kind = key.kind();
        match self.to(key, &Type::String, range).map(Cow::into_owned) {
            Ok(Value::String(name)) => Some(name),
            Ok(_) => None,
            Err(error) => {
                let detail = format!("This {kind} cannot be a key: {}.", error.message);
                self.fail("Incorrect key type", detail, range);
                None
            }
        }
    }
}
