//! Operators.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

use hcl_edit::expr::{BinaryOperator, UnaryOperator};

use super::{Evaluator, Outcome, Scope, Stop};
use crate::ast::Expr;
use crate::convert::convert;
use crate::{Number, Type, Value};

impl Evaluator<'_> {
    pub(super) fn unary<'s>(&'s self, operator: UnaryOperator, operand: &'s Expr, scope: Scope<'s>) -> Outcome<'s> {
        let value = match operator {
            UnaryOperator::Neg => Value::Number(self.number(operand, scope)?.negate()),
            UnaryOperator::Not => Value::Bool(!self.operand_truth(operand, scope)?),
        };
        Ok(Cow::Owned(value))
    }

    pub(super) fn binary<'s>(
        &'s self,
        operator: BinaryOperator,
        [left, right]: &'s [Expr; 2],
        range: &Range<usize>,
        scope: Scope<'s>,
    ) -> Outcome<'s> {
        let truth = match operator {
            BinaryOperator::Eq | BinaryOperator::NotEq => {
                let (left, right) = both(self.eval(left, scope), self.eval(right, scope))?;
                (left == right) == (operator == BinaryOperator::Eq)
            }
            BinaryOperator::And | BinaryOperator::Or => {
                let (left, right) = both(self.operand_truth(left, scope), self.operand_truth(right, scope))?;
                if operator == BinaryOperator::And {
                    left && right
                } else {
                    left || right
                }
            }
            _ => {
                let (left, right) = both(self.number(left, scope), self.number(right, scope))?;
                return self.arithmetic(operator, left, right, range);
            }
        };
        Ok(Cow::Owned(Value::Bool(truth)))
    }

    fn arithmetic<'s>(
        &self,
        operator: BinaryOperator,
        left: Number,
        right: Number,
        range: &Range<usize>,
    ) -> Outcome<'s> {
        let order = left.cmp(&right);
        let result = match operator {
            BinaryOperator::Less => return Ok(truth(order == Ordering::Less)),
            BinaryOperator::LessEq => return Ok(truth(order != Ordering::Greater)),
            BinaryOperator::Greater => return Ok(truth(order == Ordering::Greater)),
            BinaryOperator::GreaterEq => return Ok(truth(order != Ordering::Less)),
            BinaryOperator::Plus => left.checked_add(right),
            BinaryOperator::Minus => left.checked_sub(right),
            BinaryOperator::Mul => left.checked_mul(right),
            BinaryOperator::Div => left.checked_div(right),
            BinaryOperator::Mod => left.checked_rem(right),
            BinaryOperator::Eq | BinaryOperator::NotEq | BinaryOperator::And | BinaryOperator::Or => {
                return Ok(truth(false));
            }
        };
        match result {
            Ok(number) => Ok(Cow::Owned(Value::Number(number))),
            Err(error) => self.fail("Error in arithmetic", format!("This has no result: {error}."), range),
        }
    }

    fn number<'s>(&'s self, expr: &'s Expr, scope: Scope<'s>) -> Result<Number, Stop> {
        let value = self.eval(expr, scope)?;
        match &*value {
            Value::Number(number) => Ok(*number),
            Value::String(text) if text.parse::<Number>().is_ok() => Ok(text.parse().unwrap_or(Number::from(0))),
            other => {
                let detail = format!("A number is required here, but this is a {}.", describe(other));
                self.fail("Invalid operand", detail, &expr.range)
            }
        }
    }

    fn operand_truth<'s>(&'s self, expr: &'s Expr, scope: Scope<'s>) -> Result<bool, Stop> {
        let value = self.eval(expr, scope)?;
        let kind = value.kind();
        if let Ok(Value::Bool(truth)) = convert(self.own(value, &expr.range)?, &Type::Bool) {
            return Ok(truth);
        }
        let detail = format!("A bool is required here, but this is a {kind}.");
        self.fail("Invalid operand", detail, &expr.range)
    }
}

fn describe(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "string that is no number",
        other => other.kind(),
    }
}

fn truth<'s>(truth: bool) -> Cow<'s, Value> {
    Cow::Owned(Value::Bool(truth))
}

/// Both, after both have been tried.
fn both<A, B>(left: Result<A, Stop>, right: Result<B, Stop>) -> Result<(A, B), Stop> {
    match (left, right) {
        (Ok(left), Ok(right)) => Ok((left, right)),
        (Err(Stop::Failed), _) | (_, Err(Stop::Failed)) => Err(Stop::Failed),
        (Err(stop), _) | (_, Err(stop)) => Err(stop),
    }
}
