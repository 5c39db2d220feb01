//! Writing Rust types.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use crate::Error;

/// The bytes of a value.
///
/// Structs are maps with sorted names, whatever the order of their fields; maps keep their order. An enum is the name of
/// its variant, with content a map of one entry.
///
/// # Errors
///
/// What has no form here: 128-bit integers, texts and lists of 4 GiB and more, maps whose keys are no text.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    value.serialize(Writer(&mut bytes))?;
    Ok(bytes)
}

struct Writer<'b>(&'b mut Vec<u8>);

impl Writer<'_> {
    #[inline]
    fn push(&mut self, marker: u8, rest: &[u8]) {
        self.0.push(marker);
        self.0.extend_from_slice(rest);
    }

    #[inline]
    fn raw(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match bytes.len() {
            length @ 0..=31 => self.0.push(0xa0 | low(length)),
            length => self.head(length, 0xda, 0xdb)?,
        }
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    #[inline]
    fn array(&mut self, length: usize) -> Result<(), Error> {
        match length {
            0..=15 => self.0.push(0x90 | low(length)),
            _ => self.head(length, 0xdc, 0xdd)?,
        }
        Ok(())
    }

    #[inline]
    fn map(&mut self, length: usize) -> Result<(), Error> {
        match length {
            0..=15 => self.0.push(0x80 | low(length)),
            _ => self.head(length, 0xde, 0xdf)?,
        }
        Ok(())
    }

    /// A length of 16 or 32 bits.
    fn head(&mut self, length: usize, short: u8, long: u8) -> Result<(), Error> {
        if let Ok(length) = u16::try_from(length) {
            self.push(short, &length.to_be_bytes());
            return Ok(());
        }
        let length =
            u32::try_from(length).map_err(|_| Error::Unencodable(format!("{length} elements in one value")))?;
        self.push(long, &length.to_be_bytes());
        Ok(())
    }

    #[inline]
    fn signed(&mut self, number: i64) {
        if let 0..=127 = number {
            self.0.push(number.to_be_bytes()[7]);
        } else if (-32..0).contains(&number) {
            self.0.push(number.to_be_bytes()[7]);
        } else if let Ok(number) = i8::try_from(number) {
            self.push(0xd0, &number.to_be_bytes());
        } else if let Ok(number) = i16::try_from(number) {
            self.push(0xd1, &number.to_be_bytes());
        } else if let Ok(number) = i32::try_from(number) {
            self.push(0xd2, &number.to_be_bytes());
        } else {
            self.push(0xd3, &number.to_be_bytes());
        }
    }

    #[inline]
    fn unsigned(&mut self, number: u64) {
        if let 0..=127 = number {
            self.0.push(number.to_be_bytes()[7]);
        } else if let Ok(number) = u8::try_from(number) {
            self.push(0xcc, &number.to_be_bytes());
        } else if let Ok(number) = u16::try_from(number) {
            self.push(0xcd, &number.to_be_bytes());
        } else if let Ok(number) = u32::try_from(number) {
            self.push(0xce, &number.to_be_bytes());
        } else {
            self.push(0xcf, &number.to_be_bytes());
        }
    }
}

/// The lowest byte of a small length.
fn low(length: usize) -> u8 {
    length.to_le_bytes()[0]
}

/// Integers of all widths take the shortest form of the widest.
macro_rules! widened {
    ($($method:ident $integer:ty),* => $widest:ident) => {$(
        fn $method(self, value: $integer) -> Result<(), Error> {
            self.$widest(value.into())
        }
    )*};
}

impl<'b> Serializer for Writer<'b> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Elements<'b>;
    type SerializeTuple = Elements<'b>;
    type SerializeTupleStruct = Elements<'b>;
    type SerializeTupleVariant = Elements<'b>;
    type SerializeMap = Entries<'b>;
    type SerializeStruct = Fields<'b>;
    type SerializeStructVariant = Fields<'b>;

    widened!(serialize_i8 i8, serialize_i16 i16, serialize_i32 i32 => serialize_i64);
    widened!(serialize_u8 u8, serialize_u16 u16, serialize_u32 u32 => serialize_u64);

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.0.push(if value { 0xc3 } else { 0xc2 });
        Ok(())
    }

    #[inline]
    fn serialize_i64(mut self, value: i64) -> Result<(), Error> {
        self.signed(value);
        Ok(())
    }

    #[inline]
    fn serialize_u64(mut self, value: u64) -> Result<(), Error> {
        self.unsigned(value);
        Ok(())
    }

    fn serialize_f32(mut self, value: f32) -> Result<(), Error> {
        self.push(0xca, &value.to_be_bytes());
        Ok(())
    }

    fn serialize_f64(mut self, value: f64) -> Result<(), Error> {
        self.push(0xcb, &value.to_be_bytes());
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(mut self, value: &str) -> Result<(), Error> {
        self.raw(value.as_bytes())
    }

    fn serialize_bytes(mut self, value: &[u8]) -> Result<(), Error> {
        self.raw(value)
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.0.push(0xc0);
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _name: &'static str, _index: u32, variant: &'static str) -> Result<(), Error> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.map(1)?;
        self.raw(variant.as_bytes())?;
        value.serialize(self)
    }

    #[inline]
    fn serialize_seq(self, length: Option<usize>) -> Result<Elements<'b>, Error> {
        Elements::new(self.0, length)
    }

    fn serialize_tuple(self, length: usize) -> Result<Elements<'b>, Error> {
        Elements::new(self.0, Some(length))
    }

    fn serialize_tuple_struct(self, _name: &'static str, length: usize) -> Result<Elements<'b>, Error> {
        Elements::new(self.0, Some(length))
    }

    fn serialize_tuple_variant(
        mut self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Elements<'b>, Error> {
        self.map(1)?;
        self.raw(variant.as_bytes())?;
        Elements::new(self.0, Some(length))
    }

    #[inline]
    fn serialize_map(self, length: Option<usize>) -> Result<Entries<'b>, Error> {
        let length = match length {
            Some(length) => {
                Writer(self.0).map(length)?;
                Length::Told(length)
            }
            None => Length::Untold(self.0.len()),
        };
        Ok(Entries {
            bytes: self.0,
            count: 0,
            length,
        })
    }

    fn serialize_struct(self, _name: &'static str, length: usize) -> Result<Fields<'b>, Error> {
        Fields::new(self.0, length)
    }

    fn serialize_struct_variant(
        mut self,
        name: &'static str,
        _index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Fields<'b>, Error> {
        self.map(1)?;
        self.raw(variant.as_bytes())?;
        self.serialize_struct(name, length)
    }
}

