//! Functions on maps and objects.

use indexmap::IndexMap;

use crate::{Entries, Function, FunctionError, Parameter, Type, Value, convert};

use super::support::{Outcome, any, elements, string, take, text};

pub(super) fn keys() -> Function {
    let function = Function::new([any("inputMap").allow_unknown()], Type::Any, |arguments, ty| {
        let [map] = take(arguments)?;
        let names: Vec<Value> = match (&map, map.ty()) {
            (Value::Unknown(_), Type::Object(attributes)) => {
                let mut names: Vec<&String> = attributes.keys().collect();
                names.sort_unstable();
                names.into_iter().map(|name| Value::String(name.clone())).collect()
            }
            (Value::Unknown(_), _) => return Ok(Value::Unknown(ty.clone())),
            _ => map
                .sorted_entries()
                .into_iter()
                .map(|(name, _)| Value::String(name.to_owned()))
                .collect(),
        };
        Ok(super::sequence::sequence(ty, names))
    });
    function.typed(|arguments| match arguments.first().map(Value::ty) {
        Some(Type::Map(_)) => Ok(Type::list(Type::String)),
        Some(Type::Object(attributes)) => Ok(Type::tuple(attributes.keys().map(|_| Type::String))),
        _ => Err(FunctionError::at(0, "must have map or object type")),
    })
}

pub(super) fn values() -> Function {
    let function = Function::new([any("mapping")], Type::Any, |arguments, ty| {
        let [map] = take(arguments)?;
        let mut entries: Vec<_> = entries(map)?.into_iter().collect();
        entries.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let values = entries.into_iter().map(|(_, value)| value);
        Ok(super::sequence::sequence(ty, values.collect()))
    });
    function.typed(|arguments| match arguments.first().map(Value::ty) {
        Some(Type::Map(element)) => Ok(Type::List(element)),
        Some(ty @ Type::Object(_)) => {
            let sorted = ty.sorted_attributes().into_iter();
            Ok(Type::tuple(sorted.map(|(_, ty)| ty.clone())))
        }
        _ => Err(FunctionError::new("values() requires a map as the first argument")),
    })
}

fn entries(value: Value) -> Result<Entries, FunctionError> {
    match value {
        Value::Map(_, entries) | Value::Object(entries) => Ok(entries),
        other => Err(FunctionError::new(format!(
            "a map or an object is required, not {}",
            other.kind()
        ))),
    }
}

pub(super) fn lookup() -> Function {
    let parameters = [any("inputMap"), string("key"), any("default")];
    let function = Function::new(parameters, Type::Any, |arguments, ty| {
        let [map, key, default] = take(arguments)?;
        if map.contains_unknown() {
            return Ok(Value::Unknown(ty.clone()));
        }
        match entries(map)?.swap_remove(&text(key)?) {
            Some(found) => Ok(found),
            None => Ok(convert(default, ty)?),
        }
    });
    function.typed(|arguments| {
        let [map, key, default] = arguments else {
            return Ok(Type::Any);
        };
        match (map.ty(), key.as_str()) {
            (Type::Object(_), None) => Ok(Type::Any),
            (Type::Object(attributes), Some(key)) => Ok(attributes.get(key).cloned().unwrap_or_else(|| default.ty())),
            (Type::Map(element), _) => {
                if convert(default.clone(), &element).is_err() {
                    let message = "the default value must have the same type as the map elements";
                    return Err(FunctionError::at(2, message));
                }
                Ok(element.as_ref().clone())
            }
            _ => Err(FunctionError::at(0, "lookup() requires a map as the first argument")),
        }
    })
}

pub(super) fn merge() -> Function {
    let parameter = any("maps").allow_null().allow_dynamic();
    let function = Function::new([], Type::Any, |arguments, ty| {
        let mut merged = Entries::new();
        for argument in arguments {
            if !argument.is_null() {
                merged.extend(entries(argument)?);
            }
        }
        Ok(match ty {
            Type::Map(element) => Value::Map(element.as_ref().clone(), merged),
            _ => Value::Object(merged),
        })
    });
    function.typed(merge_type).variadic(parameter)
}

/// The type of the arguments if it is the same for all, else an object's.
fn merge_type(arguments: &[Value]) -> Result<Type, FunctionError> {
    let mut types = Vec::new();
    for argument in arguments {
        match (argument, argument.ty()) {
            (_, Type::Any) => return Ok(Type::Any),
            (Value::Null(_), Type::Object(_)) => types.push(Type::object::<String>([])),
            (_, ty @ (Type::Object(_) | Type::Map(_))) => types.push(ty),
            (_, other) => {
                let message = format!("arguments must be maps or objects, got {:?}", other.friendly_name());
                return Err(FunctionError::new(message));
            }
        }
    }
    let Some(first) = types.first() else {
        return Ok(Type::object::<String>([]));
    };
    if types.iter().all(|ty| ty == first) {
        return Ok(first.clone());
    }
    let mut attributes = IndexMap::new();
    for (argument, ty) in arguments.iter().zip(&types) {
        match (argument, ty) {
            (_, Type::Object(types)) => attributes.extend(types.iter().map(|(name, ty)| (name.clone(), ty.clone()))),
            (Value::Map(element, entries), _) => {
                attributes.extend(entries.keys().map(|name| (name.to_string(), element.clone())));
            }
            (Value::Unknown(_), _) => return Ok(Type::Any),
            _ => {}
        }
    }
    Ok(Type::Object(attributes.into()))
}

pub(super) fn zipmap() -> Function {
    let parameters = [Parameter::new("keys", Type::list(Type::String)), any("values")];
    let function = Function::new(parameters, Type::Any, |arguments, ty| {
        let [keys, values] = take(arguments)?;
        if keys.contains_unknown() {
            return Ok(Value::Unknown(ty.clone()));
        }
        zip(elements(keys)?, elements(values)?, ty)
    });
    function.typed(|arguments| {
        let [keys, values] = arguments else {
            return Ok(Type::Any);
        };
        match values.ty() {
            Type::List(element) => Ok(Type::Map(element)),
            Type::Tuple(_) if keys.contains_unknown() => Ok(Type::Any),
            Type::Tuple(types) => {
                let keys = keys.as_list().unwrap_or_default();
                check_counts(keys.len(), types.len())?;
                let names = keys
                    .iter()
                    .enumerate()
                    .map(|(index, key)| key.as_str().ok_or_else(|| null_key(index)));
                let names = names.collect::<Result<Vec<_>, _>>()?;
                Ok(Type::object(names.into_iter().zip(types.iter().cloned())))
            }
            _ => Err(FunctionError::new("values argument must be a list or tuple value")),
        }
    })
}

fn zip(keys: Vec<Value>, values: Vec<Value>, ty: &Type) -> Outcome {
    check_counts(keys.len(), values.len())?;
    let mut entries = Entries::new();
    for (index, (key, value)) in keys.into_iter().zip(values).enumerate() {
        let Value::String(key) = key else {
            return Err(null_key(index));
        };
        entries.insert(key, value);
    }
    Ok(match ty {
        Type::Map(element) => Value::Map(element.as_ref().clone(), entries),
        _ => Value::Object(entries),
    })
}

fn null_key(index: usize) -> FunctionError {
    FunctionError::new(format!("keys list has null value at index {index}"))
}

fn check_counts(keys: usize, values: usize) -> Result<(), FunctionError> {
    if keys == values {
        return Ok(());
    }
    Err(FunctionError::new(format!(
        "number of keys ({keys}) does not match number of values ({values})"
    )))
}
