//! The functions that expressions may call.

use std::borrow::Cow;
use std::ops::Range;

use indexmap::IndexMap;

use super::{Evaluator, MAX_WORK, Outcome, Scope, all, json, size};
use crate::ast::{Call, Expr};
use crate::convert::convert;
use crate::{Number, Type, Value, suggest};

/// What a function gives, or the index of the argument at fault and what is wrong with it.
type Given = Result<Value, (usize, String)>;

struct Function {
    name: &'static str,
    /// The fewest and the most arguments.
    arity: (usize, Option<usize>),
    run: fn(&[Value]) -> Given,
}

const FUNCTIONS: [Function; 26] = [
    function("abs", (1, Some(1)), |args| Ok(number(args, 0)?.abs().into())),
    function("coalesce", (1, None), coalesce),
    function("concat", (1, None), concat),
    function("contains", (2, Some(2)), |args| {
        Ok(list(args, 0)?.iter().any(|value| Some(value) == args.get(1)).into())
    }),
    function("distinct", (1, Some(1)), |args| {
        Ok(Value::List(crate::convert::unique(list(args, 0)?.to_vec())))
    }),
    function("hasindex", (2, Some(2)), hasindex),
    function("int", (1, Some(1)), |args| Ok(number(args, 0)?.truncate().into())),
    function("join", (2, Some(2)), join),
    function("jsondecode", (1, Some(1)), jsondecode),
    function("jsonencode", (1, Some(1)), |args| {
        Ok(json::encode(args.first().unwrap_or(&Value::Null)).into())
    }),
    function("keys", (1, Some(1)), |args| {
        Ok(Value::list(
            sorted(map(args, 0)?).into_iter().map(|(name, _)| name.as_str()),
        ))
    }),
    function("length", (1, Some(1)), length),
    function("lookup", (2, Some(3)), lookup),
    function("lower", (1, Some(1)), |args| Ok(string(args, 0)?.to_lowercase().into())),
    function("max", (1, None), |args| extreme(args, std::cmp::Ordering::Greater)),
    function("merge", (0, None), merge),
    function("min", (1, None), |args| extreme(args, std::cmp::Ordering::Less)),
    function("replace", (3, Some(3)), replace),
    function("reverse", (1, Some(1)), reverse),
    function("split", (2, Some(2)), split),
    function("strlen", (1, Some(1)), |args| {
        Ok((string(args, 0)?.chars().count() as u64).into())
    }),
    function("substr", (3, Some(3)), substr),
    function("tostring", (1, Some(1)), |args| {
        Ok(string(args, 0)?.into_owned().into())
    }),
    function("trimspace", (1, Some(1)), |args| Ok(string(args, 0)?.trim().into())),
    function("upper", (1, Some(1)), |args| Ok(string(args, 0)?.to_uppercase().into())),
    function("values", (1, Some(1)), |args| {
        Ok(Value::list(
            sorted(map(args, 0)?).into_iter().map(|(_, value)| value.clone()),
        ))
    }),
];

const fn function(name: &'static str, arity: (usize, Option<usize>), run: fn(&[Value]) -> Given) -> Function {
    Function { name, arity, run }
}

