//! The four ways that a map was ever written in, and some more, for each kind of spec that takes maps.

use std::collections::BTreeMap;

use encamp_hclspec::{Context, Spec, Spellings, Type, Value, decode_with, from_value, serde_map};

use crate::{decoded, parse, plain};

/// What comes of each form: in JSON, or the summary of the error.
#[track_caller]
fn check(spec: &Spec, spellings: Spellings, expected: &[(&str, &str); 11]) {
    for &(text, expected) in expected {
        let context = Context::new().with_variable("v", Value::map(Type::Number, [("a", 1)]));
        let found = match decoded(spec, text, &context, spellings) {
            Ok(value) => value,
            Err(errors) => errors.split("; ").next().unwrap().to_owned(),
        };
        assert_eq!(found, expected, "{text} with {spellings:?}");
    }
}

/// Block, assignment, array of one map, array of individual maps, plain object, empty array, null, missing, empty object.
const BLOCK: &str = "m {\n  a = 1\n  b = 2\n}";
const ASSIGNED: &str = "m = { a = 1, b = 2 }";
const ONE_MAP: &str = r#"{"m": [{"a": 1, "b": 2}]}"#;
const SINGLE_MAPS: &str = r#"{"m": [{"a": 1}, {"b": 2}]}"#;
const OBJECT: &str = r#"{"m": {"a": 1, "b": 2}}"#;
const EMPTY_ARRAY: &str = r#"{"m": []}"#;
const NULL: &str = r#"{"m": null}"#;
const MISSING: &str = "{}";
const EMPTY_OBJECT: &str = r#"{"m": {}}"#;
const NATIVE_ONE_MAP: &str = "m = [{ a = 1, b = 2 }]";
const NATIVE_SINGLE_MAPS: &str = "m = [{ a = 1 }, { b = 2 }]";

fn list_of_maps() -> Spec {
    Spec::attr("m", Type::list(Type::map(Type::Number)))
}

fn attrs() -> Spec {
    Spec::block_attrs("m", Type::Number)
}

fn map() -> Spec {
    Spec::attr("m", Type::map(Type::Number))
}

