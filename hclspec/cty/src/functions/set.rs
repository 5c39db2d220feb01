//! Functions on sets.

use crate::order::compare;
use crate::{Function, FunctionError, Parameter, Type, Value, convert, unify};

use super::support::{Outcome, Size, any, check_elements, check_text, elements};

pub(super) fn setunion() -> Function {
    operation(|mut first, second| {
        first.extend(second);
        first
    })
    .variadic(sets("other_sets"))
}

pub(super) fn setintersection() -> Function {
    of_known(|first, second| keep(first, &second, true)).variadic(sets("other_sets"))
}

pub(super) fn setsubtract() -> Function {
    let mut function = of_known(|first, second| keep(first, &second, false));
    function.parameters = vec![sets("a"), sets("b")];
    function
}

fn sets(name: &str) -> Parameter {
    Parameter::new(name, Type::set(Type::Any)).allow_dynamic()
}

/// The values that are among the others, or those that are not.
fn keep(mut values: Vec<Value>, others: &[Value], among: bool) -> Vec<Value> {
    let mut others: Vec<&Value> = others.iter().collect();
    others.sort_by(|a, b| compare(a, b));
    values.retain(|value| others.binary_search_by(|other| compare(other, value)).is_ok() == among);
    values
}

type Operation = fn(Vec<Value>, Vec<Value>) -> Vec<Value>;

/// An operation whose result is unknown when an element is.
fn of_known(run: Operation) -> Function {
    combine(run, false)
}

fn operation(run: Operation) -> Function {
    combine(run, true)
}

fn combine(run: Operation, with_unknown: bool) -> Function {
    let function = Function::new([sets("first_set")], Type::Any, move |arguments, ty| {
        let mut sets = Vec::new();
        for (index, argument) in arguments.into_iter().enumerate() {
            let set = convert(argument, ty).map_err(|error| FunctionError::at(index, error.message))?;
            if !with_unknown && set.contains_unknown() {
                return Ok(Value::Unknown(ty.clone()));
            }
            sets.push(elements(set)?);
        }
        let combined = sets.into_iter().reduce(run).unwrap_or_default();
        let element = ty.element_type().cloned().unwrap_or_default();
        Ok(Value::set(element, combined))
    });
    function.typed(|arguments| {
        let is_unknown = arguments.iter().any(|argument| !argument.is_known());
        let types = arguments.iter().map(element_type);
        // An empty set of anything, and one of nothing but null, goes with every other set.
        let types: Vec<Type> = types.filter(|ty| is_unknown || *ty != Type::Any).collect();
        if types.is_empty() {
            return Ok(Type::set(Type::Any));
        }
        let unified = unify(&types).map(Type::set);
        unified.ok_or_else(|| FunctionError::new("given sets must all have compatible element types"))
    })
}

fn element_type(value: &Value) -> Type {
    value.ty().element_type().cloned().unwrap_or_default()
}

pub(super) fn setproduct() -> Function {
    let function = Function::new([], Type::Any, product).typed(product_type);
    function.variadic(any("sets").allow_unknown())
}

/// A list of tuples if all arguments have an order, else a set of tuples.
fn product_type(arguments: &[Value]) -> Result<Type, FunctionError> {
    if arguments.len() < 2 {
        return Err(FunctionError::new("at least two arguments are required"));
    }
    let mut types = Vec::new();
    let mut ordered = true;
    for (index, argument) in arguments.iter().enumerate() {
        types.push(match argument.ty() {
            Type::Set(element) => {
                ordered = false;
                element.as_ref().clone()
            }
            Type::List(element) => element.as_ref().clone(),
            Type::Tuple(types) if types.is_empty() => Type::Any,
            Type::Tuple(types) => {
                unify(types.iter()).ok_or_else(|| FunctionError::at(index, "all elements must be of the same type"))?
            }
            _ => return Err(FunctionError::at(index, "a set or a list is required")),
        });
    }
    let tuple = Type::tuple(types);
    Ok(if ordered { Type::list(tuple) } else { Type::set(tuple) })
}

fn product(arguments: Vec<Value>, ty: &Type) -> Outcome {
    let tuple = ty.element_type().cloned().unwrap_or_default();
    let Type::Tuple(types) = &tuple else {
        return Ok(Value::Unknown(ty.clone()));
    };
    let of_unknown_length = |argument: &Value| match argument {
        Value::Unknown(_) => true,
        Value::Set(_, values) => values.len() > 1 && argument.contains_unknown(),
        _ => false,
    };
    if arguments.iter().any(of_unknown_length) {
        return Ok(Value::Unknown(ty.clone()));
    }
    check_product(&arguments)?;
    let mut tuples = vec![Vec::new()];
    for (argument, ty) in arguments.into_iter().zip(types.iter()) {
        let values = elements(argument)?.into_iter().map(|value| convert(value, ty));
        let values = values.collect::<Result<Vec<Value>, _>>()?;
        let longer = tuples.iter().flat_map(|start: &Vec<Value>| {
            values
                .iter()
                .map(|value| start.iter().chain([value]).cloned().collect())
        });
        tuples = longer.collect();
    }
    let tuples = tuples.into_iter().map(Value::Tuple);
    Ok(match ty {
        Type::Set(_) => Value::set(tuple.clone(), tuples),
        _ => Value::list(tuple.clone(), tuples),
    })
}

/// Counts the product before it is made.
fn check_product(arguments: &[Value]) -> Result<(), FunctionError> {
    let lengths: Vec<usize> = arguments
        .iter()
        .map(|argument| argument.as_list().map_or(0, <[_]>::len))
        .collect();
    if lengths.contains(&0) {
        return Ok(());
    }
    let count = lengths
        .iter()
        .try_fold(1_usize, |count, length| count.checked_mul(*length));
    check_elements(count)?;
    let count = count.unwrap_or(usize::MAX);
    let (mut text, mut values) = (Some(0_usize), Some(count));
    for (argument, length) in arguments.iter().zip(lengths) {
        let mut size = Size::default();
        size.add(argument);
        // Every element is there as often.
        let times = count / length;
        let sum = |total: Option<usize>, part: usize| total?.checked_add(part.checked_mul(times)?);
        text = sum(text, size.text);
        values = sum(values, size.elements);
    }
    check_text(text)?;
    check_elements(values)
}
