//! What HCL's operators do with values.
//!
//! Operands are converted to what an operator works on: `"5" + 1` is 6. Where an operand is unknown, so is the result,
//! unless the other one decides. Of two operands that are wrong, both are reported.
//!
//! ```
//! use encamp_hclspec_cty::{Type, Value, operators};
//!
//! let sum = operators::add(&Value::from("5"), &Value::from(1))?;
//! assert_eq!(sum, Value::from(6));
//! assert_eq!(operators::and(&Value::Unknown(Type::Bool), &Value::from(false))?, Value::from(false));
//! assert_eq!(operators::equal(&Value::from("1"), &Value::from(1)), Value::from(false));
//!
//! let errors = operators::add(&Value::from(1), &Value::from("a")).unwrap_err();
//! assert_eq!(errors[0].to_string(), "unsuitable value for right operand: a number is required");
//! # Ok::<(), Vec<encamp_hclspec_cty::operators::OperatorError>>(())
//! ```

use std::cmp::Ordering;
use std::fmt;

use crate::{Number, NumberError, Type, Value, convert};

/// What an operator gives, or everything that is wrong.
pub type Outcome = Result<Value, Vec<OperatorError>>;

/// Which operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// The one before the operator.
    Left,
    /// The one after it.
    Right,
    /// The only one.
    Unary,
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Left => "left",
            Self::Right => "right",
            Self::Unary => "unary",
        })
    }
}

/// Why an operator cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// HCL's "Invalid operand": the operand is of a wrong type, or does not look like one of the right type.
    #[error("unsuitable value for {operand} operand: {message}")]
    Unsuitable {
        /// Which.
        operand: Operand,
        /// What is wrong with it.
        message: String,
    },
    /// HCL's "Operation failed": there is no result for operands that are of the right types.
    #[error("{message}")]
    Failed {
        /// Which operand is at fault, if it is one.
        operand: Option<Operand>,
        /// Why.
        message: String,
    },
}

/// `==`: whether two values are of one type and equal. Nothing is converted; a null equals every other null.
///
/// A bool, or unknown.
pub fn equal(left: &Value, right: &Value) -> Value {
    truth(is_equal(left, right))
}

/// `!=`: the opposite of [`equal`].
pub fn not_equal(left: &Value, right: &Value) -> Value {
    truth(is_equal(left, right).map(|equal| !equal))
}

fn truth(truth: Option<bool>) -> Value {
    truth.map_or(Value::Unknown(Type::Bool), Value::Bool)
}

/// None while that is not known.
fn is_equal(left: &Value, right: &Value) -> Option<bool> {
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => Some(left == right),
        (Value::Number(left), Value::Number(right)) => Some(left == right),
        (Value::String(left), Value::String(right)) => Some(left == right),
        (Value::Null(_), Value::Null(_)) => Some(true),
        (Value::Unknown(_), Value::Unknown(_)) => None,
        (Value::Unknown(ty), known) | (known, Value::Unknown(ty)) => {
            let never = !known.is_null() && !ty.has_any() && !known.is_of_type(ty);
            never.then_some(false)
        }
        (left, right) if left.is_wholly_known() && right.is_wholly_known() => {
            Some(left.is_of_type(&right.ty()) && are_parts_equal(left, right) == Some(true))
        }
        // A part that is unknown may become of any type that it is not yet known to be of.
        (left, right) => are_parts_equal(left, right),
    }
}

fn are_parts_equal(left: &Value, right: &Value) -> Option<bool> {
    match (left, right) {
        (Value::List(_, left), Value::List(_, right))
        | (Value::Set(_, left), Value::Set(_, right))
        | (Value::Tuple(left), Value::Tuple(right)) => {
            if left.len() != right.len() {
                // Unknown elements of a set may turn out to be the same.
                let may_shrink = left.iter().chain(right).any(Value::contains_unknown);
                return if may_shrink { None } else { Some(false) };
            }
            all(left.iter().zip(right).map(|(left, right)| is_equal(left, right)))
        }
        (Value::Map(_, left), Value::Map(_, right)) | (Value::Object(left), Value::Object(right)) => {
            if left.len() != right.len() {
                return Some(false);
            }
            all(left.iter().map(|(name, left)| match right.get(name) {
                Some(right) => is_equal(left, right),
                None => Some(false),
            }))
        }
        _ => Some(false),
    }
}

fn all(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut result = Some(true);
    for part in parts {
        match part {
            Some(true) => {}
            Some(false) => return Some(false),
            None => result = None,
        }
    }
    result
}

/// `<`.
///
/// # Errors
/// Operands that are not numbers.
pub fn less(left: &Value, right: &Value) -> Outcome {
    compare(left, right, Ordering::is_lt)
}

/// `<=`.
///
/// # Errors
/// Operands that are not numbers.
pub fn less_or_equal(left: &Value, right: &Value) -> Outcome {
    compare(left, right, Ordering::is_le)
}

/// `>`.
///
/// # Errors
/// Operands that are not numbers.
pub fn greater(left: &Value, right: &Value) -> Outcome {
    compare(left, right, Ordering::is_gt)
}

/// `>=`.
///
/// # Errors
/// Operands that are not numbers.
pub fn greater_or_equal(left: &Value, right: &Value) -> Outcome {
    compare(left, right, Ordering::is_ge)
}

