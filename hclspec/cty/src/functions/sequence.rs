//! Functions that make lists and tuples.

use std::collections::HashSet;

use crate::{Function, FunctionError, Number, Parameter, Type, Value, convert, unify};

use super::support::{Outcome, any, elements, integer, number, take};

/// The most numbers that `range` gives.
const MAX_RANGE: usize = 1024;

pub(super) fn concat() -> Function {
    Function::new([], Type::Any, concatenated)
        .typed(concat_type)
        .variadic(any("seqs"))
}

/// A list if all are lists that go together, else a tuple.
fn concat_type(arguments: &[Value]) -> Result<Type, FunctionError> {
    if arguments.is_empty() {
        return Err(FunctionError::new("at least one argument is required"));
    }
    let types: Vec<Type> = arguments.iter().map(Value::ty).collect();
    if types.iter().all(|ty| matches!(ty, Type::List(_)))
        && let Some(common) = unify(&types)
    {
        return Ok(common);
    }
    let mut parts = Vec::new();
    for (index, (argument, ty)) in arguments.iter().zip(&types).enumerate() {
        match (ty, argument) {
            (Type::Tuple(types), _) => parts.extend(types.iter().cloned()),
            (Type::List(_), Value::Unknown(_)) => return Ok(Type::Any),
            (Type::List(element), _) => {
                let count = argument.as_list().map_or(0, <[_]>::len);
                parts.extend(std::iter::repeat_n(element.as_ref(), count).cloned());
            }
            _ => {
                let message = format!("all arguments must be lists or tuples; got {}", ty.friendly_name());
                return Err(FunctionError::at(index, message));
            }
        }
    }
    Ok(Type::tuple(parts))
}

fn concatenated(arguments: Vec<Value>, ty: &Type) -> Outcome {
    let mut values = Vec::new();
    for (index, argument) in arguments.into_iter().enumerate() {
        let argument = match ty {
            Type::List(_) => convert(argument, ty).map_err(|error| FunctionError::at(index, error.message))?,
            _ => argument,
        };
        values.append(&mut elements(argument)?);
    }
    Ok(sequence(ty, values))
}

/// The values as a list of the type, or as a tuple.
pub(super) fn sequence(ty: &Type, values: Vec<Value>) -> Value {
    match ty {
        // A list of anything takes its type from its elements.
        Type::List(element) if **element == Type::Any => {
            let element = values.iter().map(Value::ty).find(|ty| *ty != Type::Any);
            Value::List(element.unwrap_or_default(), values)
        }
        Type::List(element) => Value::List(element.as_ref().clone(), values),
        _ => Value::Tuple(values),
    }
}

pub(super) fn chunklist() -> Function {
    let parameters = [Parameter::new("list", Type::list(Type::Any)), number("size")];
    let function = Function::new(parameters, Type::Any, |arguments, _| {
        let [list, size] = take(arguments)?;
        let size = integer(&size).map_err(|error| FunctionError::new(format!("invalid size: {error}")))?;
        let size = usize::try_from(size).map_err(|_| FunctionError::new("the size argument must be positive"))?;
        let ty = list.ty();
        let element = ty.element_type().cloned().unwrap_or_default();
        let mut rest = elements(list)?.into_iter();
        let mut chunks = Vec::new();
        while rest.len() > 0 {
            let count = if size == 0 { rest.len() } else { size };
            chunks.push(Value::List(element.clone(), rest.by_ref().take(count).collect()));
        }
        Ok(Value::List(ty, chunks))
    });
    function.typed(|arguments| Ok(Type::list(arguments.first().map(Value::ty).unwrap_or_default())))
}