impl Evaluator<'_> {
    pub(super) fn call<'s>(&'s self, call: &'s Call, range: &Range<usize>, scope: Scope<'s>) -> Outcome<'s> {
        let Some(function) = FUNCTIONS.iter().find(|function| function.name == call.name) else {
            let hint = suggest::hint(&call.name, FUNCTIONS.iter().map(|function| function.name));
            let detail = format!("There is no function named \"{}\".{hint}", call.name);
            return self.fail("Call to unknown function", detail, &call.name_range);
        };
        let outcomes = call.arguments.iter().map(|argument| {
            let value = self.eval(argument, scope)?;
            self.own(value, &argument.range)
        });
        let mut arguments = all(outcomes)?;
        if call.expand {
            if let Some(Value::List(values)) = arguments.pop() {
                arguments.extend(values);
            } else {
                let place = call.arguments.last().map_or(range, |argument| &argument.range);
                return self.fail(
                    "Invalid expanding argument",
                    "Only a list can be expanded with `...`.",
                    place,
                );
            }
        }
        let (fewest, most) = function.arity;
        if arguments.len() < fewest || most.is_some_and(|most| arguments.len() > most) {
            let detail = format!("Function \"{}\" takes {}.", call.name, arity_text(function.arity));
            let summary = if arguments.len() < fewest {
                "Not enough function arguments"
            } else {
                "Too many function arguments"
            };
            return self.fail(summary, detail, range);
        }
        match (function.run)(&arguments) {
            Ok(value) => {
                self.charge(size(&value), range)?;
                Ok(Cow::Owned(value))
            }
            Err((index, reason)) => {
                let place = call
                    .arguments
                    .get(index)
                    .map_or(range, |argument: &Expr| &argument.range);
                let detail = format!("Call to function \"{}\" failed: {reason}.", call.name);
                self.fail("Error in function call", detail, place)
            }
        }
    }
}

fn arity_text(arity: (usize, Option<usize>)) -> String {
    match arity {
        (fewest, Some(most)) if fewest == most => format!("{most} argument{}", if most == 1 { "" } else { "s" }),
        (fewest, Some(most)) => format!("{fewest} to {most} arguments"),
        (fewest, None) => format!("at least {fewest} argument{}", if fewest == 1 { "" } else { "s" }),
    }
}

fn argument(args: &[Value], index: usize) -> &Value {
    args.get(index).unwrap_or(&Value::Null)
}

fn wrong<T>(index: usize, wanted: &str, found: &Value) -> Result<T, (usize, String)> {
    Err((index, format!("{wanted} is required, but this is a {}", found.kind())))
}

fn string(args: &[Value], index: usize) -> Result<Cow<'_, str>, (usize, String)> {
    match argument(args, index) {
        Value::String(text) => Ok(Cow::Borrowed(text)),
        Value::Number(number) => Ok(Cow::Owned(number.to_string())),
        Value::Bool(truth) => Ok(Cow::Owned(truth.to_string())),
        other => wrong(index, "a string", other),
    }
}

fn number(args: &[Value], index: usize) -> Result<Number, (usize, String)> {
    match argument(args, index) {
        Value::Number(number) => Ok(*number),
        Value::String(text) => text.parse().map_err(|_| (index, "a number is required".to_owned())),
        other => wrong(index, "a number", other),
    }
}

fn list(args: &[Value], index: usize) -> Result<&[Value], (usize, String)> {
    match argument(args, index) {
        Value::List(values) => Ok(values),
        other => wrong(index, "a list", other),
    }
}

fn map(args: &[Value], index: usize) -> Result<&IndexMap<String, Value>, (usize, String)> {
    match argument(args, index) {
        Value::Map(entries) => Ok(entries),
        other => wrong(index, "a map", other),
    }
}

fn sorted(entries: &IndexMap<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort_by_key(|(name, _)| *name);
    entries
}

fn coalesce(args: &[Value]) -> Given {
    let has_text = args.iter().any(|value| matches!(value, Value::String(_)));
    let Some(first) = args.iter().find(|value| !value.is_null()) else {
        return Err((0, "all arguments are null".to_owned()));
    };
    // The arguments are of one type: with a string among them, that is string.
    let ty = if has_text { Type::String } else { Type::Any };
    convert(first.clone(), &ty).map_err(|mismatch| (0, mismatch.message))
}

fn concat(args: &[Value]) -> Given {
    let mut all = Vec::new();
    for index in 0..args.len() {
        all.extend_from_slice(list(args, index)?);
    }
    Ok(Value::List(all))
}

fn hasindex(args: &[Value]) -> Given {
    let key = argument(args, 1);
    let found = match argument(args, 0) {
        Value::List(values) => key.as_u64().is_some_and(|index| index < values.len() as u64),
        Value::Map(entries) => key.as_str().is_some_and(|name| entries.contains_key(name)),
        other => return wrong(0, "a list or a map", other),
    };
    Ok(found.into())
}

