//! Writing values.

use encamp_hclspec_cty::{Entries, Number, Value};
use rmp::encode;

use crate::Error;

/// A value's bytes.
///
/// # Errors
///
/// A list or a text of 4 GiB and more. An unknown value is encoded as such, which is an extension that only peers that
/// know cty can read.
pub fn to_vec(value: &Value) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    write(&mut bytes, value)?;
    Ok(bytes)
}

/// What an unknown value is: an extension of type 0 with one byte that is 0.
const UNKNOWN: [u8; 3] = [0xd4, 0, 0];

fn write(bytes: &mut Vec<u8>, value: &Value) -> Result<(), Error> {
    match value {
        Value::Null(_) => encode::write_nil(bytes).map_err(never)?,
        Value::Unknown(_) => bytes.extend(UNKNOWN),
        Value::Bool(truth) => encode::write_bool(bytes, *truth).map_err(never)?,
        Value::Number(number) => write_number(bytes, number)?,
        Value::String(text) => write_text(bytes, text)?,
        Value::List(_, values) | Value::Set(_, values) | Value::Tuple(values) => {
            encode::write_array_len(bytes, length(values.len())?).map_err(never)?;
            for value in values {
                write(bytes, value)?;
            }
        }
        Value::Map(_, entries) | Value::Object(entries) => write_map(bytes, entries)?,
    }
    Ok(())
}

fn write_map(bytes: &mut Vec<u8>, entries: &Entries) -> Result<(), Error> {
    encode::write_map_len(bytes, length(entries.len())?).map_err(never)?;
    let mut sorted: Vec<_> = entries.iter().collect();
    sorted.sort_unstable_by_key(|(name, _)| *name);
    for (name, value) in sorted {
        write_text(bytes, name)?;
        write(bytes, value)?;
    }
    Ok(())
}

fn write_number(bytes: &mut Vec<u8>, number: &Number) -> Result<(), Error> {
    if let Some(integer) = number.as_i64() {
        // Unsigned forms where there is no sign.
        encode::write_sint(bytes, integer).map_err(never)?;
        return Ok(());
    }
    match number.as_f64_exact() {
        // An integer that is too large for an integer form is text, though a float might hold it.
        Some(float) if !number.is_integer() => encode::write_f64(bytes, float).map_err(never),
        _ => write_text(bytes, &number.to_string()),
    }
}

fn write_text(bytes: &mut Vec<u8>, text: &str) -> Result<(), Error> {
    length(text.len())?;
    encode::write_str(bytes, text).map_err(never)
}

fn length(length: usize) -> Result<u32, Error> {
    u32::try_from(length).map_err(|_| Error::Unencodable(format!("{length} elements in one value")))
}

/// Writing to a vector does not fail.
fn never(error: impl std::fmt::Display) -> Error {
    Error::Unencodable(error.to_string())
}
