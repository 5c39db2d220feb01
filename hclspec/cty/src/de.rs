//! Values into Rust types.

use std::fmt;

use serde::de::value::{StrDeserializer, StringDeserializer};
use serde::de::{
    Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};
use smol_str::SmolStr;

use crate::value::nfc_name;
use crate::{Entries, Number, Value, refusal};

/// Turns a value into any type that can be deserialized.
///
/// A null attribute of an object or a map is as good as none where a struct is wanted, so that `#[serde(default)]` and `Option` work
/// for optional arguments. Integers keep every digit. A text is accepted for bytes, a decimal text for a number, and a text or
/// a map of one entry for an enum. Unknown values are errors.
///
/// # Errors
/// [`DecodeError`] with the path of the part that does not fit.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, DecodeError> {
    T::deserialize(value)
}

/// A value does not fit the type that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    path: Vec<String>,
    message: String,
}

impl DecodeError {
    /// The path of the part at fault, outermost name first; an element of a list is named `[0]`.
    pub fn path(&self) -> &[String] {
        &self.path
    }

    /// What is wrong with it.
    pub fn message(&self) -> &str {
        &self.message
    }

    fn under(mut self, name: impl Into<String>) -> Self {
        self.path.insert(0, name.into());
        self
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return f.write_str(&self.message);
        }
        write!(f, "`{}`: {}", self.path.join(".").replace(".[", "["), self.message)
    }
}

impl std::error::Error for DecodeError {}

impl Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self {
            path: Vec::new(),
            message: message.to_string(),
        }
    }

    /// Without the value, which may be secret.
    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        Self::custom(format_args!("expected {expected}, found {}", refusal::kind(unexpected)))
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        Self::custom(format_args!(
            "expected {expected}, found another {}",
            refusal::kind(unexpected)
        ))
    }

    fn unknown_variant(_variant: &str, expected: &'static [&'static str]) -> Self {
        Self::custom(refusal::variant(expected))
    }
}

