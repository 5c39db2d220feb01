//! Functions that look into collections.

use crate::operators::equal;
use crate::{Function, FunctionError, Type, Value};

use super::support::{any, integer, take};

pub(super) fn hasindex() -> Function {
    let parameters = [any("collection").allow_dynamic(), any("key").allow_dynamic()];
    let function = Function::new(parameters, Type::Bool, |arguments, ty| {
        let [collection, key] = take(arguments)?;
        if matches!(key, Value::Unknown(_)) {
            return Ok(Value::Unknown(ty.clone()));
        }
        Ok(find(&collection, &key).is_some().into())
    });
    function.typed(|arguments| match arguments.first().map(Value::ty) {
        Some(Type::Tuple(_) | Type::List(_) | Type::Map(_) | Type::Any) | None => Ok(Type::Bool),
        Some(_) => Err(not_indexed()),
    })
}

fn not_indexed() -> FunctionError {
    FunctionError::new("collection must be a list, a map or a tuple")
}

/// The element with the key, which is of the type that the collection has keys of.
fn find<'a>(collection: &'a Value, key: &Value) -> Option<&'a Value> {
    match (collection, key) {
        (Value::Map(_, entries), Value::String(name)) => entries.get(name),
        (Value::List(_, values) | Value::Tuple(values), Value::Number(index)) => {
            values.get(usize::try_from(index.as_u64()?).ok()?)
        }
        _ => None,
    }
}

pub(super) fn index() -> Function {
    let parameters = [any("collection"), any("key").allow_dynamic()];
    let function = Function::new(parameters, Type::Any, |arguments, _| {
        let [collection, key] = take(arguments)?;
        let found = find(&collection, &key).cloned();
        found.ok_or_else(|| FunctionError::new("invalid index"))
    });
    function.typed(|arguments| {
        let [collection, key] = arguments else {
            return Ok(Type::Any);
        };
        match (collection.ty(), key.ty()) {
            (Type::Tuple(types), Type::Number | Type::Any) => tuple_element_type(&types, key),
            (Type::Tuple(_), _) => Err(FunctionError::new("key for tuple must be number")),
            (Type::List(element), Type::Number | Type::Any) | (Type::Map(element), Type::String | Type::Any) => {
                Ok(element.as_ref().clone())
            }
            (Type::List(_), _) => Err(FunctionError::new("key for list must be number")),
            (Type::Map(_), _) => Err(FunctionError::new("key for map must be string")),
            _ => Err(not_indexed()),
        }
    })
}

fn tuple_element_type(types: &[Type], key: &Value) -> Result<Type, FunctionError> {
    if !key.is_known() {
        return Ok(Type::Any);
    }
    let index = integer(key).map_err(|error| FunctionError::new(format!("invalid key for tuple: {error}")))?;
    let ty = usize::try_from(index).ok().and_then(|index| types.get(index)).cloned();
    ty.ok_or_else(|| match types.len() {
        0 => FunctionError::new("the tuple has no elements"),
        count => FunctionError::new(format!("key must be between 0 and {} inclusive", count - 1)),
    })
}

pub(super) fn length() -> Function {
    let parameter = any("collection").allow_unknown().allow_dynamic();
    let function = Function::new([parameter], Type::Number, |arguments, ty| {
        let [collection] = take(arguments)?;
        let count = match &collection {
            Value::Unknown(Type::Tuple(types)) => types.len(),
            Value::List(_, values) | Value::Tuple(values) => values.len(),
            // Unknown elements may turn out to be equal to others.
            Value::Set(_, values) if values.len() == 1 || !collection.contains_unknown() => values.len(),
            Value::Map(_, entries) => entries.len(),
            _ => return Ok(Value::Unknown(ty.clone())),
        };
        Ok(count.into())
    });
    function.typed(|arguments| match arguments.first().map(Value::ty) {
        Some(Type::Tuple(_) | Type::List(_) | Type::Map(_) | Type::Set(_) | Type::Any) | None => Ok(Type::Number),
        Some(_) => Err(not_indexed()),
    })
}

pub(super) fn contains() -> Function {
    let parameters = [any("list"), any("value").allow_null().allow_dynamic()];
    Function::new(parameters, Type::Bool, |arguments, ty| {
        let [list, wanted] = take(arguments)?;
        let Some(values) = list.as_list() else {
            return Err(FunctionError::new("argument must be list, tuple, or set"));
        };
        let mut undecided = false;
        for value in values {
            match equal(value, &wanted) {
                Value::Bool(true) => return Ok(true.into()),
                Value::Bool(false) => {}
                _ => undecided = true,
            }
        }
        Ok(if undecided {
            Value::Unknown(ty.clone())
        } else {
            false.into()
        })
    })
}
