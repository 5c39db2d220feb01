//! Conversion of values between types, with HCL's rules.

mod mismatch;
mod possible;

use indexmap::IndexMap;

use self::mismatch::mismatch;
pub(crate) use self::possible::is_convertible;
use self::possible::{replace_any, unify_elements};
use crate::unify::{Safety, common_type};
use crate::value::nfc_name;
use crate::{Entries, Number, Type, Value};

/// Why a value cannot be converted.
///
/// Its text is HCL's: "a number is required", "string required, but have tuple", "attribute \"b\" is required".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConvertError {
    /// Where in the value: names and `[index]`es.
    pub path: Vec<String>,
    /// What is wrong there.
    pub message: String,
}

/// The value as a value of the type.
///
/// Numbers and bools become texts, and texts that are right for it numbers and bools; tuples become lists and sets,
/// objects maps, and the other way round maps objects, element by element. An object may have more attributes than are
/// asked for; the others are dropped. Under [`Type::Any`] as the element type of a collection, the elements get the one
/// type that they all can be converted to. Nulls and unknowns stay such, of the new type.
///
/// ```
/// use encamp_hclspec_cty::{Type, Value, convert};
///
/// let ports = convert(Value::tuple([Value::from("80"), 443.into()]), &Type::set(Type::Number))?;
/// assert_eq!(ports, Value::set(Type::Number, [80, 443]));
///
/// let error = convert(Value::from("eighty"), &Type::Number).unwrap_err();
/// assert_eq!(error.to_string(), "a number is required");
/// # Ok::<(), encamp_hclspec_cty::ConvertError>(())
/// ```
///
/// # Errors
/// Types between which there is no conversion, and texts that are no numbers or bools.
pub fn convert(value: Value, ty: &Type) -> Result<Value, ConvertError> {
    if *ty == Type::Any || value.is_of_type(ty) {
        return Ok(value);
    }
    if (value.as_str().is_some() || value.as_number().is_some() || value.as_bool().is_some()) && ty.is_primitive() {
        return primitive(value, ty).map_err(|failure| failure.into_error(&Type::Any, ty));
    }
    // A conversion that is not possible between the types at all is told before anything wrong with a value: that is
    // looked at only after a failure, for which the type is needed; to make it of a large value takes long.
    let own = if cannot_fail(&value, ty) { Type::Any } else { value.ty() };
    apply(value, ty).map_err(|failure| failure.into_error(&own, ty))
}

/// Whether it is plain that the value can be converted.
fn cannot_fail(value: &Value, ty: &Type) -> bool {
    match (value, ty) {
        (Value::Tuple(values), Type::List(ty) | Type::Set(ty)) => values.iter().all(|value| cannot_fail(value, ty)),
        (Value::Object(entries), Type::Map(ty)) => entries.values().all(|value| cannot_fail(value, ty)),
        (Value::Object(entries), Type::Object(types)) => types
            .iter()
            .all(|(name, ty)| entries.get(name).is_some_and(|value| cannot_fail(value, ty))),
        (Value::Number(_) | Value::Bool(_), Type::String) => true,
        (value, ty) => !ty.has_any() && value.is_of_type(ty),
    }
}

/// Why a conversion failed.
#[derive(Debug)]
enum Failure {
    /// There is no such conversion.
    Types,
    /// There is, but not of this value. The path is innermost first.
    Value { path: Vec<String>, message: String },
}

impl Failure {
    fn of(message: impl Into<String>) -> Self {
        Self::Value {
            path: Vec::new(),
            message: message.into(),
        }
    }

    fn at(mut self, step: impl FnOnce() -> String) -> Self {
        if let Self::Value { path, .. } = &mut self {
            path.push(step());
        }
        self
    }

