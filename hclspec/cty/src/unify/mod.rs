//! One type for several values.

mod preference;

use std::cell::Cell;

use indexmap::{IndexMap, IndexSet};

use crate::Type;
use crate::convert::is_convertible;

/// Steps after which the search for a common type is given up. No types that anybody would write come near.
const MAX_STEPS: u32 = 1_000_000;
/// How many different types are tried, one after the other, as the common one.
const MAX_CANDIDATES: usize = 64;

/// Which conversions are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Safety {
    /// Those that can fail for no value.
    Safe,
    /// Those, too, that depend on the value: texts to numbers, maps to objects.
    Unsafe,
}

/// The type that values of all these types can be converted to, without loss where that is possible; none if there is
/// no such type, or no type given.
///
/// This is what makes one type of the results of a conditional, and of the elements of a list. A conversion of a value
/// to it may still fail, as that of a text that is to be a number.
///
/// ```
/// use encamp_hclspec_cty::{Type, unify};
///
/// assert_eq!(unify(&[Type::Number, Type::String]), Some(Type::String));
/// let objects = [Type::object([("a", Type::Number)]), Type::object([("b", Type::Bool)])];
/// assert_eq!(unify(&objects[..1]), Some(objects[0].clone()));
/// assert_eq!(unify(&objects), None);
/// assert_eq!(unify(&[Type::Number, Type::list(Type::Number)]), None);
/// ```
pub fn unify<'a>(types: impl IntoIterator<Item = &'a Type>) -> Option<Type> {
    common_type(types, Safety::Unsafe)
}

/// As [`unify`], with only such conversions as cannot fail.
pub fn unify_safe<'a>(types: impl IntoIterator<Item = &'a Type>) -> Option<Type> {
    common_type(types, Safety::Safe)
}

pub(crate) fn common_type<'a>(types: impl IntoIterator<Item = &'a Type>, safety: Safety) -> Option<Type> {
    let search = Search {
        safety,
        steps: Cell::new(0),
    };
    search.common(types)
}

struct Search {
    safety: Safety,
    steps: Cell<u32>,
}

/// How many of the different types are of which kind.
#[derive(Default)]
struct Kinds {
    lists: usize,
    sets: usize,
    maps: usize,
    tuples: usize,
    objects: usize,
    any: usize,
}

impl Kinds {
    fn of(types: &IndexSet<&Type>) -> Self {
        let mut kinds = Self::default();
        for ty in types {
            match ty {
                Type::List(_) => kinds.lists += 1,
                Type::Set(_) => kinds.sets += 1,
                Type::Map(_) => kinds.maps += 1,
                Type::Tuple(_) => kinds.tuples += 1,
                Type::Object(_) => kinds.objects += 1,
                Type::Any => kinds.any += 1,
                Type::String | Type::Number | Type::Bool => {}
            }
        }
        kinds
    }
}

