//! Elements by index and attributes by name.

use std::borrow::Cow;

use encamp_hclspec_syntax::{Range, hint};

use super::{Evaluator, UNKNOWN, Val};
use crate::cty::Entries;
use crate::{Number, Type, Value};

const INVALID_INDEX: &str = "Invalid index";
const UNSUPPORTED: &str = "Unsupported attribute";

impl Evaluator<'_> {
    /// `value.name`.
    pub(super) fn attribute<'s>(&self, value: Val<'s>, name: &str, range: Range) -> Val<'s> {
        match &*value {
            Value::Null(_) => {
                let summary = "Attempt to get attribute from null value";
                self.fail(summary, "This is null, which has no attributes.", range)
            }
            Value::Unknown(ty) => match ty {
                Type::Any => UNKNOWN,
                Type::Map(element) => unknown(element),
                Type::Object(types) => match types.get(name) {
                    Some(ty) => unknown(ty),
                    None => self.no_attribute(name, types.keys().map(String::as_str), range),
                },
                other => self.no_attributes(other, name, range),
            },
            Value::Object(entries) => {
                if entries.contains_key(name) {
                    return pick(value, name);
                }
                self.no_attribute(name, entries.keys(), range)
            }
            Value::Map(_, entries) => {
                if entries.contains_key(name) {
                    return pick(value, name);
                }
                let names = entries.keys();
                let detail = format!(
                    "There is no element with the key \"{name}\" in this map.{}",
                    hint(name, names)
                );
                self.fail("Missing map element", detail, range)
            }
            other => self.no_attributes(&shallow(other), name, range),
        }
    }

    fn no_attribute<'s, 'n>(&self, name: &str, names: impl Iterator<Item = &'n str>, range: Range) -> Val<'s> {
        let hint = hint(name, names);
        let detail = format!("There is no attribute named \"{name}\" in this object.{hint}");
        self.fail(UNSUPPORTED, detail, range)
    }

    fn no_attributes<'s>(&self, ty: &Type, name: &str, range: Range) -> Val<'s> {
        let kind = kind(ty);
        let detail = match ty {
            Type::List(_) | Type::Tuple(_) => format!(
                "This is a {kind}, which has no attributes. `[0].{name}` is that of its first element, and \
                 `[*].{name}` those of all."
            ),
            Type::Set(_) => {
                format!("This is a set, which has no attributes. `[*].{name}` are those of all its elements.")
            }
            _ => format!("This is a {kind}, which has no attributes."),
        };
        self.fail(UNSUPPORTED, detail, range)
    }

    /// `value[key]`.
    pub(super) fn index<'s>(&self, value: Val<'s>, key: Val<'_>, range: Range) -> Val<'s> {
        if value.is_null() {
            let detail = "This is null, which has no elements.";
            return self.fail("Attempt to index null value", detail, range);
        }
        if key.is_null() {
            return self.fail(INVALID_INDEX, "An index must not be null.", range);
        }
        if matches!(&*value, Value::Unknown(Type::Any)) || matches!(&*key, Value::Unknown(Type::Any)) {
            return UNKNOWN;
        }
        match &*value {
            Value::List(..) | Value::Tuple(_) | Value::Unknown(Type::List(_) | Type::Tuple(_)) => {
                self.nth(value, key, range)
            }
            Value::Map(..) | Value::Unknown(Type::Map(_)) => self.entry(value, key, range),
            Value::Object(_) | Value::Unknown(Type::Object(_)) => self.named(value, key, range),
            Value::Set(..) | Value::Unknown(Type::Set(_)) => {
                let detail = "The elements of a set have no index; only all of them can be gone through, with `for`.";
                self.fail(INVALID_INDEX, detail, range)
            }
            other => {
                let name = kind(&shallow(other));
                self.fail(
                    INVALID_INDEX,
                    format!("This is a {name}, which has no elements."),
                    range,
                )
            }
        }
    }

    /// The key as a value of the type; an error is noted.
    fn index_key<'k>(&self, key: Val<'k>, ty: &Type, range: Range) -> Option<Val<'k>> {
        let kind = key.kind();
        match self.to(key, ty, range) {
            Ok(key) => Some(key),
            Err(error) => {
                let detail = format!("There is no element with this {kind} as its key: {}.", error.message);
                self.fail(INVALID_INDEX, detail, range);
                None
            }
        }
    }

    /// An element of a list or a tuple.
    fn nth<'s>(&self, value: Val<'s>, key: Val<'_>, range: Range) -> Val<'s> {
        let Some(key) = self.index_key(key, &Type::Number, range) else {
            return UNKNOWN;
        };
        let length = match &*value {
            Value::List(_, values) | Value::Tuple(values) => values.len(),
            Value::Unknown(Type::Tuple(types)) => types.len(),
            // Of a list whose elements are not known, any index may be one.
            Value::Unknown(Type::List(element)) => return unknown(element),
            _ => 0,
        };
        let Value::Number(number) = &*key else {
            return match &*value {
                Value::List(element, _) => unknown(element),
                _ => UNKNOWN,
            };
        };
        let index = number.as_u64().and_then(|index| usize::try_from(index).ok());
        let Some(index) = index.filter(|index| *index < length) else {
            return self.fail(INVALID_INDEX, out_of_range(number, length), range);
        };
        match value {
            Cow::Borrowed(Value::List(_, values) | Value::Tuple(values)) => {
                values.get(index).map_or(UNKNOWN, Cow::Borrowed)
            }
            Cow::Owned(Value::List(_, mut values) | Value::Tuple(mut values)) => Cow::Owned(values.swap_remove(index)),
            Cow::Borrowed(Value::Unknown(Type::Tuple(types))) => types.get(index).map_or(UNKNOWN, unknown),
            Cow::Owned(Value::Unknown(Type::Tuple(types))) => types.get(index).map_or(UNKNOWN, unknown),
            _ => UNKNOWN,
        }
    }

    /// An element of a map.
    fn entry<'s>(&self, value: Val<'s>, key: Val<'_>, range: Range) -> Val<'s> {
        let Some(key) = self.index_key(key, &Type::String, range) else {
            return UNKNOWN;
        };
        match (&*value, key.as_str()) {
            (Value::Map(_, entries), Some(name)) if entries.contains_key(name) => pick(value, name),
            (Value::Map(..), Some(_)) => {
                self.fail(INVALID_INDEX, "There is no element with this key in the map.", range)
            }
            (Value::Map(element, _), None) => unknown(element),
            (Value::Unknown(Type::Map(element)), _) => unknown(element),
            _ => UNKNOWN,
        }
    }

    /// An attribute of an object.
    fn named<'s>(&self, value: Val<'s>, key: Val<'_>, range: Range) -> Val<'s> {
        let is_number = matches!(&*key, Value::Number(_));
        let Some(key) = self.index_key(key, &Type::String, range) else {
            return UNKNOWN;
        };
        let Some(name) = key.as_str() else { return UNKNOWN };
        match &*value {
            Value::Object(entries) if entries.contains_key(name) => return pick(value, name),
            Value::Unknown(Type::Object(types)) => {
                if let Some(ty) = types.get(name) {
                    return unknown(ty);
                }
            }
            _ => {}
        }
        let by_number = if is_number {
            " Attributes are found by name, not by number."
        } else {
            ""
        };
        let detail = format!("There is no attribute with this name in the object.{by_number}");
        self.fail(INVALID_INDEX, detail, range)
    }
}