    fn into_error(self, from: &Type, to: &Type) -> ConvertError {
        match self {
            Self::Value { mut path, message } if is_convertible(from, to, Safety::Unsafe) => {
                path.reverse();
                ConvertError { path, message }
            }
            Self::Value { message, .. } if from.is_primitive() || *from == Type::Any => ConvertError {
                path: Vec::new(),
                message,
            },
            _ => ConvertError {
                path: Vec::new(),
                message: mismatch(from, to),
            },
        }
    }
}

fn apply(value: Value, ty: &Type) -> Result<Value, Failure> {
    if *ty == Type::Any || value.is_of_type(ty) {
        return Ok(value);
    }
    match (value, ty) {
        (Value::Null(own), ty) => changed(&own, ty).map(Value::Null),
        (Value::Unknown(own), ty) => changed(&own, ty).map(Value::Unknown),
        (value, Type::String | Type::Number | Type::Bool) => primitive(value, ty),
        (Value::Tuple(values), Type::List(element)) => tuple_to_list(values, element),
        (Value::Tuple(values), Type::Set(element)) => tuple_to_set(values, element),
        (Value::Tuple(values), Type::Tuple(types)) => tuple_to_tuple(values, types),
        (Value::List(own, values) | Value::Set(own, values), Type::List(element)) => {
            let (element, values) = collection(&own, values, element, "list")?;
            Ok(Value::List(element, values))
        }
        (Value::List(own, values) | Value::Set(own, values), Type::Set(element)) => {
            let (element, values) = collection(&own, values, element, "set")?;
            Ok(Value::set(element, values))
        }
        (Value::Map(own, entries), Type::Map(element)) => map_to_map(&own, entries, element),
        (Value::Object(entries), Type::Map(element)) => object_to_map(entries, element),
        (Value::Map(own, entries), Type::Object(types)) => map_to_object(&own, entries, types),
        (Value::Object(entries), Type::Object(types)) => object_to_object(entries, types),
        _ => Err(Failure::Types),
    }
}

/// The type that a null or an unknown value is then of.
fn changed(own: &Type, ty: &Type) -> Result<Type, Failure> {
    if is_convertible(own, ty, Safety::Unsafe) {
        Ok(replace_any(own, ty))
    } else {
        Err(Failure::Types)
    }
}

fn primitive(value: Value, ty: &Type) -> Result<Value, Failure> {
    match (value, ty) {
        (Value::Number(number), Type::String) => Ok(Value::String(number.to_string())),
        (Value::Bool(truth), Type::String) => Ok(Value::String(truth.to_string())),
        (Value::String(text), Type::Number) => number(&text).map(Value::Number),
        (Value::String(text), Type::Bool) => truth(&text).map(Value::Bool),
        (value @ Value::String(_), Type::String)
        | (value @ Value::Number(_), Type::Number)
        | (value @ Value::Bool(_), Type::Bool) => Ok(value),
        (value @ (Value::Bool(_) | Value::Number(_)), ty) => Err(Failure::of(mismatch(&value.ty(), ty))),
        _ => Err(Failure::Types),
    }
}

fn number(text: &str) -> Result<Number, Failure> {
    text.parse()
        .map_err(|error: crate::NumberError| Failure::of(error.to_string()))
}

fn truth(text: &str) -> Result<bool, Failure> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => {
            let lower = text.to_lowercase();
            Err(Failure::of(if lower == "true" || lower == "false" {
                format!("a bool is required; to convert from string, use lowercase \"{lower}\"")
            } else {
                "a bool is required".to_owned()
            }))
        }
    }
}

fn tuple_to_list(values: Vec<Value>, element: &Type) -> Result<Value, Failure> {
    let (values, types) = tuple_elements(values, element)?;
    let Some(types) = types else {
        return Ok(Value::List(element.clone(), values));
    };
    let common = common_type(types.iter(), Safety::Unsafe).ok_or_else(no_base)?;
    let values = apply_all(values, &common)?;
    one_type(&common, &values, "list")
        .map(|element| (element, values))
        .map(|(element, values)| Value::List(element.clone(), typed_nulls(values, &element)))
}

