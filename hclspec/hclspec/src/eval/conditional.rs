//! `a ? b : c`.

use std::borrow::Cow;

use encamp_hclspec_syntax::Range;
use encamp_hclspec_syntax::ast::Expr;

use super::size::size;
use super::{Evaluator, Scope, Taken, Val};
use crate::cty::unify;
use crate::{Type, Value};

const INCONSISTENT: &str = "Inconsistent conditional result types";

/// What a condition came to.
pub(super) enum Truth {
    Known(bool),
    Unknown,
    Failed,
}

struct Branch<'s> {
    value: Val<'s>,
    errors: Taken,
    kept: bool,
    range: Range,
}

impl Evaluator<'_> {
    /// Both branches have a say in the type. Only the errors of the chosen one count.
    pub(super) fn conditional<'s>(&'s self, parts: &'s [Expr; 3], range: Range, scope: Scope<'s>) -> Val<'s> {
        let [condition, yes, no] = parts;
        let yes = self.branch(yes, scope);
        let no = self.branch(no, scope);
        let Some(ty) = self.common_type(&yes.value, &no.value, range) else {
            let detail = format!(
                "Both results must be of one type. {}.",
                mismatch(&yes.value.ty(), &no.value.ty())
            );
            return self.fail_in(INCONSISTENT, detail, yes.range.to(no.range), range);
        };
        let chosen = match self.condition(condition, range, scope) {
            Truth::Known(true) => yes,
            Truth::Known(false) => no,
            Truth::Unknown if yes.value.is_null() && no.value.is_null() => return Cow::Owned(Value::Null(ty)),
            Truth::Unknown | Truth::Failed => return Cow::Owned(Value::Unknown(ty)),
        };
        self.put_back(chosen.errors);
        self.kept.set(chosen.kept);
        if ty == Type::Any {
            return chosen.value;
        }
        match self.to(chosen.value, &ty, chosen.range) {
            Ok(value) => value,
            Err(error) => {
                let detail = format!("This result is of the wrong type: {}.", error.message);
                self.fail_in(INCONSISTENT, detail, chosen.range, range);
                Cow::Owned(Value::Unknown(ty))
            }
        }
    }

    fn branch<'s>(&'s self, expr: &'s Expr, scope: Scope<'s>) -> Branch<'s> {
        let (mark, kept) = (self.mark(), self.kept.get());
        Branch {
            value: self.eval(expr, scope),
            errors: self.take_since(mark),
            kept: self.kept.replace(kept),
            range: expr.range,
        }
    }

    /// The type of the result; none where there is none for both. A null without a type is of the other's type.
    fn common_type(&self, yes: &Value, no: &Value, range: Range) -> Option<Type> {
        match (yes, no) {
            (Value::Null(Type::Any), other) | (other, Value::Null(Type::Any)) => Some(other.ty()),
            (Value::Unknown(Type::Any), _) | (_, Value::Unknown(Type::Any)) => Some(Type::Any),
            (Value::Bool(_), Value::Bool(_)) => Some(Type::Bool),
            (Value::Number(_), Value::Number(_)) => Some(Type::Number),
            (Value::String(_), Value::String(_)) => Some(Type::String),
            _ => {
                if !self.charge(size(yes).saturating_add(size(no)), range) {
                    return Some(Type::Any);
                }
                unify([&yes.ty(), &no.ty()])
            }
        }
    }

    pub(super) fn condition(&self, condition: &Expr, whole: Range, scope: Scope<'_>) -> Truth {
        let value = self.eval(condition, scope.operand());
        match &*value {
            Value::Bool(truth) => return Truth::Known(*truth),
            Value::Unknown(_) => return Truth::Unknown,
            Value::Null(_) => {
                let detail = "A condition must be true or false, but this is null.";
                self.fail_in("Null condition", detail, condition.range, whole);
                return Truth::Failed;
            }
            _ => {}
        }
        let kind = value.kind();
        if let Ok(value) = self.to(value, &Type::Bool, condition.range) {
            return value.as_bool().map_or(Truth::Unknown, Truth::Known);
        }
        let detail = format!("A condition must be a bool, but this is a {kind}.");
        self.fail_in("Incorrect condition type", detail, condition.range, whole);
        Truth::Failed
    }
}

/// What is different between two types that have no type in common.
fn mismatch(yes: &Type, no: &Type) -> String {
    match (yes, no) {
        (Type::Object(yes), Type::Object(no)) => {
            let missing = |here: &indexmap::IndexMap<String, Type>, there: &indexmap::IndexMap<String, Type>| {
                here.keys().find(|name| !there.contains_key(*name)).cloned()
            };
            if let Some(name) = missing(yes, no) {
                return format!("The first is an object with the attribute \"{name}\", which the second does not have");
            }
            if let Some(name) = missing(no, yes) {
                return format!("The second is an object with the attribute \"{name}\", which the first does not have");
            }
            let other = yes.iter().find(|(name, ty)| no.get(*name) != Some(*ty));
            match other.and_then(|(name, ty)| no.get(name).map(|other| (name, ty, other))) {
                Some((name, yes, no)) => format!("In the attribute \"{name}\": {}", mismatch(yes, no)),
                None => "They differ in what is in them".to_owned(),
            }
        }
        (Type::Tuple(yes), Type::Tuple(no)) => {
            if yes.len() != no.len() {
                return format!(
                    "The first is a tuple of {} elements, and the second of {}",
                    yes.len(),
                    no.len()
                );
            }
            match yes.iter().zip(no.iter()).enumerate().find(|(_, (yes, no))| yes != no) {
                Some((index, (yes, no))) => format!("In the element {index}: {}", mismatch(yes, no)),
                None => "They differ in what is in them".to_owned(),
            }
        }
        _ => {
            let [yes, no] = [yes, no].map(Type::friendly_name);
            if yes == no {
                return format!("Both are {yes}, but they differ in what is in them");
            }
            format!("The first is {yes}, and the second is {no}")
        }
    }
}
