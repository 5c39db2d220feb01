//! Expressions.

use encamp_hclspec::{Context, Expression, Source, UnknownVariables, Value};

fn context() -> Context {
    Context::new()
        .with_variable("n", 5)
        .with_variable("s", "text")
        .with_variable("list", Value::list([1, 2, 3]))
        .with_variable("map", Value::map([("a", 1), ("b", 2)]))
        .with_variable(
            "objects",
            Value::list([Value::map([("id", "x")]), Value::map([("id", "y")])]),
        )
        .with_variable("nothing", Value::Null)
}

/// Checks an expression's value as JSON text, or the summary and detail of its first error.
#[track_caller]
fn check(expression: &str, expected: Result<&str, &str>) {
    check_in(expression, &context(), expected);
}

#[track_caller]
fn check_in(expression: &str, context: &Context, expected: Result<&str, &str>) {
    let source = Source::new("e", expression.to_owned());
    let value = Expression::parse(source).and_then(|expression| expression.evaluate(context));
    let value = value
        .map(|value| serde_json::to_string(&value).unwrap())
        .map_err(|errors| errors.to_string());
    match expected {
        Ok(json) => assert_eq!(value.as_deref(), Ok(json), "{expression}"),
        Err(message) => {
            let error = value.unwrap_err();
            assert!(
                error.contains(message),
                "{expression}\n  wanted: {message}\n  got: {error}"
            );
        }
    }
}