fn tuple_to_set(values: Vec<Value>, element: &Type) -> Result<Value, Failure> {
    let (values, types) = tuple_elements(values, element)?;
    let element = match types {
        None => element.clone(),
        Some(types) => same_type(types, "element types must all match for conversion to set")?,
    };
    let values = typed_nulls(values, &element);
    Ok(Value::set(element, values))
}

/// The elements converted, and their types where the element type leaves anything open.
fn tuple_elements(values: Vec<Value>, element: &Type) -> Result<(Vec<Value>, Option<Vec<Type>>), Failure> {
    if values.is_empty() || !element.has_any() {
        return Ok((apply_all(values, element)?, None));
    }
    let types: Vec<Type> = values.iter().map(Value::ty).collect();
    let element = unify_elements(&types, element, Safety::Unsafe).ok_or(Failure::Types)?;
    let values = apply_all(values, &element)?;
    let types = values.iter().map(Value::ty).collect();
    Ok((values, Some(types)))
}

fn apply_all(values: Vec<Value>, ty: &Type) -> Result<Vec<Value>, Failure> {
    let values = values.into_iter().enumerate();
    values
        .map(|(index, value)| apply(value, ty).map_err(|failure| failure.at(|| format!("[{index}]"))))
        .collect()
}

fn tuple_to_tuple(values: Vec<Value>, types: &[Type]) -> Result<Value, Failure> {
    if values.len() != types.len() {
        return Err(Failure::Types);
    }
    let pairs = values.into_iter().zip(types).enumerate();
    let converted =
        pairs.map(|(index, (value, ty))| apply(value, ty).map_err(|failure| failure.at(|| format!("[{index}]"))));
    Ok(Value::Tuple(converted.collect::<Result<_, _>>()?))
}

/// The elements of a list or a set converted, and what their type is then.
fn collection(own: &Type, values: Vec<Value>, element: &Type, kind: &str) -> Result<(Type, Vec<Value>), Failure> {
    if own != element && !is_convertible(own, element, Safety::Unsafe) {
        return Err(Failure::Types);
    }
    let values = apply_all(values, element)?;
    let element = element_of(own, element, values.iter(), kind)?;
    let values = typed_nulls(values, &element);
    Ok((element, values))
}

fn map_to_map(own: &Type, entries: Entries, element: &Type) -> Result<Value, Failure> {
    if own != element && !is_convertible(own, element, Safety::Unsafe) {
        return Err(Failure::Types);
    }
    let entries = apply_entries(entries, element)?;
    let element = element_of(own, element, entries.values(), "map")?;
    Ok(Value::Map(element.clone(), typed_null_entries(entries, &element)))
}

fn element_of<'a>(
    own: &Type,
    element: &Type,
    values: impl ExactSizeIterator<Item = &'a Value>,
    kind: &str,
) -> Result<Type, Failure> {
    if !element.has_any() {
        return Ok(element.clone());
    }
    if values.len() == 0 {
        return Ok(if *element == Type::Any { own } else { element }.clone());
    }
    let message = format!("element types must all match for conversion to {kind}");
    same_type(values.map(Value::ty).collect(), &message)
}

fn object_to_map(entries: Entries, element: &Type) -> Result<Value, Failure> {
    if entries.is_empty() || !element.has_any() {
        let entries = apply_entries(entries, element)?;
        return Ok(Value::Map(element.clone(), entries));
    }
    let types: Vec<Type> = entries.values().map(Value::ty).collect();
    let target = if *element == Type::Any {
        common_type(types.iter(), Safety::Unsafe).ok_or(Failure::Types)?
    } else {
        element.clone()
    };
    let mut entries = apply_entries(entries, &target)?;
    let mut types: Vec<Type> = entries.values().map(Value::ty).collect();
    if target.is_collection() || matches!(target, Type::Object(_)) {
        let common = common_type(types.iter(), Safety::Unsafe).ok_or_else(no_base)?;
        entries = apply_entries(entries, &common)?;
        types = entries.values().map(Value::ty).collect();
    }
    let element = same_type(types, "attribute types must all match for conversion to map")?;
    Ok(Value::Map(element.clone(), typed_null_entries(entries, &element)))
}

