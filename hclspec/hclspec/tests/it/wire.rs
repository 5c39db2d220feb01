//! Specs as plugins send them.

use encamp_hclspec::spec::wire::{WireBlocks, WireSpec};
use encamp_hclspec::{Spec, Type, Value};

fn attr(name: &str, ty: &str) -> WireSpec {
    WireSpec::Attr {
        name: name.to_owned(),
        type_text: ty.to_owned(),
        required: false,
    }
}

fn object<const N: usize>(parts: [(&str, WireSpec); N]) -> WireSpec {
    WireSpec::Object(parts.map(|(name, part)| (name.to_owned(), part)).into())
}

fn literal(text: &str) -> WireSpec {
    WireSpec::Literal(text.to_owned())
}

fn block(name: &str, spec: WireSpec) -> WireSpec {
    WireSpec::Block {
        name: name.to_owned(),
        required: false,
        nested: Some(Box::new(spec)),
    }
}

fn blocks(name: &str, spec: WireSpec) -> WireBlocks {
    WireBlocks {
        name: name.to_owned(),
        nested: Some(Box::new(spec)),
        ..WireBlocks::default()
    }
}

/// The spec, or the path and summary of each diagnostic.
#[track_caller]
fn check(wire: &WireSpec, expected: Result<Spec, &[(&str, &str)]>) {
    let found = Spec::from_wire(wire).map_err(|found| {
        let lines = found.iter().map(|found| (found.path_text(), found.summary.clone()));
        lines.collect::<Vec<_>>()
    });
    let expected = expected.map_err(|lines| {
        let lines = lines
            .iter()
            .map(|(path, summary)| ((*path).to_owned(), (*summary).to_owned()));
        lines.collect::<Vec<_>>()
    });
    assert_eq!(found, expected, "{wire:?}");
    if let Ok(spec) = expected {
        assert_eq!(Spec::from_wire(&spec.to_wire().unwrap()), Ok(spec));
    }
}

fn text() -> Spec {
    Spec::attr("s", Type::String)
}

#[test]
fn objects_arrays_and_arguments() {
    check(
        &object([
            ("foo", attr("foo", "string")),
            ("bar", attr("bar", "number")),
            ("baz", attr("baz", "bool")),
        ]),
        Ok(Spec::object([
            ("foo", Spec::attr("foo", Type::String)),
            ("bar", Spec::attr("bar", Type::Number)),
            ("baz", Spec::attr("baz", Type::Bool)),
        ])),
    );
    check(
        &WireSpec::Array(vec![attr("foo", "string"), attr("bar", "list(number)")]),
        Ok(Spec::array([
            Spec::attr("foo", Type::String),
            Spec::attr("bar", Type::list(Type::Number)),
        ])),
    );
    check(
        &attr("foo", "object({ name1 = string, name2 = bool })"),
        Ok(Spec::attr(
            "foo",
            Type::object([("name1", Type::String), ("name2", Type::Bool)]),
        )),
    );
    check(&attr("", "string"), Err(&[("", "Missing name in attribute spec")]));
    check(&attr("a", "strin"), Err(&[("", "Unknown variable")]));
    check(
        &attr("", "strin"),
        Err(&[("", "Unknown variable"), ("", "Missing name in attribute spec")]),
    );
}

#[test]
fn blocks_of_every_kind() {
    let wire = attr("s", "string");
    check(&block("b", wire.clone()), Ok(Spec::block("b", text())));
    check(
        &block("b", block("c", wire.clone())),
        Ok(Spec::block("b", Spec::block("c", text()))),
    );
    let attrs = |name: &str| WireSpec::BlockAttrs {
        name: name.to_owned(),
        type_text: "string".to_owned(),
        required: true,
    };
    check(&attrs("b"), Ok(Spec::block_attrs("b", Type::String).required()));
    check(&attrs(""), Err(&[("", "Missing name in block_attrs spec")]));
    let limited = |name: &str| WireBlocks {
        min_items: 1,
        max_items: 3,
        ..blocks(name, wire.clone())
    };
    check(
        &WireSpec::BlockList(limited("b")),
        Ok(Spec::block_list_limited("b", 1, 3, text())),
    );
    check(
        &WireSpec::BlockList(limited("")),
        Err(&[("", "Missing name in block_list spec")]),
    );
    check(
        &WireSpec::BlockSet(blocks("b", wire.clone())),
        Ok(Spec::block_set("b", text())),
    );
    check(
        &WireSpec::BlockSet(blocks("", wire.clone())),
        Err(&[("", "Missing name in block_set spec")]),
    );
    let map = |name: &str, labels: &[&str], spec: Option<Box<WireSpec>>| WireSpec::BlockMap {
        name: name.to_owned(),
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        nested: spec,
    };
    let inner = || Some(Box::new(wire.clone()));
    check(
        &map("b", &["k", "l"], inner()),
        Ok(Spec::block_map("b", ["k", "l"], text())),
    );
    check(
        &map("", &["k"], inner()),
        Err(&[("", "Missing name in block_map spec")]),
    );
    check(&map("b", &[], inner()), Err(&[("", "Invalid block label name list")]));
    check(
        &map("b", &["k"], Some(Box::new(attr("x", "any")))),
        Err(&[("", "Invalid block_map spec")]),
    );
    check(&map("b", &["k"], None), Err(&[("", "Missing spec block")]));
    let hollow = WireSpec::Block {
        name: "b".to_owned(),
        required: false,
        nested: None,
    };
    check(&hollow, Err(&[("", "Missing spec block")]));
}

