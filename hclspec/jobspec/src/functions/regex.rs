//! Regular expressions.

use encamp_hclspec::cty::{Function, FunctionError};
use encamp_hclspec::{Type, Value};
use regex::{Captures, Regex, RegexBuilder};

use super::{MAX_TEXT, Outcome, string, text};

/// The most bytes that a compiled expression may take.
const MAX_COMPILED: usize = 2 << 20;

pub(super) fn functions() -> [(&'static str, Function); 3] {
    let parameters = || [string("pattern"), string("string")];
    let replace = [string("str"), string("pattern"), string("replace")];
    [
        (
            "regex",
            Function::new(parameters(), Type::Any, |arguments, _| first(&arguments)).typed(|arguments| match arguments
                .first()
            {
                Some(Value::String(_)) => result_type(&compile(arguments, 0)?),
                _ => Ok(Type::Any),
            }),
        ),
        (
            "regexall",
            Function::new(parameters(), Type::Any, |arguments, _| all(&arguments)).typed(|arguments| {
                match arguments.first() {
                    Some(Value::String(_)) => Ok(Type::list(result_type(&compile(arguments, 0)?)?)),
                    _ => Ok(Type::list(Type::Any)),
                }
            }),
        ),
        (
            "regex_replace",
            Function::new(replace, Type::String, |arguments, _| replaced(&arguments)),
        ),
    ]
}

fn compile(arguments: &[Value], index: usize) -> Result<Regex, FunctionError> {
    let mut builder = RegexBuilder::new(text(arguments, index)?);
    let compiled = builder.size_limit(MAX_COMPILED).build();
    compiled.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => FunctionError::at(index, "the pattern is too large"),
        _ => FunctionError::at(index, "the pattern is no regular expression"),
    })
}

/// A string without groups, a tuple with groups, an object with named ones.
fn result_type(regex: &Regex) -> Result<Type, FunctionError> {
    let names: Vec<&str> = regex.capture_names().skip(1).flatten().collect();
    let groups = regex.captures_len() - 1;
    match names.len() {
        _ if groups == 0 => Ok(Type::String),
        0 => Ok(Type::tuple((0..groups).map(|_| Type::String))),
        all if all == groups => Ok(Type::object(names.into_iter().map(|name| (name, Type::String)))),
        _ => Err(FunctionError::at(
            0,
            "the groups of a pattern are either all named or none",
        )),
    }
}

fn found(regex: &Regex, captures: &Captures<'_>) -> Value {
    let value = |index: usize| match captures.get(index) {
        Some(part) => Value::from(part.as_str()),
        None => Value::Null(Type::String),
    };
    let groups = 1..captures.len();
    match regex.capture_names().nth(1) {
        None => value(0),
        Some(None) => Value::tuple(groups.map(value)),
        Some(Some(_)) => {
            let names = regex.capture_names().skip(1).flatten();
            Value::object(names.zip(groups.map(value)))
        }
    }
}

fn first(arguments: &[Value]) -> Outcome {
    let regex = compile(arguments, 0)?;
    match regex.captures(text(arguments, 1)?) {
        Some(captures) => Ok(found(&regex, &captures)),
        None => Err(FunctionError::new("pattern did not match any part of the given string")),
    }
}

fn all(arguments: &[Value]) -> Outcome {
    let regex = compile(arguments, 0)?;
    let ty = result_type(&regex)?;
    let matches = regex.captures_iter(text(arguments, 1)?);
    Ok(Value::list(ty, matches.map(|captures| found(&regex, &captures))))
}

fn replaced(arguments: &[Value]) -> Outcome {
    let regex = compile(arguments, 1)?;
    let (text, replacement) = (text(arguments, 0)?, text(arguments, 2)?);
    let mut result = String::new();
    let mut end = 0;
    for captures in regex.captures_iter(text) {
        let Some(whole) = captures.get(0) else { continue };
        result.push_str(text.get(end..whole.start()).unwrap_or_default());
        captures.expand(replacement, &mut result);
        end = whole.end();
        if result.len() > MAX_TEXT {
            return Err(FunctionError::new(
                "the result is too long: it can have at most 16 MiB of text",
            ));
        }
    }
    result.push_str(text.get(end..).unwrap_or_default());
    Ok(Value::from(result))
}
