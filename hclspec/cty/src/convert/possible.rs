//! Which types can be converted into which.

use indexmap::IndexMap;

use crate::Type;
use crate::unify::{Safety, common_type};

/// Whether there is a conversion between two types, which may yet fail for some values unless it is to be safe.
pub(crate) fn is_convertible(from: &Type, to: &Type, safety: Safety) -> bool {
    let is_unsafe = safety == Safety::Unsafe;
    match (from, to) {
        (_, Type::Any) | (Type::Number | Type::Bool, Type::String) => true,
        (Type::Any, _) | (Type::String, Type::Number | Type::Bool) => is_unsafe,
        (Type::Object(from), Type::Object(to)) => to.iter().all(|(name, to)| {
            let from = from.get(name);
            from.is_some_and(|from| is_convertible(from, to, safety))
        }),
        (Type::Tuple(from), Type::Tuple(to)) => {
            from.len() == to.len()
                && from
                    .iter()
                    .zip(to.iter())
                    .all(|(from, to)| is_convertible(from, to, safety))
        }
        // What makes a set of a list loses its order, and equal elements.
        (Type::List(from), Type::Set(to)) => is_unsafe && is_convertible(from, to, safety),
        (Type::List(from) | Type::Set(from), Type::List(to))
        | (Type::Set(from), Type::Set(to))
        | (Type::Map(from), Type::Map(to)) => is_convertible(from, to, safety),
        (Type::Tuple(from), Type::List(to) | Type::Set(to)) => {
            from.is_empty()
                || unify_elements(from, to, safety)
                    .is_some_and(|to| from.iter().all(|from| is_convertible(from, &to, safety)))
        }
        (Type::Object(from), Type::Map(to)) => is_map_like(from, to, safety),
        (Type::Map(from), Type::Object(to)) => is_unsafe && to.values().all(|to| is_convertible(from, to, safety)),
        (from, to) => from == to,
    }
}

fn is_map_like(from: &IndexMap<String, Type>, to: &Type, safety: Safety) -> bool {
    if from.is_empty() || (*to == Type::Any && common_type(from.values(), safety).is_some()) {
        return true;
    }
    *to != Type::Any && from.values().all(|from| is_convertible(from, to, safety))
}

/// What the elements of a tuple of at least one are to be, for a list or a set of the wanted type: that, or where it is
/// any, the type that they have in common.
pub(super) fn unify_elements(types: &[Type], wanted: &Type, safety: Safety) -> Option<Type> {
    if *wanted != Type::Any {
        return Some(wanted.clone());
    }
    let common = common_type(types.iter(), safety)?;
    (common != Type::Any || types.iter().all(|ty| *ty == Type::Any)).then_some(common)
}

/// What a null or an unknown value of one type is of when it has been converted to another: that, with what it leaves
/// open filled in.
pub(super) fn replace_any(from: &Type, to: &Type) -> Type {
    if !to.has_any() {
        return to.clone();
    }
    let common = |types: &[Type]| common_type(types.iter(), Safety::Unsafe).unwrap_or_default();
    match (from, to) {
        (Type::Any, to) => to.clone(),
        (from, Type::Any) => from.clone(),
        (Type::Map(from), Type::Map(to)) => Type::map(replace_any(from, to)),
        (Type::Object(from), Type::Map(to)) => {
            let types: Vec<Type> = from.values().cloned().collect();
            Type::map(replace_any(&common(&types), to))
        }
        (Type::List(from) | Type::Set(from), Type::List(to)) => Type::list(replace_any(from, to)),
        (Type::List(from) | Type::Set(from), Type::Set(to)) => Type::set(replace_any(from, to)),
        (Type::Tuple(from), Type::List(to)) => Type::list(replace_any(&common(from), to)),
        (Type::Tuple(from), Type::Set(to)) => Type::set(replace_any(&common(from), to)),
        (Type::Tuple(from), Type::Tuple(to)) => {
            Type::tuple(from.iter().zip(to.iter()).map(|(from, to)| replace_any(from, to)))
        }
        (Type::Map(from), Type::Object(to)) => {
            Type::object(to.iter().map(|(name, to)| (name.clone(), replace_any(from, to))))
        }
        (Type::Object(from), Type::Object(to)) => Type::object(to.iter().map(|(name, to)| {
            let from = from.get(name).unwrap_or(&Type::Any);
            (name.clone(), replace_any(from, to))
        })),
        (_, to) => to.clone(),
    }
}
