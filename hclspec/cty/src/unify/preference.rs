//! Which of several types is tried first as the common one.

use std::cmp::Ordering;

use crate::Type;

/// The types such that none comes after one that it is preferred to, in the given order otherwise.
///
/// Types that cannot be compared may stand between types that can, so that this is no plain sorting.
pub(super) fn order<'a>(types: &[&'a Type]) -> Vec<&'a Type> {
    // For each type, the places of those that it is preferred to, and by how many it is preceded.
    let behind: Vec<Vec<usize>> = types
        .iter()
        .map(|ty| {
            (0..types.len())
                .filter(|other| is_preferred(ty, types.get(*other)))
                .collect()
        })
        .collect();
    let mut before = vec![0_usize; types.len()];
    for place in behind.iter().flatten() {
        if let Some(count) = before.get_mut(*place) {
            *count += 1;
        }
    }
    let mut ready: Vec<usize> = (0..types.len())
        .filter(|place| before.get(*place) == Some(&0))
        .collect();
    let mut next = 0;
    while let Some(place) = ready.get(next).copied() {
        next += 1;
        for other in behind.get(place).into_iter().flatten() {
            let Some(count) = before.get_mut(*other) else {
                continue;
            };
            *count -= 1;
            if *count == 0 {
                ready.push(*other);
            }
        }
    }
    ready
        .into_iter()
        .filter_map(|place| types.get(place).copied())
        .collect()
}

fn is_preferred(ty: &Type, other: Option<&&Type>) -> bool {
    other.is_some_and(|other| compare(ty, other).is_lt())
}

/// Less if the first is preferred, as more can be converted to it; equal if neither is.
fn compare(a: &Type, b: &Type) -> Ordering {
    match (a, b) {
        (Type::Any, Type::Any) | (Type::String, Type::String) => Ordering::Equal,
        (_, Type::Any)
        | (Type::String, Type::Number | Type::Bool)
        | (Type::List(_), Type::Tuple(_) | Type::Set(_))
        | (Type::Tuple(_), Type::Set(_))
        | (Type::Map(_), Type::Object(_)) => Ordering::Less,
        (Type::Any, _)
        | (Type::Number | Type::Bool, Type::String)
        | (Type::Tuple(_) | Type::Set(_), Type::List(_))
        | (Type::Set(_), Type::Tuple(_))
        | (Type::Object(_), Type::Map(_)) => Ordering::Greater,
        (Type::List(a), Type::List(b)) | (Type::Set(a), Type::Set(b)) | (Type::Map(a), Type::Map(b)) => compare(a, b),
        (Type::Tuple(a), Type::Tuple(b)) if a.len() == b.len() => {
            all_one_way(a.iter().zip(b.iter()).map(|(a, b)| compare(a, b)))
        }
        (Type::Object(a), Type::Object(b)) if a.len() == b.len() => {
            let parts = a.iter().map(|(name, a)| Some(compare(a, b.get(name)?)));
            parts.collect::<Option<Vec<_>>>().map_or(Ordering::Equal, all_one_way)
        }
        _ => Ordering::Equal,
    }
}

/// The one order that the parts have, as far as they have any; equal if they are at odds.
fn all_one_way(parts: impl IntoIterator<Item = Ordering>) -> Ordering {
    let (mut less, mut greater) = (false, false);
    for part in parts {
        less |= part.is_lt();
        greater |= part.is_gt();
    }
    match (less, greater) {
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        _ => Ordering::Equal,
    }
}