impl IntoDeserializer<'_, DecodeError> for Value {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            self.number_in_text().deserialize_any(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Value {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self {
            Self::Null(_) => visitor.visit_unit(),
            Self::Unknown(_) => Err(DecodeError::custom("the value is not known")),
            Self::Bool(truth) => visitor.visit_bool(truth),
            Self::Number(number) => visit_number(&number, visitor),
            Self::String(text) => visitor.visit_string(text),
            Self::List(_, values) | Self::Set(_, values) | Self::Tuple(values) => visitor.visit_seq(Elements {
                values: values.into_iter(),
                index: 0,
            }),
            Self::Map(_, entries) | Self::Object(entries) => {
                visitor.visit_map(EntriesLeft::new(entries.into_iter(), false))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if self.is_null() {
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_byte_buf(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self {
            Self::String(text) => visitor.visit_byte_buf(text.into_bytes()),
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match self {
            Self::Map(_, entries) | Self::Object(entries) => {
                visitor.visit_map(EntriesLeft::new(entries.into_iter(), true))
            }
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match &self {
            // Serde has no form for a number that is exact, but a text.
            Self::Number(number) if name == NUMBER => visitor.visit_string(number.to_string()),
            Self::Number(number) if name == VALUE && number.as_i64().is_none() => visitor.visit_enum(Variant {
                variant: format!("{VALUE}{number}"),
                content: None,
            }),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match self {
            Self::String(variant) => visitor.visit_enum(Variant { variant, content: None }),
            Self::Map(_, entries) | Self::Object(entries) if entries.len() == 1 => match entries.into_iter().next() {
                Some((variant, content)) => visitor.visit_enum(Variant {
                    variant: variant.into(),
                    content: Some(content),
                }),
                None => Err(DecodeError::custom("expected a variant's name")),
            },
            other => Err(DecodeError::custom(format_args!(
                "expected a variant's name or a map of one entry, found {}",
                other.kind()
            ))),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.number_in_text() {
            Self::Number(number) if number.is_integer() => match number.to_string().parse() {
                Ok(integer) => visitor.visit_u128(integer),
                Err(_) => visit_number(&number, visitor),
            },
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.number_in_text() {
            Self::Number(number) if number.is_integer() => match number.to_string().parse() {
                Ok(integer) => visitor.visit_i128(integer),
                Err(_) => visit_number(&number, visitor),
            },
            other => other.deserialize_any(visitor),
        }
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16 deserialize_u32
        deserialize_u64
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.number_in_text() {
            Self::Number(number) => visitor.visit_f64(number.as_f64()),
            other => other.deserialize_any(visitor),
        }
    }

    serde::forward_to_deserialize_any! {
        bool char str string unit unit_struct seq tuple tuple_struct map identifier
    }
}

impl Value {
    /// The number that a text is, where a number is wanted: what is not exact as a float travels as text.
    fn number_in_text(self) -> Self {
        match &self {
            Self::String(text) => text.parse().map_or(self, Self::Number),
            _ => self,
        }
    }
}

fn visit_number<'de, V: Visitor<'de>>(number: &Number, visitor: V) -> Result<V::Value, DecodeError> {
    if let Some(integer) = number.as_u64() {
        return visitor.visit_u64(integer);
    }
    match number.as_i64() {
        Some(integer) => visitor.visit_i64(integer),
        None => visitor.visit_f64(number.as_f64()),
    }
}

struct Elements {
    values: std::vec::IntoIter<Value>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Elements {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, DecodeError> {
        let Some(value) = self.values.next() else {
            return Ok(None);
        };
        let index = self.index;
        self.index += 1;
        let element = seed.deserialize(value);
        element.map(Some).map_err(|error| error.under(format!("[{index}]")))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.values.len())
    }
}

struct EntriesLeft {
    rest: std::vec::IntoIter<(SmolStr, Value)>,
    skip_nulls: bool,
    current: Option<(SmolStr, Value)>,
}

impl EntriesLeft {
    fn new(entries: std::vec::IntoIter<(SmolStr, Value)>, skip_nulls: bool) -> Self {
        Self {
            rest: entries,
            skip_nulls,
            current: None,
        }
    }
}

impl<'de> MapAccess<'de> for EntriesLeft {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        let skip_nulls = self.skip_nulls;
        let Some((name, value)) = self.rest.find(|(_, value)| !(skip_nulls && value.is_null())) else {
            return Ok(None);
        };
        let key: StrDeserializer<'_, DecodeError> = name.as_str().into_deserializer();
        let key = seed.deserialize(key)?;
        self.current = Some((name, value));
        Ok(Some(key))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, DecodeError> {
        let Some((name, value)) = self.current.take() else {
            return Err(DecodeError::custom("a value was asked for before its key"));
        };
        seed.deserialize(value).map_err(|error| error.under(name))
    }
}

struct Variant {
    variant: String,
    content: Option<Value>,
}

impl<'de> EnumAccess<'de> for Variant {
    type Error = DecodeError;
    type Variant = Content;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Content), DecodeError> {
        let name: StringDeserializer<DecodeError> = self.variant.into_deserializer();
        Ok((seed.deserialize(name)?, Content(self.content)))
    }
}

struct Content(Option<Value>);

impl<'de> VariantAccess<'de> for Content {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        match self.0 {
            None | Some(Value::Null(_)) => Ok(()),
            Some(_) => Err(DecodeError::custom("this variant takes no value")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, DecodeError> {
        seed.deserialize(self.0.unwrap_or_default())
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, DecodeError> {
        self.0.unwrap_or_default().deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.0.unwrap_or_default().deserialize_struct("", fields, visitor)
    }
}

/// The name by which [`Value`] asks for any value. A number that is no 64-bit integer then comes as a variant without
/// content, whose name is this and the number's text: a text alone would be a string.
const VALUE: &str = "$encamp_hclspec_cty::Value";

/// Null, tuples and objects; texts and names are normalised. Of a [`Value`] the numbers keep every digit.
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(VALUE, AnyVisitor)
    }
}

struct AnyVisitor;

impl<'de> Visitor<'de> for AnyVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Value, E> {
        value.to_string().parse().map(Value::Number).map_err(E::custom)
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Value, E> {
        value.to_string().parse().map(Value::Number).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value);
        number
            .map(Value::Number)
            .ok_or_else(|| E::custom("the number is not finite, or out of range"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::NULL)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::NULL)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, number: A) -> Result<Value, A::Error> {
        let (text, content): (String, _) = number.variant()?;
        let Some(text) = text.strip_prefix(VALUE) else {
            return Err(A::Error::custom("expected any value, found a variant of an enum"));
        };
        content.unit_variant()?;
        text.parse().map(Value::Number).map_err(A::Error::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = elements.next_element()? {
            values.push(value);
        }
        Ok(Value::Tuple(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Entries::new();
        while let Some((name, value)) = entries.next_entry::<String, _>()? {
            object.insert(nfc_name(name.into()), value);
        }
        Ok(Value::Object(object))
    }
}

/// The name by which [`Number`] asks for itself.
const NUMBER: &str = "$encamp_hclspec_cty::Number";

/// Lets [`Number`] be a field's type. Of a [`Value`] it keeps every digit; other formats may have floats alone.
impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(NUMBER, NumberVisitor)
    }
}

struct NumberVisitor;

impl<'de> Visitor<'de> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Number, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Number(number) => Ok(number),
            Value::String(text) => self.visit_str(&text),
            other => Err(D::Error::custom(format_args!(
                "expected a number, found {}",
                other.kind()
            ))),
        }
    }
}
