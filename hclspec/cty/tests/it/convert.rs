use encamp_hclspec_cty::{Type, Value, convert, json, unify, unify_safe};

use crate::{number, ty, value};

#[test]
fn conversions_agree_with_those_of_another_implementation() {
    let failures: Vec<String> = include_str!("../data/convert.tsv")
        .lines()
        .filter_map(conversion_failure)
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A case is a value with its type, the wanted type, and what comes of it: a value with its type, or an error.
fn conversion_failure(line: &str) -> Option<String> {
    let [from, to, kind, expected] = line.split('\t').collect::<Vec<_>>()[..] else {
        return Some(format!("a case has four parts: {line}"));
    };
    let from = json::from_str(from, &Type::Any).unwrap();
    let result = match convert(from, &ty(to)) {
        Ok(value) => format!("value {}", json::to_string(&value, &Type::Any).unwrap()),
        Err(error) => format!("error {error}"),
    };
    (result != format!("{kind} {expected}")).then(|| format!("{line}\n  gives {result}"))
}

#[test]
fn common_types_agree_with_those_of_another_implementation() {
    let failures: Vec<String> = include_str!("../data/unify.tsv")
        .lines()
        .filter_map(common_type_failure)
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A case says whether unsafe conversions are allowed, and has the types and the common one.
fn common_type_failure(line: &str) -> Option<String> {
    let [is_unsafe, types, expected] = line.split('\t').collect::<Vec<_>>()[..] else {
        return Some(format!("a case has three parts: {line}"));
    };
    let Type::Tuple(types) = ty(&format!("[\"tuple\",{types}]")) else {
        return Some(format!("no types: {line}"));
    };
    let common = if is_unsafe == "true" {
        unify(types.iter())
    } else {
        unify_safe(types.iter())
    };
    let common = common.map_or("none".to_owned(), |ty| ty.to_json().to_string());
    (common != expected).then(|| format!("{line}\n  gives {common}"))
}

/// The value in JSON, or the error with its path.
fn check(from: Value, to: &str, expected: &str) {
    let shown = format!("{from:?} to {to}");
    let result = match convert(from, &ty(to)) {
        Ok(value) => json::to_string(&value, &value.ty()).unwrap(),
        Err(error) if error.path.is_empty() => error.to_string(),
        Err(error) => format!("{}: {error}", error.path.join(".")),
    };
    assert_eq!(result, expected, "{shown}");
}

#[test]
fn texts_numbers_and_bools_become_each_other_where_that_is_clear() {
    for (from, to, expected) in [
        ("\"1.50\"", "\"number\"", "1.5"),
        ("\"1e2\"", "\"number\"", "100"),
        ("\"0x10\"", "\"number\"", "a number is required"),
        ("\"\"", "\"number\"", "a number is required"),
        ("true", "\"number\"", "number required, but have bool"),
        ("1.50", "\"string\"", "\"1.5\""),
        ("true", "\"string\"", "\"true\""),
        ("\"1\"", "\"bool\"", "true"),
        (
            "\"FALSE\"",
            "\"bool\"",
            "a bool is required; to convert from string, use lowercase \"false\"",
        ),
        ("\"yes\"", "\"bool\"", "a bool is required"),
        ("1", "\"bool\"", "bool required, but have number"),
        ("[\"a\"]", "\"string\"", "string required, but have tuple"),
    ] {
        check(value(from), to, expected);
    }
}

#[test]
fn an_error_in_a_value_has_its_path() {
    check(
        value(r#"{"a":["1","x"]}"#),
        r#"["object",{"a":["list","number"]}]"#,
        "a.[1]: a number is required",
    );
    check(
        value(r#"{"a":{"b":"x"}}"#),
        r#"["map",["map","bool"]]"#,
        "a.b: a bool is required",
    );
}

#[test]
fn types_at_odds_are_told_before_values_that_are() {
    check(
        value(r#"["x", []]"#),
        r#"["list","number"]"#,
        "element 1: number required, but have tuple",
    );
}

#[test]
fn missing_attributes_are_all_told_and_others_dropped() {
    let want = r#"["object",{"a":"string","b":"string","c":"string"}]"#;
    check(
        value(r#"{"a":"x","b":1,"c":true,"d":[]}"#),
        want,
        r#"{"a":"x","b":"1","c":"true"}"#,
    );
    check(value(r#"{"a":"x","b":1}"#), want, "attribute \"c\" is required");
    check(value(r#"{"a":"x"}"#), want, "attributes \"b\" and \"c\" are required");
    check(value("{}"), want, "attributes \"a\", \"b\", and \"c\" are required");
}

#[test]
fn elements_of_any_type_get_the_one_that_they_have_in_common() {
    check(
        value(r#"[1, "a", true]"#),
        r#"["list","dynamic"]"#,
        r#"["1","a","true"]"#,
    );
    check(value("[1, null]"), r#"["list","dynamic"]"#, "[1,null]");
    check(
        value("[1, []]"),
        r#"["list","dynamic"]"#,
        "all list elements must have the same type",
    );
    check(
        value(r#"{"a":1,"b":"z"}"#),
        r#"["map","dynamic"]"#,
        r#"{"a":"1","b":"z"}"#,
    );
    let list = convert(value("[1, null]"), &Type::list(Type::Any)).unwrap();
    assert_eq!(list, Value::list(Type::Number, [1.into(), Value::Null(Type::Number)]));
}

#[test]
fn a_set_has_its_elements_once_and_in_order() {
    check(value(r#"["b","a","b"]"#), r#"["set","string"]"#, r#"["a","b"]"#);
    check(value("[10, 9, 1, \"9\"]"), r#"["set","number"]"#, "[1,9,10]");
    check(value("[true, null, false]"), r#"["set","bool"]"#, "[false,true,null]");
    // As other implementations do, by the text of the elements.
    check(
        value(r#"[{"n":9},{"n":10},{"n":9}]"#),
        r#"["set",["object",{"n":"number"}]]"#,
        r#"[{"n":10},{"n":9}]"#,
    );
}

#[test]
fn nulls_and_unknowns_stay_such() {
    for ty in [Type::Number, Type::list(Type::Bool), Type::object([("a", Type::Any)])] {
        assert_eq!(convert(Value::NULL, &ty), Ok(Value::Null(ty.clone())));
        assert_eq!(convert(Value::Unknown(Type::Any), &ty), Ok(Value::Unknown(ty)));
    }
    let own = Type::tuple([Type::Number, Type::String]);
    let unknown = convert(Value::Unknown(own.clone()), &Type::list(Type::Any));
    assert_eq!(unknown, Ok(Value::Unknown(Type::list(Type::String))));
    assert!(convert(Value::Null(own), &Type::String).is_err());
}

#[test]
fn numbers_keep_their_digits_on_the_way_through_text() {
    let text = "3.141592653589793238462643383279502884197169399375105820974944592307816406286208998628034825342117";
    let there = convert(number(text), &Type::String).unwrap();
    assert_eq!(there, Value::from(text));
    assert_eq!(convert(there, &Type::Number), Ok(number(text)));
}

#[test]
fn a_search_for_a_common_type_ends_in_time() {
    let (mut objects, mut maps) = (Type::String, Type::Number);
    for _ in 0..150 {
        objects = Type::object([("a", objects), ("b", Type::map(Type::Bool))]);
        maps = Type::map(maps);
    }
    assert_eq!(unify([&objects, &maps, &Type::map(objects.clone())]), None);
}
