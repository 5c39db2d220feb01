//! Values to JSON.

use std::borrow::Cow;
use std::fmt::Write;

use super::JsonError;
use crate::{Number, Type, Value, convert};

/// The value as JSON that is read back with [`from_str`](super::from_str) and the same type; converted to it, if it is
/// of another.
///
/// # Errors
/// Unknown values and infinities, for which JSON has nothing; a value that cannot be converted to the type.
pub fn to_string(value: &Value, ty: &Type) -> Result<String, JsonError> {
    let value = if conforms(value, ty) {
        Cow::Borrowed(value)
    } else {
        Cow::Owned(convert(value.clone(), ty)?)
    };
    let mut out = String::new();
    write(&value, ty, &mut out)?;
    Ok(out)
}

/// The value as plain JSON, whatever it is, without types: as [`to_string`] with the value's own type.
///
/// # Errors
/// Unknown values and infinities.
pub fn to_plain_string(value: &Value) -> Result<String, JsonError> {
    let mut out = String::new();
    write_plain(value, &mut out)?;
    Ok(out)
}

/// Whether the value is of the type, or of one that is the type with something in the place of every any.
fn conforms(value: &Value, ty: &Type) -> bool {
    fn types(have: &Type, want: &Type) -> bool {
        match (have, want) {
            (_, Type::Any) => true,
            (Type::List(have), Type::List(want))
            | (Type::Set(have), Type::Set(want))
            | (Type::Map(have), Type::Map(want)) => types(have, want),
            (Type::Tuple(have), Type::Tuple(want)) => {
                have.len() == want.len() && have.iter().zip(want.iter()).all(|(have, want)| types(have, want))
            }
            (Type::Object(have), Type::Object(want)) => {
                let fits = |(name, want): (&String, &Type)| have.get(name).is_some_and(|have| types(have, want));
                have.len() == want.len() && want.iter().all(fits)
            }
            (have, want) => have == want,
        }
    }
    value.is_of_type(ty) || (ty.has_any() && types(&value.ty(), ty))
}

fn write(value: &Value, ty: &Type, out: &mut String) -> Result<(), JsonError> {
    match (value, ty) {
        (Value::Null(Type::Any), Type::Any) => write_plain(value, out),
        (value, Type::Any) => {
            out.push_str("{\"value\":");
            write_plain(value, out)?;
            out.push_str(",\"type\":");
            out.push_str(&value.ty().to_json().to_string());
            out.push('}');
            Ok(())
        }
        (Value::List(_, values) | Value::Set(_, values), Type::List(element) | Type::Set(element)) => {
            write_all(values.iter().map(|value| (value, element.as_ref())), out)
        }
        (Value::Tuple(values), Type::Tuple(types)) => write_all(values.iter().zip(types.iter()), out),
        (Value::Map(..), Type::Map(element)) => {
            let entries = value.sorted_entries().into_iter();
            write_entries(entries.map(|(name, value)| (name, value, element.as_ref())), out)
        }
        (Value::Object(_), Type::Object(types)) => {
            let entries = value.sorted_entries().into_iter();
            write_entries(
                entries.filter_map(|(name, value)| Some((name, value, types.get(name)?))),
                out,
            )
        }
        (value, _) => write_plain(value, out),
    }
}

fn write_plain(value: &Value, out: &mut String) -> Result<(), JsonError> {
    match value {
        Value::Unknown(_) => Err(JsonError::new("value is not known")),
        Value::Null(_) => push(out, "null"),
        Value::Bool(truth) => push(out, if *truth { "true" } else { "false" }),
        Value::Number(number) => write_number(number, out),
        Value::String(text) => {
            write_text(text, out);
            Ok(())
        }
        Value::List(_, values) | Value::Set(_, values) | Value::Tuple(values) => {
            // With its own type there is no any that is not null.
            write_each('[', values.iter(), ']', out, write_plain)
                .map_err(|(index, error)| error.under(format!("[{index}]")))
        }
        Value::Map(..) | Value::Object(_) => {
            let entries = value.sorted_entries();
            let written = write_each('{', entries.iter(), '}', out, |(name, value), out| {
                write_text(name, out);
                out.push(':');
                write_plain(value, out)
            });
            written.map_err(|(index, error)| error.under(entries.get(index).map_or("", |(name, _)| name)))
        }
    }
}

fn write_all<'a>(parts: impl Iterator<Item = (&'a Value, &'a Type)>, out: &mut String) -> Result<(), JsonError> {
    write_each('[', parts, ']', out, |(value, ty), out| write(value, ty, out))
        .map_err(|(index, error)| error.under(format!("[{index}]")))
}

fn write_entries<'a>(
    entries: impl Iterator<Item = (&'a str, &'a Value, &'a Type)>,
    out: &mut String,
) -> Result<(), JsonError> {
    let written = write_each('{', entries, '}', out, |(name, value, ty), out| {
        write_text(name, out);
        out.push(':');
        write(value, ty, out).map_err(|error| error.under(name))
    });
    written.map_err(|(_, error)| error)
}

fn write_each<T>(
    open: char,
    parts: impl Iterator<Item = T>,
    close: char,
    out: &mut String,
    mut each: impl FnMut(T, &mut String) -> Result<(), JsonError>,
) -> Result<(), (usize, JsonError)> {
    out.push(open);
    for (index, part) in parts.enumerate() {
        if index > 0 {
            out.push(',');
        }
        each(part, out).map_err(|error| (index, error))?;
    }
    out.push(close);
    Ok(())
}

fn write_number(number: &Number, out: &mut String) -> Result<(), JsonError> {
    if number.is_infinite() {
        return Err(JsonError::new("cannot serialize infinity as JSON"));
    }
    // Writing into a String cannot fail.
    write!(out, "{number}").unwrap_or_default();
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "an arm of a match over what can fail")]
fn push(out: &mut String, text: &str) -> Result<(), JsonError> {
    out.push_str(text);
    Ok(())
}

/// A text in quotes, safe to be put into HTML.
fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\x1f' => {
                write!(out, "\\u{:04x}", u32::from(c)).unwrap_or_default();
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