/// An array.
struct Elements<'b> {
    bytes: &'b mut Vec<u8>,
    count: usize,
    length: Length,
}

/// What has parts.
#[derive(Clone, Copy)]
enum Kind {
    Array,
    Map,
}

/// How many parts a value says that it has.
enum Length {
    /// So many, and that is written.
    Told(usize),
    /// It does not say; the parts begin at this byte, and their number goes in before them.
    Untold(usize),
}

impl<'b> Elements<'b> {
    fn new(bytes: &'b mut Vec<u8>, length: Option<usize>) -> Result<Self, Error> {
        let length = match length {
            Some(length) => {
                Writer(bytes).array(length)?;
                Length::Told(length)
            }
            None => Length::Untold(bytes.len()),
        };
        Ok(Self {
            bytes,
            count: 0,
            length,
        })
    }

    fn add<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.count += 1;
        value.serialize(Writer(self.bytes))
    }

    fn finish(self) -> Result<(), Error> {
        finish(self.bytes, self.count, &self.length, Kind::Array)
    }
}

/// Sees to it that the number of parts is told, and right.
fn finish(bytes: &mut Vec<u8>, count: usize, length: &Length, kind: Kind) -> Result<(), Error> {
    match *length {
        Length::Told(length) if length == count => Ok(()),
        Length::Told(length) => Err(Error::Unencodable(format!(
            "{count} elements of a value that said it has {length}"
        ))),
        Length::Untold(start) => {
            let mut told = Vec::with_capacity(5);
            match kind {
                Kind::Array => Writer(&mut told).array(count)?,
                Kind::Map => Writer(&mut told).map(count)?,
            }
            bytes.splice(start..start, told);
            Ok(())
        }
    }
}

macro_rules! elements {
    ($($of:ident $method:ident),*) => {$(
        impl $of for Elements<'_> {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.add(value)
            }

            fn end(self) -> Result<(), Error> {
                self.finish()
            }
        }
    )*};
}

elements!(SerializeSeq serialize_element, SerializeTuple serialize_element);
elements!(SerializeTupleStruct serialize_field, SerializeTupleVariant serialize_field);

/// A map.
struct Entries<'b> {
    bytes: &'b mut Vec<u8>,
    count: usize,
    length: Length,
}

impl SerializeMap for Entries<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        let start = self.bytes.len();
        key.serialize(Writer(self.bytes))?;
        match self.bytes.get(start) {
            Some(0xa0..=0xbf | 0xda | 0xdb) => {}
            _ => return Err(Error::Unencodable("a map's key that is no text".to_owned())),
        }
        self.count += 1;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(Writer(self.bytes))
    }

    fn end(self) -> Result<(), Error> {
        finish(self.bytes, self.count, &self.length, Kind::Map)
    }
}

/// A struct: its fields are written as they come, and put in order in the end.
struct Fields<'b> {
    bytes: &'b mut Vec<u8>,
    /// Where the struct begins, and its fields.
    starts: [usize; 2],
    /// How many there are to be.
    length: usize,
    /// The names, and where each field is.
    places: Vec<(&'static str, std::ops::Range<usize>)>,
}

impl<'b> Fields<'b> {
    fn new(bytes: &'b mut Vec<u8>, length: usize) -> Result<Self, Error> {
        let start = bytes.len();
        Writer(bytes).map(length)?;
        Ok(Self {
            starts: [start, bytes.len()],
            bytes,
            length,
            places: Vec::with_capacity(length),
        })
    }

    fn add<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        let start = self.bytes.len();
        Writer(self.bytes).raw(name.as_bytes())?;
        value.serialize(Writer(self.bytes))?;
        self.places.push((name, start..self.bytes.len()));
        Ok(())
    }

    fn finish(mut self) -> Result<(), Error> {
        let [start, first] = self.starts;
        if self.places.len() == self.length && self.places.is_sorted_by_key(|(name, _)| *name) {
            return Ok(());
        }
        self.places.sort_by_key(|(name, _)| *name);
        let unsorted = self.bytes.split_off(first);
        self.bytes.truncate(start);
        Writer(self.bytes).map(self.places.len())?;
        for (_, place) in self.places {
            let field = unsorted.get(place.start - first..place.end - first);
            self.bytes.extend_from_slice(field.unwrap_or_default());
        }
        Ok(())
    }
}

impl SerializeStruct for Fields<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.add(name, value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}

impl SerializeStructVariant for Fields<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.add(name, value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}
