//! Values.

use std::borrow::Cow;

use indexmap::IndexMap;
use smol_str::SmolStr;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::{Entries, Number, Type, order};

/// A value of HCL.
///
/// Equality is structural; maps and objects are equal whatever the order of their entries.
///
/// ```
/// use encamp_hclspec_cty::{Type, Value};
///
/// let ports = Value::set(Type::Number, [443, 80, 443]);
/// let value = Value::object([("ports", ports), ("host", "a.example".into())]);
/// assert_eq!(value.get("ports").and_then(Value::as_list).map(<[_]>::len), Some(2));
/// assert_eq!(value.ty().to_string(), "object({host=string,ports=set(number)})");
/// ```
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
    /// Different values of one type, in the order of the values; made by [`Value::set`].
    Set(Type, Vec<Value>),
    /// Values of one type under names. The order is the order of insertion; it has no meaning, and what HCL iterates
    /// over is sorted by name.
    Map(Type, Entries),
    /// Values, each of its own type, in order.
    Tuple(Vec<Value>),
    /// Values, each of its own type, under names.
    Object(Entries),
}

impl Value {
    /// Nothing, of no particular type.
    pub const NULL: Self = Self::Null(Type::Any);

    /// Values in order, each of its own type.
    pub fn tuple<V: Into<Self>>(elements: impl IntoIterator<Item = V>) -> Self {
        Self::Tuple(elements.into_iter().map(Into::into).collect())
    }

    /// Values under names, each of its own type; of two of one name the later counts.
    pub fn object<K: Into<SmolStr>, V: Into<Self>>(attributes: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::Object(named(attributes))
    }

    /// A list. The elements are taken to be of the type; [`convert`](crate::convert) makes them so.
    pub fn list<V: Into<Self>>(element: Type, elements: impl IntoIterator<Item = V>) -> Self {
        Self::List(element, elements.into_iter().map(Into::into).collect())
    }

    /// A set: the elements are put in order, and of equal ones one is kept. They are taken to be of the type.
    pub fn set<V: Into<Self>>(element: Type, elements: impl IntoIterator<Item = V>) -> Self {
        let elements = elements.into_iter().map(Into::into).collect();
        Self::Set(element, order::sorted_unique(elements))
    }

    /// A map; of two entries of one name the later counts. The elements are taken to be of the type.
    pub fn map<K: Into<SmolStr>, V: Into<Self>>(element: Type, entries: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::Map(element, named(entries))
    }

    /// Its type.
    pub fn ty(&self) -> Type {
        match self {
            Self::Null(ty) | Self::Unknown(ty) => ty.clone(),
            Self::Bool(_) => Type::Bool,
            Self::Number(_) => Type::Number,
            Self::String(_) => Type::String,
            Self::List(element, _) => Type::list(element.clone()),
            Self::Set(element, _) => Type::set(element.clone()),
            Self::Map(element, _) => Type::map(element.clone()),
            Self::Tuple(elements) => Type::tuple(elements.iter().map(Self::ty)),
            Self::Object(attributes) => {
                let types = attributes.iter().map(|(name, value)| (name.to_string(), value.ty()));
                Type::Object(std::sync::Arc::new(types.collect()))
            }
        }
    }

    /// Whether its type is this one; cheaper than to compare with [`ty`](Self::ty).
    pub fn is_of_type(&self, ty: &Type) -> bool {
        match (self, ty) {
            (Self::Null(own) | Self::Unknown(own), ty) => own == ty,
            (Self::Bool(_), Type::Bool) | (Self::Number(_), Type::Number) | (Self::String(_), Type::String) => true,
            (Self::List(own, _), Type::List(element))
            | (Self::Set(own, _), Type::Set(element))
            | (Self::Map(own, _), Type::Map(element)) => own == element.as_ref(),
            (Self::Tuple(values), Type::Tuple(types)) => {
                values.len() == types.len() && values.iter().zip(types.iter()).all(|(value, ty)| value.is_of_type(ty))
            }
            (Self::Object(values), Type::Object(types)) => {
                if values.len() != types.len() {
                    return false;
                }
                if values.keys().zip(types.keys()).all(|(name, typed)| name == typed) {
                    return values
                        .values()
                        .zip(types.values())
                        .all(|(value, ty)| value.is_of_type(ty));
                }
                let fits =
                    |(name, value): (&SmolStr, &Self)| types.get(name.as_str()).is_some_and(|ty| value.is_of_type(ty));
                values.iter().all(fits)
            }
            _ => false,
        }
    }