pub(super) fn flatten() -> Function {
    let function = Function::new([any("list")], Type::Any, |arguments, _| {
        let [list] = take(arguments)?;
        if !flattens_wholly(&list) {
            return Ok(Value::Unknown(Type::Any));
        }
        // The lists that are being walked, the innermost last.
        let mut open = vec![elements(list)?.into_iter()];
        let mut flat = Vec::new();
        while let Some(innermost) = open.last_mut() {
            match innermost.next() {
                Some(Value::List(_, values) | Value::Set(_, values) | Value::Tuple(values)) => {
                    open.push(values.into_iter());
                }
                Some(value) => flat.push(value),
                None => drop(open.pop()),
            }
        }
        Ok(Value::Tuple(flat))
    });
    function.typed(|arguments| match arguments.first() {
        Some(Value::List(..) | Value::Set(..) | Value::Tuple(_) | Value::Unknown(_)) | None => Ok(Type::Any),
        Some(_) => Err(FunctionError::new("can only flatten lists, sets and tuples")),
    })
}

/// Whether it is known how many elements the flat list has.
fn flattens_wholly(value: &Value) -> bool {
    match value {
        Value::Unknown(ty) => !matches!(ty, Type::Any | Type::List(_) | Type::Set(_) | Type::Tuple(_)),
        Value::Set(_, values) if values.iter().any(Value::contains_unknown) => false,
        Value::List(_, values) | Value::Set(_, values) | Value::Tuple(values) => values.iter().all(flattens_wholly),
        _ => true,
    }
}

pub(super) fn distinct() -> Function {
    let parameter = Parameter::new("list", Type::list(Type::Any));
    let function = Function::new([parameter], Type::Any, |arguments, ty| {
        let [list] = take(arguments)?;
        if list.contains_unknown() {
            return Ok(Value::Unknown(ty.clone()));
        }
        let element = ty.element_type().cloned().unwrap_or_default();
        let values = elements(list)?;
        // Where a value comes first: of equal values, which are of one type, the first has its place in the order.
        let mut order: Vec<(usize, &Value)> = values.iter().enumerate().collect();
        order.sort_by(|(_, a), (_, b)| crate::order::compare(a, b));
        order.dedup_by(|(_, later), (_, earlier)| later == earlier);
        let first: HashSet<usize> = order.into_iter().map(|(index, _)| index).collect();
        let kept = values
            .into_iter()
            .enumerate()
            .filter(|(index, _)| first.contains(index));
        Ok(Value::List(element, kept.map(|(_, value)| value).collect()))
    });
    function.typed(|arguments| Ok(arguments.first().map(Value::ty).unwrap_or_default()))
}

pub(super) fn compact() -> Function {
    let list = Type::list(Type::String);
    Function::new([Parameter::new("list", list.clone())], list, |arguments, ty| {
        let [list] = take(arguments)?;
        if list.contains_unknown() {
            return Ok(Value::Unknown(ty.clone()));
        }
        let mut values = elements(list)?;
        values.retain(|value| value.as_str().is_some_and(|text| !text.is_empty()));
        Ok(Value::List(Type::String, values))
    })
}

pub(super) fn reverse() -> Function {
    let function = Function::new([any("list")], Type::Any, |arguments, ty| {
        let [list] = take(arguments)?;
        let mut values = elements(list)?;
        values.reverse();
        Ok(sequence(ty, values))
    });
    function.typed(|arguments| match arguments.first().map(Value::ty).unwrap_or_default() {
        Type::Tuple(types) => Ok(Type::tuple(types.iter().rev().cloned())),
        Type::List(element) | Type::Set(element) => Ok(Type::List(element)),
        other => {
            let message = format!("can only reverse list or tuple values, not {}", other.friendly_name());
            Err(FunctionError::at(0, message))
        }
    })
}

/// Reverses what it is given: the characters of a text, or the elements of a list.
pub(super) fn reverse_any() -> Function {
    let (of_text, of_list) = (super::text::reverse(), reverse());
    let is_list = |ty: &Type| matches!(ty, Type::List(_) | Type::Set(_) | Type::Tuple(_));
    let (text, list) = (of_text.clone(), of_list.clone());
    let function = Function::new([any("value")], Type::Any, move |arguments, ty| {
        if is_list(ty) {
            list.call(arguments)
        } else {
            text.call(arguments)
        }
    });
    function.typed(move |arguments| {
        let unknown: Vec<Value> = arguments.iter().map(|argument| Value::Unknown(argument.ty())).collect();
        let chosen = if unknown.iter().any(|argument| is_list(&argument.ty())) {
            &of_list
        } else {
            &of_text
        };
        chosen.call(unknown).map(|result| result.ty())
    })
}

