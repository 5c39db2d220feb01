use encamp_hclspec_cty::{Type, Value};

use crate::ty;

#[test]
fn types_are_written_as_expressions_names_and_json() {
    for (json, expression, name, constraint) in [
        ("\"dynamic\"", "any", "dynamic", "any type"),
        (
            "[\"list\",\"dynamic\"]",
            "list(any)",
            "list of dynamic",
            "list of any single type",
        ),
        (
            "[\"list\",[\"map\",\"number\"]]",
            "list(map(number))",
            "list of map of number",
            "list of map of number",
        ),
        (
            "[\"tuple\",[\"string\",\"bool\"]]",
            "tuple([string,bool])",
            "tuple",
            "tuple",
        ),
        (
            "[\"object\",{\"a b\":\"string\",\"b\":\"number\"}]",
            "object({\"a b\"=string,b=number})",
            "object",
            "object",
        ),
        (
            "[\"set\",[\"tuple\",[]]]",
            "set(tuple([]))",
            "set of tuple",
            "set of tuple",
        ),
    ] {
        let ty = ty(json);
        assert_eq!(ty.to_string(), expression);
        assert_eq!(ty.friendly_name(), name);
        assert_eq!(ty.constraint_name(), constraint);
        assert_eq!(ty.to_json().to_string(), json);
    }
}

#[test]
fn what_is_no_type_is_refused() {
    for json in [
        "1",
        "\"text\"",
        "[]",
        "[\"list\"]",
        "[\"list\",\"string\",1]",
        "[\"object\",[]]",
        "[\"tuple\",{}]",
    ] {
        assert_eq!(Type::from_json(&serde_json::from_str(json).unwrap()), None, "{json}");
    }
}

#[test]
fn the_order_of_attributes_has_no_meaning() {
    let there = Value::object([("a", 1), ("b", 2)]);
    let back = Value::object([("b", 2), ("a", 1)]);
    assert_eq!(there, back);
    assert_eq!(there.ty(), back.ty());
    assert_eq!(there.sorted_entries(), back.sorted_entries());
}

#[test]
fn texts_and_names_are_normalised() {
    let composed = Value::object([("\u{e9}", "\u{e9}")]);
    assert_eq!(Value::object([("e\u{301}", "e\u{301}")]), composed);
    assert_eq!(crate::value("{\"e\u{301}\":\"e\u{301}\"}"), composed);
}