    /// The value under a name of a map or an object; none for a missing name, and for what is neither.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.as_map()?.get(name)
    }

    /// Whether there is no value.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null(_))
    }

    /// Whether it is known itself; what is in it may be unknown.
    pub fn is_known(&self) -> bool {
        !matches!(self, Self::Unknown(_))
    }

    /// Whether it and all in it is known.
    pub fn is_wholly_known(&self) -> bool {
        !self.contains_unknown()
    }

    /// Whether it or something in it is unknown.
    pub fn contains_unknown(&self) -> bool {
        match self {
            Self::Unknown(_) => true,
            Self::Null(_) | Self::Bool(_) | Self::Number(_) | Self::String(_) => false,
            Self::List(_, values) | Self::Set(_, values) | Self::Tuple(values) => {
                values.iter().any(Self::contains_unknown)
            }
            Self::Map(_, entries) | Self::Object(entries) => entries.values().any(Self::contains_unknown),
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The truth of a bool.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// The number.
    pub fn as_number(&self) -> Option<&Number> {
        match self {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The number as an `i64`, if it is an integer in its range.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_number()?.as_i64()
    }

    /// The number as a `u64`, if it is an integer in its range.
    pub fn as_u64(&self) -> Option<u64> {
        self.as_number()?.as_u64()
    }

    /// The elements of a list, a set or a tuple.
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(_, values) | Self::Set(_, values) | Self::Tuple(values) => Some(values),
            _ => None,
        }
    }

    /// The entries of a map or an object.
    pub fn as_map(&self) -> Option<&Entries> {
        match self {
            Self::Map(_, entries) | Self::Object(entries) => Some(entries),
            _ => None,
        }
    }

    /// The entries of a map or an object, sorted by name as HCL iterates over them; none of other values.
    pub fn sorted_entries(&self) -> Vec<(&str, &Self)> {
        let entries = self.as_map().into_iter().flatten();
        let mut sorted: Vec<_> = entries.map(|(name, value)| (name.as_str(), value)).collect();
        sorted.sort_unstable_by_key(|(name, _)| *name);
        sorted
    }

    /// What kind of value it is, in HCL's words: `string`, `number`, `bool`, `list`, `set`, `map`, `tuple`, `object`,
    /// `null` or `unknown value`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null(_) => "null",
            Self::Unknown(_) => "unknown value",
            Self::Bool(_) => "bool",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::List(..) => "list",
            Self::Set(..) => "set",
            Self::Map(..) => "map",
            Self::Tuple(_) => "tuple",
            Self::Object(_) => "object",
        }
    }
}

/// [`Value::NULL`].
impl Default for Value {
    fn default() -> Self {
        Self::NULL
    }
}

/// The text in Unicode's normalisation form C, in which HCL compares texts and names.
///
/// Costs nothing for ASCII, and a scan for other texts that are in the form already.
pub fn nfc(text: String) -> String {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return text;
    }
    text.nfc().collect()
}

/// As [`nfc`], for names.
pub fn nfc_name(name: SmolStr) -> SmolStr {
    if name.is_ascii() { name } else { nfc_cow(&name).into() }
}

/// As [`nfc`], for what need not be owned.
pub(crate) fn nfc_cow(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.nfc().collect())
}

fn named<K: Into<SmolStr>, V: Into<Value>>(entries: impl IntoIterator<Item = (K, V)>) -> Entries {
    let entries = entries.into_iter();
    entries.map(|(name, value)| (nfc_name(name.into()), value)).collect()
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

/// The text is normalised.
impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::String(nfc_cow(value).into_owned())
    }
}

/// The text is normalised.
impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::String(nfc(value))
    }
}

impl From<Number> for Value {
    fn from(value: Number) -> Self {
        Self::Number(value)
    }
}

/// A tuple.
impl<V: Into<Value>> From<Vec<V>> for Value {
    fn from(values: Vec<V>) -> Self {
        Self::tuple(values)
    }
}

/// An object.
impl<V: Into<Value>> From<IndexMap<String, V>> for Value {
    fn from(entries: IndexMap<String, V>) -> Self {
        Self::object(entries)
    }
}

impl<V: Into<Value>> From<Option<V>> for Value {
    fn from(value: Option<V>) -> Self {
        value.map_or(Self::NULL, Into::into)
    }
}

macro_rules! from_integer {
    ($($integer:ty),*) => {$(
        impl From<$integer> for Value {
            fn from(value: $integer) -> Self {
                Self::Number(value.into())
            }
        }
    )*};
}

from_integer!(i8, i16, i32, i64, u8, u16, u32, u64, usize);
