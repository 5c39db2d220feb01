//! Where diagnostics and values are.

use encamp_hclspec::{Context, Spec, Spellings, Type, decode, decode_with, into_type};

use crate::parse;

fn nested() -> Spec {
    let list = Spec::object([("a", Spec::attr("a", Type::list(Type::Number)))]);
    Spec::object([
        ("x", Spec::block_list("x", list.clone())),
        ("m", Spec::block_map("m", ["key"], list)),
        ("o", Spec::attr("o", Type::map(Type::Number))),
    ])
}

/// The path of the only diagnostic, and the text that it points to.
fn fault(text: &str, spellings: Spellings) -> (String, String) {
    let errors = decode_with(&nested(), &parse(text).unwrap(), &Context::new(), spellings).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors}");
    let error = errors.iter().next().unwrap();
    (error.path_text(), error.span.as_ref().unwrap().text().to_owned())
}

#[test]
fn diagnostics_carry_the_path_of_the_value() {
    let own = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    for text in ["x {}\nx {\n a = [1, true]\n}\n", r#"{"x": [{}, {"a": [1, true]}]}"#] {
        assert_eq!(fault(text, Spellings::Strict), own("x[1].a", "[1, true]"));
        // The part at fault, where the value is looked into in any case.
        assert_eq!(fault(text, Spellings::Every), own("x[1].a[1]", "true"));
    }
    assert_eq!(fault("m \"k\" { a = 1 }", Spellings::Strict), own("m.k.a", "1"));
    assert_eq!(fault("x { b = 1 }", Spellings::Strict), own("x[0].b", "b"));
    assert_eq!(fault("x = [{}, { b = 1 }]", Spellings::Every), own("x[1].b", "b"));
    assert_eq!(fault("o = { p = 1, q = \"x\" }", Spellings::Every), own("o.q", "\"x\""));
    assert_eq!(fault("o {\n q = \"x\"\n}", Spellings::Every), own("o.q", "\"x\""));
}

#[test]
fn diagnostics_as_json_have_lines_columns_and_bytes() {
    let errors = decode(
        &nested(),
        &parse("x {\n a = \"é${1}${[]}\"\n}\n").unwrap(),
        &Context::new(),
    )
    .unwrap_err();
    let json = errors.to_json();
    assert_eq!(json.pointer("/0/path").unwrap(), &serde_json::json!(["x", "[0]", "a"]));
    assert_eq!(
        json.pointer("/0/subject").unwrap(),
        &serde_json::json!({
            "filename": "b",
            "start": {"line": 2, "column": 14, "byte": 18},
            "end": {"line": 2, "column": 16, "byte": 20},
        })
    );
}

#[test]
fn a_value_can_be_located_afterwards() {
    let check = |text: &str, path: &[&str], expected: Option<&str>| {
        let found = parse(text).unwrap().locate(path).map(|span| span.text().to_owned());
        assert_eq!(found.as_deref(), expected, "{path:?} in {text}");
    };
    let native =
        "x {\n a = 5\n}\nx {\n a = [6, { b = 7, \"c d\" = 8 }]\n}\nm \"k\" \"l\" { a = 9 }\nm \"k\" \"n\" { a = 10 }";
    check(native, &["x", "a"], Some("5"));
    check(native, &["x", "[1]", "a", "[0]"], Some("6"));
    check(native, &["x", "[1]", "a", "[1]", "b"], Some("7"));
    check(native, &["x", "[1]", "a", "[1]", "c d"], Some("8"));
    check(native, &["m", "k", "n", "a"], Some("10"));
    check(native, &["m", "[1]", "a"], Some("10"));
    check(native, &["x", "b"], Some("x"));
    check(native, &["y"], None);
    let json = r#"{"x": [{"a": 5}, {"a": [6, {"b": 7}]}], "m": {"k": {"n": {"a": 10}}}}"#;
    check(json, &["x", "a"], Some("5"));
    check(json, &["x", "[1]", "a", "[1]", "b"], Some("7"));
    check(json, &["m", "k", "n", "a"], Some("10"));
    check(json, &["y"], None);
}

#[test]
fn what_a_rust_type_refuses_is_an_error_at_the_value() {
    #[derive(Debug, serde::Deserialize)]
    struct Config {
        #[expect(dead_code, reason = "only made by the deserializer")]
        x: Vec<Inner>,
    }
    #[derive(Debug, serde::Deserialize)]
    struct Inner {
        #[expect(dead_code, reason = "only made by the deserializer")]
        a: Vec<u8>,
    }
    for text in [
        "x { a = [1] }\nx { a = [1, 256] }",
        r#"{"x": [{"a": [1]}, {"a": [1, 256]}]}"#,
    ] {
        let body = parse(text).unwrap();
        let value = decode(&nested(), &body, &Context::new()).unwrap();
        let errors = into_type::<Config>(value, &body).unwrap_err();
        let error = errors.iter().next().unwrap();
        assert_eq!(
            (error.path_text().as_str(), error.span.as_ref().unwrap().text()),
            ("x[1].a[1]", "256")
        );
        assert!(
            !error.detail.contains("256"),
            "a value may be a secret: {}",
            error.detail
        );
    }
}

#[test]
fn a_missing_argument_is_missing_at_its_block() {
    let spec = Spec::block_list("x", Spec::object([("a", Spec::attr("a", Type::Any).required())]));
    let missing = |text: &str| {
        let errors = decode(&spec, &parse(text).unwrap(), &Context::new()).unwrap_err();
        errors.iter().next().unwrap().span.as_ref().unwrap().range()
    };
    assert_eq!(missing("x { a = 1 }\nx {\n}"), 14..14);
    assert_eq!(missing(r#"{"x": [{"a": 1}, {}]}"#), 18..19);
}

#[test]
fn a_value_is_located_in_the_file_and_the_dynamic_block_that_it_is_from() {
    let files = [
        "x {\n a = [1]\n}\nm \"k\" {}\n",
        "o = {}\nx {\n a = [2]\n}\nm \"l\" {\n a = [3]\n}\n",
    ];
    let body = encamp_hclspec::Body::merged(files.map(|text| parse(text).unwrap()));
    let text = |body: &encamp_hclspec::Body, path: &[&str]| body.locate(path).unwrap().text().to_owned();
    assert_eq!(text(&body, &["x", "[0]", "a"]), "[1]");
    assert_eq!(text(&body, &["x", "[1]", "a"]), "[2]");
    assert_eq!(text(&body, &["m", "l", "a"]), "[3]");
    assert_eq!(text(&body, &["o"]), "{}");
    let json = parse(r#"{"x": [{"a": [4]}, {"a": [5]}]}"#).unwrap();
    let body = encamp_hclspec::Body::merged([json, body]);
    assert_eq!(text(&body, &["x", "[1]", "a"]), "[5]");
    assert_eq!(text(&body, &["x", "[3]", "a"]), "[2]");

    let made = parse("x {\n a = [1]\n}\ndynamic \"x\" {\n for_each = [1, 2]\n content {\n  a = [x.value]\n }\n}\n");
    let body = made.unwrap().with_dynamic_blocks(&Context::new());
    assert_eq!(text(&body, &["x", "[0]", "a"]), "[1]");
    assert_eq!(text(&body, &["x", "[2]", "a"]), "[x.value]");
    assert_eq!(text(&body, &["x", "[2]", "b"]), "dynamic");
}