fn apply_entries(mut entries: Entries, ty: &Type) -> Result<Entries, Failure> {
    if entries.keys().all(str::is_ascii) {
        for (name, value) in entries.iter_mut() {
            apply_in_place(name, value, ty)?;
        }
        return Ok(entries);
    }
    let entries = entries.into_iter();
    let converted = entries.map(|(name, value)| match apply(value, ty) {
        Ok(value) => Ok((nfc_name(name), value)),
        Err(failure) => Err(failure.at(|| name.to_string())),
    });
    converted.collect()
}

fn apply_in_place(name: &str, value: &mut Value, ty: &Type) -> Result<(), Failure> {
    if *ty != Type::Any && !value.is_of_type(ty) {
        *value = apply(std::mem::take(value), ty).map_err(|failure| failure.at(|| name.to_owned()))?;
    }
    Ok(())
}

fn map_to_object(own: &Type, mut entries: Entries, types: &IndexMap<String, Type>) -> Result<Value, Failure> {
    if !types.values().all(|ty| is_convertible(own, ty, Safety::Unsafe)) {
        return Err(Failure::Types);
    }
    let attributes = types.iter().map(|(name, ty)| {
        let Some(value) = entries.swap_remove(name) else {
            return Err(Failure::of(format!(
                "map has no element for required attribute {name:?}"
            )));
        };
        let value = apply(value, ty).map_err(|failure| failure.at(|| name.clone()))?;
        Ok((name.clone(), value))
    });
    Ok(Value::Object(attributes.collect::<Result<_, _>>()?))
}

fn object_to_object(mut entries: Entries, types: &IndexMap<String, Type>) -> Result<Value, Failure> {
    if entries.len() == types.len() && entries.keys().zip(types.keys()).all(|(name, typed)| name == typed) {
        for ((name, value), ty) in entries.iter_mut().zip(types.values()) {
            apply_in_place(name, value, ty)?;
        }
        return Ok(Value::Object(entries));
    }
    let attributes = types.iter().map(|(name, ty)| {
        let value = entries.swap_remove(name).ok_or(Failure::Types)?;
        let value = apply(value, ty).map_err(|failure| failure.at(|| name.clone()))?;
        Ok((name.clone(), value))
    });
    Ok(Value::Object(attributes.collect::<Result<_, _>>()?))
}

fn no_base() -> Failure {
    Failure::of("cannot find a common base type for all elements")
}

/// The one type of values that have been given a common type.
fn one_type(common: &Type, values: &[Value], kind: &str) -> Result<Type, Failure> {
    if !common.has_any() {
        return Ok(common.clone());
    }
    let message = format!("element types must all match for conversion to {kind}");
    same_type(values.iter().map(Value::ty).collect(), &message)
}

/// The type that all of these are, but for those of which nothing is known.
fn same_type(types: Vec<Type>, message: &str) -> Result<Type, Failure> {
    let mut one = Type::Any;
    for ty in types {
        if one == Type::Any {
            one = ty;
        } else if ty != Type::Any && ty != one {
            return Err(Failure::of(message));
        }
    }
    Ok(one)
}

/// Gives nulls and unknowns of no type the type of the others.
fn typed_nulls(values: Vec<Value>, ty: &Type) -> Vec<Value> {
    values.into_iter().map(|value| typed_null(value, ty)).collect()
}

fn typed_null_entries(entries: Entries, ty: &Type) -> Entries {
    entries
        .into_iter()
        .map(|(name, value)| (name, typed_null(value, ty)))
        .collect()
}

fn typed_null(value: Value, ty: &Type) -> Value {
    match value {
        Value::Null(Type::Any) => Value::Null(ty.clone()),
        Value::Unknown(Type::Any) => Value::Unknown(ty.clone()),
        value => value,
    }
}