fn compare(left: &Value, right: &Value, holds: fn(Ordering) -> bool) -> Outcome {
    match operands(left, right, &Type::Number)? {
        (Value::Number(left), Value::Number(right)) => Ok(Value::Bool(holds(left.cmp(&right)))),
        _ => Ok(Value::Unknown(Type::Bool)),
    }
}

/// `+`.
///
/// # Errors
/// Operands that are not numbers, and results out of range.
pub fn add(left: &Value, right: &Value) -> Outcome {
    arithmetic(left, right, Number::checked_add)
}

/// `-` between two operands.
///
/// # Errors
/// Operands that are not numbers, and results out of range.
pub fn subtract(left: &Value, right: &Value) -> Outcome {
    arithmetic(left, right, Number::checked_sub)
}

/// `*`.
///
/// # Errors
/// Operands that are not numbers, and results out of range.
pub fn multiply(left: &Value, right: &Value) -> Outcome {
    arithmetic(left, right, Number::checked_mul)
}

/// `/`; infinity where only the divisor is zero.
///
/// # Errors
/// Operands that are not numbers, zero by zero, and results out of range.
pub fn divide(left: &Value, right: &Value) -> Outcome {
    arithmetic(left, right, Number::checked_div)
}

/// `%`; see [`Number::checked_rem`].
///
/// # Errors
/// Operands that are not numbers, infinities, and results out of range.
pub fn modulo(left: &Value, right: &Value) -> Outcome {
    arithmetic(left, right, Number::checked_rem)
}

fn arithmetic(left: &Value, right: &Value, apply: fn(&Number, &Number) -> Result<Number, NumberError>) -> Outcome {
    match operands(left, right, &Type::Number)? {
        (Value::Number(left), Value::Number(right)) => match apply(&left, &right) {
            Ok(number) => Ok(Value::Number(number)),
            Err(error) => Err(vec![OperatorError::Failed {
                operand: None,
                message: error.to_string(),
            }]),
        },
        _ => Ok(Value::Unknown(Type::Number)),
    }
}

/// `&&`: false if one operand is false, whatever the other is.
///
/// # Errors
/// Operands that are not bools; null where the other operand does not decide.
pub fn and(left: &Value, right: &Value) -> Outcome {
    logic(left, right, false)
}

/// `||`: true if one operand is true, whatever the other is.
///
/// # Errors
/// Operands that are not bools; null where the other operand does not decide.
pub fn or(left: &Value, right: &Value) -> Outcome {
    logic(left, right, true)
}

fn logic(left: &Value, right: &Value, decisive: bool) -> Outcome {
    let left = suitable(left, &Type::Bool, Operand::Left);
    let right = suitable(right, &Type::Bool, Operand::Right);
    match both(left, right)? {
        (Value::Bool(truth), _) | (_, Value::Bool(truth)) if truth == decisive => Ok(Value::Bool(decisive)),
        (left, right) => match both(not_null(left, Operand::Left), not_null(right, Operand::Right))? {
            (Value::Bool(_), Value::Bool(_)) => Ok(Value::Bool(!decisive)),
            _ => Ok(Value::Unknown(Type::Bool)),
        },
    }
}

/// `!`.
///
/// # Errors
/// An operand that is not a bool.
pub fn not(operand: &Value) -> Outcome {
    match converted(operand, &Type::Bool, Operand::Unary).map_err(|error| vec![error])? {
        Value::Bool(truth) => Ok(Value::Bool(!truth)),
        _ => Ok(Value::Unknown(Type::Bool)),
    }
}

/// `-` before one operand.
///
/// # Errors
/// An operand that is not a number.
pub fn negate(operand: &Value) -> Outcome {
    match converted(operand, &Type::Number, Operand::Unary).map_err(|error| vec![error])? {
        Value::Number(number) => Ok(Value::Number(number.negate())),
        _ => Ok(Value::Unknown(Type::Number)),
    }
}

/// Both operands as what the operator works on, or unknown.
fn operands(left: &Value, right: &Value, ty: &Type) -> Result<(Value, Value), Vec<OperatorError>> {
    both(converted(left, ty, Operand::Left), converted(right, ty, Operand::Right))
}

/// Both, or all that is wrong with them.
fn both(
    left: Result<Value, OperatorError>,
    right: Result<Value, OperatorError>,
) -> Result<(Value, Value), Vec<OperatorError>> {
    match (left, right) {
        (Ok(left), Ok(right)) => Ok((left, right)),
        (left, right) => Err(left.err().into_iter().chain(right.err()).collect()),
    }
}

fn converted(value: &Value, ty: &Type, operand: Operand) -> Result<Value, OperatorError> {
    not_null(suitable(value, ty, operand)?, operand)
}

fn suitable(value: &Value, ty: &Type, operand: Operand) -> Result<Value, OperatorError> {
    convert(value.clone(), ty).map_err(|error| OperatorError::Unsuitable {
        operand,
        message: error.message,
    })
}

fn not_null(value: Value, operand: Operand) -> Result<Value, OperatorError> {
    if value.is_null() {
        return Err(OperatorError::Failed {
            operand: Some(operand),
            message: "argument must not be null".to_owned(),
        });
    }
    Ok(value)
}
