//! Expressions: what Go's evaluator (hcl v2.25.0, cty v1.19.0) says of each of several hundred, and what is ours.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use encamp_hclspec::cty::functions;
use encamp_hclspec::{
    Context, Diagnostics, Expression, Reference, ReferenceStepKind, Source, Span, Type, UnknownVariables, Value,
};
use serde_json::{Value as Json, json};

/// One case a line: how it is evaluated, the text, and its value and type, or its errors, or its references. Errors are
/// `[summary, [start, end], context]`.
const CASES: &str = include_str!("data/expressions.jsonl");

/// Where we differ: the text, and why.
const DIFFERENT: &[(&str, &str)] = &[
    (r#"[unkstr, 1] == ["a", 2]"#, "the known elements decide, wherever the unknown ones are"),
    ("unkbool ? list : list", "unknown values know no bounds of their lengths"),
    ("{(null) = 1}", "Go says that the value is at fault, not the key"),
    ("{(nothing) = 1}", "Go says that the value is at fault, not the key"),
    ("{(nostr) = 1, b = 2}", "Go says that the value is at fault, not the key"),
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
    let mut context = bare().with_functions(functions::hcldec().iter().map(|(name, f)| (*name, f.clone()))).with_try_and_can();
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
            write!(out, r##"{{"#":"{}Inf"}}"##, if number.is_negative() { "-" } else { "+" }).unwrap();
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

/// What goes wrong for each element of a list is said once.
fn once(mut case: Vec<Json>) -> Vec<Json> {
    let is_evaluated = case.first() != Some(&json!("vars"));
    if let (true, Some(Json::Array(errors))) = (is_evaluated, case.get_mut(2)) {
        errors.dedup();
    }
    case
}

#[test]
fn expressions_are_evaluated_as_by_go() {
    let mut failures = String::new();
    for line in CASES.lines() {
        let mut expected: Vec<Json> = serde_json::from_str(line).unwrap();
        let (mode, text) = (expected[0].as_str().unwrap().to_owned(), expected[1].as_str().unwrap().to_owned());
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
        let expected = once(expected);
        let is_different = DIFFERENT.iter().any(|(different, _)| *different == text);
        if (actual == expected) == is_different {
            writeln!(failures, "{mode} {text}\n  Go:  {}\n  our: {}", json!(expected[2..]), json!(actual[2..])).unwrap();
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

fn evaluate(text: &str, context: &Context) -> Result<Value, Diagnostics> {
    parse("", text)?.evaluate(context)
}

#[track_caller]
fn check(text: &str, context: &Context, expected: Result<&str, &str>) {
    let actual = evaluate(text, context).map(|value| shown(&value)).map_err(|errors| errors.to_string());
    match (&actual, expected) {
        (Ok(actual), Ok(expected)) => assert_eq!(actual, expected, "{text}"),
        (Err(actual), Err(expected)) => assert!(actual.starts_with(expected), "{text}: {actual}"),
        _ => panic!("{text}: {actual:?}"),
    }
}

#[test]
fn the_text_of_unknown_variables_is_kept_where_the_context_says_so() {
    let kept = context().with_unknown(UnknownVariables::KeepText);
    let check = |text, expected| check(text, &kept, Ok(expected));
    check(r#""${x}/y ${num}""#, r#""${x}/y 5""#);
    check(r#""${x}""#, r#""${x}""#);
    check("x", r#""${x}""#);
    check("(x)", r#""${(x)}""#);
    check("x.y[0]", r#""${x.y[0]}""#);
    check(r#"[x, "${num}", {k = x.y}]"#, r#"["${x}",5,{"k":"${x.y}"}]"#);
    check("{(x) = 1}", r#"{"${(x)}":1}"#);
    check(r#""${upper("${x}")}-${num}""#, r#""${upper(\"${x}\")}-5""#);
    check(r#"concat([x], ["a"])"#, r#""${concat([x], [\"a\"])}""#);
    check(r#""%{ if x == "a" }b%{ endif }c""#, r#""%{ if x == \"a\" }b%{ endif }c""#);
    check(r#""%{ if yes }${x}%{ endif }c""#, r#""${x}c""#);
    check(r#""%{ for y in x }${y}%{ endfor }c""#, r#""%{ for y in x }${y}%{ endfor }c""#);
    check(r#""%{ for y in list }${y}${x}%{ endfor }c""#, r#""%{ for y in list }${y}${x}%{ endfor }c""#);
    check("[for y in list : x]", r#""${[for y in list : x]}""#);
    check("[for y in list : y]", "[1,2,3]");
    check("true ? num : x", "5");
    check("x ? num : 1", r#""${x ? num : 1}""#);
    check(r#"yes ? "${x}" : "b""#, r#""${x}""#);
    check("no && x", "false");
    check("yes && x", r#""${yes && x}""#);
    check("x[*].y", r#""${x[*].y}""#);
    check("try(x, 1)", r#""${try(x, 1)}""#);
    check("unk", r#"{"?":0}"#);
}

#[test]
fn what_is_wrong_whatever_a_kept_text_stands_for_is_an_error() {
    let kept = context().with_unknown(UnknownVariables::KeepText);
    check("map.zz", &kept, Err("e:1:4: Missing map element"));
    check(r#""${x}${list[9]}""#, &kept, Err("e:1:12: Invalid index"));
    let some = Context::new().with_unknown(UnknownVariables::KeepMatching(|name| name == "env"));
    check(r#""${env["A"]}""#, &some, Ok(r#""${env[\"A\"]}""#));
    check("other", &some, Err("e:1:1: Variables not allowed"));
    check("[other, env]", &some.with_variable("a", 1), Err("e:1:2: Unknown variable"));
}

#[test]
fn kept_text_of_json_is_without_its_escapes() {
    let context = context().with_unknown(UnknownVariables::KeepText);
    let value = |text| shown(&parse("json", text).unwrap().evaluate(&context).unwrap());
    assert_eq!(value(r#""a ${x[\"k\"]} ${num}""#), r#""a ${x[\"k\"]} 5""#);
    assert_eq!(value(r#""\n${x}""#), r#""\n${x}""#);
    assert_eq!(value(r#"{"a": ["${x}"]}"#), r#"{"a":["${x}"]}"#);
    assert_eq!(value(r#"{"a": "%{ if x == \"b\" }c%{ endif }"}"#), r#"{"a":"%{ if x == \"b\" }c%{ endif }"}"#);
}

#[test]
fn unknown_variables_can_be_unknown_values() {
    let context = context().with_unknown(UnknownVariables::Unknown);
    check("x", &context, Ok(r#"{"?":0}"#));
    check("[x.y + 1, num]", &context, Ok(r#"[{"?":0},5]"#));
    assert_eq!(evaluate("x + 1", &context).unwrap().ty(), Type::Number);
    check("x + list", &context, Err("e:1:5: Invalid operand"));
}

#[test]
fn a_child_context_sees_its_parent_and_can_hide_it() {
    let parent = context();
    let child = parent.child().with_variable("num", 7).with_variable("own", 1);
    check("[num, own, str, upper(str)]", &child, Ok(r#"[7,1,"text","TEXT"]"#));
    check("num", &parent, Ok("5"));
    check("own", &parent, Err("e:1:1: Unknown variable"));
    check("owm", &child, Err(r#"e:1:1: Unknown variable; There is no variable named "owm". Did you mean "own"?"#));
    assert_eq!(child.get("str").and_then(Value::as_str), Some("text"));
}

#[test]
fn functions_can_be_added() {
    let double = encamp_hclspec::cty::Function::new(
        [encamp_hclspec::cty::Parameter::new("n", Type::Number)],
        Type::Number,
        |arguments, _| Ok(Value::from(arguments[0].as_i64().unwrap_or(0) * 2)),
    );
    let context = Context::new().with_function("double", double);
    check("double(21) + length([1])", &context, Ok("43"));
    check("duoble(1)", &context, Err(r#"e:1:1: Call to unknown function; There is no function named "duoble". Did you mean "double"?"#));
    check("double([1])", &context, Err("e:1:8: Invalid function argument"));
    check("try(1)", &context, Err("e:1:1: Call to unknown function"));
}

#[test]
fn nothing_of_a_value_is_in_a_message_or_in_debug_output() {
    let secret = "hunter2";
    let context = Context::new()
        .with_variable("text", secret)
        .with_variable("list", Value::tuple([secret]))
        .with_variable("object", Value::object([("a", secret)]))
        .with_variable("map", Value::map(Type::String, [("a", secret)]));
    let texts = [
        "text + 1", "-text", "!text", "text && true", "text ? 1 : 2", "text.a", "text[0]", "list[text]", "map[text]",
        "object[text]", "map[text + 1]", "\"${list}\"", "[for x in text : x]", "[for x in list : x if x]",
        "{for x in [1, 2] : text => x}", "{(list) = 1}", "abs(text)", "text...", "abs(list...)", "max(text...)",
        "yes ? text : list", "true ? list : text", "[text][text]", "list[*].a", "text < 1", "object.a.b", "{(text) = text}.b",
        "jsondecode(text)", "int(text)", "substr(text, text, 1)", "hasindex(text, text)", "concat(text)",
    ];
    for text in texts {
        let Err(errors) = evaluate(text, &context) else { continue };
        assert!(!errors.to_string().contains(secret), "{text}: {errors}");
    }
    assert!(!format!("{context:?}").contains(secret));
    assert!(format!("{context:?}").contains("object"));
}

#[test]
fn written_out_parts_can_be_taken_apart() {
    let names = |entries: Vec<(String, Expression)>| entries.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let object = parse("", r#"({a = [1, x], "b c" = {d = 1}, 5 = 1})"#).unwrap();
    assert_eq!(object.entries().map(names), None, "a number is to be evaluated");
    let entries = object.object_entries().unwrap();
    assert_eq!(entries[2].key.evaluate(&bare()).unwrap(), Value::from(5));
    assert_eq!(entries[0].value.elements().unwrap()[1].span().text(), "x");
    assert_eq!(names(entries[1].value.entries().unwrap()), ["d"]);
    let json = parse("json", r#"{"a": [1, "${x}"], "b${x}": 1}"#).unwrap();
    assert_eq!(json.entries().map(names), None);
    let entries = json.object_entries().unwrap();
    assert_eq!(entries[0].value.elements().unwrap()[1].variables()[0].root, "x");
    assert_eq!(entries[1].key.variables()[0].span.text(), "x");
    assert!(parse("", "f(x)").unwrap().elements().is_none());
    assert_eq!(parse("", "[for x in local.b : x + local.a]").unwrap().references("local").len(), 2);
    let ambiguous = parse("", "{a.b = 1}").unwrap().object_entries().unwrap();
    assert!(ambiguous[0].key.evaluate(&context()).unwrap_err().to_string().contains("Ambiguous attribute key"));
}

#[test]
fn types_are_read_from_expressions() {
    let ty = |text: &str| parse("", text).unwrap().to_type().map(|ty| ty.to_string());
    for (text, expected) in [
        ("list(map(number))", "list(map(number))"),
        ("object({a = string, \"b c\" = tuple([])})", "object({a=string,\"b c\"=tuple([])})"),
        ("null", "any"),
        ("true ? string : number", "string"),
        (" ( set(any) ) # comment", "set(any)"),
    ] {
        assert_eq!(ty(text).unwrap(), expected);
    }
    for (text, expected) in [
        ("foo", "e:1:1: Unknown variable"),
        ("\"string\"", "e:1:1: Invalid type expression"),
        ("list()", "e:1:6: Not enough function arguments"),
        ("list(string, number)", "e:1:14: Too many function arguments"),
        ("tuple(string)", "e:1:7: Invalid function argument"),
        ("optional(string)", "e:1:1: Call to unknown function"),
    ] {
        let errors = ty(text).unwrap_err().to_string();
        assert!(errors.starts_with(expected), "{text}: {errors}");
    }
}

#[test]
fn a_small_text_cannot_ask_for_boundless_results() {
    let thousand = format!("[{}]", "0,".repeat(1000));
    let context = Context::new()
        .with_variable("text", "x".repeat(1 << 20))
        .with_functions(functions::standard().iter().map(|(name, f)| (*name, f.clone())));
    let nested = "for a in many: [for b in many: [for c in many: a]]".replace("many", &thousand);
    let doubled = format!(
        "\"%{{ for a in {thousand} }}%{{ for b in {thousand} }}${{text}}%{{ endfor }}%{{ endfor }}\""
    );
    for text in [
        format!("[{nested}]"),
        doubled,
        format!("[{}]", "text,".repeat(100)),
        format!("\"{}\"", "${text}".repeat(100)),
        format!("[for a in {thousand} : \"${{text}}${{a}}\"]"),
        format!("yes ? [{nested}] : 1"),
        format!("try([{nested}], 1)"),
        format!("[for a in {thousand} : text == \"${{text}}x\"]"),
        format!("{{for a in {thousand} : \"${{text}}${{a}}\" => 1}}"),
    ] {
        let start = Instant::now();
        let errors = evaluate(&text, &context.clone().with_variable("yes", true).with_try_and_can()).unwrap_err();
        assert!(errors.to_string().contains("Expression too expensive"), "{errors}");
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    }
}

#[test]
fn evaluations_with_one_context_share_its_budget() {
    let context = Context::new().with_variable("text", "x".repeat(1000)).with_budget(10_000);
    let results: Vec<_> = (0..20).map(|_| evaluate("[text]", &context.child()).is_ok()).collect();
    assert!(results[0] && !results[19]);
}

#[test]
fn errors_without_end_are_cut_off() {
    let text = format!("[{}]", (0..3000).map(|n| format!("x{n},")).collect::<String>());
    let errors = evaluate(&text, &context()).unwrap_err();
    assert_eq!(errors.len(), 1001);
    assert!(errors.to_string().ends_with("Too many errors; Further errors here are left out."));
    // The same error for each element is one.
    assert_eq!(evaluate(&format!("[for x in [{}] : y]", "1,".repeat(5000)), &context()).unwrap_err().len(), 1);
}

#[test]
fn deep_and_long_expressions_are_evaluated_or_refused_but_never_overflow_the_stack() {
    let wrap = |open: &str, inner: &str, close: &str, depth: usize| {
        format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
    };
    let shapes = [
        ("(", "1", ")"),
        ("[", "1", "]"),
        ("{a = ", "1", "}"),
        ("\"${", "1", "}\""),
        ("\"x${", "1", "}\""),
        ("\"%{ if yes }", "", "%{ endif }\""),
        ("%{ if yes }", "", "%{ endif }"),
        ("[for x in ", "list", " : x]"),
        ("[for x in list : ", "x", "]"),
        ("[for x in list : x if ", "yes", "]"),
        ("upper(", "str", ")"),
        ("try(", "str", ")"),
        ("list[", "1", "]"),
        ("yes ? 1 : ", "2", ""),
        ("yes ? ", "1", " : 2"),
        ("-", "1", ""),
        ("!", "yes", ""),
        ("1 + ", "1", ""),
        ("", "1", " + 1"),
        ("yes && ", "yes", ""),
        ("1 == (", "1", ")"),
        ("", "list", "[*]"),
        ("", "list", ".*"),
        ("", "obj", ".deep"),
        ("", "obj", "[0]"),
        ("", "obj", "[num]"),
        ("", "list", "[*][num]"),
        ("{(\"${", "1", "}\") = 1}"),
        ("nope + ", "1", ""),
    ];
    let context = context();
    for (open, inner, close) in shapes {
        for depth in [20, 60, 150, 190, 5000, 100_000] {
            let text = wrap(open, inner, close, depth);
            for mode in ["", "template"] {
                if let Ok(expression) = parse(mode, &text) {
                    drop(expression.evaluate(&context));
                    drop(expression.variables());
                }
            }
        }
    }
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for depth in [150, 190, 5000, 100_000] {
            if let Ok(expression) = parse("json", &wrap(open, "\"${num}\"", close, depth)) {
                drop(expression.evaluate(&context));
                drop(expression.variables());
            }
        }
    }
    let sum = format!("1{}", " + 1".repeat(4000));
    assert_eq!(evaluate(&sum, &context).unwrap(), Value::from(4001));
}
