//! Expressions: what Go's evaluator (hcl v2.25.0, cty v1.19.0) says of each of several hundred, and what is ours.

mod kept;
mod limits;
mod parts;
mod properties;

use std::fmt::Write as _;

use encamp_hclspec::cty::functions;
use encamp_hclspec::{Context, Diagnostics, Expression, Reference, ReferenceStepKind, Source, Span, Type, Value};
use serde_json::{Value as Json, json};

/// One case a line: how it is evaluated, the text, and its value and type, or its errors, or its references. Errors are
/// `[summary, [start, end], context]`.
const CASES: &str = include_str!("data/expressions.jsonl");

/// Where we differ: the text, and why.
const DIFFERENT: &[(&str, &str)] = &[
    (
        r#"[unkstr, 1] == ["a", 2]"#,
        "the known elements decide, wherever the unknown ones are",
    ),
    (
        "unkbool ? list : list",
        "unknown values know no bounds of their lengths",
    ),
    ("-0", "a number has one zero"),
    (
        "!((unk != 1)[*].a)",
        "unknown values do not know that they are not null",
    ),
    ("{(null) = 1}", "Go says that the value is at fault, not the key"),
    ("{(nothing) = 1}", "Go says that the value is at fault, not the key"),
    (
        "{(nostr) = 1, b = 2}",
        "Go says that the value is at fault, not the key",
    ),
];

fn object_type() -> Type {
    Type::object([("a", Type::String)])
}

/// The variables that the cases use.
fn context() -> Context {
    let number = |n: i64| Value::from(n);
    let text = |t: &str| Value::from(t);
    let entry = |a: &str, b: i64| Value::object([("a", text(a)), ("b", number(b))]);
    let entry_type = Type::object([("a", Type::String), ("b", Type::Number)]);
    let unknown = [
        ("unk", Type::Any),
        ("unkstr", Type::String),
        ("unknum", Type::Number),
        ("unkbool", Type::Bool),
        ("unklist", Type::list(Type::String)),
        ("unkmap", Type::map(Type::String)),
        ("unkobj", object_type()),
        ("unktup", Type::tuple([Type::String, Type::Number])),
    ];
    let known = [
        ("str", text("text")),
        ("num", number(5)),
        ("yes", true.into()),
        ("no", false.into()),
        ("nothing", Value::NULL),
        ("nostr", Value::Null(Type::String)),
        ("nolist", Value::Null(Type::list(Type::String))),
        ("noobj", Value::Null(object_type())),
        ("list", Value::list(Type::Number, [1, 2, 3])),
        ("empty", Value::list(Type::String, Vec::<Value>::new())),
        ("objs", Value::list(entry_type, [entry("x", 1), entry("y", 2)])),
        ("set", Value::set(Type::String, ["b", "a"])),
        ("objset", Value::set(object_type(), [Value::object([("a", "x")])])),
        ("map", Value::map(Type::String, [("k", "v"), ("a", "w")])),
        (
            "obj",
            Value::object([
                ("a", number(1)),
                ("b", text("two")),
                ("list", Value::tuple([number(1), text("x")])),
                ("deep", Value::object([("er", true)])),
                ("1", text("one")),
            ]),
        ),
        ("tup", Value::tuple([number(1), text("two"), true.into()])),
        ("partly", Value::tuple([Value::Unknown(Type::String), text("x")])),
    ];
    let mut context = bare()
        .with_functions(functions::hcldec().iter().map(|(name, f)| (*name, f.clone())))
        .with_try_and_can();
    for (name, ty) in unknown {
        context.set(name, Value::Unknown(ty));
    }
    for (name, value) in known {
        context.set(name, value);
    }
    context
}

fn bare() -> Context {
    Context::new().with_functions(std::iter::empty::<(String, _)>())
}

/// The value as the cases have it: as JSON with sorted names, unknown parts as `{"?":0}`.
fn show(value: &Value, out: &mut String) {
    match value {
        Value::Null(_) => out.push_str("null"),
        Value::Unknown(_) => out.push_str(r#"{"?":0}"#),
        Value::Bool(truth) => write!(out, "{truth}").unwrap(),
        Value::Number(number) if number.is_infinite() => {
            write!(
                out,
                r##"{{"#":"{}Inf"}}"##,
                if number.is_negative() { "-" } else { "+" }
            )
            .unwrap();
        }
        Value::Number(number) => write!(out, "{number}").unwrap(),
        Value::String(text) => write!(out, "{}", json!(text)).unwrap(),
        Value::List(_, values) | Value::Set(_, values) | Value::Tuple(values) => {
            out.push('[');
            for (index, value) in values.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                show(value, out);
            }
            out.push(']');
        }
        Value::Map(..) | Value::Object(_) => {
            out.push('{');
            for (index, (name, value)) in value.sorted_entries().into_iter().enumerate() {
                write!(out, "{}{}:", if index == 0 { "" } else { "," }, json!(name)).unwrap();
                show(value, out);
            }
            out.push('}');
        }
    }
}

