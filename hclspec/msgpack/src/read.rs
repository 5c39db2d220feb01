//! Reading msgpack from a slice, with bounds.

use rmp::Marker;

use crate::Error;

/// Values may be nested this deep.
pub(crate) const MAX_DEPTH: usize = 128;

const MAX_CAPACITY: usize = 256;

/// A place in the bytes.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

/// The head of a value: all of a scalar, the length of what has parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Head<'b> {
    Nil,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    F32(f32),
    F64(f64),
    /// Text or bytes: old peers don't tell them apart.
    Raw(&'b [u8]),
    Array(usize),
    Map(usize),
    Ext(i8, &'b [u8]),
}

/// How many bytes a length takes.
#[derive(Clone, Copy)]
enum Width {
    One,
    Two,
    Four,
}

impl Head<'_> {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Bool(_) => "a bool",
            Self::Unsigned(_) | Self::Signed(_) => "an integer",
            Self::F32(_) | Self::F64(_) => "a float",
            Self::Raw(_) => "a string",
            Self::Array(_) => "an array",
            Self::Map(_) => "a map",
            Self::Ext(..) => "an extension",
        }
    }
}

/// That something else is needed where a value begins.
pub(crate) fn unexpected(at: usize, expected: impl Into<String>, found: &Head<'_>) -> Error {
    Error::Unexpected {
        at,
        expected: expected.into(),
        found: found.kind(),
    }
}

impl<'b> Reader<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn finish(&self) -> Result<(), Error> {
        if self.at < self.bytes.len() {
            return Err(Error::Trailing { at: self.at });
        }
        Ok(())
    }

    /// The next head, without going on.
    pub(crate) fn peek(&self) -> Result<Head<'b>, Error> {
        let mut copy = *self;
        copy.head()
    }

    pub(crate) fn head(&mut self) -> Result<Head<'b>, Error> {
        let start = self.at;
        let marker = Marker::from_u8(self.byte()?);
        let head = match marker {
            Marker::FixPos(number) => Head::Unsigned(number.into()),
            Marker::FixNeg(number) => Head::Signed(number.into()),
            Marker::Null => Head::Nil,
            Marker::True => Head::Bool(true),
            Marker::False => Head::Bool(false),
            Marker::U8 => Head::Unsigned(u8::from_be_bytes(self.array()?).into()),
            Marker::U16 => Head::Unsigned(u16::from_be_bytes(self.array()?).into()),
            Marker::U32 => Head::Unsigned(u32::from_be_bytes(self.array()?).into()),
            Marker::U64 => Head::Unsigned(u64::from_be_bytes(self.array()?)),
            Marker::I8 => Head::Signed(i8::from_be_bytes(self.array()?).into()),
            Marker::I16 => Head::Signed(i16::from_be_bytes(self.array()?).into()),
            Marker::I32 => Head::Signed(i32::from_be_bytes(self.array()?).into()),
            Marker::I64 => Head::Signed(i64::from_be_bytes(self.array()?)),
            Marker::F32 => Head::F32(f32::from_be_bytes(self.array()?)),
            Marker::F64 => Head::F64(f64::from_be_bytes(self.array()?)),
            Marker::FixStr(length) => Head::Raw(self.take(length.into())?),
            Marker::Str8 | Marker::Bin8 => Head::Raw(self.sized(Width::One)?),
            Marker::Str16 | Marker::Bin16 => Head::Raw(self.sized(Width::Two)?),
            Marker::Str32 | Marker::Bin32 => Head::Raw(self.sized(Width::Four)?),
            Marker::FixArray(length) => Head::Array(length.into()),
            Marker::Array16 => Head::Array(self.length(Width::Two)?),
            Marker::Array32 => Head::Array(self.length(Width::Four)?),
            Marker::FixMap(length) => Head::Map(length.into()),
            Marker::Map16 => Head::Map(self.length(Width::Two)?),
            Marker::Map32 => Head::Map(self.length(Width::Four)?),
            Marker::FixExt1 => self.ext(1)?,
            Marker::FixExt2 => self.ext(2)?,
            Marker::FixExt4 => self.ext(4)?,
            Marker::FixExt8 => self.ext(8)?,
            Marker::FixExt16 => self.ext(16)?,
            Marker::Ext8 => self.sized_ext(Width::One)?,
            Marker::Ext16 => self.sized_ext(Width::Two)?,
            Marker::Ext32 => self.sized_ext(Width::Four)?,
            Marker::Reserved => {
                return Err(Error::Unexpected {
                    at: start,
                    expected: "a value".to_owned(),
                    found: "the byte c1",
                });
            }
        };
        Ok(head)
    }

    fn take(&mut self, length: usize) -> Result<&'b [u8], Error> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some(taken) = rest.get(..length) else {
            return Err(Error::End { at: self.bytes.len() });
        };
        self.at += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let end = Error::End { at: self.bytes.len() };
        self.take(N)?.try_into().map_err(|_| end)
    }

    fn byte(&mut self) -> Result<u8, Error> {
        self.array().map(u8::from_be_bytes)
    }

    fn length(&mut self, width: Width) -> Result<usize, Error> {
        let length = match width {
            Width::One => self.byte()?.into(),
            Width::Two => u16::from_be_bytes(self.array()?).into(),
            Width::Four => u32::from_be_bytes(self.array()?),
        };
        usize::try_from(length).map_err(|_| Error::End { at: self.bytes.len() })
    }

    fn sized(&mut self, width: Width) -> Result<&'b [u8], Error> {
        let length = self.length(width)?;
        self.take(length)
    }

    fn ext(&mut self, length: usize) -> Result<Head<'b>, Error> {
        let kind = i8::from_be_bytes(self.array()?);
        Ok(Head::Ext(kind, self.take(length)?))
    }

    fn sized_ext(&mut self, width: Width) -> Result<Head<'b>, Error> {
        let length = self.length(width)?;
        self.ext(length)
    }

    /// How many elements to make room for: not more than can follow, each of at least one byte, and not many before they
    /// are there, since every level of a value may claim as many.
    pub(crate) fn capacity(&self, length: usize) -> usize {
        length.min(self.bytes.len() - self.at).min(MAX_CAPACITY)
    }
}
