//! `x[*].a` and `x.*.a`.

use std::borrow::Cow;

use encamp_hclspec_syntax::ast::{Expr, Splat};

use super::{ELEMENT, Evaluator, STEP, Scope, UNKNOWN, Val};
use crate::{Type, Value};

impl Evaluator<'_> {
    /// What is no list, set or tuple is the only element, and a null of such a type is none.
    pub(super) fn splat<'s>(&'s self, splat: &'s Splat, scope: Scope<'s>) -> Val<'s> {
        let mark = self.mark();
        let source = self.eval(&splat.source, scope);
        if self.has_failed_since(mark) {
            return UNKNOWN;
        }
        match &*source {
            Value::Null(Type::List(_) | Type::Set(_) | Type::Tuple(_)) => {
                let context = splat.source.range.to(splat.marker_range);
                let detail = "This is null, so there are no elements to go through.";
                self.fail_in("Splat of null value", detail, splat.source.range, context)
            }
            Value::Null(_) => Cow::Owned(Value::Tuple(Vec::new())),
            Value::Unknown(Type::Any) => UNKNOWN,
            Value::Unknown(ty @ (Type::List(_) | Type::Set(_) | Type::Tuple(_))) => {
                Cow::Owned(Value::Unknown(self.result_type(ty, &splat.each, scope)))
            }
            Value::Unknown(_) => {
                // Whether it is null decides how many elements there are. What is done with it may be wrong anyway.
                self.each_of(&source, &splat.each, scope);
                UNKNOWN
            }
            Value::List(element, values) | Value::Set(element, values) => {
                let ty = Type::list(element.clone());
                self.sequence(values, &ty, splat, scope)
            }
            Value::Tuple(values) => self.sequence(values, &Type::Any, splat, scope),
            single => {
                let mark = self.mark();
                let value = self.each_of(single, &splat.each, scope);
                if self.has_failed_since(mark) {
                    return Cow::Owned(Value::Unknown(Type::tuple([value.ty()])));
                }
                Cow::Owned(Value::Tuple(vec![value]))
            }
        }
    }

    fn each_of(&self, item: &Value, each: &Expr, scope: Scope<'_>) -> Value {
        if !self.charge(STEP + ELEMENT, each.range) {
            return Value::Unknown(Type::Any);
        }
        let scope = Scope {
            item: Some(item),
            ..scope
        };
        let value = self.eval(each, scope);
        self.own(value, each.range)
    }

    /// The elements of a list (as `ty` says) or of a tuple.
    fn sequence<'s>(&self, items: &[Value], ty: &Type, splat: &Splat, scope: Scope<'_>) -> Val<'s> {
        let mark = self.mark();
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            if self.has_given_up() {
                return UNKNOWN;
            }
            values.push(self.each_of(item, &splat.each, scope));
        }
        let is_list = matches!(ty, Type::List(_));
        if self.has_failed_since(mark) {
            let result = match ty {
                // The errors are those of the elements once more.
                Type::List(_) => {
                    let mark = self.mark();
                    let result = self.result_type(ty, &splat.each, scope);
                    self.take_since(mark);
                    result
                }
                _ => Type::tuple(values.iter().map(Value::ty)),
            };
            return Cow::Owned(Value::Unknown(result));
        }
        if !is_list {
            return Cow::Owned(Value::Tuple(values));
        }
        if values.is_empty() {
            let Type::List(element) = self.result_type(ty, &splat.each, scope) else {
                return UNKNOWN;
            };
            return Cow::Owned(Value::List((*element).clone(), values));
        }
        let Some(element) = element_type(&values) else {
            let detail = "The elements are of different types, so that they make no list. A `for` expression makes a \
                          tuple of them, which may have such elements.";
            return self.fail_in(
                "Invalid nested splat expressions",
                detail,
                splat.each.range,
                splat.source.range.to(splat.each.range),
            );
        };
        let values = values.into_iter().map(|value| typed(value, &element)).collect();
        Cow::Owned(Value::List(element, values))
    }

    /// The type that the result has, whatever the elements are.
    fn result_type(&self, ty: &Type, each: &Expr, scope: Scope<'_>) -> Type {
        let of = |item: &Type| self.each_of(&Value::Unknown(item.clone()), each, scope).ty();
        match ty {
            Type::List(element) | Type::Set(element) => Type::list(of(element)),
            Type::Tuple(elements) => Type::tuple(elements.iter().map(of)),
            _ => Type::Any,
        }
    }
}

/// The one type that values have, of which some may be unknown or null without a type.
fn element_type(values: &[Value]) -> Option<Type> {
    let untyped = |value: &&Value| matches!(value, Value::Unknown(Type::Any) | Value::Null(Type::Any));
    let Some(first) = values.iter().find(|value| !untyped(value)) else {
        return Some(Type::Any);
    };
    let ty = first.ty();
    values
        .iter()
        .all(|value| untyped(&value) || value.is_of_type(&ty))
        .then_some(ty)
}

fn typed(value: Value, ty: &Type) -> Value {
    match value {
        Value::Unknown(Type::Any) => Value::Unknown(ty.clone()),
        Value::Null(Type::Any) => Value::Null(ty.clone()),
        other => other,
    }
}