#[test]
fn defaults_and_literals() {
    let default =
        |primary: Option<Box<WireSpec>>, default: Option<Box<WireSpec>>| WireSpec::Default { primary, default };
    check(
        &default(Some(Box::new(attr("s", "string"))), Some(Box::new(literal("\"d\"")))),
        Ok(Spec::default_value(text(), "d")),
    );
    check(
        &default(Some(Box::new(attr("s", "string"))), None),
        Err(&[("", "Missing spec block")]),
    );
    for (text, value) in [
        ("true", Value::from(true)),
        ("false", Value::from(false)),
        ("\"hello\"", Value::from("hello")),
        ("upper(\"hello\")", Value::from("HELLO")),
        ("[\"a\", \"b\"]", Value::tuple(["a", "b"])),
        ("1 / 0", Value::Number(encamp_hclspec::Number::INFINITY)),
        ("1e400", Value::Number("1e400".parse().unwrap())),
        ("null", Value::NULL),
    ] {
        check(&literal(text), Ok(Spec::literal(value)));
    }
    check(&literal("1 +"), Err(&[("", "Missing expression")]));
    check(&literal("x"), Err(&[("", "Variables not allowed")]));
}

/// The mistake that a plugin of the field once made.
#[test]
fn a_text_without_quotes_is_no_literal_and_with_quotes_it_is() {
    assert!(Spec::from_wire(&literal("3m")).is_err());
    assert!(Spec::literal_expression("3m").is_err());
    assert_eq!(Spec::from_wire(&literal("\"3m\"")), Ok(Spec::literal("3m")));
    // Ours cannot make it: a literal's text is quoted when it is sent.
    assert_eq!(Spec::literal("3m").to_wire(), Ok(literal("\"3m\"")));
    assert_eq!(Spec::literal("${x}").to_wire(), Ok(literal("\"$${x}\"")));
    assert_eq!(Spec::literal(5).to_wire(), Ok(literal("5")));
}

#[test]
fn names_come_from_the_object_around_and_no_further() {
    check(
        &object([("a", attr("", "string")), ("b", block("", attr("s", "string")))]),
        Ok(Spec::object([
            ("a", Spec::attr("a", Type::String)),
            ("b", Spec::block("b", text())),
        ])),
    );
    check(
        &object([("a", attr("b", "string"))]),
        Ok(Spec::object([("a", Spec::attr("b", Type::String))])),
    );
    let missing: &[(&str, &str)] = &[("a", "Missing name in attribute spec")];
    check(&object([("a", block("", attr("", "string")))]), Err(missing));
    check(
        &object([("a", WireSpec::Array(vec![attr("", "string")]))]),
        Err(missing),
    );
    let default = WireSpec::Default {
        primary: Some(Box::new(attr("", "string"))),
        default: Some(Box::new(literal("5"))),
    };
    check(&object([("a", default)]), Err(missing));
}

#[test]
fn everything_that_is_wrong_is_reported() {
    assert_eq!(
        Spec::from_wire(None).unwrap_err().iter().next().unwrap().summary,
        "nil spec given"
    );
    check(&WireSpec::Unset, Err(&[("", "Invalid spec block")]));
    let wire = object([
        ("a", WireSpec::Unset),
        ("b", attr("", "lst(string)")),
        ("c", object([("d", literal("x"))])),
        ("e", attr("", "string")),
    ]);
    check(
        &wire,
        Err(&[
            ("a", "Invalid spec block"),
            ("b", "Call to unknown function"),
            ("c.d", "Variables not allowed"),
        ]),
    );
    let deep = (0..300).fold(attr("a", "string"), |spec, _| WireSpec::Array(vec![spec]));
    check(&deep, Err(&[("", "Nesting too deep")]));
}

#[test]
fn what_the_protocol_has_no_word_for_is_not_sent() {
    let check = |spec: Spec, expected: &str| {
        let spec = Spec::object([("a", Spec::block("b", spec))]);
        assert_eq!(spec.to_wire().unwrap_err().to_string(), expected);
    };
    check(
        Spec::block_tuple("x", text()),
        "the plugin protocol has no block_tuple (at `a.b`), use another spec for it",
    );
    check(
        Spec::block_label(0, "l"),
        "the plugin protocol has no block_label (at `a.b`), use another spec for it",
    );
    check(
        Spec::literal(Value::Unknown(Type::Any)),
        "a literal (at `a.b`) is unknown and cannot be sent",
    );
    // What is only for people stays here.
    assert_eq!(text().described("A text.").to_wire(), Ok(attr("s", "string")));
    let typed = Spec::literal(Value::list(Type::String, ["a"]));
    assert_eq!(
        Spec::from_wire(&typed.to_wire().unwrap()),
        Ok(Spec::literal(Value::tuple(["a"])))
    );
}