fn join(args: &[Value]) -> Given {
    let values = list(args, 1)?;
    let texts = (0..values.len()).map(|index| string(values, index).map_err(|(_, reason)| (1, reason)));
    let texts: Vec<_> = texts.collect::<Result<_, _>>()?;
    let separator = string(args, 0)?;
    let len: usize = texts
        .iter()
        .map(|text| text.len().saturating_add(separator.len()))
        .sum();
    check_len(len)?;
    Ok(texts.join(&*separator).into())
}

fn replace(args: &[Value]) -> Given {
    let (text, from, to) = (string(args, 0)?, string(args, 1)?, string(args, 2)?);
    let count = text.matches(&*from).count();
    check_len(text.len().saturating_add(count.saturating_mul(to.len())))?;
    Ok(text.replace(&*from, &to).into())
}

/// Results that are larger than an evaluation may be are not even made.
fn check_len(len: usize) -> Result<(), (usize, String)> {
    if len <= MAX_WORK {
        return Ok(());
    }
    Err((0, "the result is too large".to_owned()))
}

fn split(args: &[Value]) -> Given {
    let (separator, text) = (string(args, 0)?, string(args, 1)?);
    if separator.is_empty() {
        return Ok(Value::list(text.chars().map(String::from)));
    }
    Ok(Value::list(text.split(&*separator)))
}

fn jsondecode(args: &[Value]) -> Given {
    serde_json::from_str(&string(args, 0)?).map_err(|error| (0, format!("this is not JSON: {error}")))
}

fn length(args: &[Value]) -> Given {
    let length = match argument(args, 0) {
        Value::List(values) => values.len(),
        Value::Map(entries) => entries.len(),
        Value::String(_) => {
            return Err((
                0,
                "a list or a map is required; the length of a string is strlen".to_owned(),
            ));
        }
        other => return wrong(0, "a list or a map", other),
    };
    Ok((length as u64).into())
}

fn lookup(args: &[Value]) -> Given {
    let name = string(args, 1)?;
    match (map(args, 0)?.get(&*name), args.get(2)) {
        (Some(value), _) | (None, Some(value)) => Ok(value.clone()),
        (None, None) => Err((
            1,
            "there is no such key, and no third argument to take instead".to_owned(),
        )),
    }
}

fn merge(args: &[Value]) -> Given {
    let mut merged = IndexMap::new();
    for (index, _) in args.iter().enumerate().filter(|(_, value)| !value.is_null()) {
        let entries = map(args, index)?.iter();
        merged.extend(entries.map(|(name, value)| (name.clone(), value.clone())));
    }
    Ok(Value::Map(merged))
}

fn extreme(args: &[Value], wanted: std::cmp::Ordering) -> Given {
    let mut best = number(args, 0)?;
    for index in 1..args.len() {
        let other = number(args, index)?;
        if other.cmp(&best) == wanted {
            best = other;
        }
    }
    Ok(best.into())
}

fn reverse(args: &[Value]) -> Given {
    match argument(args, 0) {
        Value::List(values) => Ok(Value::List(values.iter().rev().cloned().collect())),
        _ => Ok(string(args, 0)?.chars().rev().collect::<String>().into()),
    }
}

/// A part of a string: an offset from the start, or from the end where it is negative, and a length, where -1 is the
/// rest.
fn substr(args: &[Value]) -> Given {
    let chars: Vec<char> = string(args, 0)?.chars().collect();
    let integer = |index: usize| match number(args, index)?.as_i64() {
        Some(integer) => Ok(integer),
        None => Err((index, "a whole number is required".to_owned())),
    };
    let total = i64::try_from(chars.len()).unwrap_or(i64::MAX);
    let offset = match integer(1)? {
        offset @ ..0 => offset.saturating_add(total).max(0),
        offset => offset,
    };
    let wanted = match integer(2)? {
        ..0 => i64::MAX,
        length => length,
    };
    let skip = usize::try_from(offset).unwrap_or(usize::MAX);
    let take = usize::try_from(wanted).unwrap_or(usize::MAX);
    Ok(chars.into_iter().skip(skip).take(take).collect::<String>().into())
}
