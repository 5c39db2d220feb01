//! The order of values in a set.

use std::cmp::Ordering;
use std::fmt::Write;

use crate::Value;

/// The values in a set's order, each once. Values that are not wholly known are all kept.
///
/// Numbers ascend, texts go by their bytes, false comes before true; unknown values follow known ones, and nulls all
/// others. Composite values go by a text made of them, as in the other implementations of HCL, so that their output
/// agrees: the numbers in it count as text, and only to ten digits.
pub(crate) fn sorted_unique(mut values: Vec<Value>) -> Vec<Value> {
    if values.iter().any(is_composite) {
        let mut keyed: Vec<(String, Value)> = values.into_iter().map(|value| (key(&value), value)).collect();
        keyed.sort_by(|(a_key, a), (b_key, b)| {
            rank(a)
                .cmp(&rank(b))
                .then_with(|| a_key.cmp(b_key))
                .then_with(|| compare(a, b))
        });
        values = keyed.into_iter().map(|(_, value)| value).collect();
    } else {
        values.sort_by(compare);
    }
    values.dedup_by(|later, earlier| later == earlier && later.is_wholly_known());
    values
}

fn is_composite(value: &Value) -> bool {
    value.as_list().is_some() || value.as_map().is_some()
}

/// A total order in which only equal values are equal.
pub(crate) fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        _ => rank(a).cmp(&rank(b)).then_with(|| compare_parts(a, b)),
    }
}

fn compare_parts(a: &Value, b: &Value) -> Ordering {
    if let (Some(a), Some(b)) = (a.as_list(), b.as_list()) {
        let parts = a.iter().zip(b).map(|(a, b)| compare(a, b));
        return first_difference(parts).then(a.len().cmp(&b.len()));
    }
    if a.as_map().is_some() && b.as_map().is_some() {
        let (a, b) = (a.sorted_entries(), b.sorted_entries());
        let parts = a
            .iter()
            .zip(&b)
            .map(|(a, b)| a.0.cmp(b.0).then_with(|| compare(a.1, b.1)));
        return first_difference(parts).then(a.len().cmp(&b.len()));
    }
    Ordering::Equal
}

fn first_difference(mut parts: impl Iterator<Item = Ordering>) -> Ordering {
    parts.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Bool(_) => 0,
        Value::Number(_) => 1,
        Value::String(_) => 2,
        Value::List(..) | Value::Set(..) | Value::Tuple(_) => 3,
        Value::Map(..) | Value::Object(_) => 4,
        Value::Unknown(_) => 5,
        Value::Null(_) => 6,
    }
}

/// The text that composite values are sorted by.
fn key(value: &Value) -> String {
    let mut text = String::new();
    write_key(value, &mut text);
    text
}

fn write_key(value: &Value, out: &mut String) {
    match value {
        Value::Unknown(_) => out.push('?'),
        Value::Null(_) => out.push('~'),
        Value::Bool(truth) => out.push(if *truth { 'T' } else { 'F' }),
        Value::Number(number) => out.push_str(&number.to_ten_digits()),
        Value::String(text) => write_quoted(text, out),
        Value::List(_, values) | Value::Set(_, values) => write_all(values, ('[', ']'), out),
        Value::Tuple(values) => write_all(values, ('<', '>'), out),
        Value::Map(..) => {
            out.push('{');
            for (name, value) in value.sorted_entries() {
                write_quoted(name, out);
                out.push(':');
                write_key(value, out);
                out.push(';');
            }
            out.push('}');
        }
        Value::Object(_) => {
            out.push('<');
            for (_, value) in value.sorted_entries() {
                write_key(value, out);
                out.push(';');
            }
            out.push('>');
        }
    }
}

fn write_all(values: &[Value], (open, close): (char, char), out: &mut String) {
    out.push(open);
    for value in values {
        write_key(value, out);
        out.push(';');
    }
    out.push(close);
}

fn write_quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x0b' => out.push_str("\\v"),
            ' ' => out.push(' '),
            c if u32::from(c) < 0x20 || c == '\x7f' => push_code(out, "\\x", 2, c),
            c if c.is_control() || c.is_whitespace() => push_code(out, "\\u", 4, c),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn push_code(out: &mut String, mark: &str, width: usize, c: char) {
    // Writing into a String cannot fail.
    write!(out, "{mark}{:0width$x}", u32::from(c)).unwrap_or_default();
}
