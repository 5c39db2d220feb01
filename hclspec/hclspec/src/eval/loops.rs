//! `for` expressions, and what they share with the directive.

use std::borrow::Cow;

use encamp_hclspec_syntax::Range;
use encamp_hclspec_syntax::ast::{Expr, For};
use indexmap::IndexMap;

use super::{ELEMENT, ENTRY, Evaluator, Local, STEP, Scope, UNKNOWN, Val};
use crate::cty::Entries;
use crate::{Type, Value};

const INVALID_CONDITION: &str = "Invalid 'for' condition";
const INVALID_KEY: &str = "Invalid object key";

/// What a `for` goes through, and the variables for it.
#[derive(Clone, Copy)]
pub(super) struct Header<'s> {
    pub(super) key: Option<&'s str>,
    pub(super) value: &'s str,
    pub(super) collection: &'s Expr,
    /// Of the whole `for`.
    pub(super) range: Range,
}

/// What a `for` has made so far.
#[derive(Default)]
struct Made {
    list: Vec<Value>,
    object: Entries,
    groups: IndexMap<String, Vec<Value>>,
    /// Whether it can be told which elements or keys there are.
    is_unknown: bool,
}

impl Evaluator<'_> {
    pub(super) fn for_expr<'s>(&'s self, tree: &'s For, range: Range, scope: Scope<'s>) -> Val<'s> {
        let header = Header {
            key: tree.key_name.as_deref(),
            value: &tree.value_name,
            collection: &tree.collection,
            range,
        };
        let Some(collection) = self.collection(header, scope) else {
            return UNKNOWN;
        };
        if let Some(condition) = &tree.condition
            && !self.can_be_condition(condition, header, scope)
        {
            return UNKNOWN;
        }
        let mut made = Made::default();
        let most = match &*collection {
            Value::Unknown(_) => 0,
            known => known
                .as_list()
                .map_or_else(|| known.as_map().map_or(0, Entries::len), <[Value]>::len),
        };
        if tree.key.is_none() {
            made.list.reserve_exact(most);
        }
        let is_complete = self.elements(&collection, header, scope, |scope| {
            self.element(tree, range, scope, &mut made);
        });
        if !is_complete || made.is_unknown {
            return UNKNOWN;
        }
        Cow::Owned(if tree.key.is_none() {
            made.list.shrink_to_fit();
            Value::Tuple(made.list)
        } else if tree.group {
            let groups = made.groups.into_iter();
            Value::Object(groups.map(|(name, values)| (name, Value::Tuple(values))).collect())
        } else {
            Value::Object(made.object)
        })
    }

    fn element(&self, tree: &For, range: Range, scope: Scope<'_>, made: &mut Made) {
        match self.is_included(tree, range, scope, !made.is_unknown) {
            Some(true) => {}
            Some(false) => return,
            None => {
                made.is_unknown = true;
                return;
            }
        }
        let Some(key) = &tree.key else {
            if self.charge(ELEMENT, tree.value.range) {
                let value = self.eval(&tree.value, scope);
                made.list.push(self.own(value, tree.value.range));
            }
            return;
        };
        let Some(name) = self.name(key, range, scope, !made.is_unknown) else {
            made.is_unknown = true;
            return;
        };
        // What grows takes up to three times as much.
        if !self.charge(2 * ENTRY, range) {
            return;
        }
        let value = self.eval(&tree.value, scope);
        let value = self.own(value, tree.value.range);
        if tree.group {
            made.groups.entry(name).or_default().push(value);
            return;
        }
        if made.object.contains_key(&name) {
            let detail = "Two elements have this key. With `...` after the value, all values of a key are gathered.";
            self.fail_in("Duplicate object key", detail, key.range, range);
        } else {
            made.object.insert(name, value);
        }
    }

    /// The name that an element is put under; none where it is not known. What is wrong with it is only noted while the
    /// result is known.
    fn name(&self, key: &Expr, range: Range, scope: Scope<'_>, is_noted: bool) -> Option<String> {
        let value = self.eval(key, scope);
        let kind = value.kind();
        let reason = match &*value {
            Value::Null(_) => "A key must not be null.".to_owned(),
            Value::Unknown(_) => return None,
            _ => match self.to(value, &Type::String, key.range).map(Cow::into_owned) {
                Ok(Value::String(name)) => return Some(name),
                Ok(_) => return None,
                Err(error) => format!("This {kind} cannot be a key: {}.", error.message),
            },
        };
        if is_noted {
            self.fail_in(INVALID_KEY, reason, key.range, range);
        }
        None
    }

    /// Whether an element is taken; none where it is not known.
    fn is_included(&self, tree: &For, range: Range, scope: Scope<'_>, is_noted: bool) -> Option<bool> {
        let Some(condition) = &tree.condition else {
            return Some(true);
        };
        let value = self.eval(condition, scope);
        let kind = value.kind();
        let reason = match &*value {
            Value::Bool(truth) => return Some(*truth),
            Value::Null(_) => "The condition must not be null.".to_owned(),
            Value::Unknown(_) if tree.key.is_none() => return None,
            _ => match self.to(value, &Type::Bool, condition.range) {
                Ok(value) => return value.as_bool(),
                Err(error) => format!("This {kind} cannot be a condition: {}.", error.message),
            },
        };
        if is_noted {
            self.fail_in(INVALID_CONDITION, reason, condition.range, range);
        }
        None
    }

    /// Tries the condition without values, so that what is always wrong with it is not said for each element.
    fn can_be_condition(&self, condition: &Expr, header: Header<'_>, scope: Scope<'_>) -> bool {
        let range = header.range;
        let mark = self.mark();
        let value = with_locals(header, UNKNOWN, UNKNOWN, scope, |scope| {
            let value = self.eval(condition, scope);
            self.own(value, condition.range)
        });
        if value.is_null() {
            let detail = "The condition must not be null.";
            self.fail_in("Condition is null", detail, condition.range, range);
            return false;
        }
        let kind = value.kind();
        if let Err(error) = self.to(Cow::Owned(value), &Type::Bool, condition.range) {
            let detail = format!("This {kind} cannot be a condition: {}.", error.message);
            self.fail_in(INVALID_CONDITION, detail, condition.range, range);
            return false;
        }
        !self.has_failed_since(mark)
    }

    /// Runs the body for each element of a collection; whether the elements are known.
    pub(super) fn each(&self, header: Header<'_>, scope: Scope<'_>, body: impl FnMut(Scope<'_>)) -> bool {
        match self.collection(header, scope) {
            Some(value) => self.elements(&value, header, scope, body),
            None => false,
        }
    }

    /// What is iterated over; none where nothing can be.
    fn collection<'s>(&'s self, header: Header<'s>, scope: Scope<'s>) -> Option<Val<'s>> {
        let (expr, range) = (header.collection, header.range);
        let value = self.eval(expr, scope);
        match &*value {
            Value::Null(_) => {
                let detail = "A `for` needs a list, a set, a map, a tuple or an object, but this is null.";
                self.fail_in("Iteration over null value", detail, expr.range, range);
                None
            }
            Value::Unknown(Type::Any) => None,
            Value::List(..)
            | Value::Set(..)
            | Value::Map(..)
            | Value::Tuple(_)
            | Value::Object(_)
            | Value::Unknown(Type::List(_) | Type::Set(_) | Type::Map(_) | Type::Tuple(_) | Type::Object(_)) => {
                Some(value)
            }
            other => {
                let name = other.ty().friendly_name();
                let detail = format!("A `for` needs a list, a set, a map, a tuple or an object, but this is a {name}.");
                self.fail_in("Iteration over non-iterable value", detail, expr.range, range);
                None
            }
        }
    }

    fn elements(
        &self,
        collection: &Value,
        header: Header<'_>,
        scope: Scope<'_>,
        mut body: impl FnMut(Scope<'_>),
    ) -> bool {
        let mut run = |key: Val<'_>, value: &Value| {
            let is_allowed = self.charge(STEP, header.collection.range);
            if is_allowed {
                with_locals(header, key, Cow::Borrowed(value), scope, &mut body);
            }
            is_allowed
        };
        match collection {
            Value::Set(_, values) => values.iter().all(|value| run(Cow::Borrowed(value), value)),
            Value::List(_, values) | Value::Tuple(values) => values
                .iter()
                .enumerate()
                .all(|(index, value)| run(Cow::Owned(Value::from(index)), value)),
            Value::Map(..) | Value::Object(_) => {
                let entries = collection.sorted_entries();
                entries
                    .into_iter()
                    .all(|(name, value)| run(Cow::Owned(Value::String(name.to_owned())), value))
            }
            _ => false,
        }
    }
}

fn with_locals<T>(
    header: Header<'_>,
    key: Val<'_>,
    value: Val<'_>,
    scope: Scope<'_>,
    body: impl FnOnce(Scope<'_>) -> T,
) -> T {
    let key = header.key.map(|name| Local {
        name,
        value: key,
        outer: scope.locals,
    });
    let value = Local {
        name: header.value,
        value,
        outer: key.as_ref().or(scope.locals),
    };
    body(Scope {
        locals: Some(&value),
        ..scope
    })
}