fn unknown<'s>(ty: &Type) -> Val<'s> {
    Cow::Owned(Value::Unknown(ty.clone()))
}

/// The type, without what it is made of where that would take long.
fn shallow(value: &Value) -> Type {
    match value {
        Value::Tuple(_) => Type::tuple([]),
        Value::Object(_) => Type::Object(std::sync::Arc::default()),
        other => other.ty(),
    }
}

fn kind(ty: &Type) -> &'static str {
    match ty {
        Type::String => "string",
        Type::Number => "number",
        Type::Bool => "bool",
        Type::List(_) => "list",
        Type::Set(_) => "set",
        Type::Map(_) => "map",
        Type::Tuple(_) => "tuple",
        Type::Object(_) => "object",
        _ => "value of any type",
    }
}

fn out_of_range(number: &Number, length: usize) -> String {
    if !number.is_integer() {
        return "An index must be a whole number, but this has a fraction.".to_owned();
    }
    if number.is_negative() {
        return "An index counts from the start and must not be negative.".to_owned();
    }
    match length {
        0 => "There are no elements here.".to_owned(),
        1 => "There is one element here, with the index 0.".to_owned(),
        _ => format!(
            "There are {length} elements here, with the indexes 0 to {}.",
            length - 1
        ),
    }
}

/// An entry that is there.
fn pick<'s>(value: Val<'s>, name: &str) -> Val<'s> {
    let take = |mut entries: Entries| entries.swap_remove(name).map_or(UNKNOWN, Cow::Owned);
    match value {
        Cow::Borrowed(value) => value.get(name).map_or(UNKNOWN, Cow::Borrowed),
        Cow::Owned(Value::Map(_, entries) | Value::Object(entries)) => take(entries),
        Cow::Owned(_) => UNKNOWN,
    }
}
