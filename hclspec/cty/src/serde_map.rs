//! Maps that were once written as lists of maps.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// Accepts a map, a list of maps, and null, and gives one map; of two entries of one name the later is taken.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use encamp_hclspec_cty::{Value, from_value};
///
/// #[derive(serde::Deserialize)]
/// struct Config {
///     #[serde(default, deserialize_with = "encamp_hclspec_cty::serde_map::merged")]
///     labels: BTreeMap<String, String>,
/// }
///
/// let labels = Value::tuple([Value::object([("a", "1")]), Value::object([("b", "2")])]);
/// let config: Config = from_value(Value::object([("labels", labels)]))?;
/// assert_eq!(config.labels.len(), 2);
/// # Ok::<(), encamp_hclspec_cty::DecodeError>(())
/// ```
///
/// # Errors
/// Any other kind of value, and entries that do not fit the map's types.
pub fn merged<'de, D, M, K, V>(deserializer: D) -> Result<M, D::Error>
where
    D: Deserializer<'de>,
    M: Default + Extend<(K, V)> + IntoIterator<Item = (K, V)>,
    K: Deserialize<'de>,
    V: Deserialize<'de>,
{
    let mut map = M::default();
    Merge(&mut map, PhantomData).deserialize(deserializer)?;
    Ok(map)
}

struct Merge<'m, M, K, V>(&'m mut M, PhantomData<(K, V)>);

impl<'de, M, K, V> DeserializeSeed<'de> for Merge<'_, M, K, V>
where
    M: Extend<(K, V)>,
    K: Deserialize<'de>,
    V: Deserialize<'de>,
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, M, K, V> Visitor<'de> for Merge<'_, M, K, V>
where
    M: Extend<(K, V)>,
    K: Deserialize<'de>,
    V: Deserialize<'de>,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map or a list of maps")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element_seed(Merge(&mut *self.0, PhantomData))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(entry) = entries.next_entry()? {
            self.0.extend([entry]);
        }
        Ok(())
    }
}
