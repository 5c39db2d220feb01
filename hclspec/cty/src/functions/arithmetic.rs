//! Functions on numbers.

use num_bigint::BigUint;

use crate::{Function, FunctionError, Number, NumberError, Type, Value};

use super::support::{Outcome, any, integer, number, take};

/// The most characters that `parseint` reads.
const MAX_DIGITS: usize = 4096;

pub(super) fn abs() -> Function {
    of_number(|number| Ok(number.abs()))
}

pub(super) fn ceil() -> Function {
    of_number(|number| Ok(number.ceil()))
}

pub(super) fn floor() -> Function {
    of_number(|number| Ok(number.floor()))
}

pub(super) fn int() -> Function {
    of_number(|number| {
        if number.is_infinite() {
            return Err(FunctionError::new("can't truncate infinity to an integer"));
        }
        Ok(number.truncate())
    })
}

pub(super) fn signum() -> Function {
    of_number(|number| {
        Ok(Number::from(if number.is_zero() {
            0
        } else if number.is_negative() {
            -1
        } else {
            1
        }))
    })
}

fn of_number(run: fn(&Number) -> Result<Number, FunctionError>) -> Function {
    Function::new([number("num")], Type::Number, move |arguments, _| {
        let [value] = take(arguments)?;
        run(number_of(&value)?).map(Value::Number)
    })
}

fn number_of(value: &Value) -> Result<&Number, FunctionError> {
    value
        .as_number()
        .ok_or_else(|| FunctionError::new(format!("a number is required, not {}", value.kind())))
}

pub(super) fn max() -> Function {
    extreme(|number, best| number > best)
}

pub(super) fn min() -> Function {
    extreme(|number, best| number < best)
}

fn extreme(is_better: fn(&Number, &Number) -> bool) -> Function {
    let function = Function::new([], Type::Number, move |arguments, _| {
        let mut best: Option<&Number> = None;
        for value in &arguments {
            let number = number_of(value)?;
            if best.is_none_or(|best| is_better(number, best)) {
                best = Some(number);
            }
        }
        let best = best.cloned().map(Value::Number);
        best.ok_or_else(|| FunctionError::new("must pass at least one number"))
    });
    function.variadic(number("numbers"))
}

pub(super) fn log() -> Function {
    of_floats("base", |number, base| number.ln() / base.ln())
}

pub(super) fn pow() -> Function {
    of_floats("power", f64::powf)
}

fn of_floats(second: &str, run: fn(f64, f64) -> f64) -> Function {
    Function::new([number("num"), number(second)], Type::Number, move |arguments, _| {
        let [first, second] = take(arguments)?;
        let result = run(float(&first)?, float(&second)?);
        let number = Number::from_f64(result).map(Value::Number);
        number.ok_or_else(|| FunctionError::new("the result is not a number"))
    })
}

fn float(value: &Value) -> Result<f64, FunctionError> {
    let number = number_of(value)?;
    let float = number.as_f64();
    if float.is_infinite() && !number.is_infinite() {
        let message = format!("value must be between {:e} and {:e} inclusive", f64::MIN, f64::MAX);
        return Err(FunctionError::new(message));
    }
    Ok(float)
}

pub(super) fn parseint() -> Function {
    let function = Function::new([any("number"), number("base")], Type::Number, |arguments, _| {
        let [text, base] = take(arguments)?;
        let text = super::support::text(text)?;
        let base = integer(&base)
            .ok()
            .and_then(|base| u32::try_from(base).ok())
            .filter(|base| (2..=62).contains(base));
        let base =
            base.ok_or_else(|| FunctionError::at(1, "base must be a whole number between 2 and 62 inclusive"))?;
        parse(&text, base)
    });
    function.typed(|arguments| match arguments.first().map(Value::ty) {
        Some(Type::String) | None => Ok(Type::Number),
        Some(other) => {
            let message = format!("first argument must be a string, not {}", other.friendly_name());
            Err(FunctionError::at(0, message))
        }
    })
}

fn parse(text: &str, base: u32) -> Outcome {
    if text.len() > MAX_DIGITS {
        return Err(FunctionError::at(
            0,
            format!("the number must have at most {MAX_DIGITS} digits"),
        ));
    }
    let fail = || FunctionError::at(0, format!("this string is no integer of base {base}"));
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() {
        return Err(fail());
    }
    let mut sum = BigUint::ZERO;
    for c in digits.chars() {
        let digit = digit(c, base).filter(|digit| *digit < base).ok_or_else(fail)?;
        sum = sum * base + digit;
    }
    let sign = if text.starts_with('-') { "-" } else { "" };
    let number: Result<Number, NumberError> = format!("{sign}{sum}").parse();
    number
        .map(Value::Number)
        .map_err(|error| FunctionError::at(0, error.to_string()))
}

/// Letters count from ten; from a base of 37 on the capitals come after the others.
fn digit(c: char, base: u32) -> Option<u32> {
    if c.is_ascii_uppercase() && base > 36 {
        return Some(u32::from(c) - u32::from('A') + 36);
    }
    c.to_digit(36)
}