#[test]
fn lists_of_maps_by_the_letter() {
    let no_block = "b:1:1: Unsupported block type";
    let no_list = |column: &str| format!("b:1:{column}: Incorrect attribute value type");
    check(
        &list_of_maps(),
        Spellings::Strict,
        &[
            (BLOCK, no_block),
            (ASSIGNED, &no_list("5")),
            (ONE_MAP, r#"[{"a":1,"b":2}]"#),
            (SINGLE_MAPS, r#"[{"a":1},{"b":2}]"#),
            (OBJECT, &no_list("7")),
            (EMPTY_ARRAY, "[]"),
            (NULL, "null"),
            (MISSING, "null"),
            (EMPTY_OBJECT, &no_list("7")),
            (NATIVE_ONE_MAP, r#"[{"a":1,"b":2}]"#),
            (NATIVE_SINGLE_MAPS, r#"[{"a":1},{"b":2}]"#),
        ],
    );
}

#[test]
fn lists_of_maps_in_every_spelling() {
    check(
        &list_of_maps(),
        Spellings::Every,
        &[
            (BLOCK, r#"[{"a":1,"b":2}]"#),
            (ASSIGNED, r#"[{"a":1,"b":2}]"#),
            (ONE_MAP, r#"[{"a":1,"b":2}]"#),
            (SINGLE_MAPS, r#"[{"a":1},{"b":2}]"#),
            (OBJECT, r#"[{"a":1,"b":2}]"#),
            (EMPTY_ARRAY, "[]"),
            (NULL, "null"),
            (MISSING, "null"),
            (EMPTY_OBJECT, "[{}]"),
            (NATIVE_ONE_MAP, r#"[{"a":1,"b":2}]"#),
            (NATIVE_SINGLE_MAPS, r#"[{"a":1},{"b":2}]"#),
        ],
    );
}

#[test]
fn blocks_of_arguments_by_the_letter() {
    let no_argument = "b:1:1: Unsupported argument";
    check(
        &attrs(),
        Spellings::Strict,
        &[
            (BLOCK, r#"{"a":1,"b":2}"#),
            (ASSIGNED, no_argument),
            (ONE_MAP, r#"{"a":1,"b":2}"#),
            (SINGLE_MAPS, "b:1:7: Duplicate m block"),
            (OBJECT, r#"{"a":1,"b":2}"#),
            (EMPTY_ARRAY, "null"),
            (NULL, "null"),
            (MISSING, "null"),
            (EMPTY_OBJECT, "{}"),
            (NATIVE_ONE_MAP, no_argument),
            (NATIVE_SINGLE_MAPS, no_argument),
        ],
    );
}

#[test]
fn blocks_of_arguments_in_every_spelling() {
    check(
        &attrs(),
        Spellings::Every,
        &[
            (BLOCK, r#"{"a":1,"b":2}"#),
            (ASSIGNED, r#"{"a":1,"b":2}"#),
            (ONE_MAP, r#"{"a":1,"b":2}"#),
            (SINGLE_MAPS, r#"{"a":1,"b":2}"#),
            (OBJECT, r#"{"a":1,"b":2}"#),
            (EMPTY_ARRAY, "null"),
            (NULL, "null"),
            (MISSING, "null"),
            (EMPTY_OBJECT, "{}"),
            (NATIVE_ONE_MAP, r#"{"a":1,"b":2}"#),
            (NATIVE_SINGLE_MAPS, r#"{"a":1,"b":2}"#),
        ],
    );
}

#[test]
fn maps_by_the_letter() {
    let no_block = "b:1:1: Unsupported block type";
    let no_map = |column: &str| format!("b:1:{column}: Incorrect attribute value type");
    check(
        &map(),
        Spellings::Strict,
        &[
            (BLOCK, no_block),
            (ASSIGNED, r#"{"a":1,"b":2}"#),
            (ONE_MAP, &no_map("7")),
            (SINGLE_MAPS, &no_map("7")),
            (OBJECT, r#"{"a":1,"b":2}"#),
            (EMPTY_ARRAY, &no_map("7")),
            (NULL, "null"),
            (MISSING, "null"),
            (EMPTY_OBJECT, "{}"),
            (NATIVE_ONE_MAP, &no_map("5")),
            (NATIVE_SINGLE_MAPS, &no_map("5")),
        ],
    );
}

#[test]
fn maps_in_every_spelling() {
    check(
        &map(),
        Spellings::Every,
        &[
            (BLOCK, r#"{"a":1,"b":2}"#),
            (ASSIGNED, r#"{"a":1,"b":2}"#),
            (ONE_MAP, r#"{"a":1,"b":2}"#),
            (SINGLE_MAPS, r#"{"a":1,"b":2}"#),
            (OBJECT, r#"{"a":1,"b":2}"#),
            (EMPTY_ARRAY, "{}"),
            (NULL, "null"),
            (MISSING, "null"),
            (EMPTY_OBJECT, "{}"),
            (NATIVE_ONE_MAP, r#"{"a":1,"b":2}"#),
            (NATIVE_SINGLE_MAPS, r#"{"a":1,"b":2}"#),
        ],
    );
}

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Merged {
    #[serde(default, deserialize_with = "serde_map::merged")]
    m: BTreeMap<String, u16>,
}

/// A struct that takes its map in all forms is given the same map by all of them, whatever the spec.
#[test]
fn every_form_is_the_same_map_for_a_struct() {
    let forms = [
        BLOCK,
        ASSIGNED,
        ONE_MAP,
        SINGLE_MAPS,
        OBJECT,
        NATIVE_ONE_MAP,
        NATIVE_SINGLE_MAPS,
    ];
    let nothing = [EMPTY_ARRAY, NULL, MISSING, EMPTY_OBJECT];
    for spec in [list_of_maps(), attrs(), map()] {
        let read = |text: &str| {
            let spec = Spec::object([("m", spec.clone())]);
            let value = decode_with(&spec, &parse(text).unwrap(), &Context::new(), Spellings::Every).unwrap();
            from_value::<Merged>(value).unwrap().m
        };
        for text in forms {
            assert_eq!(
                read(text),
                BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]),
                "{text}"
            );
        }
        for text in nothing {
            assert_eq!(read(text), BTreeMap::new(), "{text}");
        }
    }
}

/// The order in the text counts, however the parts are written.
#[test]
fn later_keys_win() {
    let texts = [
        "m { a = 1 }\nm { a = 2 }\nm { a = 3 }",
        "m { a = 1 }\nm { a = 3 }\n",
        "m = [{ a = 1 }, { a = 3 }]",
        "m { a = 2 }\nm = { a = 1 }\nm { a = 3 }",
        "m { a = 2 }\nm = { a = 3 }",
        "m = { a = 2 }\nm { a = 3 }",
        r#"{"m": [{"a": 1}, {"a": 3}]}"#,
    ];
    for text in texts {
        for spec in [attrs(), map()] {
            let found = decoded(&spec, text, &Context::new(), Spellings::Every);
            assert_eq!(found.as_deref(), Ok(r#"{"a":3}"#), "{text}");
        }
        let spec = Spec::object([("m", list_of_maps())]);
        let value = decode_with(&spec, &parse(text).unwrap(), &Context::new(), Spellings::Every).unwrap();
        assert_eq!(from_value::<Merged>(value).unwrap().m.get("a"), Some(&3), "{text}");
    }
}

#[test]
fn keys_keep_their_order() {
    let spec = Spec::attr("m", Type::map(Type::Number));
    let value = decode_with(
        &spec,
        &parse("m {\n  z = 1\n  a = 2\n}\nm { k = 3 }").unwrap(),
        &Context::new(),
        Spellings::Every,
    );
    let value = value.unwrap();
    assert_eq!(value.as_map().unwrap().keys().collect::<Vec<_>>(), ["z", "a", "k"]);
}

#[test]
fn blocks_may_be_written_as_assignments() {
    let one = Spec::object([(
        "x",
        Spec::block("x", Spec::object([("a", Spec::attr("a", Type::Number))])),
    )]);
    let context = Context::new().with_variable("v", Value::map(Type::Number, [("a", 1)]));
    let read = |spec: &Spec, text: &str| decoded(spec, text, &context, Spellings::Every);
    for text in [
        "x {\n a = 1\n}",
        "x { a = 1 }",
        "x = { a = 1 }",
        "x = [{ a = 1 }]",
        "x = v",
        "x = [v]",
        "x = { (\"a\") = 1 }",
    ] {
        assert_eq!(read(&one, text).as_deref(), Ok(r#"{"x":{"a":1}}"#), "{text}");
    }
    for text in ["", "x = null", "x = []"] {
        assert_eq!(read(&one, text).as_deref(), Ok(r#"{"x":null}"#), "{text}");
    }
    let refused = [
        ("x = { b = 1 }", "b:1:7: Unsupported argument"),
        ("x = 5", "b:1:5: Incorrect value type"),
        ("x = [{}, {}]", "b:1:1: Duplicate x block"),
        ("x = {}\nx {}", "b:2:1: Duplicate x block"),
    ];
    for (text, expected) in refused {
        let found = read(&one, text).unwrap_err();
        assert!(found.starts_with(expected), "{text}: {found}");
    }
    let list = Spec::object([(
        "x",
        Spec::block_list("x", Spec::object([("a", Spec::attr("a", Type::Number))])),
    )]);
    let three = Ok(r#"{"x":[{"a":1},{"a":2},{"a":3}]}"#);
    for text in [
        "x { a = 1 }\nx = [{ a = 2 }]\nx { a = 3 }",
        "x = [{ a = 1 }, { a = 2 }, { a = 3 }]",
        "x = [for a in [1, 2, 3] : { a = a }]",
    ] {
        assert_eq!(read(&list, text).as_deref(), three, "{text}");
    }
    let map = Spec::block_map("x", ["k", "l"], Spec::object([("a", Spec::attr("a", Type::Number))]));
    let two = Ok(r#"{"p":{"q":{"a":1},"r":{"a":2}}}"#);
    for text in [
        "x p q { a = 1 }\nx p r { a = 2 }",
        "x = { p = { q = { a = 1 }, r = { a = 2 } } }",
        "x = [{ p = { q = { a = 1 } } }, { p = [{ r = { a = 2 } }] }]",
        "x p q { a = 1 }\nx = { p = { r = { a = 2 } } }",
    ] {
        assert_eq!(read(&map, text).as_deref(), two, "{text}");
    }
}

#[test]
fn maps_may_be_nested_in_every_spelling() {
    let inner = Type::object([
        ("p", Type::map(Type::Number)),
        ("q", Type::list(Type::map(Type::String))),
    ]);
    let spec = Spec::attr("a", inner);
    let expected = Ok(r#"{"p":{"x":1},"q":[{"y":"2"}]}"#);
    for text in [
        "a {\n p {\n  x = 1\n }\n q {\n  y = 2\n }\n}",
        "a {\n p = { x = 1 }\n q = { y = 2 }\n}",
        "a = [{ p = [{ x = 1 }], q = { y = 2 } }]",
        r#"{"a": {"p": [{"x": 1}], "q": {"y": 2}}}"#,
    ] {
        let found = decoded(&spec, text, &Context::new(), Spellings::Every);
        assert_eq!(found.as_deref().map_err(String::as_str), expected, "{text}");
    }
    let found = decoded(&spec, "a {\n p {}\n}", &Context::new(), Spellings::Every).unwrap_err();
    assert_eq!(
        found,
        "b:1:3: Missing required argument; The argument \"q\" is required, but it is not set."
    );
    let found = decoded(&spec, "a {\n p {}\n q {}\n z {}\n}", &Context::new(), Spellings::Every).unwrap_err();
    assert_eq!(
        found,
        "b:4:2: Unsupported block type; Only arguments (`name = value`) are expected here, no blocks."
    );
}

#[test]
fn what_is_no_map_is_no_block() {
    let found = decoded(
        &Spec::attr("a", Type::Number),
        "a {}",
        &Context::new(),
        Spellings::Every,
    )
    .unwrap_err();
    assert_eq!(
        found,
        "b:1:1: Unsupported block type; \"a\" is an argument here, not a block. Write a = .."
    );
    let found = decoded(
        &Spec::attr("a", Type::list(Type::map(Type::Number))),
        "a = \"x\"",
        &Context::new(),
        Spellings::Every,
    );
    assert!(found.unwrap_err().starts_with("b:1:5: Incorrect attribute value type"));
    // Numbers in texts are still numbers.
    let value = decoded(&list_of_maps(), "m { a = \"80\" }", &Context::new(), Spellings::Every);
    assert_eq!(value.as_deref(), Ok(r#"[{"a":80}]"#));
}

#[test]
fn what_is_required_may_be_made_by_a_dynamic_block() {
    let spec = Spec::object([("m", Spec::attr("m", Type::map(Type::Number)).required())]);
    let context = Context::new();
    let text = "dynamic \"m\" {\n  for_each = [1]\n  content {\n    a = m.value\n  }\n}\n";
    let made = |text: &str| {
        let body = parse(text).unwrap().with_dynamic_blocks(&context);
        decode_with(&spec, &body, &context, Spellings::Every)
    };
    assert_eq!(plain(&made(text).unwrap()), r#"{"m":{"a":1}}"#);
    let errors = made(&text.replace("[1]", "[]")).unwrap_err();
    assert!(errors.to_string().contains("Missing required argument"), "{errors}");
}
