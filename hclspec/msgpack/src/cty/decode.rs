//! Reading values.

use encamp_hclspec_cty::{Entries, Number, Type, Value, convert, nfc};

use crate::Error;
use crate::read::{Head, MAX_DEPTH, Reader, unexpected};

/// The value of a type that the bytes are. What the type leaves open is taken as it comes: an array is a tuple, a map
/// is an object.
///
/// # Errors
///
/// Bytes that are no msgpack, or of another type.
pub fn from_slice(bytes: &[u8], ty: &Type) -> Result<Value, Error> {
    let value = from_slice_implied(bytes)?;
    convert(value, ty).map_err(|error| Error::Custom(error.to_string()))
}

/// The value that the bytes are, as they come: an array is a tuple, a map is an object, nil is a null of any type.
///
/// # Errors
///
/// Bytes that are no msgpack.
pub fn from_slice_implied(bytes: &[u8]) -> Result<Value, Error> {
    let mut reader = Reader::new(bytes);
    let value = read(&mut reader, 0)?;
    reader.finish()?;
    Ok(value)
}

fn read(reader: &mut Reader<'_>, depth: usize) -> Result<Value, Error> {
    let at = reader.at();
    if depth > MAX_DEPTH {
        return Err(Error::Depth { at, limit: MAX_DEPTH });
    }
    let head = reader.head()?;
    let value = match head {
        Head::Nil => Value::NULL,
        Head::Bool(truth) => Value::Bool(truth),
        Head::Unsigned(number) => Value::from(number),
        Head::Signed(number) => Value::from(number),
        Head::F32(number) => float(at, f64::from(number), &head)?,
        Head::F64(number) => float(at, number, &head)?,
        Head::Raw(raw) => Value::from(text(raw, at)?),
        Head::Array(length) => {
            let mut values = Vec::with_capacity(reader.capacity(length));
            for _ in 0..length {
                values.push(read(reader, depth + 1)?);
            }
            Value::Tuple(values)
        }
        Head::Map(length) => {
            let mut entries = Entries::with_capacity(reader.capacity(length));
            for _ in 0..length {
                let at = reader.at();
                let name = match reader.head()? {
                    Head::Raw(raw) => nfc(text(raw, at)?.to_owned()),
                    other => return Err(unexpected(at, "a text as a map's key", &other)),
                };
                entries.insert(name, read(reader, depth + 1)?);
            }
            Value::Object(entries)
        }
        // Whatever more is said of it: its type, its bounds.
        Head::Ext(0 | 12, _) => Value::Unknown(Type::Any),
        Head::Ext(..) => return Err(unexpected(at, "a value", &head)),
    };
    Ok(value)
}

fn float(at: usize, number: f64, head: &Head<'_>) -> Result<Value, Error> {
    let number = Number::from_f64_exact(number);
    number
        .map(Value::Number)
        .ok_or_else(|| unexpected(at, "a number", head))
}

fn text(raw: &[u8], at: usize) -> Result<&str, Error> {
    std::str::from_utf8(raw).map_err(|_| Error::Utf8 { at })
}
