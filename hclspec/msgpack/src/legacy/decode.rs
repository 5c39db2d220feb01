//! Reading Rust types.

use encamp_hclspec_cty::Number;
use serde::de::value::{BorrowedBytesDeserializer, BorrowedStrDeserializer, StrDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use crate::Error;
use crate::read::{Head, MAX_DEPTH, Reader, unexpected};

/// The value that the bytes are.
///
/// Takes what any known peer writes: raw, `str` and `bin` alike for texts and for bytes; an array in place of a struct,
/// its elements being the fields as they are declared; unknown fields; 0 and 1 for bools; numbers as decimal text. Nil leaves a
/// field at its default (`#[serde(default)]`, and none for an `Option`), and is an empty list or map elsewhere. Integers
/// that do not fit are an error, never wrapped around.
///
/// # Errors
///
/// Bytes that are no msgpack, or no `T`.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let mut reader = Reader::new(bytes);
    let value = T::deserialize(Value {
        reader: &mut reader,
        depth: 0,
    })?;
    reader.finish()?;
    Ok(value)
}

/// The next value of the bytes.
struct Value<'r, 'de> {
    reader: &'r mut Reader<'de>,
    depth: usize,
}

impl<'de> Value<'_, 'de> {
    fn seq<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Error> {
        let mut parts = Parts::new(self, length)?;
        let value = visitor.visit_seq(&mut parts)?;
        parts.skip_rest(1)?;
        Ok(value)
    }

    fn map<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Error> {
        let mut parts = Parts::new(self, length)?;
        let value = visitor.visit_map(&mut parts)?;
        parts.skip_rest(2)?;
        Ok(value)
    }

    fn number<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let head = self.reader.peek()?;
        let Head::Raw(raw) = head else {
            return self.deserialize_any(visitor);
        };
        // A host that keeps numbers exact writes those that no float holds as text.
        let number = std::str::from_utf8(raw)
            .ok()
            .and_then(|text| text.parse::<Number>().ok());
        let Some(number) = number else {
            return self.deserialize_any(visitor);
        };
        self.reader.head()?;
        if let Some(number) = number.as_i64() {
            return visitor.visit_i64(number);
        }
        match number.as_u64() {
            Some(number) => visitor.visit_u64(number),
            None => visitor.visit_f64(number.as_f64()),
        }
    }
}

macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.number(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Value<'_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let at = self.reader.at();
        let head = self.reader.head()?;
        match head {
            Head::Nil => visitor.visit_unit(),
            Head::Bool(truth) => visitor.visit_bool(truth),
            Head::Unsigned(number) => visitor.visit_u64(number),
            Head::Signed(number) => visitor.visit_i64(number),
            Head::F32(number) => visitor.visit_f32(number),
            Head::F64(number) => visitor.visit_f64(number),
            Head::Raw(raw) => match std::str::from_utf8(raw) {
                Ok(text) => visitor.visit_borrowed_str(text),
                Err(_) => visitor.visit_borrowed_bytes(raw),
            },
            Head::Array(length) => self.seq(length, visitor),
            Head::Map(length) => self.map(length, visitor),
            Head::Ext(..) => Err(unexpected(at, "a value", &head)),
        }
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.reader.peek()? {
            Head::Unsigned(number @ (0 | 1)) => {
                self.reader.head()?;
                visitor.visit_bool(number == 1)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.reader.peek()? {
            Head::Raw(raw) => {
                self.reader.head()?;
                visitor.visit_borrowed_bytes(raw)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.reader.peek()? == Head::Nil {
            self.reader.head()?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        // Go's nil slice.
        if self.reader.peek()? == Head::Nil {
            return self.seq_of_nil(visitor);
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.reader.peek()? == Head::Nil {
            self.reader.head()?;
            return self.map(0, visitor);
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let head = self.reader.peek()?;
        match head {
            Head::Nil => {
                self.reader.head()?;
                self.map(0, visitor)
            }
            Head::Array(length) => {
                self.reader.head()?;
                let mut parts = Positional {
                    parts: Parts::new(self, length)?,
                    names: fields.iter(),
                };
                let value = visitor.visit_map(&mut parts)?;
                parts.parts.skip_rest(1)?;
                Ok(value)
            }
            Head::Map(length) => {
                self.reader.head()?;
                let mut parts = Parts::new(self, length)?;
                parts.skips_nil = true;
                let value = visitor.visit_map(&mut parts)?;
                parts.skip_rest(2)?;
                Ok(value)
            }
            _ => Err(unexpected(self.reader.at(), "a map or an array", &head)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let at = self.reader.at();
        if self.depth > MAX_DEPTH {
            return Err(Error::Depth { at, limit: MAX_DEPTH });
        }
        let head = self.reader.head()?;
        match head {
            Head::Raw(raw) => {
                let name = std::str::from_utf8(raw).map_err(|_| Error::Utf8 { at })?;
                visitor.visit_enum(StrDeserializer::<Error>::new(name))
            }
            Head::Map(1) => visitor.visit_enum(Variant(self)),
            _ => Err(unexpected(at, "a variant's name, or a map of one entry", &head)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        skip(self.reader, self.depth)?;
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        char str string unit unit_struct tuple tuple_struct identifier
    }
}

impl<'de> Value<'_, 'de> {
    fn seq_of_nil<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.reader.head()?;
        self.seq(0, visitor)
    }
}

/// The parts of an array or a map.
struct Parts<'r, 'de> {
    reader: &'r mut Reader<'de>,
    depth: usize,
    left: usize,
    /// How many were taken.
    taken: usize,
    /// The key of the entry at hand, if it is a text.
    key: Option<&'de str>,
    /// Whether entries that are nil are as good as missing.
    skips_nil: bool,
}

impl<'r, 'de> Parts<'r, 'de> {
    fn new(Value { reader, depth }: Value<'r, 'de>, length: usize) -> Result<Self, Error> {
        let depth = depth + 1;
        if depth > MAX_DEPTH {
            return Err(Error::Depth {
                at: reader.at(),
                limit: MAX_DEPTH,
            });
        }
        Ok(Self {
            reader,
            depth,
            left: length,
            taken: 0,
            key: None,
            skips_nil: false,
        })
    }

    fn value(&mut self) -> Value<'_, 'de> {
        Value {
            reader: self.reader,
            depth: self.depth,
        }
    }

    /// Goes past a nil, if there is one.
    fn skip_nil(&mut self) -> Result<bool, Error> {
        let is_nil = self.reader.peek()? == Head::Nil;
        if is_nil {
            self.reader.head()?;
        }
        Ok(is_nil)
    }

    /// The next key of a map as it stands, unless it is no text.
    fn text_key(&mut self) -> Result<Option<&'de [u8]>, Error> {
        match self.reader.peek()? {
            Head::Raw(raw) => {
                self.reader.head()?;
                Ok(Some(raw))
            }
            head @ Head::Ext(..) => Err(unexpected(self.reader.at(), "a map's key", &head)),
            _ => Ok(None),
        }
    }

    /// What the visitor did not ask for.
    fn skip_rest(&mut self, values_each: usize) -> Result<(), Error> {
        for _ in 0..std::mem::take(&mut self.left) {
            for _ in 0..values_each {
                skip(self.reader, self.depth)?;
            }
        }
        Ok(())
    }
}

impl<'de> SeqAccess<'de> for &mut Parts<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let index = self.taken;
        self.taken += 1;
        let element = seed.deserialize(self.value());
        element.map(Some).map_err(|error| error.under(&format!("[{index}]")))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.reader.capacity(self.left))
    }
}

impl<'de> MapAccess<'de> for &mut Parts<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        while self.left > 0 {
            self.left -= 1;
            self.key = None;
            let Some(raw) = self.text_key()? else {
                return seed.deserialize(self.value()).map(Some);
            };
            if self.skips_nil && self.skip_nil()? {
                continue;
            }
            return match std::str::from_utf8(raw) {
                Ok(text) => {
                    self.key = Some(text);
                    seed.deserialize(BorrowedStrDeserializer::<Error>::new(text)).map(Some)
                }
                Err(_) => seed.deserialize(BorrowedBytesDeserializer::<Error>::new(raw)).map(Some),
            };
        }
        Ok(None)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        let key = self.key;
        let value = seed.deserialize(self.value());
        value.map_err(|error| match key {
            Some(key) => error.under(key),
            None => error,
        })
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.reader.capacity(self.left))
    }
}

/// An array as a struct.
struct Positional<'r, 'de> {
    parts: Parts<'r, 'de>,
    names: std::slice::Iter<'static, &'static str>,
}

impl<'de> MapAccess<'de> for &mut Positional<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        while self.parts.left > 0 {
            let Some(name) = self.names.next() else { break };
            self.parts.left -= 1;
            if !self.parts.skip_nil()? {
                self.parts.key = Some(name);
                return seed.deserialize(StrDeserializer::<Error>::new(name)).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        (&mut self.parts).next_value_seed(seed)
    }
}

/// An enum's variant with content: a map of one entry.
struct Variant<'r, 'de>(Value<'r, 'de>);

impl<'r, 'de> EnumAccess<'de> for Variant<'r, 'de> {
    type Error = Error;
    type Variant = Value<'r, 'de>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self::Variant), Error> {
        let at = self.0.reader.at();
        let head = self.0.reader.head()?;
        let Head::Raw(raw) = head else {
            return Err(unexpected(at, "a variant's name", &head));
        };
        let name = std::str::from_utf8(raw).map_err(|_| Error::Utf8 { at })?;
        let name = seed.deserialize(IntoDeserializer::<Error>::into_deserializer(name))?;
        Ok((
            name,
            Value {
                depth: self.0.depth + 1,
                reader: self.0.reader,
            },
        ))
    }
}

impl<'de> VariantAccess<'de> for Value<'_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.reader.head()? {
            Head::Nil => Ok(()),
            _ => Err(Error::custom("this variant takes no value")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        self.deserialize_struct("", fields, visitor)
    }
}

/// Goes past a value, however deep it is.
fn skip(reader: &mut Reader<'_>, depth: usize) -> Result<(), Error> {
    let mut left: Vec<usize> = vec![1];
    while let Some(count) = left.last_mut() {
        if *count == 0 {
            left.pop();
            continue;
        }
        *count -= 1;
        if left.len() + depth > MAX_DEPTH + 2 {
            return Err(Error::Depth {
                at: reader.at(),
                limit: MAX_DEPTH,
            });
        }
        match reader.head()? {
            Head::Array(length) => left.push(length),
            Head::Map(length) => left.push(length.saturating_mul(2)),
            _ => {}
        }
    }
    Ok(())
}
