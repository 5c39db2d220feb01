//! Operators.

use std::borrow::Cow;

use encamp_hclspec_syntax::Range;
use encamp_hclspec_syntax::ast::{BinaryOperator, Expr, Operation, UnaryOperator};

use super::size::size;
use super::{ELEMENT, Evaluator, Mark, Scope, UNKNOWN, Val};
use crate::cty::{ConvertError, NumberError, operators};
use crate::{Number, Type, Value};

/// An operand before it is converted, with its place and the point before its errors.
struct Operand<'s> {
    value: Val<'s>,
    range: Range,
    mark: Mark,
}

impl Evaluator<'_> {
    pub(super) fn unary<'s>(
        &'s self,
        operator: UnaryOperator,
        operand: &'s Expr,
        range: Range,
        scope: Scope<'s>,
    ) -> Val<'s> {
        let ty = match operator {
            UnaryOperator::Negate => Type::Number,
            UnaryOperator::Not => Type::Bool,
        };
        let mark = self.mark();
        let value = self.eval(operand, scope);
        let kind = value.kind();
        let value = self.to(value, &ty, operand.range);
        if let Err(error) = &value {
            self.unsuitable(kind, error, operand.range, range);
        }
        let Ok(value) = value else { return unknown(ty) };
        if self.has_failed_since(mark) {
            return unknown(ty);
        }
        Cow::Owned(match &*value {
            Value::Null(_) => return self.null_operand(range, ty),
            Value::Bool(truth) => Value::Bool(!truth),
            Value::Number(number) => Value::Number(number.negate()),
            _ => Value::Unknown(ty),
        })
    }

    /// A chain of operations, from left to right.
    pub(super) fn binary<'s>(&'s self, first: &'s Expr, operations: &'s [Operation], scope: Scope<'s>) -> Val<'s> {
        let mark = self.mark();
        let mut value = self.eval(first, scope);
        let mut range = first.range;
        for operation in operations {
            if self.has_given_up() {
                return UNKNOWN;
            }
            let left = Operand { value, range, mark };
            range = range.to(operation.right.range);
            value = self.operation(operation, left, range, scope);
        }
        value
    }

    fn operation<'s>(&'s self, operation: &'s Operation, left: Operand<'s>, range: Range, scope: Scope<'s>) -> Val<'s> {
        let operator = operation.operator;
        let left_failed = self.has_failed_since(left.mark);
        let right = Operand {
            mark: self.mark(),
            value: self.eval(&operation.right, scope),
            range: operation.right.range,
        };
        let marks = [left.mark, right.mark];
        let Some([left, right]) = self.operands(operator, left, right, range) else {
            return unknown(result_type(operator));
        };
        if matches!(operator, BinaryOperator::And | BinaryOperator::Or)
            && let Some(value) = self.short_circuit(operator, [&left, &right], left_failed, marks)
        {
            return Cow::Owned(value);
        }
        if self.has_failed_since(marks[0]) {
            return unknown(result_type(operator));
        }
        self.compute(operator, &left, &right, range)
    }

    /// Both operands converted; none where that fails, which is noted before the errors that the operands have.
    fn operands<'s>(
        &self,
        operator: BinaryOperator,
        left: Operand<'s>,
        right: Operand<'s>,
        range: Range,
    ) -> Option<[Val<'s>; 2]> {
        let ty = operand_type(operator);
        if ty == Type::Any {
            return Some([left.value, right.value]);
        }
        let kinds = [left.value.kind(), right.value.kind()];
        let converted = [
            self.to(left.value, &ty, left.range),
            self.to(right.value, &ty, right.range),
        ];
        match converted {
            [Ok(left), Ok(right)] => Some([left, right]),
            converted => {
                let errors = self.take_since(left.mark);
                let places = [left.range, right.range];
                for ((converted, kind), place) in converted.iter().zip(kinds).zip(places) {
                    if let Err(error) = converted {
                        self.unsuitable(kind, error, place, range);
                    }
                }
                self.put_back(errors);
                None
            }
        }
    }

    fn unsuitable(&self, kind: &str, error: &ConvertError, place: Range, range: Range) {
        let detail = format!("This {kind} is no operand of the operator: {}.", error.message);
        self.fail_in("Invalid operand", detail, place, range);
    }

    /// One operand can decide alone; then the errors of the other do not count.
    fn short_circuit(
        &self,
        operator: BinaryOperator,
        operands: [&Value; 2],
        left_failed: bool,
        marks: [Mark; 2],
    ) -> Option<Value> {
        let decisive = operator == BinaryOperator::Or;
        // A null decides as `false` does.
        let truths = operands.map(|value| match value {
            Value::Unknown(_) => None,
            other => Some(other.as_bool().unwrap_or(false)),
        });
        let (left_counts, value) = match truths {
            [None, None] if left_failed => return None,
            [Some(left), _] if left == decisive => (true, Some(decisive)),
            [_, Some(right)] if right == decisive => (false, Some(decisive)),
            [None, _] => (true, None),
            [Some(_), None] => (false, None),
            [Some(_), Some(_)] => return None,
        };
        let right_errors = self.take_since(marks[1]);
        if !left_counts {
            self.take_since(marks[0]);
            self.put_back(right_errors);
        }
        Some(value.map_or(Value::Unknown(Type::Bool), Value::Bool))
    }

    fn compute<'s>(&self, operator: BinaryOperator, left: &Value, right: &Value, range: Range) -> Val<'s> {
        let ty = result_type(operator);
        if let BinaryOperator::Equal | BinaryOperator::NotEqual = operator {
            if !self.charge(size(left).saturating_add(size(right)), range) {
                return UNKNOWN;
            }
            let equal = operators::equal(left, right);
            return Cow::Owned(match equal {
                Value::Bool(equal) => Value::Bool(equal == (operator == BinaryOperator::Equal)),
                other => other,
            });
        }
        if left.is_null() || right.is_null() {
            return self.null_operand(range, ty);
        }
        let value = match (left, right) {
            (Value::Number(left), Value::Number(right)) => arithmetic(operator, left, right),
            // What is left of `&&` and `||`: operands of which none decides alone.
            (Value::Bool(_), Value::Bool(_)) => Ok(Value::Bool(operator == BinaryOperator::And)),
            _ => Ok(Value::Unknown(ty.clone())),
        };
        match value {
            Ok(value) => {
                self.charge(size(&value) - ELEMENT, range);
                Cow::Owned(value)
            }
            Err(error) => {
                self.fail("Operation failed", format!("There is no result: {error}."), range);
                unknown(ty)
            }
        }
    }

    fn null_operand<'s>(&self, range: Range, ty: Type) -> Val<'s> {
        self.fail("Operation failed", "An operand must not be null.", range);
        unknown(ty)
    }
}