impl Search {
    fn common<'a>(&self, types: impl IntoIterator<Item = &'a Type>) -> Option<Type> {
        let types: IndexSet<&Type> = types.into_iter().collect();
        self.steps.set(
            self.steps
                .get()
                .saturating_add(u32::try_from(types.len()).unwrap_or(u32::MAX)),
        );
        if self.steps.get() > MAX_STEPS {
            return None;
        }
        let first = types.first()?;
        let kinds = Kinds::of(&types);
        let all = types.len() - kinds.any;
        if types.len() == 1 {
            return Some((*first).clone());
        }
        // As long as nothing is known of one of the types, nothing can be said of what they have in common.
        let structural = [kinds.lists, kinds.sets, kinds.maps, kinds.tuples, kinds.objects];
        if kinds.any > 0 && all > 0 && structural.contains(&all) {
            return Some(Type::Any);
        }
        if kinds.lists == all {
            return self.elements(&types).map(Type::list);
        }
        if kinds.sets == all {
            return self.elements(&types).map(Type::set);
        }
        if kinds.maps == all {
            return self.elements(&types).map(Type::map);
        }
        if kinds.objects == all {
            return self.objects(&types);
        }
        if kinds.tuples == all {
            return self.tuples(&types);
        }
        if kinds.objects > 0 && kinds.tuples > 0 {
            return None;
        }
        let flattened = if kinds.maps > 0 && kinds.maps + kinds.objects == all {
            self.with_maps_for_objects(&types)
        } else if kinds.lists > 0 && kinds.lists + kinds.tuples == all {
            self.with_lists_for_tuples(&types)
        } else {
            None
        };
        flattened.or_else(|| self.one_of(&types))
    }

    fn elements(&self, types: &IndexSet<&Type>) -> Option<Type> {
        self.common(types.iter().filter_map(|ty| ty.element_type()))
    }

    /// An object if all have the same attributes, else a map.
    fn objects(&self, types: &IndexSet<&Type>) -> Option<Type> {
        let objects: Vec<&IndexMap<String, Type>> = types.iter().filter_map(|ty| attributes(ty)).collect();
        let first = *objects.first()?;
        let alike = |other: &&IndexMap<String, Type>| {
            other.len() == first.len() && other.keys().all(|name| first.contains_key(name))
        };
        if !objects.iter().all(alike) {
            return self.map_for(&objects);
        }
        let common = first.keys().map(|name| {
            let across = self.common(objects.iter().filter_map(|object| object.get(name)));
            Some((name.clone(), across?))
        });
        let common = Type::object(common.collect::<Option<Vec<_>>>()?);
        if self.all_convertible(types, &common) {
            return Some(common);
        }
        self.map_for(&objects)
    }

    fn map_for(&self, objects: &[&IndexMap<String, Type>]) -> Option<Type> {
        let element = self.common(objects.iter().flat_map(|object| object.values()))?;
        let map = Type::map(element);
        let possible = |object: &&IndexMap<String, Type>| {
            let object = Type::object(object.iter().map(|(name, ty)| (name.clone(), ty.clone())));
            is_convertible(&object, &map, self.safety)
        };
        objects.iter().all(possible).then_some(map)
    }

    /// A tuple if all have the same length, else a list.
    fn tuples(&self, types: &IndexSet<&Type>) -> Option<Type> {
        let tuples: Vec<&[Type]> = types.iter().filter_map(|ty| elements(ty)).collect();
        let first = *tuples.first()?;
        if tuples.iter().any(|other| other.len() != first.len()) {
            return self.list_for(&tuples);
        }
        let common = (0..first.len()).map(|index| self.common(tuples.iter().filter_map(|tuple| tuple.get(index))));
        let common = Type::tuple(common.collect::<Option<Vec<_>>>()?);
        if self.all_convertible(types, &common) {
            return Some(common);
        }
        self.list_for(&tuples)
    }

    fn list_for(&self, tuples: &[&[Type]]) -> Option<Type> {
        let element = self.common(tuples.iter().flat_map(|tuple| tuple.iter()))?;
        let list = Type::list(element);
        let possible = |tuple: &&[Type]| is_convertible(&Type::tuple(tuple.to_vec()), &list, self.safety);
        tuples.iter().all(possible).then_some(list)
    }

    fn with_maps_for_objects(&self, types: &IndexSet<&Type>) -> Option<Type> {
        let objects: IndexSet<&Type> = types.iter().filter(|ty| attributes(ty).is_some()).copied().collect();
        let objects: Vec<_> = objects.iter().filter_map(|ty| attributes(ty)).collect();
        let map = self.map_for(&objects)?;
        let mapped = types.iter().map(|ty| if attributes(ty).is_some() { &map } else { *ty });
        self.common(mapped).filter(|common| matches!(common, Type::Map(_)))
    }

    fn with_lists_for_tuples(&self, types: &IndexSet<&Type>) -> Option<Type> {
        let tuples: Vec<_> = types.iter().filter_map(|ty| elements(ty)).collect();
        let list = self.list_for(&tuples)?;
        let listed = types.iter().map(|ty| if elements(ty).is_some() { &list } else { *ty });
        self.common(listed).filter(|common| matches!(common, Type::List(_)))
    }

    fn all_convertible<'a>(&self, types: impl IntoIterator<Item = &'a &'a Type>, to: &Type) -> bool {
        types.into_iter().all(|from| is_convertible(from, to, self.safety))
    }

    /// That of the types which all others can be converted to, the most general first.
    fn one_of(&self, types: &IndexSet<&Type>) -> Option<Type> {
        let candidates: Vec<&Type> = types.iter().copied().take(MAX_CANDIDATES).collect();
        let mut candidates = preference::order(&candidates).into_iter();
        candidates.find(|to| self.all_convertible(types, to)).cloned()
    }
}

fn attributes(ty: &Type) -> Option<&IndexMap<String, Type>> {
    match ty {
        Type::Object(attributes) => Some(attributes),
        _ => None,
    }
}

fn elements(ty: &Type) -> Option<&[Type]> {
    match ty {
        Type::Tuple(elements) => Some(elements),
        _ => None,
    }
}
