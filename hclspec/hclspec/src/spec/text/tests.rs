use std::fmt::Write as _;

use super::{SpecFile, parse, parse_type};
use crate::spec::{Check, Transform};
use crate::{Body, Context, Diagnostics, Expression, Source, Spec, Type, Value, decode};

fn read(text: &str) -> Result<Spec, Diagnostics> {
    parse(&Source::new("x.hcldec", text.to_owned()))
}

/// The spec's text reads back as the spec.
fn round(spec: &Spec) -> String {
    let text = spec.to_string();
    match read(&text) {
        Ok(read) => assert_eq!(read, *spec, "{text}"),
        Err(errors) => panic!("{text}\n{errors}"),
    }
    text
}

fn check_error(text: &str, expected: &str) {
    let errors = read(text).expect_err(text);
    let found: Vec<_> = errors
        .iter()
        .map(|error| {
            let span = error.span.as_ref().unwrap();
            format!("{}:{} {}", span.line(), span.column(), error.summary)
        })
        .collect();
    assert_eq!(found.join("; "), expected, "{text}");
}

fn check_type(text: &str, expected: &Type) {
    let ty = parse_type(Source::new("type", text.to_owned()));
    assert_eq!(ty.as_ref(), Ok(expected), "{text}");
}

#[test]
fn every_kind_of_spec_is_written_and_read_back() {
    let inner = || {
        Spec::object([
            ("x", Spec::attr("x", Type::Number).required()),
            ("y", Spec::attr("z", Type::Any)),
        ])
    };
    let expression = Expression::parse(Source::new("e", "upper(\"${env}\")".to_owned())).unwrap();
    let spec = Spec::object([
        (
            "attr",
            Spec::attr("attr", Type::list(Type::object([("a b", Type::Bool)]))),
        ),
        (
            "array",
            Spec::array([Spec::attr("one", Type::String), Spec::literal(1)]),
        ),
        ("block", Spec::block("block", inner()).required()),
        ("list", Spec::block_list_limited("item", 1, 3, inner())),
        ("set", Spec::block_set("set", Spec::attr("x", Type::String))),
        ("tuple", Spec::block_tuple("tuple", Spec::attr("x", Type::Any))),
        ("map", Spec::block_map("map", ["a", "b"], Spec::attr("x", Type::String))),
        (
            "objects",
            Spec::block_object("objects", ["a"], Spec::block_label(1, "name")),
        ),
        ("attrs", Spec::block_attrs("attrs", Type::String).required()),
        (
            "default",
            Spec::default_value(Spec::default(Spec::attr("p", Type::Any), Spec::attr("q", Type::Any)), 5),
        ),
        (
            "right",
            Spec::default(Spec::literal(1), Spec::default(Spec::literal(2), Spec::literal(3))),
        ),
        ("expression", Spec::Expression(expression)),
        (
            "described",
            Spec::attr("described", Type::Bool).described("One line.\n\n  And another: ${x}."),
        ),
        ("needs \"quotes\" ${x}", Spec::attr("e", Type::String)),
    ]);
    let text = round(&spec);
    assert!(
        text.contains("  ## One line.\n  ##\n  ##   And another: ${x}.\n  attr \"described\" {\n"),
        "{text}"
    );
    assert!(
        text.contains("  default \"default\" {\n    attr {\n      name = \"p\"\n"),
        "{text}"
    );
}

#[test]
fn text_is_laid_out_for_people() {
    let port = Spec::default_value(Spec::attr("port", Type::Number).required(), 80);
    let spec = Spec::object([("port", port), ("nothing", Spec::object::<String>([]))]);
    let expected = "\
object {
  default \"port\" {
    attr {
      name     = \"port\"
      type     = number
      required = true
    }
    literal {
      value = 80
    }
  }
  object \"nothing\" {}
}
";
    assert_eq!(round(&spec), expected);
}