#[test]
fn literals_have_their_values() {
    check("null", Ok("null"));
    check("true", Ok("true"));
    check("18446744073709551615", Ok("18446744073709551615"));
    check("-9223372036854775808", Ok("-9223372036854775808"));
    check("- /* c */ 1.50", Ok("-1.5"));
    check("1e3", Ok("1000"));
    check(r#""a\tbé\U0001F600""#, Ok(r#""a\tbé😀""#));
    check(r#"[1, "a", true,]"#, Ok(r#"[1,"a",true]"#));
    check("{ a = 1, \"b c\" : 2\n (s) = 3 }", Ok(r#"{"a":1,"b c":2,"text":3}"#));
    check("{ a = 1, \"a\" = 2 }", Err("e:1:10: Duplicate object key"));
    check(
        "99999999999999999999999999999999999",
        Err("at most 34 significant digits"),
    );
}

#[test]
fn arithmetic_is_exact_or_an_error() {
    check("0.1 + 0.2", Ok("0.3"));
    check("1 / 10", Ok("0.1"));
    check("7 % 3 - -2 * 4", Ok("9"));
    check("11 % 5.1", Ok("0.8"));
    check("-7 % 3", Ok("-1"));
    check("2 + 3 * 4 == 14 && !(1 > 2)", Ok("true"));
    check("\"5\" + 1", Ok("6"));
    check("18446744073709551615 + 1 == 18446744073709551616", Ok("true"));
    check(
        "1 / 0",
        Err("e:1:1: Error in arithmetic; This has no result: division by zero."),
    );
    check("5 % 0", Err("division by zero"));
    check("9e300 * 9e300", Err("out of range"));
    check("9999999999999999999999999999999999 + 1", Ok("1e+34"));
    check("99999999999999999999999999999999 * 1001", Err("out of range"));
    check(
        "\"x\" + 1",
        Err("e:1:1: Invalid operand; A number is required here, but this is a string that is no number."),
    );
    check("1 == \"1\"", Ok("false"));
    check("true && \"x\"", Err("e:1:9: Invalid operand"));
}

#[test]
fn templates_join_what_converts_to_text() {
    check(r#""${n}""#, Ok("5"));
    check(r#""a${n}-${s}""#, Ok(r#""a5-text""#));
    check(r#""$${n} %%{x $ % $n""#, Ok(r#""${n} %{x $ % $n""#));
    check(r#""a ${~ s ~} b""#, Ok(r#""atextb""#));
    check(r#""a${list}""#, Err("Invalid template interpolation value"));
    check(r#""a${nothing}""#, Err("this is a null"));
    check(r#""${nothing}""#, Ok("null"));
    check(r#""%{ if n > 3 }big%{ else }small%{ endif }!""#, Ok(r#""big!""#));
    check(
        r#""%{ if n < 3 ~} big %{~ else ~} small %{~ endif }!""#,
        Ok(r#""small!""#),
    );
    check(
        r#""%{ for i, x in list }${i}=${x},%{ endfor }""#,
        Ok(r#""0=1,1=2,2=3,""#),
    );
    check(r#""%{ if true }a\n\"b\"%{ endif }""#, Ok(r#""a\n\"b\"""#));
    check(r#""a${upper("x")}${"${s}"}""#, Ok(r#""aXtext""#));
}

#[test]
fn heredocs_keep_lines_and_lose_common_indentation() {
    check("<<EOT\n  a\n ${n}\nEOT\n", Ok(r#""  a\n 5\n""#));
    check(
        "<<-EOT\n    a\n      b ${n}\n\n    c\n  EOT\n",
        Ok(r#""a\n  b 5\n\nc\n""#),
    );
    check("<<-EOT\nfoo ${n}\n    bar\nEOT\n", Ok(r#""foo 5\n    bar\n""#));
    check("<<-EOT\n  ${n}\n    bar\nEOT\n", Ok(r#""5\n  bar\n""#));
    check("<<EOT\nEOT\n", Ok(r#""""#));
    check("<<EOT\n$${x} \\n \"q\"\nEOT\n", Ok(r#""${x} \\n \"q\"\n""#));
    check(
        "<<EOT\n%{ for x in list ~}\n${x}\n%{ endfor ~}\nEOT\n",
        Ok(r#""1\n2\n3\n""#),
    );
}

#[test]
fn values_are_reached_by_attribute_index_and_splat() {
    check("map.a + map[\"b\"]", Ok("3"));
    check("list[1]", Ok("2"));
    check("list.2", Ok("3"));
    check("objects[*].id", Ok(r#"["x","y"]"#));
    check("objects.*.id[0]", Ok(r#""x""#));
    check("nothing[*]", Ok("[]"));
    check("n[*]", Ok("[5]"));
    check(
        "list[3]",
        Err("e:1:5: Invalid index; There is no such element: the list has 3."),
    );
    check("list[\"x\"]", Err("Invalid index"));
    check(
        "map.aa",
        Err("e:1:4: Unsupported attribute; There is no attribute named \"aa\" here."),
    );
    check("objects.id", Err("`[*].id` those of all"));
    check("s.x", Err("This is a string, which has no attributes."));
}

#[test]
fn for_expressions_make_lists_and_objects() {
    check("[for x in list: x * 2 if x != 2]", Ok("[2,6]"));
    check("{for k, v in map: upper(k) => v}", Ok(r#"{"A":1,"B":2}"#));
    check(
        "{for x in list: (x > 1 ? \"big\" : \"small\") => x...}",
        Ok(r#"{"small":[1],"big":[2,3]}"#),
    );
    check("{for x in list: \"k\" => x}", Err("Duplicate object key"));
    check(
        "[for x in list: [for y in list: x * y]]",
        Ok("[[1,2,3],[2,4,6],[3,6,9]]"),
    );
    check("[for x in n: x]", Err("A `for` needs a list or a map"));
}

#[test]
fn functions_do_what_their_names_say() {
    check("upper(lower(\"aB\"))", Ok(r#""AB""#));
    check("[abs(-2), int(-2.7), max(1, 3, 2), min(list...)]", Ok("[2,-2,3,1]"));
    check("length(list) + length(map)", Ok("5"));
    check(
        "length(s)",
        Err("e:1:8: Error in function call; Call to function \"length\" failed"),
    );
    check("concat(list, [4])", Ok("[1,2,3,4]"));
    check("coalesce(nothing, 1, \"a\")", Ok(r#""1""#));
    check("[hasindex(list, 2), hasindex(map, \"z\")]", Ok("[true,false]"));
    check(
        "jsonencode({b = \"<&>\", a = 1.10})",
        Ok(r#""{\"a\":1.1,\"b\":\"\\u003c\\u0026\\u003e\"}""#),
    );
    check("jsondecode(\"{\\\"a\\\": [1, 2.5, null]}\").a[1]", Ok("2.5"));
    check("[reverse(list), reverse(\"abc\")]", Ok(r#"[[3,2,1],"cba"]"#));
    check(
        "[strlen(\"añb\"), substr(\"hello\", 1, 3), substr(\"hello\", -3, -1)]",
        Ok(r#"[3,"ell","llo"]"#),
    );
    check("join(\",\", list)", Ok(r#""1,2,3""#));
    check(
        "uper(s)",
        Err("e:1:1: Call to unknown function; There is no function named \"uper\". Did you mean \"upper\"?"),
    );
    check("abs()", Err("Not enough function arguments"));
    check("abs(1, 2)", Err("takes 1 argument."));
}

#[test]
fn an_unknown_variable_is_an_error_with_a_suggestion() {
    check(
        "lst",
        Err("e:1:1: Unknown variable; There is no variable named \"lst\". Did you mean \"list\"?"),
    );
    check_in("a", &Context::new(), Err("e:1:1: Variables not allowed"));
    check("[x1, x2]", Err("e:1:6: Unknown variable"));
}

#[test]
fn the_text_of_unknown_variables_is_kept_where_the_context_says_so() {
    let context = context().with_unknown(UnknownVariables::KeepText);
    let check = |expression, expected| check_in(expression, &context, Ok(expected));
    check(r#""${x}/y ${n}""#, r#""${x}/y 5""#);
    check(r#""${x}""#, r#""${x}""#);
    check("x.y[0]", r#""${x.y[0]}""#);
    check(r#"[x, "${n}", {k = x.y}]"#, r#"["${x}",5,{"k":"${x.y}"}]"#);
    check(r#""${upper("${x}")}-${n}""#, r#""${upper(\"${x}\")}-5""#);
    check(r#"join("-", [x, "a"])"#, r#""${join(\"-\", [x, \"a\"])}""#);
    check(
        r#""%{ if x == "a" }b%{ endif }c""#,
        r#""%{ if x == \"a\" }b%{ endif }c""#,
    );
    check("true ? n : x", "5");
    check("x ? n : 1", r#""${x ? n : 1}""#);
    check_in("map.zz", &context, Err("Unsupported attribute"));
    let context = Context::new().with_unknown(UnknownVariables::KeepMatching(|name| name == "env"));
    check_in("\"${env[\"A\"]}\"", &context, Ok(r#""${env[\"A\"]}""#));
    check_in("other", &context, Err("e:1:1: Variables not allowed"));
}

#[test]
fn references_are_listed() {
    let source = Source::new("e", "\"${local.a}${[for x in local.b: x + y]}\"".to_owned());
    let expression = Expression::parse(source).unwrap();
    let names = |found: Vec<(String, _)>| found.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(expression.variables()), ["local", "local", "y"]);
    assert_eq!(names(expression.references("local")), ["a", "b"]);
}