pub(super) fn slice() -> Function {
    let parameters = [any("list"), number("start_index"), number("end_index")];
    let function = Function::new(parameters, Type::Any, |arguments, ty| {
        let bounds = slice_bounds(&arguments)?;
        let [list, _, _] = take(arguments)?;
        let Some((start, end)) = bounds else {
            return Ok(Value::Unknown(ty.clone()));
        };
        let values = elements(list)?.into_iter().take(end).skip(start).collect();
        Ok(sequence(ty, values))
    });
    function.typed(|arguments| {
        let ty = arguments.first().map(Value::ty).unwrap_or_default();
        match &ty {
            Type::List(_) | Type::Tuple(_) => {}
            Type::Set(_) => {
                let message = "cannot slice a set, because its elements do not have indices; explicitly convert to a \
                               list if the ordering of the result is not important";
                return Err(FunctionError::at(0, message));
            }
            _ => return Err(FunctionError::at(0, "must be a list or tuple value")),
        }
        let bounds = slice_bounds(arguments)?;
        match (&ty, bounds) {
            (Type::Tuple(types), Some((start, end))) => Ok(Type::tuple(types.iter().take(end).skip(start).cloned())),
            (Type::Tuple(_), None) => Ok(Type::Any),
            _ => Ok(ty),
        }
    })
}

/// The start and the end, if both are known.
fn slice_bounds(arguments: &[Value]) -> Result<Option<(usize, usize)>, FunctionError> {
    let length = match arguments.first() {
        Some(Value::Unknown(Type::Tuple(types))) => Some(types.len()),
        Some(list) => list.as_list().map(<[_]>::len),
        None => None,
    };
    let bound = |index: usize, name: &str| -> Result<Option<usize>, FunctionError> {
        let Some(value) = arguments.get(index).filter(|value| value.is_known()) else {
            return Ok(None);
        };
        let fail = |message: String| FunctionError::at(index, message);
        let bound = integer(value).map_err(|error| fail(format!("invalid {name} index: {error}")))?;
        let bound = usize::try_from(bound).map_err(|_| fail(format!("{name} index must not be less than zero")))?;
        if length.is_some_and(|length| bound > length) {
            return Err(fail(format!(
                "{name} index must not be greater than the length of the list"
            )));
        }
        Ok(Some(bound))
    };
    match (bound(1, "start")?, bound(2, "end")?) {
        (Some(start), Some(end)) if start > end => {
            Err(FunctionError::at(1, "start index must not be greater than end index"))
        }
        (start, end) => Ok(start.zip(end)),
    }
}

pub(super) fn element() -> Function {
    let function = Function::new([any("list"), number("index")], Type::Any, |arguments, _| {
        let [list, index] = take(arguments)?;
        let mut values = elements(list)?;
        let index = wrapped(&index, values.len())?;
        if index < values.len() {
            Ok(values.swap_remove(index))
        } else {
            Err(no_elements())
        }
    });
    function.typed(|arguments| {
        let list = arguments.first().map(Value::ty).unwrap_or_default();
        match (&list, arguments.get(1)) {
            (Type::List(element), _) => Ok(element.as_ref().clone()),
            (Type::Tuple(_), None | Some(Value::Unknown(_))) => Ok(Type::Any),
            (Type::Tuple(types), Some(index)) => {
                types.get(wrapped(index, types.len())?).cloned().ok_or_else(no_elements)
            }
            _ => {
                let message = format!("cannot read elements from {}", list.friendly_name());
                Err(FunctionError::new(message))
            }
        }
    })
}

fn no_elements() -> FunctionError {
    FunctionError::new("cannot use element function with an empty list")
}

