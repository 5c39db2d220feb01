//! Variables that are not known yet.

use encamp_hclspec::{Context, Type, UnknownVariables};

use super::{check, context, evaluate, parse, shown};

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
    check(
        r#""%{ if x == "a" }b%{ endif }c""#,
        r#""%{ if x == \"a\" }b%{ endif }c""#,
    );
    check(r#""%{ if yes }${x}%{ endif }c""#, r#""${x}c""#);
    check(
        r#""%{ for y in x }${y}%{ endfor }c""#,
        r#""%{ for y in x }${y}%{ endfor }c""#,
    );
    check(
        r#""%{ for y in list }${y}${x}%{ endfor }c""#,
        r#""%{ for y in list }${y}${x}%{ endfor }c""#,
    );
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
    check(
        "[other, env]",
        &some.with_variable("a", 1),
        Err("e:1:2: Unknown variable"),
    );
}

#[test]
fn kept_text_of_json_is_without_its_escapes() {
    let context = context().with_unknown(UnknownVariables::KeepText);
    let value = |text| shown(&parse("json", text).unwrap().evaluate(&context).unwrap());
    assert_eq!(value(r#""a ${x[\"k\"]} ${num}""#), r#""a ${x[\"k\"]} 5""#);
    assert_eq!(value(r#""\n${x}""#), r#""\n${x}""#);
    assert_eq!(value(r#"{"a": ["${x}"]}"#), r#"{"a":["${x}"]}"#);
    assert_eq!(
        value(r#"{"a": "%{ if x == \"b\" }c%{ endif }"}"#),
        r#"{"a":"%{ if x == \"b\" }c%{ endif }"}"#
    );
}

#[test]
fn unknown_variables_can_be_unknown_values() {
    let context = context().with_unknown(UnknownVariables::Unknown);
    check("x", &context, Ok(r#"{"?":0}"#));
    check("[x.y + 1, num]", &context, Ok(r#"[{"?":0},5]"#));
    assert_eq!(evaluate("x + 1", &context).unwrap().ty(), Type::Number);
    check("x + list", &context, Err("e:1:5: Invalid operand"));
}
