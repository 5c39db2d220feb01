//! Bodies by a schema.

use encamp_hclspec::{Body, Context, Source, Spec, Type, UnknownVariables, Value, decode};

/// Checks a body's value as JSON text, or its diagnostics, one on a line.
#[track_caller]
fn check(spec: &Spec, text: &str, expected: Result<&str, &str>) {
    let source = Source::new("b", text.to_owned());
    let context = Context::new().with_variable("v", Value::map([("a", 1)]));
    let value = Body::parse(source).and_then(|body| decode(spec, &body, &context));
    let value = value
        .map(|value| serde_json::to_string(&value).unwrap())
        .map_err(|errors| errors.to_string());
    let expected = expected.map(str::to_owned).map_err(str::to_owned);
    assert_eq!(value, expected, "{text}");
}

fn attr(ty: Type) -> Spec {
    Spec::object([("a", Spec::attr("a", ty))])
}

#[test]
fn arguments_are_converted_to_their_types() {
    check(&attr(Type::String), "a = 1.50", Ok(r#"{"a":"1.5"}"#));
    check(&attr(Type::Number), "a = \"2\"", Ok(r#"{"a":2}"#));
    check(&attr(Type::Any), "a = [1, \"x\", null]", Ok(r#"{"a":[1,"x",null]}"#));
    check(
        &attr(Type::set(Type::Number)),
        "a = [2, \"1\", 2]",
        Ok(r#"{"a":[2,1]}"#),
    );
    check(&attr(Type::String), "", Ok(r#"{"a":null}"#));
    check(&attr(Type::String), "a = null", Ok(r#"{"a":null}"#));
    check(
        &attr(Type::String),
        "a = [1]",
        Err(
            "b:1:5: Incorrect attribute value type; Inappropriate value for \"a\": string required, but this is a list.",
        ),
    );
}

#[test]
fn every_element_at_fault_is_reported_at_its_own_place() {
    check(
        &attr(Type::list(Type::Number)),
        "a = [1, \"x\",\n  {}]",
        Err("b:1:9: Incorrect attribute value type; Inappropriate value for \"a[0]\": a number is required, and this string \
             is none.\nb:2:3: Incorrect attribute value type; Inappropriate value for \"a[2]\": number required, but this is \
             a map."
            .replace("a[0]", "a[1]")
            .as_str()),
    );
}

#[test]
fn missing_and_unknown_names_are_reported_together() {
    let spec = Spec::object([
        ("image", Spec::attr("image", Type::String).required()),
        ("args", Spec::attr("args", Type::list(Type::String))),
        (
            "logging",
            Spec::block(
                "logging",
                Spec::object([("type", Spec::attr("type", Type::String).required())]),
            ),
        ),
    ]);
    check(
        &spec,
        "imgae = \"x\"\nzzz = 1\nlogging {\n}\nlogin {}\n",
        Err(
            "b:1:1: Unsupported argument; An argument named \"imgae\" is not expected here. Did you mean \"image\"?\n\
             b:2:1: Unsupported argument; An argument named \"zzz\" is not expected here.\n\
             b:4:1: Missing required argument; The argument \"type\" is required, but it is not set.\n\
             b:5:1: Unsupported block type; Blocks of type \"login\" are not expected here. Did you mean \"logging\"?\n\
             b:6:1: Missing required argument; The argument \"image\" is required, but it is not set.",
        ),
    );
    check(
        &spec,
        "image = \"x\"\nargs {}",
        Err("b:2:1: Unsupported block type; \"args\" is an argument here, not a block. Write args = .."),
    );
}

#[test]
fn blocks_may_be_written_as_assignments() {
    let spec = Spec::object([("x", Spec::block("x", attr(Type::Number)))]);
    for text in [
        "x {\n a = 1\n}",
        "x { a = 1 }",
        "x = { a = 1 }",
        "x = [{ a = 1 }]",
        "x = v",
        "x = [v]",
    ] {
        check(&spec, text, Ok(r#"{"x":{"a":1}}"#));
    }
    for text in ["", "x = null", "x = []"] {
        check(&spec, text, Ok(r#"{"x":null}"#));
    }
    check(
        &spec,
        "x {}\nx {}",
        Err("b:2:1: Duplicate x block; At most one block of type \"x\" is allowed here."),
    );
    check(
        &spec,
        "x \"l\" {}",
        Err("b:1:3: Extraneous block label; Blocks of type \"x\" have no labels."),
    );
    check(
        &spec,
        "x = { b = 1 }",
        Err("b:1:7: Unsupported argument; An argument named \"b\" is not expected here."),
    );
    check(
        &spec,
        "x = 5",
        Err("b:1:5: Incorrect value type; A block or an object is required here, but this is a number."),
    );
}

#[test]
fn lists_of_blocks_are_counted() {
    let spec = Spec::object([("x", Spec::block_list_limited("x", 1, 2, attr(Type::Number)))]);
    check(&spec, "x { a = 1 }\nx { a = 2 }", Ok(r#"{"x":[{"a":1},{"a":2}]}"#));
    check(&spec, "x = [{ a = 1 }, { a = 2 }]", Ok(r#"{"x":[{"a":1},{"a":2}]}"#));
    check(
        &spec,
        "",
        Err("b:1:1: Insufficient x blocks; At least 1 blocks of type \"x\" are required; there are 0."),
    );
    check(
        &spec,
        "x {}\nx {}\nx {}",
        Err("b:3:1: Too many x blocks; At most 2 blocks of type \"x\" are allowed."),
    );
}

#[test]
fn labelled_blocks_become_maps() {
    let spec = Spec::block_map("x", ["kind", "name"], attr(Type::Number));
    check(
        &spec,
        "x \"p\" \"q\" { a = 1 }\nx p r { a = 2 }",
        Ok(r#"{"p":{"q":{"a":1},"r":{"a":2}}}"#),
    );
    check(
        &spec,
        "x \"p\" {}",
        Err("b:1:1: Missing block label; Blocks of type \"x\" have the label \"name\"."),
    );
    check(
        &spec,
        "x p q s {}",
        Err("b:1:7: Extraneous block label; Blocks of type \"x\" have 2 labels only."),
    );
    check(
        &spec,
        "x p q {}\nx p q {}",
        Err("b:2:1: Duplicate x block; There is another x block with the same labels before this one."),
    );
}

#[test]
fn blocks_of_free_arguments_become_maps() {
    let spec = Spec::object([("x", Spec::block_attrs("x", Type::Number))]);
    check(&spec, "x {\n p = 1\n q = \"2\"\n}", Ok(r#"{"x":{"p":1,"q":2}}"#));
    check(&spec, "x = { p = 1 }", Ok(r#"{"x":{"p":1}}"#));
    check(&spec, "x {}", Ok(r#"{"x":{}}"#));
    check(&spec, "", Ok(r#"{"x":null}"#));
    check(
        &spec,
        "x {\n y {}\n}",
        Err("b:2:2: Unexpected block; Only arguments (`name = value`) are expected here, no blocks."),
    );
}

#[test]
fn maps_take_every_spelling() {
    let spellings = [
        "a {\n p = 1\n q = 2\n}",
        "a { p = 1 }\na { q = 2 }",
        "a = { p = 1, q = 2 }",
        "a = [{ p = 1 }, { q = 2 }]",
        "a = { \"p\" = \"1\", q : 2 }",
    ];
    for text in spellings {
        check(&attr(Type::map(Type::Number)), text, Ok(r#"{"a":{"p":1,"q":2}}"#));
    }
    let maps = attr(Type::list(Type::map(Type::Number)));
    check(&maps, spellings[0], Ok(r#"{"a":[{"p":1,"q":2}]}"#));
    check(&maps, spellings[1], Ok(r#"{"a":[{"p":1},{"q":2}]}"#));
    check(&maps, spellings[2], Ok(r#"{"a":[{"p":1,"q":2}]}"#));
    check(&maps, spellings[3], Ok(r#"{"a":[{"p":1},{"q":2}]}"#));
    check(&maps, "a = []", Ok(r#"{"a":[]}"#));
    check(&maps, "a = v", Ok(r#"{"a":[{"a":1}]}"#));
    check(
        &attr(Type::map(Type::Number)),
        "a = [v, { b = 2 }]",
        Ok(r#"{"a":{"a":1,"b":2}}"#),
    );
    check(&attr(Type::map(Type::Number)), "a = {}", Ok(r#"{"a":{}}"#));
    check(&attr(Type::map(Type::Number)), "", Ok(r#"{"a":null}"#));
    check(
        &attr(Type::map(Type::Number)),
        "a {\n p = \"x\"\n}",
        Err(
            "b:2:6: Incorrect attribute value type; Inappropriate value for \"a.p\": a number is required, and this \
             string is none.",
        ),
    );
}

#[test]
fn objects_require_their_attributes() {
    let object = Type::object([("p", Type::String), ("q", Type::Number)]);
    check(
        &attr(object.clone()),
        "a = { p = 1, q = 2, z = 3 }",
        Ok(r#"{"a":{"p":"1","q":2}}"#),
    );
    check(
        &attr(object.clone()),
        "a {\n p = 1\n q = 2\n}",
        Ok(r#"{"a":{"p":"1","q":2}}"#),
    );
    check(
        &attr(object),
        "a = { p = 1 }",
        Err("b:1:5: Incorrect attribute value type; The attribute \"q\" is required here, but it is not set."),
    );
}

#[test]
fn defaults_stand_in_for_null() {
    let spec = Spec::object([
        ("a", Spec::default_value(Spec::attr("a", Type::Number), 7)),
        ("c", Spec::Literal("k".into())),
    ]);
    check(&spec, "", Ok(r#"{"a":7,"c":"k"}"#));
    check(&spec, "a = null", Ok(r#"{"a":7,"c":"k"}"#));
    check(&spec, "a = 0", Ok(r#"{"a":0,"c":"k"}"#));
}

#[test]
fn kept_text_is_not_converted() {
    let source = Source::new("b", "a = \"${PORT}\"\n".to_owned());
    let context = Context::new().with_unknown(UnknownVariables::KeepText);
    let value = decode(&attr(Type::Number), &Body::parse(source).unwrap(), &context).unwrap();
    assert_eq!(value.get("a"), Some(&Value::from("${PORT}")));
}

#[test]
fn diagnostics_carry_the_path_of_the_value() {
    let spec = Spec::object([("x", Spec::block_list("x", attr(Type::list(Type::Number))))]);
    let body = Body::parse(Source::new("b", "x {}\nx {\n a = [1, true]\n}\n".to_owned())).unwrap();
    let errors = decode(&spec, &body, &Context::new()).unwrap_err();
    let error = errors.iter().next().unwrap();
    assert_eq!(error.path, ["x", "[1]", "a", "[1]"]);
    assert_eq!(error.path_text(), "x[1].a[1]");
    assert_eq!(error.span.as_ref().unwrap().text(), "true");
    assert_eq!(
        errors.to_json()[0]["subject"]["start"],
        serde_json::json!({"line": 3, "column": 10, "byte": 18})
    );
}

#[test]
fn a_value_can_be_located_afterwards() {
    let body = Body::parse(Source::new("b", "x {\n a = 5\n}\n".to_owned())).unwrap();
    let text = |path: &[&str]| body.locate(path).map(|span| span.text().to_owned());
    assert_eq!(text(&["x", "a"]).as_deref(), Some("5"));
    assert_eq!(text(&["x", "b"]).as_deref(), Some("x"));
    assert_eq!(text(&["y"]), None);
}
