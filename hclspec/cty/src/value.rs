//! Values.

use indexmap::IndexMap;

use crate::{Number, Type};

/// A value of HCL.
///
/// Equality is structural; maps and objects are equal whatever the order of their entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing, where a value of the type could be.
    Null(Type),
    /// Not known yet.
    Unknown(Type),
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text, normalised (NFC) where it came from a literal or a conversion.
    String(String),
    /// Values of one type, which is the first field, in order.
    List(Type, Vec<Value>),
    /// Different values of one type, in the order of the values.
    Set(Type, Vec<Value>),
    /// Values of one type under names. The order is the order of insertion; it has no meaning, and what HCL iterates
    /// over is sorted by name.
    Map(Type, Box<IndexMap<String, Value>>),
    /// Values, each of its own type, in order.
    Tuple(Vec<Value>),
    /// Values, each of its own type, under names.
    Object(Box<IndexMap<String, Value>>),
}
// To come: `NULL` (of any type), Default = NULL; `ty()`; constructors `tuple(iter)`, `object(iter)`,
// `list(element_type, iter)`, `map(..)`, `set(..)` (which sorts and removes duplicates); From impls as today's Value has;
// accessors as today's Value has: get (map/object by name), as_str, as_bool, as_number, as_i64, as_u64,
// as_list (list, set, tuple), as_map (map, object), is_null; is_known, is_wholly_known; `kind()`;
// `contains_unknown`; `nfc(String) -> String` helper with a fast path for ASCII.