fn unknown<'s>(ty: Type) -> Val<'s> {
    Cow::Owned(Value::Unknown(ty))
}

fn operand_type(operator: BinaryOperator) -> Type {
    match operator {
        BinaryOperator::Or | BinaryOperator::And => Type::Bool,
        BinaryOperator::Equal | BinaryOperator::NotEqual => Type::Any,
        _ => Type::Number,
    }
}

fn result_type(operator: BinaryOperator) -> Type {
    match operator {
        BinaryOperator::Add
        | BinaryOperator::Subtract
        | BinaryOperator::Multiply
        | BinaryOperator::Divide
        | BinaryOperator::Modulo => Type::Number,
        _ => Type::Bool,
    }
}

fn arithmetic(operator: BinaryOperator, left: &Number, right: &Number) -> Result<Value, NumberError> {
    let number = match operator {
        BinaryOperator::Add => left.checked_add(right),
        BinaryOperator::Subtract => left.checked_sub(right),
        BinaryOperator::Multiply => left.checked_mul(right),
        BinaryOperator::Divide => left.checked_div(right),
        BinaryOperator::Modulo => left.checked_rem(right),
        BinaryOperator::Greater => return Ok(Value::Bool(left > right)),
        BinaryOperator::GreaterOrEqual => return Ok(Value::Bool(left >= right)),
        BinaryOperator::Less => return Ok(Value::Bool(left < right)),
        _ => return Ok(Value::Bool(left <= right)),
    };
    number.map(Value::Number)
}
