//! The result, as JSON.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use encamp_hclspec::cty::{Entries, json};
use encamp_hclspec::{Type, Value};

use crate::args::Args;
use crate::failure::Failure;
use crate::streams::Streams;

pub(crate) fn json(value: Value, args: &Args) -> Result<String, Failure> {
    if args.keep_nulls {
        let ty = if args.with_type { Type::Any } else { value.ty() };
        return json::to_string(&value, &ty).map_err(Failure::Json);
    }
    let ty = value.ty();
    let text = json::to_plain_string(&without_nulls(value)).map_err(Failure::Json)?;
    Ok(match ty {
        // A null of no type is written without one.
        Type::Any => text,
        _ if !args.with_type => text,
        // The object around the value loses its nulls like any other, and its properties are in order.
        ty if text == "null" => format!("{{\"type\":{}}}", ty.to_json()),
        ty => format!("{{\"type\":{},\"value\":{text}}}", ty.to_json()),
    })
}

/// Without what is null in objects and maps; what is null in a list has a place there and stays.
fn without_nulls(value: Value) -> Value {
    let all = |elements: Vec<Value>| elements.into_iter().map(without_nulls).collect();
    let named = |entries: Entries| {
        let entries = entries.into_iter().filter(|(_, value)| !value.is_null());
        entries.map(|(name, value)| (name, without_nulls(value))).collect()
    };
    match value {
        Value::List(ty, elements) => Value::List(ty, all(elements)),
        Value::Set(ty, elements) => Value::Set(ty, all(elements)),
        Value::Tuple(elements) => Value::Tuple(all(elements)),
        Value::Map(ty, entries) => Value::Map(ty, named(entries)),
        Value::Object(entries) => Value::Object(named(entries)),
        value => value,
    }
}

pub(crate) fn write(text: &str, path: Option<&Path>, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let Some(path) = path.filter(|path| !path.as_os_str().is_empty()) else {
        let written = writeln!(streams.stdout, "{text}").and_then(|()| streams.stdout.flush());
        return written.map_err(Failure::Stdout);
    };
    let written = File::create(path).and_then(|mut file| writeln!(file, "{text}"));
    written.map_err(|source| Failure::File {
        path: path.to_owned(),
        source,
    })
}
