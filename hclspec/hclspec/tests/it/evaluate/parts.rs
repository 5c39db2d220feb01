//! Contexts, and what can be learnt of expressions.

use encamp_hclspec::cty::{Function, Parameter};
use encamp_hclspec::{Context, Expression, Type, Value};

use super::{bare, check, context, evaluate, parse};

#[test]
fn a_child_context_sees_its_parent_and_can_hide_it() {
    let parent = context();
    let child = parent.child().with_variable("num", 7).with_variable("own", 1);
    check("[num, own, str, upper(str)]", &child, Ok(r#"[7,1,"text","TEXT"]"#));
    check("num", &parent, Ok("5"));
    check("own", &parent, Err("e:1:1: Unknown variable"));
    check(
        "owm",
        &child,
        Err(r#"e:1:1: Unknown variable; There is no variable named "owm". Did you mean "own"?"#),
    );
    assert_eq!(child.get("str").and_then(Value::as_str), Some("text"));
}

#[test]
fn functions_can_be_added() {
    let double = Function::new([Parameter::new("n", Type::Number)], Type::Number, |arguments, _| {
        Ok(Value::from(arguments[0].as_i64().unwrap_or(0) * 2))
    });
    let context = Context::new().with_function("double", double);
    check("double(21) + length([1])", &context, Ok("43"));
    check(
        "duoble(1)",
        &context,
        Err(r#"e:1:1: Call to unknown function; There is no function named "duoble". Did you mean "double"?"#),
    );
    check("double([1])", &context, Err("e:1:8: Invalid function argument"));
    check("try(1)", &context, Err("e:1:1: Call to unknown function"));
}

#[test]
fn nothing_of_a_value_is_in_a_message_or_in_debug_output() {
    let secret = "hunter2";
    let context = Context::new()
        .with_variable("text", secret)
        .with_variable("list", Value::tuple([secret]))
        .with_variable("object", Value::object([("a", secret)]))
        .with_variable("map", Value::map(Type::String, [("a", secret)]));
    let texts = [
        "text + 1",
        "-text",
        "!text",
        "text && true",
        "text ? 1 : 2",
        "text.a",
        "text[0]",
        "list[text]",
        "map[text]",
        "object[text]",
        "map[text + 1]",
        "\"${list}\"",
        "[for x in text : x]",
        "[for x in list : x if x]",
        "{for x in [1, 2] : text => x}",
        "{(list) = 1}",
        "abs(text)",
        "text...",
        "abs(list...)",
        "max(text...)",
        "yes ? text : list",
        "true ? list : text",
        "[text][text]",
        "list[*].a",
        "text < 1",
        "object.a.b",
        "{(text) = text}.b",
        "jsondecode(text)",
        "int(text)",
        "substr(text, text, 1)",
        "hasindex(text, text)",
        "concat(text)",
    ];
    for text in texts {
        let Err(errors) = evaluate(text, &context) else {
            continue;
        };
        assert!(!errors.to_string().contains(secret), "{text}: {errors}");
    }
    assert!(!format!("{context:?}").contains(secret));
    assert!(format!("{context:?}").contains("object"));
}

#[test]
fn written_out_parts_can_be_taken_apart() {
    let names = |entries: Vec<(String, Expression)>| entries.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let object = parse("", r#"({a = [1, x], "b c" = {d = 1}, 5 = 1})"#).unwrap();
    assert_eq!(object.entries().map(names), None, "a number is to be evaluated");
    let entries = object.object_entries().unwrap();
    assert_eq!(entries[2].key.evaluate(&bare()).unwrap(), Value::from(5));
    assert_eq!(entries[0].value.elements().unwrap()[1].span().text(), "x");
    assert_eq!(names(entries[1].value.entries().unwrap()), ["d"]);
    let json = parse("json", r#"{"a": [1, "${x}"], "b${x}": 1}"#).unwrap();
    assert_eq!(json.entries().map(names), None);
    let entries = json.object_entries().unwrap();
    assert_eq!(entries[0].value.elements().unwrap()[1].variables()[0].root, "x");
    assert_eq!(entries[1].key.variables()[0].span.text(), "x");
    assert!(parse("", "f(x)").unwrap().elements().is_none());
    assert_eq!(
        parse("", "[for x in local.b : x + local.a]")
            .unwrap()
            .references("local")
            .len(),
        2
    );
    let ambiguous = parse("", "{a.b = 1}").unwrap().object_entries().unwrap();
    assert!(
        ambiguous[0]
            .key
            .evaluate(&context())
            .unwrap_err()
            .to_string()
            .contains("Ambiguous attribute key")
    );
}

#[test]
fn a_long_text_is_no_expensive_one() {
    let text = format!("[{}]", "0,".repeat(1_000_000));
    let value = evaluate(&text, &context()).unwrap();
    assert_eq!(value.as_list().map(<[_]>::len), Some(1_000_000));
}

#[test]
fn types_are_read_from_expressions() {
    let ty = |text: &str| parse("", text).unwrap().to_type().map(|ty| ty.to_string());
    for (text, expected) in [
        ("list(map(number))", "list(map(number))"),
        (
            "object({a = string, \"b c\" = tuple([])})",
            "object({a=string,\"b c\"=tuple([])})",
        ),
        ("null", "any"),
        ("true ? string : number", "string"),
        (" ( set(any) ) # comment", "set(any)"),
    ] {
        assert_eq!(ty(text).unwrap(), expected);
    }
    for (text, expected) in [
        ("foo", "e:1:1: Unknown variable"),
        ("\"string\"", "e:1:1: Invalid type expression"),
        ("list()", "e:1:6: Not enough function arguments"),
        ("list(string, number)", "e:1:14: Too many function arguments"),
        ("tuple(string)", "e:1:7: Invalid function argument"),
        ("optional(string)", "e:1:1: Call to unknown function"),
    ] {
        let errors = ty(text).unwrap_err().to_string();
        assert!(errors.starts_with(expected), "{text}: {errors}");
    }
}
