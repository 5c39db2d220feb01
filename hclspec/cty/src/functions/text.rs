//! Functions on texts.

use unicode_segmentation::UnicodeSegmentation;

use crate::{Function, FunctionError, Type, Value};

use super::support::{
    MAX_ELEMENTS, Outcome, check_elements, check_text, elements, integer, number, of_texts, string, take, text, texts,
};
use crate::Parameter;

pub(super) fn chomp() -> Function {
    of_texts(["str"], |[text]| Ok(text.trim_end_matches(['\r', '\n']).to_owned()))
}

pub(super) fn trimspace() -> Function {
    of_texts(["str"], |[text]| Ok(text.trim().to_owned()))
}

pub(super) fn trim() -> Function {
    of_texts(["str", "cutset"], |[text, cutset]| {
        let cut: std::collections::HashSet<char> = cutset.chars().collect();
        Ok(text.trim_matches(|c| cut.contains(&c)).to_owned())
    })
}

pub(super) fn trimprefix() -> Function {
    of_texts(["str", "prefix"], |[text, prefix]| {
        Ok(text.strip_prefix(&prefix).map_or_else(|| text.clone(), str::to_owned))
    })
}

pub(super) fn trimsuffix() -> Function {
    of_texts(["str", "suffix"], |[text, suffix]| {
        Ok(text.strip_suffix(&suffix).map_or_else(|| text.clone(), str::to_owned))
    })
}

pub(super) fn replace() -> Function {
    of_texts(["str", "substr", "replace"], |[text, from, to]| {
        let matches = text.matches(from.as_str()).count();
        let added = matches.checked_mul(to.len());
        check_text(added.and_then(|added| added.checked_add(text.len().saturating_sub(matches * from.len()))))?;
        Ok(text.replace(&from, &to))
    })
}

pub(super) fn indent() -> Function {
    let parameters = [number("spaces"), string("str")];
    Function::new(parameters, Type::String, |arguments, _| {
        let [spaces, given] = take(arguments)?;
        let spaces = usize::try_from(integer(&spaces)?)
            .map_err(|_| FunctionError::at(0, "the number of spaces must not be negative"))?;
        let given = text(given)?;
        let lines = given.matches('\n').count();
        check_text(
            lines
                .checked_mul(spaces)
                .and_then(|added| added.checked_add(given.len())),
        )?;
        if lines == 0 {
            return Ok(given.into());
        }
        Ok(given.replace('\n', &format!("\n{}", " ".repeat(spaces))).into())
    })
}

pub(super) fn strlen() -> Function {
    let parameter = string("str").allow_unknown().allow_dynamic();
    Function::new([parameter], Type::Number, |arguments, ty| {
        let [given] = take(arguments)?;
        if !given.is_known() {
            return Ok(Value::Unknown(ty.clone()));
        }
        Ok(text(given)?.graphemes(true).count().into())
    })
}

pub(super) fn reverse() -> Function {
    of_texts(["str"], |[text]| Ok(text.graphemes(true).rev().collect()))
}

pub(super) fn substr() -> Function {
    let parameters = [string("str"), number("offset"), number("length")];
    Function::new(parameters, Type::String, |arguments, _| {
        let [given, offset, length] = take(arguments)?;
        let (offset, length) = (integer(&offset)?, integer(&length)?);
        let given = text(given)?;
        let skipped = usize::try_from(offset).unwrap_or_else(|_| {
            let from_end = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
            given.graphemes(true).count().saturating_sub(from_end)
        });
        // A negative length stands for all the rest.
        let kept = usize::try_from(length).unwrap_or(usize::MAX);
        let part: String = given.graphemes(true).skip(skipped).take(kept).collect();
        Ok(part.into())
    })
}

pub(super) fn join() -> Function {
    let lists = Parameter::new("lists", Type::list(Type::String));
    Function::new([string("separator")], Type::String, joined).variadic(lists)
}

fn joined(arguments: Vec<Value>, ty: &Type) -> Outcome {
    let mut arguments = arguments.into_iter();
    let separator = arguments.next().map_or_else(|| Ok(String::new()), text)?;
    let lists: Vec<Value> = arguments.collect();
    if lists.is_empty() {
        return Err(FunctionError::new("at least one list is required"));
    }
    if lists.iter().any(Value::contains_unknown) {
        return Ok(Value::Unknown(ty.clone()));
    }
    let mut items = Vec::new();
    let several = lists.len() > 1;
    for (list, number) in lists.into_iter().zip(1..) {
        for (index, element) in elements(list)?.into_iter().enumerate() {
            let Value::String(item) = element else {
                let of = if several {
                    format!(" of list {number}")
                } else {
                    String::new()
                };
                let message = format!("element {index}{of} is null; cannot concatenate null values");
                return Err(FunctionError::at(number, message));
            };
            items.push(item);
        }
    }
    let separators = items.len().saturating_sub(1).checked_mul(separator.len());
    let length: usize = items.iter().map(String::len).sum();
    check_text(separators.and_then(|separators| separators.checked_add(length)))?;
    Ok(items.join(&separator).into())
}

pub(super) fn split() -> Function {
    let parameters = [string("separator"), string("str")];
    Function::new(parameters, Type::list(Type::String), |arguments, _| {
        let [separator, given] = texts(arguments)?;
        if separator.is_empty() {
            check_elements(Some(given.chars().take(MAX_ELEMENTS + 1).count()))?;
            let characters = given.chars().map(String::from);
            return Ok(Value::list(Type::String, characters));
        }
        check_elements(given.matches(&separator).take(MAX_ELEMENTS).count().checked_add(1))?;
        Ok(Value::list(Type::String, given.split(&separator)))
    })
}

pub(super) fn sort() -> Function {
    let parameter = Parameter::new("list", Type::list(Type::String)).allow_unknown();
    Function::new([parameter], Type::list(Type::String), |arguments, ty| {
        let [list] = take(arguments)?;
        if !list.is_known() {
            return Ok(Value::Unknown(ty.clone()));
        }
        let mut items = elements(list)?;
        if items.iter().any(Value::contains_unknown) {
            // Only their number is known.
            items.fill(Value::Unknown(Type::String));
            return Ok(Value::List(Type::String, items));
        }
        if let Some(index) = items.iter().position(Value::is_null) {
            let message = format!("given list element {index} is null; a null string cannot be sorted");
            return Err(FunctionError::new(message));
        }
        items.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
        Ok(Value::List(Type::String, items))
    })
}

pub(super) fn startswith() -> Function {
    test("prefix", |text, prefix| text.starts_with(prefix))
}

pub(super) fn endswith() -> Function {
    test("suffix", |text, suffix| text.ends_with(suffix))
}

pub(super) fn strcontains() -> Function {
    test("substr", |text, part| text.contains(part))
}

fn test(parameter: &str, run: fn(&str, &str) -> bool) -> Function {
    Function::new([string("str"), string(parameter)], Type::Bool, move |arguments, _| {
        let [text, part] = texts(arguments)?;
        Ok(run(&text, &part).into())
    })
}
