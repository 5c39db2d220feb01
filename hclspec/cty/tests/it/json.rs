use encamp_hclspec_cty::json::{self, JsonError};
use encamp_hclspec_cty::{Type, Value};

use crate::{ty, value};

#[test]
fn plain_json_is_tuples_and_objects() {
    let expected = Value::object([
        ("n", crate::number("123456789012345678901234567890.5")),
        (
            "t",
            Value::tuple([Value::from("a\u{1f600}/\n"), true.into(), Value::NULL]),
        ),
    ]);
    let text = r#" { "t" : [ "a\ud83d\ude00\/\n", true , null ], "n":123456789012345678901234567890.50e0 } "#;
    assert_eq!(value(text), expected);
}

#[test]
fn what_is_not_json_is_told_with_its_place() {
    for (text, line, column) in [
        ("", 1, 1),
        ("[1,]", 1, 4),
        ("{\n  \"é\" 1}", 2, 7),
        ("01", 1, 1),
        ("1.", 1, 1),
        ("+1", 1, 1),
        ("nul", 1, 1),
        ("\"a", 1, 2),
        ("\"\t\"", 1, 2),
        ("\"\\x\"", 1, 3),
        ("\"\\u00é0\"", 1, 4),
        ("1 2", 1, 3),
        ("{a:1}", 1, 2),
        ("1e99999", 1, 1),
    ] {
        match json::parse(text) {
            Err(JsonError::Syntax { line: l, column: c, .. }) => assert_eq!((l, c), (line, column), "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn deep_nesting_is_an_error() {
    let deep = |levels| "[".repeat(levels) + &"]".repeat(levels);
    assert!(json::parse(&deep(json::MAX_DEPTH)).is_ok());
    assert!(
        json::parse(&"[".repeat(100_000))
            .unwrap_err()
            .to_string()
            .contains("nested too deep")
    );
}

#[test]
fn half_a_pair_of_codes_is_no_character() {
    assert_eq!(value(r#""\ud83dx\ude00""#), Value::from("\u{fffd}x\u{fffd}"));
    assert_eq!(value(r#""\ud83d\u0041""#), Value::from("\u{fffd}A"));
}

#[test]
fn of_two_properties_of_one_name_and_type_the_later_counts() {
    assert_eq!(value(r#"{"a":1,"a":2}"#), Value::object([("a", 2)]));
    let error = json::parse(r#"{"a":1,"a":"x"}"#).unwrap_err();
    assert_eq!(error.to_string(), "duplicate \"a\" property in JSON object");
}

#[test]
fn names_are_sorted_and_html_is_escaped() {
    let text = json::to_plain_string(&Value::object([("b", "<&>\u{2028}\u{7}"), ("a", "\"\\")])).unwrap();
    assert_eq!(text, r#"{"a":"\"\\","b":"\u003c\u0026\u003e\u2028\u0007"}"#);
}

#[test]
fn values_of_any_type_come_with_it() {
    let mixed = Value::object([
        ("a", Value::from(1)),
        ("b", Value::NULL),
        ("c", Value::set(Type::String, ["x"])),
    ]);
    let ty = Type::object([("a", Type::Any), ("b", Type::Any), ("c", Type::set(Type::Any))]);
    let text = json::to_string(&mixed, &ty).unwrap();
    assert_eq!(
        text,
        r#"{"a":{"value":1,"type":"number"},"b":null,"c":[{"value":"x","type":"string"}]}"#
    );
    assert_eq!(
        json::from_str(r#"{"value":[1,2],"type":["set","number"]}"#, &Type::Any),
        Ok(Value::set(Type::Number, [1, 2]))
    );
}

#[test]
fn a_value_is_converted_to_the_type_it_is_written_with() {
    let text = json::to_string(&value(r#"["2", 1]"#), &Type::set(Type::Number)).unwrap();
    assert_eq!(text, "[1,2]");
    assert!(json::to_string(&value("[[]]"), &Type::set(Type::Number)).is_err());
}

#[test]
fn what_does_not_fit_the_type_is_told_with_its_path() {
    for (text, wanted, expected) in [
        (
            r#"{"a":["x"]}"#,
            r#"["object",{"a":["list","number"]}]"#,
            "`a[0]`: a number is required",
        ),
        (
            r#"{"b":1}"#,
            r#"["object",{"a":"string"}]"#,
            "unsupported attribute \"b\"",
        ),
        (
            "[1]",
            r#"["tuple",["number","number"]]"#,
            "not enough tuple elements (need 2)",
        ),
        ("[]", r#"["map","string"]"#, "map of string is required, found tuple"),
        ("{}", "\"dynamic\"", "missing type in dynamically-typed value"),
        (
            "{\"type\":\"x\",\"value\":1}",
            "\"dynamic\"",
            "invalid type in dynamically-typed value",
        ),
    ] {
        assert_eq!(json::from_str(text, &ty(wanted)).unwrap_err().to_string(), expected);
    }
    let missing = json::from_str("{}", &ty(r#"["object",{"a":"string"}]"#));
    assert_eq!(missing, Ok(Value::object([("a", Value::Null(Type::String))])));
}

#[test]
fn there_is_no_json_for_what_is_not_known() {
    let unknown = Value::tuple([Value::object([("a", Value::Unknown(Type::String))])]);
    assert_eq!(
        json::to_plain_string(&unknown).unwrap_err().to_string(),
        "`[0].a`: value is not known"
    );
}
