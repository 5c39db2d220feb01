//! The entries of maps and objects.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::iter::Map;
use std::slice;

use hashbrown::HashTable;
use serde::{Serialize, Serializer};
use smol_str::SmolStr;

use crate::Value;

/// Values under names, each name once, in the order in which they were inserted.
///
/// Equality does not heed the order. Few entries are just a list, which takes a fraction of a hash table's memory; very
/// many have a hash table beside it, so that each is found as fast.
///
/// ```
/// use encamp_hclspec_cty::{Entries, Value};
///
/// let mut ports: Entries = [("http", 80), ("admin", 8080)].into_iter().collect();
/// assert_eq!(ports.insert("http", 8000.into()), Some(80.into()));
/// assert_eq!(ports.keys().collect::<Vec<_>>(), ["http", "admin"]);
/// assert_eq!(ports.get("http").and_then(Value::as_i64), Some(8000));
/// ```
#[derive(Clone)]
pub struct Entries(Repr);

type Pair = (SmolStr, Value);

#[derive(Clone)]
enum Repr {
    Few(Vec<Pair>),
    Many(Box<Indexed>),
}

#[derive(Clone)]
struct Indexed {
    pairs: Vec<Pair>,
    /// Of the pairs, by their names' hashes.
    places: HashTable<usize>,
    hasher: RandomState,
}

impl Indexed {
    fn of(pairs: Vec<Pair>) -> Self {
        let mut indexed = Self {
            places: HashTable::with_capacity(2 * pairs.len()),
            hasher: RandomState::new(),
            pairs: Vec::with_capacity(2 * pairs.len()),
        };
        for (name, value) in pairs {
            indexed.push(name, value);
        }
        indexed
    }

    fn find(&self, name: &str) -> Option<usize> {
        let is_it = |place: &usize| self.pairs.get(*place).is_some_and(|(own, _)| own == name);
        self.places.find(self.hasher.hash_one(name), is_it).copied()
    }

    /// Adds a name that is not there yet.
    fn push(&mut self, name: SmolStr, value: Value) {
        self.pairs.push((name, value));
        self.index(self.pairs.len() - 1);
    }

    fn hash(pairs: &[Pair], hasher: &RandomState, place: usize) -> u64 {
        pairs.get(place).map_or(0, |(name, _)| hasher.hash_one(name.as_str()))
    }

    fn index(&mut self, place: usize) {
        let Self { pairs, places, hasher } = self;
        let hash = |place: &usize| Self::hash(pairs, hasher, *place);
        places.insert_unique(hash(&place), place, hash);
    }

    fn unindex(&mut self, place: usize) {
        let hash = Self::hash(&self.pairs, &self.hasher, place);
        if let Ok(entry) = self.places.find_entry(hash, |other| *other == place) {
            entry.remove();
        }
    }

    fn swap_remove(&mut self, place: usize) -> Value {
        let last = self.pairs.len() - 1;
        self.unindex(place);
        self.unindex(last);
        let (_, value) = self.pairs.swap_remove(place);
        if place < last {
            self.index(place);
        }
        value
    }
}

/// Up to this many names are compared one by one, which is as fast as to hash one.
const FEW: usize = 12;

impl Entries {
    /// None.
    pub const fn new() -> Self {
        Self(Repr::Few(Vec::new()))
    }

    /// None, with memory for so many.
    pub fn with_capacity(count: usize) -> Self {
        Self(Repr::Few(Vec::with_capacity(count)))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.pairs().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pairs().is_empty()
    }

    /// Whether there is one of this name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The value of this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.pairs().get(self.find(name)?).map(|(_, value)| value)
    }

    /// The value of this name, to change it in place.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        let place = self.find(name)?;
        self.pairs_mut().get_mut(place).map(|(_, value)| value)
    }

    /// Sets the value of a name, and returns the one that it had. A name keeps its place.
    pub fn insert(&mut self, name: impl Into<SmolStr>, value: Value) -> Option<Value> {
        let name = name.into();
        if let Some(old) = self.get_mut(&name) {
            return Some(std::mem::replace(old, value));
        }
        self.push(name, value);
        None
    }

    /// Takes the value of a name out. The last entry takes its place.
    pub fn swap_remove(&mut self, name: &str) -> Option<Value> {
        let place = self.find(name)?;
        Some(match &mut self.0 {
            Repr::Few(pairs) => pairs.swap_remove(place).1,
            Repr::Many(indexed) => indexed.swap_remove(place),
        })
    }

    /// Takes the value of a name out. The others keep their order, which takes time in proportion to their number.
    pub fn shift_remove(&mut self, name: &str) -> Option<Value> {
        let place = self.find(name)?;
        let mut pairs = std::mem::take(self.pairs_mut());
        let (_, value) = pairs.remove(place);
        *self = pairs.into_iter().collect();
        Some(value)
    }

    /// Names and values.
    pub fn iter(&self) -> Iter<'_> {
        self.pairs().iter().map(|(name, value)| (name, value))
    }

    /// Names and values, these to change them in place.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&SmolStr, &mut Value)> {
        self.pairs_mut().iter_mut().map(|(name, value)| (&*name, value))
    }

    /// The names.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        self.pairs().iter().map(|(name, _)| name.as_str())
    }

    /// The values.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &Value> {
        self.pairs().iter().map(|(_, value)| value)
    }

    /// The values, to change them in place.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.pairs_mut().iter_mut().map(|(_, value)| value)
    }

    fn pairs(&self) -> &Vec<Pair> {
        match &self.0 {
            Repr::Few(pairs) => pairs,
            Repr::Many(indexed) => &indexed.pairs,
        }
    }

    fn pairs_mut(&mut self) -> &mut Vec<Pair> {
        match &mut self.0 {
            Repr::Few(pairs) => pairs,
            Repr::Many(indexed) => &mut indexed.pairs,
        }
    }

    fn find(&self, name: &str) -> Option<usize> {
        match &self.0 {
            Repr::Few(pairs) => pairs.iter().position(|(own, _)| own == name),
            Repr::Many(indexed) => indexed.find(name),
        }
    }

    /// Adds a name that is not there yet.
    fn push(&mut self, name: SmolStr, value: Value) {
        match &mut self.0 {
            Repr::Few(pairs) if pairs.len() < FEW => pairs.push((name, value)),
            Repr::Few(pairs) => {
                let mut pairs = std::mem::take(pairs);
                pairs.push((name, value));
                self.0 = Repr::Many(Box::new(Indexed::of(pairs)));
            }
            Repr::Many(indexed) => indexed.push(name, value),
        }
    }
}