/// The index, counted round and round a list of this length, from its end if it is negative.
fn wrapped(index: &Value, length: usize) -> Result<usize, FunctionError> {
    let index = integer(index).map_err(|error| FunctionError::new(format!("invalid index: {error}")))?;
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let wrapped = index.checked_rem_euclid(length).ok_or_else(no_elements)?;
    usize::try_from(wrapped).map_err(|_| no_elements())
}

pub(super) fn coalesce() -> Function {
    let parameter = any("vals").allow_null().allow_unknown().allow_dynamic();
    let function = Function::new([], Type::Any, |arguments, ty| {
        for argument in arguments {
            match argument {
                Value::Null(_) => {}
                Value::Unknown(_) => return Ok(Value::Unknown(ty.clone())),
                known => return Ok(convert(known, ty)?),
            }
        }
        Err(FunctionError::new("no non-null arguments"))
    });
    let typed = function.typed(|arguments| {
        let types: Vec<Type> = arguments.iter().map(Value::ty).collect();
        unify(&types).ok_or_else(|| FunctionError::new("all arguments must have the same type"))
    });
    typed.variadic(parameter)
}

pub(super) fn coalescelist() -> Function {
    let parameter = any("vals").allow_null().allow_unknown().allow_dynamic();
    let function = Function::new([], Type::Any, |arguments, ty| {
        for argument in arguments {
            if !argument.is_known() {
                return Ok(Value::Unknown(ty.clone()));
            }
            if argument.as_list().is_some_and(|values| !values.is_empty()) {
                return Ok(argument);
            }
        }
        Err(FunctionError::new("no non-null arguments"))
    });
    function.typed(coalescelist_type).variadic(parameter)
}

fn coalescelist_type(arguments: &[Value]) -> Result<Type, FunctionError> {
    if arguments.is_empty() {
        return Err(FunctionError::new("at least one argument is required"));
    }
    let mut types = Vec::new();
    for argument in arguments {
        match (argument, argument.ty()) {
            (Value::Unknown(_), _) => return Ok(Type::Any),
            (_, ty @ (Type::List(_) | Type::Tuple(_))) => types.push(ty),
            _ => return Err(FunctionError::new("coalescelist arguments must be lists or tuples")),
        }
    }
    match types.first() {
        Some(first) if types.iter().all(|ty| ty == first) => Ok(first.clone()),
        _ => Ok(Type::Any),
    }
}

pub(super) fn range() -> Function {
    Function::new([], Type::list(Type::Number), |arguments, _| {
        let numbers: Vec<&Number> = arguments.iter().filter_map(Value::as_number).collect();
        let zero = Number::from(0);
        let toward = |start: &Number, end: &Number| Number::from(if end < start { -1 } else { 1 });
        let (start, end, step) = match numbers.as_slice() {
            [end] => (zero.clone(), (*end).clone(), toward(&zero, end)),
            [start, end] => ((*start).clone(), (*end).clone(), toward(start, end)),
            [start, end, step] => ((*start).clone(), (*end).clone(), (*step).clone()),
            _ => return Err(FunctionError::new("must have one, two, or three arguments")),
        };
        count(start, &end, &step)
    })
    .variadic(number("params"))
}

fn count(start: Number, end: &Number, step: &Number) -> Outcome {
    let zero = Number::from(0);
    if *step == zero {
        return Err(FunctionError::at(2, "step must not be zero"));
    }
    let down = *step < zero;
    if down && *end > start {
        return Err(FunctionError::at(
            1,
            "end must be less than start when step is negative",
        ));
    }
    if !down && *end < start {
        return Err(FunctionError::at(
            1,
            "end must be greater than start when step is positive",
        ));
    }
    let mut values = Vec::new();
    let mut next = start;
    while if down { next > *end } else { next < *end } {
        if values.len() >= MAX_RANGE {
            return Err(FunctionError::new(format!(
                "more than {MAX_RANGE} values were generated; either decrease the difference between start and end or \
                 use a smaller step"
            )));
        }
        let sum = next
            .checked_add(step)
            .map_err(|error| FunctionError::new(error.to_string()))?;
        values.push(Value::Number(std::mem::replace(&mut next, sum)));
    }
    Ok(Value::List(Type::Number, values))
}