#[test]
fn literals_of_every_type_are_read_back() {
    let values = [
        Value::NULL,
        Value::Null(Type::String),
        Value::from(true),
        Value::from(-5),
        Value::Number("1.5e-3".parse().unwrap()),
        Value::Number("123456789012345678901234567890.25".parse().unwrap()),
        Value::from(""),
        Value::from("3m"),
        Value::from("\"\\\n\r\t\0\u{7f}é😀 ${a} %{b} $${c} $$${d} %%%{e} $ % $$ {"),
        Value::tuple([Value::from(1), Value::from("a"), Value::NULL]),
        Value::object([("b b", Value::from(1)), ("${a}", Value::tuple::<Value>([]))]),
        Value::object::<String, Value>([]),
        Value::list(Type::String, ["a", "b"]),
        Value::list::<Value>(Type::Number, []),
        Value::set(Type::Number, [2, 1]),
        Value::map(Type::list(Type::Bool), [("k", Value::list(Type::Bool, [true]))]),
        Value::tuple([Value::Null(Type::Bool), Value::from(1)]),
    ];
    for value in values {
        round(&Spec::literal(value));
    }
}

#[test]
fn a_text_in_quotes_is_only_that_text_and_never_an_expression() {
    let spec = read("literal {\n  value = \"3m\"\n}\n").unwrap();
    assert_eq!(spec, Spec::literal("3m"));
    check_error("literal {\n  value = 3m\n}\n", "2:12 Missing newline after argument");
}

#[test]
fn what_code_does_is_written_as_a_comment() {
    let spec = Spec::attr("a", Type::String).validated(Check::new(|_| Diagnostics::new()));
    let text = spec.to_string();
    assert!(
        text.starts_with("# The value is checked by a function of the program.\nattr {"),
        "{text}"
    );
    assert_eq!(read(&text).unwrap(), Spec::attr("a", Type::String));
}

#[test]
fn a_transform_computes_with_what_is_nested() {
    let text = "transform {\n  result = nested * 1024\n\n  attr {\n    name = \"size\"\n    type = number\n  }\n}\n";
    let spec = read(text).unwrap();
    assert!(matches!(
        &spec,
        Spec::Transform {
            with: Transform::Expression { .. },
            ..
        }
    ));
    round(&spec);
    let body = Body::parse(Source::new("x.hcl", "size = 2".to_owned())).unwrap();
    assert_eq!(decode(&spec, &body, &Context::new()), Ok(Value::from(2048)));
}

