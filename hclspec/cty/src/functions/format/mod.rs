//! `format` and `formatlist`.

mod decimal;
mod number;
mod verb;

use unicode_segmentation::UnicodeSegmentation;

use crate::{Function, FunctionError, Type, Value, convert};

use self::verb::{Part, Verb};
use super::json;
use super::support::{Outcome, any, check_elements, check_text, string, text};

pub(super) fn format() -> Function {
    let arguments = any("args").allow_null().allow_unknown().allow_dynamic();
    let function = Function::new([string("format")], Type::String, |arguments, ty| {
        let (pattern, arguments) = split(arguments)?;
        if arguments.iter().any(Value::contains_unknown) {
            return Ok(Value::Unknown(ty.clone()));
        }
        let arguments: Vec<&Value> = arguments.iter().collect();
        formatted(&pattern, &arguments).map(Value::from)
    });
    function.variadic(arguments)
}

pub(super) fn formatlist() -> Function {
    let arguments = any("args").allow_null().allow_unknown().allow_dynamic();
    let function = Function::new([string("format")], Type::list(Type::String), |arguments, ty| {
        let (pattern, arguments) = split(arguments)?;
        let Some(count) = common_length(&arguments)? else {
            return Ok(Value::Unknown(ty.clone()));
        };
        formatted_list(&pattern, &arguments, count)
    });
    function.variadic(arguments)
}

fn split(arguments: Vec<Value>) -> Result<(String, Vec<Value>), FunctionError> {
    let mut arguments = arguments.into_iter();
    let pattern = arguments.next().map_or_else(|| Ok(String::new()), text)?;
    Ok((pattern, arguments.collect()))
}

/// How many texts there are to be made, or none if that is not known.
fn common_length(arguments: &[Value]) -> Result<Option<usize>, FunctionError> {
    let mut chosen: Option<(usize, usize)> = None;
    let mut known = true;
    for (argument, number) in arguments.iter().zip(1..) {
        let length = match argument {
            Value::Unknown(Type::Tuple(types)) => {
                known = false;
                types.len()
            }
            Value::Unknown(Type::List(_) | Type::Set(_) | Type::Any) => {
                known = false;
                continue;
            }
            Value::Set(_, values) if values.len() > 1 && argument.contains_unknown() => {
                known = false;
                continue;
            }
            Value::List(_, values) | Value::Set(_, values) | Value::Tuple(values) => values.len(),
            _ => continue,
        };
        match chosen {
            None => chosen = Some((length, number)),
            Some((expected, _)) if expected == length => {}
            Some((expected, chooser)) => {
                let message = format!(
                    "argument {number} has length {length}, which is inconsistent with argument {chooser} of length \
                     {expected}"
                );
                return Err(FunctionError::at(number, message));
            }
        }
    }
    Ok(known.then(|| chosen.map_or(1, |(length, _)| length)))
}

fn formatted_list(pattern: &str, arguments: &[Value], count: usize) -> Outcome {
    check_elements(Some(count))?;
    let (mut lines, mut length) = (Vec::new(), 0);
    for round in 0..count {
        let row: Vec<&Value> = arguments
            .iter()
            .map(|argument| {
                argument
                    .as_list()
                    .map_or(Some(argument), |values| values.get(round))
                    .unwrap_or(argument)
            })
            .collect();
        if row.iter().any(|argument| argument.contains_unknown()) {
            lines.push(Value::Unknown(Type::String));
            continue;
        }
        let line = formatted(pattern, &row).map_err(|error| FunctionError {
            message: format!("error on format iteration {round}: {error}"),
            argument: None,
        })?;
        length += line.len();
        check_text(Some(length))?;
        lines.push(Value::from(line));
    }
    Ok(Value::List(Type::String, lines))
}

/// The pattern with its verbs replaced by the arguments.
fn formatted(pattern: &str, arguments: &[&Value]) -> Result<String, FunctionError> {
    let mut out = String::new();
    let mut used = 0;
    for part in verb::Parts::of(pattern) {
        match part? {
            Part::Text(literal) => out.push_str(literal),
            Part::Verb(verb) => {
                used = used.max(verb.argument);
                let Some(argument) = verb.argument.checked_sub(1).and_then(|index| arguments.get(index)) else {
                    return Err(FunctionError::new(format!(
                        "not enough arguments for {:?} at {}: need index {} but have {} total",
                        verb.raw,
                        verb.offset,
                        verb.argument,
                        arguments.len()
                    )));
                };
                check_text(Some(verb.width.unwrap_or(0).max(verb.precision.unwrap_or(0))))?;
                out.push_str(&one(&verb, argument)?);
            }
        }
        check_text(Some(out.len()))?;
    }
    if used < arguments.len() {
        let message = if used == 0 {
            "too many arguments; no verbs in format string".to_owned()
        } else {
            format!("too many arguments; only {used} used by format string")
        };
        return Err(FunctionError::at(used + 1, message));
    }
    Ok(out)
}

fn one(verb: &Verb<'_>, argument: &Value) -> Result<String, FunctionError> {
    let unsupported = |reason: &str| {
        let message = format!("unsupported value for {:?} at {}: {reason}", verb.raw, verb.offset);
        FunctionError::new(message)
    };
    if verb.mode != 'v' && argument.is_null() {
        return Err(unsupported("null value cannot be formatted"));
    }
    let converted = |ty: &Type| convert(argument.clone(), ty).map_err(|error| unsupported(&error.message));
    match verb.mode {
        'v' => match argument {
            Value::String(text) if !verb.has('#') => Ok(padded(verb, text)),
            Value::Number(number) if !verb.has('#') => Ok(padded(verb, &decimal::shortest(number))),
            _ => Ok(padded(
                verb,
                &json::encode(argument).map_err(|error| unsupported(&error.message))?,
            )),
        },
        't' => Ok(converted(&Type::Bool)?.as_bool().unwrap_or_default().to_string()),
        's' | 'q' => {
            let text = text(converted(&Type::String)?)?;
            let text = match verb.precision {
                None | Some(0) => text,
                Some(precision) => text.graphemes(true).take(precision).collect(),
            };
            let quoted = if verb.mode == 'q' {
                json::encode(&Value::String(text))?
            } else {
                text
            };
            Ok(padded(verb, &quoted))
        }
        'b' | 'd' | 'o' | 'x' | 'X' | 'e' | 'E' | 'f' | 'g' | 'G' => {
            let value = converted(&Type::Number)?;
            let number = value.as_number().ok_or_else(|| unsupported("a number is required"))?;
            number::formatted(verb, number).ok_or_else(|| unsupported("an integer is required"))
        }
        mode => {
            let message = format!(
                "unsupported format verb {mode:?} in {:?} at offset {}",
                verb.raw, verb.offset
            );
            Err(FunctionError::new(message))
        }
    }
}

/// At least as wide as the verb says.
fn padded(verb: &Verb<'_>, text: &str) -> String {
    let Some(missing) = verb
        .width
        .map(|width| width.saturating_sub(text.graphemes(true).count()))
    else {
        return text.to_owned();
    };
    let padding = if verb.has('0') { "0" } else { " " }.repeat(missing);
    if verb.has('-') {
        format!("{text}{padding}")
    } else {
        format!("{padding}{text}")
    }
}
