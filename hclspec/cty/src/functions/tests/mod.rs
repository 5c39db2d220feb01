//! What the functions give, beside what the functions of the same names give in Go.

mod calls;
mod limits;

use std::collections::HashSet;

use super::{hcldec, standard};
use crate::{Function, FunctionError, Type, Value, convert, json};

/// Lines of a function, its arguments, and then `ok`, the type and the value of the result, or `error` and the argument
/// at fault, or `-`; made by calling the functions of Go's cty module, version 1.19.0.
const CASES: &str = include_str!("cases.tsv");
/// The same for calls where we differ, with the reason at the end of the line.
const OURS: &str = include_str!("ours.tsv");

/// Calls a function as a line says, and compares what it gives; what is wrong, or nothing.
fn check(functions: impl Fn(&str) -> &'static Function, line: &str) -> Option<String> {
    let fields: Vec<&str> = line.split('\t').collect();
    let arguments = arguments(fields[1]);
    let expected = fields[2..fields.len().min(5)].join("\t");
    let given = match functions(fields[0]).call(arguments) {
        Ok(value) => format!("ok\t{}\t{}", value.ty().to_json(), shown(&value)),
        Err(FunctionError { argument, .. }) => {
            format!(
                "error\t{}\t",
                argument.map_or("-".to_owned(), |index| index.to_string())
            )
        }
    };
    let same = if given.starts_with("error") {
        expected.starts_with(&given)
    } else {
        given == expected
    };
    (!same).then(|| {
        format!(
            "{}\t{}\n  expected {expected}\n     given {given}\n",
            fields[0], fields[1]
        )
    })
}

fn arguments(notation: &str) -> Vec<Value> {
    match read(json::parse(notation).unwrap()) {
        Value::Tuple(arguments) => arguments,
        other => panic!("not a list of arguments: {other:?}"),
    }
}

/// A value from its notation: JSON, where `{"$unknown": type}` and `{"$null": type}` stand for such values, and
/// `{"$list": element type, "v": elements}`, `$set` and `$map` for collections.
fn read(notation: Value) -> Value {
    let ty = |name: &str| {
        let text = json::to_plain_string(notation.get(name)?).unwrap();
        Some(Type::from_json(&serde_json::from_str(&text).unwrap()).unwrap())
    };
    let collection = |ty: Type| convert(read(notation.get("v").unwrap().clone()), &ty).unwrap();
    if let Some(ty) = ty("$unknown") {
        return Value::Unknown(ty);
    }
    if let Some(ty) = ty("$null") {
        return Value::Null(ty);
    }
    for (name, wrap) in [
        ("$list", Type::list as fn(Type) -> Type),
        ("$set", Type::set),
        ("$map", Type::map),
    ] {
        if let Some(element) = ty(name) {
            return collection(wrap(element));
        }
    }
    match notation {
        Value::Tuple(parts) => Value::tuple(parts.into_iter().map(read)),
        Value::Object(parts) => Value::object(parts.into_iter().map(|(name, part)| (name, read(part)))),
        other => other,
    }
}

/// The value as the case files have it.
fn shown(value: &Value) -> String {
    let all = |parts: &[Value]| format!("[{}]", parts.iter().map(shown).collect::<Vec<_>>().join(","));
    match value {
        Value::Unknown(_) => r#"{"$unknown":true}"#.to_owned(),
        Value::Number(number) if number.is_infinite() => format!("\"{number}\""),
        Value::String(text) => serde_json::to_string(text).unwrap(),
        Value::List(_, parts) | Value::Set(_, parts) | Value::Tuple(parts) => all(parts),
        Value::Map(_, parts) | Value::Object(parts) => {
            let parts = parts
                .iter()
                .map(|(name, part)| format!("{}:{}", serde_json::to_string(name.as_str()).unwrap(), shown(part)));
            let mut parts: Vec<String> = parts.collect();
            parts.sort();
            format!("{{{}}}", parts.join(","))
        }
        other => json::to_plain_string(other).unwrap(),
    }
}

fn check_all(functions: impl Fn(&str) -> &'static Function, lines: &str) {
    let wrong: Vec<String> = lines.lines().filter_map(|line| check(&functions, line)).collect();
    assert!(wrong.is_empty(), "{} calls:\n{}", wrong.len(), wrong.concat());
}

#[test]
fn every_function_gives_what_it_gives_in_go() {
    check_all(|name| hcldec().get(name).unwrap_or_else(|| &standard()[name]), CASES);
}

#[test]
fn where_we_differ_from_go_we_give_what_we_say() {
    check_all(|name| &standard()[name], OURS);
}

#[test]
fn every_function_is_called_by_the_cases() {
    let called: HashSet<&str> = CASES
        .lines()
        .chain(OURS.lines())
        .filter_map(|line| line.split('\t').next())
        .collect();
    let missing: Vec<_> = standard().keys().filter(|name| !called.contains(*name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_table_in_the_readme_has_every_function() {
    let readme = include_str!("../README.md");
    let missing: Vec<_> = standard()
        .keys()
        .filter(|name| !readme.contains(&format!("\n| `{name}(")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_functions_of_hcldec_are_fifteen() {
    let names: Vec<&str> = hcldec().keys().copied().collect();
    let expected =
        "abs coalesce concat hasindex int jsondecode jsonencode length lower max min reverse strlen substr upper";
    assert_eq!(names.join(" "), expected);
}