#[test]
fn variables_and_functions_are_for_the_input() {
    let text = "
variables {
  base = upper(\"a\")
}
function \"join\" {
  params         = [first]
  variadic_param = rest
  result         = [for x in rest : \"${first}${x}\"]
}
attr {
  name = \"v\"
}
";
    let file = SpecFile::parse(&Source::new("x.hcldec", text.to_owned())).unwrap();
    let body = Body::parse(Source::new("x.hcl", "v = join(base, 1, 2)".to_owned())).unwrap();
    let value = decode(&file.spec, &body, &file.context());
    assert_eq!(value, Ok(Value::tuple(["A1", "A2"])));
    // Functions of spec files are not those of the input.
    let body = Body::parse(Source::new("x.hcl", "v = upper(base)".to_owned())).unwrap();
    assert!(decode(&file.spec, &body, &file.context()).is_err());
}

#[test]
fn a_default_with_one_child_is_a_warning_where_upstream_panics() {
    let source = Source::new("x.hcldec", "default {\n  literal {\n    value = 1\n  }\n}\n".to_owned());
    let (file, warnings) = SpecFile::parse_with_warnings(&source);
    assert_eq!(file.unwrap().spec, Spec::literal(1));
    assert_eq!(warnings.len(), 1);
    assert!(!warnings.has_errors());
    assert!(
        warnings
            .to_string()
            .contains("x.hcldec:2:3: warning: Useless default block"),
        "{warnings}"
    );
}

#[test]
fn block_attrs_can_be_anywhere_where_upstream_does_not_know_them() {
    let text = "block_attrs {\n  block_type   = \"env\"\n  element_type = string\n}\n";
    assert_eq!(read(text).unwrap(), Spec::block_attrs("env", Type::String));
    assert_eq!(round(&Spec::block_attrs("env", Type::String)), text);
}

#[test]
fn mistakes_are_found_where_they_are_and_all_of_them() {
    check_error("", "1:1 Missing spec block");
    check_error("object {}\narray {}\n", "2:1 Extraneous spec block");
    check_error("foo {}\n", "1:1 Unsupported block type");
    check_error(
        "object {\n  attr {\n  }\n  atr \"b\" {\n  }\n  attr \"c\" {\n    requird = true\n  }\n}\n",
        "2:8 Missing key for attr; 4:3 Unsupported block type; 7:5 Unsupported argument",
    );
    check_error(
        "array {\n  attr {}\n  block {\n    required = \"x\"\n  }\n}\n",
        "2:8 Missing name in attribute spec; 3:9 Missing block_type in block spec; 3:9 Missing spec block; \
         4:17 Unsuitable value type",
    );
    check_error(
        "block_map {\n  block_type = \"b\"\n  labels = []\n  attr {\n    name = \"x\"\n    type = list(any)\n  }\n}\n",
        "1:11 Invalid block label name list",
    );
    check_error(
        "block_map {\n  block_type = \"b\"\n  labels = [\"l\"]\n  attr {\n    name = \"x\"\n    type = list(any)\n  }\n}\n",
        "1:11 Invalid block_map spec",
    );
    check_error(
        "transform {\n  literal {\n    value = 1\n  }\n}\n",
        "1:11 Missing required argument",
    );
    // What is misspelt is not missing, too.
    check_error("attr {\n  nmae = \"x\"\n}\n", "2:3 Unsupported argument");
    check_error(
        "block_map {\n  block_type = \"b\"\n  object {}\n}\n",
        "1:11 Missing required argument",
    );
    check_error("literal {\n  value = foo\n}\n", "2:11 Variables not allowed");
    check_error(
        "block_list {\n  block_type = \"b\"\n  min_items = 1.5\n  object {}\n}\n",
        "3:15 Unsuitable value type",
    );
}

#[test]
fn every_type_can_be_named() {
    let strings = Type::list(Type::String);
    check_type("string", &Type::String);
    check_type(" any # whatever\n", &Type::Any);
    check_type("null", &Type::Any);
    check_type("list(string)", &strings);
    check_type("set(number)", &Type::set(Type::Number));
    check_type("map(list(string))", &Type::map(strings.clone()));
    check_type("tuple([])", &Type::tuple([]));
    check_type("tuple([string, bool])", &Type::tuple([Type::String, Type::Bool]));
    check_type("object({})", &Type::object::<String>([]));
    check_type(
        "object({ a = string, \"b c\" = list(string), (\"d\") = any })",
        &Type::object([("a", Type::String), ("b c", strings), ("d", Type::Any)]),
    );
    check_type("true ? (string) : number", &Type::String);
    check_type("\"${bool}\"", &Type::Bool);
}

#[test]
fn what_is_no_type_is_refused_at_its_place() {
    let cases = [
        ("", "type:1:1: Missing expression"),
        (
            "strng",
            "type:1:1: Unknown variable; There is no type \"strng\". Did you mean \"string\"?",
        ),
        (
            "list",
            "type:1:1: Unknown variable; A list type is written with the type of its elements: list(string).",
        ),
        (
            "\"string\"",
            "type:1:1: Invalid type expression; A type is written without quotes: string.",
        ),
        ("list(\"string\")", "type:1:7: Invalid function argument"),
        ("list()", "type:1:6: Not enough function arguments"),
        ("list(string, bool)", "type:1:14: Too many function arguments"),
        ("optional(string)", "type:1:1: Call to unknown function"),
        ("object({ a = foo })", "type:1:14: Unknown variable"),
        (
            "object({ (upper(\"a\")) = string })",
            "type:1:11: Call to unknown function",
        ),
        ("tuple(string)", "type:1:7: Invalid function argument"),
        ("string.a", "type:1:7: Unsupported attribute"),
        ("5", "type:1:1: Invalid type expression"),
    ];
    for (text, expected) in cases {
        let errors = parse_type(Source::new("type", text.to_owned()))
            .expect_err(text)
            .to_string();
        assert!(errors.starts_with(expected), "{text}: {errors}");
        assert_eq!(errors.lines().count(), 1, "{text}: {errors}");
    }
}

#[test]
fn specs_that_are_nested_too_deep_are_refused() {
    let deep = |levels: usize| format!("{}{}", "array {\n".repeat(levels), "}\n".repeat(levels));
    assert!(read(&deep(150)).is_ok());
    assert!(read(&deep(100_000)).is_err());
    let many = |count: usize| {
        let mut text = "default {\n".to_owned();
        for value in 0..count {
            write!(text, "literal {{\n  value = {value}\n}}\n").unwrap();
        }
        text + "}\n"
    };
    assert!(read(&many(200)).is_ok());
    let errors = read(&many(5_000)).unwrap_err();
    assert!(errors.to_string().contains("Nesting too deep"), "{errors}");
}