/// Names and values, in order.
type Iter<'e> = Map<slice::Iter<'e, Pair>, fn(&'e Pair) -> (&'e SmolStr, &'e Value)>;

impl<'e> IntoIterator for &'e Entries {
    type Item = (&'e SmolStr, &'e Value);
    type IntoIter = Iter<'e>;

    fn into_iter(self) -> Iter<'e> {
        self.iter()
    }
}

impl IntoIterator for Entries {
    type Item = Pair;
    type IntoIter = std::vec::IntoIter<Pair>;

    fn into_iter(self) -> Self::IntoIter {
        match self.0 {
            Repr::Few(pairs) => pairs.into_iter(),
            Repr::Many(indexed) => indexed.pairs.into_iter(),
        }
    }
}

impl<K: Into<SmolStr>, V: Into<Value>> Extend<(K, V)> for Entries {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (name, value) in entries {
            self.insert(name, value.into());
        }
    }
}

impl<K: Into<SmolStr>, V: Into<Value>> FromIterator<(K, V)> for Entries {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let entries = entries.into_iter();
        let mut all = Self::with_capacity(entries.size_hint().0);
        all.extend(entries);
        all
    }
}

impl Default for Entries {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Entries {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(name, value)| other.get(name) == Some(value))
    }
}

impl Eq for Entries {}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl Serialize for Entries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(name, value)| (name.as_str(), value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(count: i64) -> Entries {
        (0..count).map(|index| (index.to_string(), index)).collect()
    }

    #[test]
    fn entries_are_found_however_many_there_are() {
        for count in [0, 1, 12, 13, 1000] {
            let mut entries = numbered(count);
            assert_eq!(entries.len(), usize::try_from(count).unwrap());
            for index in 0..count {
                assert_eq!(entries.get(&index.to_string()), Some(&index.into()));
            }
            assert_eq!(entries.insert("0", Value::NULL).is_some(), count > 0);
            assert!(!entries.contains_key("no"));
        }
    }

    #[test]
    fn what_is_taken_out_is_gone_and_the_rest_is_still_found() {
        for count in [1, 12, 13, 50] {
            let mut entries = numbered(count);
            for index in 0..count {
                assert_eq!(entries.swap_remove(&index.to_string()), Some(index.into()));
                assert_eq!(entries.swap_remove(&index.to_string()), None);
                let rest = (index + 1..count).map(|index| (index.to_string(), index));
                assert_eq!(entries, rest.collect());
            }
        }
    }

    #[test]
    fn what_is_taken_out_leaves_the_order_of_the_rest_if_so_wanted() {
        let mut entries = numbered(30);
        assert_eq!(entries.shift_remove("7"), Some(7.into()));
        assert_eq!(entries.shift_remove("7"), None);
        let rest = (0..30).filter(|index| *index != 7).map(|index| index.to_string());
        assert_eq!(entries.keys().collect::<Vec<_>>(), rest.collect::<Vec<_>>());
        assert_eq!(entries.get("29"), Some(&29.into()));
    }

    #[test]
    fn entries_are_equal_in_any_order_and_keep_their_own() {
        let (ab, ba): (Entries, Entries) = (
            [("a", 1), ("b", 2)].into_iter().collect(),
            [("b", 2), ("a", 1)].into_iter().collect(),
        );
        assert_eq!(ab, ba);
        assert_eq!(ba.keys().collect::<Vec<_>>(), ["b", "a"]);
        assert_ne!(ab, [("a", 1)].into_iter().collect());
    }

    #[test]
    fn a_value_is_small() {
        assert!(size_of::<Value>() <= 48);
    }
}
