//! Bodies by a schema, in HCL's own spellings.

use encamp_hclspec::spec::{Check, Transform};
use encamp_hclspec::{
    Body, Context, Diagnostic, Diagnostics, Expression, Source, Spec, Spellings, Type, UnknownVariables, Value, cty,
    decode, decode_partial,
};

use crate::{decoded, plain};

#[track_caller]
fn check(spec: &Spec, text: &str, expected: Result<&str, &str>) {
    let context = Context::new().with_variable("v", Value::map(Type::Number, [("a", 1)]));
    let found = decoded(spec, text, &context, Spellings::Strict);
    assert_eq!(found.as_deref().map_err(String::as_str), expected, "{text}");
}

fn attr(ty: Type) -> Spec {
    Spec::object([("a", Spec::attr("a", ty))])
}

fn any() -> Spec {
    attr(Type::Any)
}

#[test]
fn arguments_are_converted_to_their_types() {
    check(&attr(Type::String), "a = 1.50", Ok(r#"{"a":"1.5"}"#));
    check(&attr(Type::Number), "a = \"2\"", Ok(r#"{"a":2}"#));
    check(&any(), "a = [1, \"x\", null]", Ok(r#"{"a":[1,"x",null]}"#));
    check(
        &attr(Type::set(Type::Number)),
        "a = [2, \"1\", 2]",
        Ok(r#"{"a":[1,2]}"#),
    );
    check(&attr(Type::list(Type::Any)), "a = [1, \"x\"]", Ok(r#"{"a":["1","x"]}"#));
    check(&attr(Type::String), "", Ok(r#"{"a":null}"#));
    check(&attr(Type::String), "a = null", Ok(r#"{"a":null}"#));
    check(
        &attr(Type::String),
        "a = [1]",
        Err("b:1:5: Incorrect attribute value type; Inappropriate value for \"a\": string required, but have tuple."),
    );
    check(
        &attr(Type::list(Type::map(Type::Number))),
        "a = { b = 1 }",
        Err("b:1:5: Incorrect attribute value type; Inappropriate value for \"a\": list of map of number required."),
    );
}

#[test]
fn the_value_of_what_is_missing_has_its_type() {
    let spec = Spec::object([
        ("attr", Spec::attr("attr", Type::list(Type::String))),
        ("block", Spec::block("block", any())),
        ("attrs", Spec::block_attrs("attrs", Type::Bool)),
        ("list", Spec::block_list("list", attr(Type::Bool))),
        ("set", Spec::block_set("set", attr(Type::Bool))),
        ("map", Spec::block_map("map", ["l", "m"], attr(Type::Bool))),
        ("tuple", Spec::block_tuple("tuple", any())),
        ("object", Spec::block_object("object", ["l"], any())),
    ]);
    let value = decode(&spec, &crate::parse("").unwrap(), &Context::new()).unwrap();
    let expected = "object({attr=list(string),attrs=map(bool),block=object({a=any}),list=list(object({a=bool})),\
                    map=map(map(object({a=bool}))),object=object({}),set=set(object({a=bool})),tuple=tuple([])})";
    assert_eq!(value.ty().to_string(), expected);
    let nulls = r#"{"attr":null,"attrs":null,"block":null,"list":[],"map":{},"object":{},"set":[],"tuple":[]}"#;
    assert_eq!(plain(&value), nulls);
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
             b:1:1: Missing required argument; The argument \"image\" is required, but it is not set.\n\
             b:2:1: Unsupported argument; An argument named \"zzz\" is not expected here.\n\
             b:3:9: Missing required argument; The argument \"type\" is required, but it is not set.\n\
             b:5:1: Unsupported block type; Blocks of type \"login\" are not expected here. Did you mean \"logging\"?",
        ),
    );
    check(
        &spec,
        "image = \"x\"\nargs {}",
        Err(
            "b:2:1: Unsupported block type; Blocks of type \"args\" are not expected here. \"args\" is an argument: write \
             args = ..",
        ),
    );
    check(
        &spec,
        "image = \"x\"\nlogging = {}",
        Err(
            "b:2:1: Unsupported argument; An argument named \"logging\" is not expected here. \"logging\" is a block: write \
             logging { .. }.",
        ),
    );
}

#[test]
fn blocks_are_counted() {
    let one = Spec::object([("x", Spec::block("x", attr(Type::Number)).required())]);
    check(&one, "x { a = 1 }", Ok(r#"{"x":{"a":1}}"#));
    check(
        &one,
        "",
        Err("b:1:1: Missing x block; A block of type \"x\" is required here."),
    );
    check(
        &one,
        "x {}\nx {}",
        Err("b:2:1: Duplicate x block; Only one block of type \"x\" is allowed here. The first one is at b:1:1."),
    );
    check(
        &one,
        "x \"l\" {}",
        Err("b:1:1: Missing x block; A block of type \"x\" is required here.\n\
             b:1:3: Extraneous label for x; Blocks of type \"x\" have no labels."),
    );
    let few = Spec::object([("x", Spec::block_list_limited("x", 1, 2, attr(Type::Number)))]);
    check(&few, "x { a = 1 }\nx { a = 2 }", Ok(r#"{"x":[{"a":1},{"a":2}]}"#));
    check(
        &few,
        "",
        Err("b:1:1: Insufficient x blocks; At least 1 blocks of type \"x\" are required; there are 0."),
    );
    let found = decoded(&few, "x {}\nx {}\nx {}", &Context::new(), Spellings::Strict).unwrap_err();
    assert!(
        found.contains("Too many x blocks; At most 2 blocks of type \"x\" are allowed; there are 3."),
        "{found}"
    );
}

#[test]
fn equal_blocks_of_a_set_count_once_in_the_value_and_each_in_the_limits() {
    let spec = Spec::object([("x", Spec::block_set_limited("x", 2, 2, attr(Type::Number)))]);
    check(&spec, "x { a = 1 }\nx { a = 1 }", Ok(r#"{"x":[{"a":1}]}"#));
    check(&spec, "x { a = 3 }\nx { a = 1 }", Ok(r#"{"x":[{"a":1},{"a":3}]}"#));
    let any_number = Spec::object([("x", Spec::block_list_limited("x", 0, 0, attr(Type::Number)))]);
    check(&any_number, "x {}\nx {}", Ok(r#"{"x":[{"a":null},{"a":null}]}"#));
}

#[test]
fn blocks_of_one_list_agree_on_a_type() {
    let spec = Spec::object([("x", Spec::block_list("x", any()))]);
    check(
        &spec,
        "x { a = 1 }\nx { a = \"s\" }",
        Ok(r#"{"x":[{"a":"1"},{"a":"s"}]}"#),
    );
    let found = decoded(&spec, "x { a = 1 }\nx { a = [1] }", &Context::new(), Spellings::Strict).unwrap_err();
    assert!(
        found.starts_with("b:1:5: Inconsistent argument types in x blocks"),
        "{found}"
    );
    let tuple = Spec::object([("x", Spec::block_tuple("x", any()))]);
    check(&tuple, "x { a = 1 }\nx { a = [1] }", Ok(r#"{"x":[{"a":1},{"a":[1]}]}"#));
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
        r#"{"x": {"p": {"q": {"a": 1}, "r": [{"a": 2}]}}}"#,
        Ok(r#"{"p":{"q":{"a":1},"r":{"a":2}}}"#),
    );
    check(
        &spec,
        "x \"p\" {}",
        Err("b:1:7: Missing name for x; Blocks of type \"x\" have 2 labels: kind, name."),
    );
    check(
        &spec,
        "x p q s {}",
        Err("b:1:7: Extraneous label for x; Blocks of type \"x\" have 2 labels: kind, name."),
    );
    check(
        &spec,
        "x p q {}\nx p q {}",
        Err("b:2:1: Duplicate x block; A x \"p\" \"q\" block was already defined. Its labels must be unique."),
    );
}

#[test]
fn labels_can_be_values() {
    let nested = Spec::object([
        ("label", Spec::block_label(0, "name")),
        ("a", Spec::attr("a", Type::Number)),
    ]);
    let list = Spec::block_list("x", nested.clone());
    check(&list, "x one { a = 1 }", Ok(r#"[{"a":1,"label":"one"}]"#));
    check(&list, r#"{"x": {"one": {"a": 1}}}"#, Ok(r#"[{"a":1,"label":"one"}]"#));
    let map = Spec::block_map("x", ["key"], nested.clone());
    check(&map, "x key one {}", Ok(r#"{"key":{"a":null,"label":"one"}}"#));
    check(
        &nested,
        "",
        Err("b:1:1: Missing name label; There is no label here that could be the name: this is not in a block."),
    );
}

#[test]
fn blocks_of_free_arguments_become_maps() {
    let spec = Spec::object([("x", Spec::block_attrs("x", Type::Number))]);
    check(&spec, "x {\n p = 1\n q = \"2\"\n}", Ok(r#"{"x":{"p":1,"q":2}}"#));
    check(&spec, "x {}", Ok(r#"{"x":{}}"#));
    check(&spec, "", Ok(r#"{"x":null}"#));
    check(
        &spec,
        "x {\n y {}\n}",
        Err("b:2:2: Unexpected \"y\" block; Only arguments (`name = value`) are expected here, no blocks."),
    );
    check(
        &spec,
        "x {\n p = []\n q = true\n}",
        Err(
            "b:2:6: Invalid attribute value; Inappropriate value for \"x.p\": number required, but have tuple.\n\
             b:3:6: Invalid attribute value; Inappropriate value for \"x.q\": number required, but have bool.",
        ),
    );
}

#[test]
fn objects_require_their_attributes_and_drop_others() {
    let object = Type::object([("p", Type::String), ("q", Type::Number)]);
    check(
        &attr(object.clone()),
        "a = { p = 1, q = 2, z = 3 }",
        Ok(r#"{"a":{"p":"1","q":2}}"#),
    );
    check(
        &attr(object),
        "a = { p = 1 }",
        Err("b:1:5: Incorrect attribute value type; Inappropriate value for \"a\": attribute \"q\" is required."),
    );
}

#[test]
fn defaults_stand_in_for_null() {
    let spec = Spec::object([
        ("a", Spec::default_value(Spec::attr("a", Type::Number), 7)),
        ("c", Spec::literal("k")),
    ]);
    for text in ["", "a = null", "{\"a\": null}"] {
        check(&spec, text, Ok(r#"{"a":7,"c":"k"}"#));
    }
    check(&spec, "a = 0", Ok(r#"{"a":0,"c":"k"}"#));
}

#[test]
fn defaults_are_what_they_are_of() {
    // The second part is not converted to the type of the first.
    let typed = Spec::default_value(Spec::attr("x", Type::list(Type::String)), vec![1]);
    let value = decode(&typed, &crate::parse("").unwrap(), &Context::new()).unwrap();
    assert_eq!(value, Value::tuple([1]));
    // Both parts' names may be in the body, and both parts' requirements hold.
    let either = Spec::default(Spec::attr("x", Type::String), Spec::attr("y", Type::String));
    check(&either, "y = 1", Ok("\"1\""));
    check(&either, "y = 1\nx = 2", Ok("\"2\""));
    let required = Spec::default_value(Spec::attr("x", Type::String).required(), "d");
    check(
        &required,
        "",
        Err("b:1:1: Missing required argument; The argument \"x\" is required, but it is not set."),
    );
    check(&required, "x = null", Ok("\"d\""));
    let block = Spec::default_value(Spec::block("x", any()).required(), "d");
    check(
        &block,
        "",
        Err("b:1:1: Missing x block; A block of type \"x\" is required here."),
    );
    // What is never null never has its default.
    let list = Spec::default_value(Spec::block_list("x", any()), "d");
    check(&list, "", Ok("[]"));
    let map = Spec::default_value(Spec::block_map("x", ["l"], attr(Type::Bool)), "d");
    check(&map, "", Ok("{}"));
    let attrs = Spec::default_value(Spec::block_attrs("x", Type::String), "d");
    check(&attrs, "", Ok("\"d\""));
    check(&attrs, "x {}", Ok("{}"));
}

#[test]
fn one_name_may_be_asked_for_twice() {
    let spec = Spec::object([
        ("p", Spec::attr("x", Type::String)),
        ("q", Spec::attr("x", Type::Number)),
    ]);
    check(&spec, "x = \"5\"", Ok(r#"{"p":"5","q":5}"#));
}

#[test]
fn expressions_and_transforms_see_what_they_should() {
    let context = Context::new().with_variable("env", "here");
    let expression = |text: &str| Expression::parse(Source::new("e", text.to_owned())).unwrap();
    let spec = Spec::object([
        ("env", Spec::Expression(expression("upper(env)"))),
        (
            "sum",
            Spec::attr("a", Type::Number).transformed(Transform::Expression {
                variable: "nul".to_owned(),
                expression: expression("nul + 1"),
                context: std::sync::Arc::new(Context::new()),
            }),
        ),
    ]);
    let found = decoded(&spec, "a = 4", &context, Spellings::Strict);
    assert_eq!(found.as_deref(), Ok(r#"{"env":"HERE","sum":5}"#));
    // A value that is wrong already is not transformed as well.
    let found = decoded(&spec, "a = true", &context, Spellings::Strict).unwrap_err();
    assert_eq!(found.lines().count(), 1, "{found}");
}

#[test]
fn a_function_that_refuses_a_value_is_an_error_at_the_value() {
    let upper = cty::functions::hcldec().iter().find(|(name, _)| **name == "upper");
    let spec = Spec::attr("a", Type::Any).transformed(Transform::Function(upper.unwrap().1.clone()));
    check(&spec, "a = \"x\"", Ok("\"X\""));
    let found = decoded(&spec, "a = []", &Context::new(), Spellings::Strict).unwrap_err();
    assert!(found.starts_with("b:1:5: Transform function failed"), "{found}");
}

#[test]
fn checks_point_to_the_value() {
    let odd = Check::new(|value| match value.as_i64() {
        Some(number) if number % 2 == 0 => Diagnostic::error("Even number", "It must be odd.").into(),
        _ => Diagnostics::new(),
    });
    let spec = Spec::object([("x", Spec::block("x", Spec::attr("a", Type::Number).validated(odd)))]);
    check(&spec, "x { a = 3 }", Ok(r#"{"x":3}"#));
    check(&spec, "x { a = 4 }", Err("b:1:9: Even number; It must be odd."));
    check(&spec, r#"{"x": {"a": 4}}"#, Err("b:1:13: Even number; It must be odd."));
}

#[test]
fn a_part_of_a_body_is_decoded_by_itself() {
    let body = crate::parse("a = 1\nb = 2\nx {}\n").unwrap();
    let value = decode_partial(&any(), &body, &Context::new(), Spellings::Strict).unwrap();
    assert_eq!(plain(&value), r#"{"a":1}"#);
    assert!(decode(&any(), &body, &Context::new()).is_err());
}

#[test]
fn several_bodies_are_one() {
    let spec = Spec::object([
        ("a", Spec::attr("a", Type::Number).required()),
        ("x", Spec::block_list("x", attr(Type::Number))),
    ]);
    let bodies = ["x { a = 1 }", "{\"a\": 5}", "x { a = 2 }"].map(|text| crate::parse(text).unwrap());
    let value = decode(&spec, &Body::merged(bodies), &Context::new()).unwrap();
    assert_eq!(plain(&value), r#"{"a":5,"x":[{"a":1},{"a":2}]}"#);
    let twice = ["a = 1", "a = 2"].map(|text| crate::parse(text).unwrap());
    let errors = decode(&spec, &Body::merged(twice), &Context::new()).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "b:1:1: Duplicate argument; The argument \"a\" was already set at b:1:1."
    );
}

#[test]
fn json_that_is_parsed_already_is_a_body() {
    let json = serde_json::json!({"a": "${1 + 1}", "//": "nothing"});
    let body = Body::from_json("api", &json).unwrap();
    assert_eq!(plain(&decode(&any(), &body, &Context::new()).unwrap()), r#"{"a":2}"#);
    let body = Body::from_json("api", &serde_json::json!({"b": 1})).unwrap();
    let errors = decode(&any(), &body, &Context::new()).unwrap_err().to_string();
    assert!(
        errors.starts_with("api:2:3: Extraneous JSON object property"),
        "{errors}"
    );
    assert!(Body::from_json("api", &serde_json::json!(5)).is_err());
}

#[test]
fn kept_text_is_not_converted() {
    let context = Context::new().with_unknown(UnknownVariables::KeepText);
    let number = attr(Type::Number);
    let text = |text: &str| decoded(&number, text, &context, Spellings::Every);
    assert_eq!(text("a = \"${PORT}\"").as_deref(), Ok(r#"{"a":"${PORT}"}"#));
    assert_eq!(text("a = \"8${1}\"").as_deref(), Ok(r#"{"a":81}"#));
    // What is wrong in any case is wrong now.
    assert!(text("a = \"x\"").is_err());
    // Beside values that are known, whatever the spec makes of them.
    let kept = |spec: Spec, text: &str| decoded(&spec, text, &context, Spellings::Strict);
    let attrs = Spec::block_attrs("x", Type::Number);
    assert_eq!(
        kept(attrs, "x {\n a = 1\n b = \"${PORT}\"\n}").as_deref(),
        Ok(r#"{"a":1,"b":"${PORT}"}"#)
    );
    let map = Spec::block_map("x", ["l"], number.clone());
    let both = "x m { a = 1 }\nx n { a = \"${PORT}\" }";
    assert_eq!(kept(map, both).as_deref(), Ok(r#"{"m":{"a":1},"n":{"a":"${PORT}"}}"#));
    let list = Spec::block_list("x", number.clone());
    let both = "x { a = 1 }\nx { a = \"${PORT}\" }";
    assert_eq!(kept(list, both).as_deref(), Ok(r#"[{"a":1},{"a":"${PORT}"}]"#));
    let empty = "x { a = \"${PORT}\" }";
    assert_eq!(
        kept(Spec::block_list("x", attr(Type::list(Type::Number))), empty).as_deref(),
        Ok(r#"[{"a":"${PORT}"}]"#)
    );
    let of_map = attr(Type::map(Type::Number));
    let found = decoded(&of_map, "a {\n p = 1\n q = \"${PORT}\"\n}", &context, Spellings::Every);
    assert_eq!(found.as_deref(), Ok(r#"{"a":{"p":1,"q":"${PORT}"}}"#));
    // Through an object that stands for a block, too.
    let block = Spec::object([("x", Spec::block("x", attr(Type::Number)))]);
    let found = decoded(
        &block,
        "x = true ? { a = \"${PORT}\" } : null",
        &context,
        Spellings::Every,
    );
    assert_eq!(found.as_deref(), Ok(r#"{"x":{"a":"${PORT}"}}"#));
}

#[test]
fn unknown_variables_make_unknown_values_of_the_right_type() {
    let context = Context::new().with_unknown(UnknownVariables::Unknown);
    let body = crate::parse("a = x\n").unwrap();
    let value = decode(&attr(Type::list(Type::Number)), &body, &context).unwrap();
    assert_eq!(value.get("a"), Some(&Value::Unknown(Type::list(Type::Number))));
}