fn shown(value: &Value) -> String {
    let mut out = String::new();
    show(value, &mut out);
    out
}

fn range(span: Option<&Span>) -> Json {
    span.map_or(Json::Null, |span| json!([span.range().start, span.range().end]))
}

fn errors(diagnostics: &Diagnostics) -> Json {
    let error = |diagnostic: &encamp_hclspec::Diagnostic| {
        json!([
            diagnostic.summary,
            range(diagnostic.span.as_ref()),
            range(diagnostic.context.as_ref())
        ])
    };
    diagnostics.iter().map(error).collect()
}

fn reference(reference: &Reference) -> Json {
    let mut steps = vec![json!([
        "root",
        reference.root.as_str(),
        reference.root_span.range().start,
        reference.root_span.range().end
    ])];
    for step in &reference.steps {
        let (kind, key) = match &step.kind {
            ReferenceStepKind::Attribute(name) => ("attr", json!(name.as_str())),
            ReferenceStepKind::Index(key) => ("index", serde_json::from_str(&shown(key)).unwrap()),
            other => panic!("{other:?}"),
        };
        steps.push(json!([kind, key, step.span.range().start, step.span.range().end]));
    }
    Json::Array(steps)
}

fn parse(mode: &str, text: &str) -> Result<Expression, Diagnostics> {
    let source = Source::new("e", text.to_owned());
    match mode {
        "json" => Expression::parse_json(source),
        "template" => Expression::parse_template(source),
        _ => Expression::parse(source),
    }
}

/// What we say of a case, in the form of the cases.
fn answer(mode: &str, text: &str) -> Vec<Json> {
    let parsed = match parse(mode, text) {
        Ok(parsed) => parsed,
        Err(diagnostics) => return vec![json!(mode), json!(text), json!(["syntax", diagnostics.to_string()])],
    };
    let mut answer = vec![json!(mode), json!(text)];
    if mode == "vars" {
        answer.push(parsed.variables().iter().map(reference).collect());
        return answer;
    }
    let context = match mode {
        "bare" => bare(),
        "novars" => Context::new(),
        _ => context(),
    };
    match parsed.evaluate(&context) {
        Ok(value) => {
            answer.push(json!(shown(&value)));
            answer.push(json!(value.ty().to_json().to_string()));
        }
        Err(diagnostics) => answer.push(errors(&diagnostics)),
    }
    answer
}

/// What goes wrong for each element of a list counts once.
fn once(mut case: Vec<Json>) -> Vec<Json> {
    let is_evaluated = case.first() != Some(&json!("vars"));
    if let (true, Some(Json::Array(errors))) = (is_evaluated, case.get_mut(2)) {
        let mut seen = std::collections::HashSet::new();
        errors.retain(|error| seen.insert(error.to_string()));
    }
    case
}

#[test]
fn expressions_are_evaluated_as_by_go() {
    let mut failures = String::new();
    for line in CASES.lines() {
        let mut expected: Vec<Json> = serde_json::from_str(line).unwrap();
        let (mode, text) = (
            expected[0].as_str().unwrap().to_owned(),
            expected[1].as_str().unwrap().to_owned(),
        );
        if let Some(ty) = expected.get_mut(3) {
            // The order of names in the text is no matter.
            let sorted: Json = serde_json::from_str(ty.as_str().unwrap()).unwrap();
            *ty = json!(sorted.to_string());
        }
        let mut actual = answer(&mode, &text);
        if let Some(ty) = actual.get_mut(3) {
            let sorted: Json = serde_json::from_str(ty.as_str().unwrap()).unwrap();
            *ty = json!(sorted.to_string());
        }
        let (expected, actual) = (once(expected), once(actual));
        let is_different = DIFFERENT.iter().any(|(different, _)| *different == text);
        if (actual == expected) == is_different {
            writeln!(
                failures,
                "{mode} {text}\n  Go:  {}\n  our: {}",
                json!(expected[2..]),
                json!(actual[2..])
            )
            .unwrap();
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

fn evaluate(text: &str, context: &Context) -> Result<Value, Diagnostics> {
    parse("", text)?.evaluate(context)
}

#[track_caller]
fn check(text: &str, context: &Context, expected: Result<&str, &str>) {
    let actual = evaluate(text, context)
        .map(|value| shown(&value))
        .map_err(|errors| errors.to_string());
    match (&actual, expected) {
        (Ok(actual), Ok(expected)) => assert_eq!(actual, expected, "{text}"),
        (Err(actual), Err(expected)) => assert!(actual.starts_with(expected), "{text}: {actual}"),
        _ => panic!("{text}: {actual:?}"),
    }
}
