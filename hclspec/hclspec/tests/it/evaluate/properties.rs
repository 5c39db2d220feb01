//! What holds for every expression.

use encamp_hclspec::{Context, Diagnostics, UnknownVariables};
use proptest::prelude::*;

use super::{context, parse, shown};

fn contexts() -> [Context; 4] {
    [
        Context::new(),
        context(),
        context().with_unknown(UnknownVariables::KeepText),
        context().with_unknown(UnknownVariables::Unknown),
    ]
}

fn are_within(diagnostics: &Diagnostics, text: &str) -> bool {
    let spans = diagnostics
        .iter()
        .flat_map(|found| found.span.iter().chain(&found.context));
    spans
        .map(encamp_hclspec::Span::range)
        .all(|range| text.get(range).is_some())
}

/// Evaluates in each context; twice, which must give the same.
fn try_out(mode: &str, text: &str) {
    let expression = match parse(mode, text) {
        Ok(expression) => expression,
        Err(errors) => return assert!(are_within(&errors, text), "{text:?}: {errors:?}"),
    };
    for context in contexts() {
        let first = expression.evaluate_partly(&context);
        assert!(are_within(&first.diagnostics, text), "{text:?}: {first:?}");
        let again = expression.evaluate_partly(&context);
        assert_eq!(shown(&first.value), shown(&again.value), "{text:?}");
        assert_eq!(first.diagnostics, again.diagnostics, "{text:?}");
    }
    for reference in expression.variables() {
        assert!(
            reference.span.text().starts_with(reference.root.as_str()),
            "{text:?}: {reference:?}"
        );
    }
}

/// A term, an operator, or a bracket: anything that brings the parser somewhere.
fn piece() -> impl Strategy<Value = String> {
    let pieces = [
        "str",
        "num",
        "list",
        "map",
        "obj",
        "tup",
        "objs",
        "unk",
        "nope",
        "x",
        "null",
        "true",
        "1",
        "0.5",
        "\"a\"",
        "\"",
        "${",
        "}",
        "%{ if yes }",
        "%{ else }",
        "%{ endif }",
        "%{ for x in list }",
        "%{ endfor }",
        "~",
        "(",
        ")",
        "[",
        "]",
        "{",
        "a = ",
        "a.b = ",
        ",",
        ".",
        ".a",
        ".0",
        "[*]",
        ".*",
        "[0]",
        "+",
        "-",
        "*",
        "/",
        "%",
        "==",
        "!",
        "<",
        "&&",
        "||",
        "?",
        ":",
        "for x in ",
        "for k, v in ",
        " : ",
        " => ",
        "...",
        " if ",
        "upper(",
        "max(",
        "try(",
        "\n",
        "\\n",
        "é",
        "<<E\n",
        "\nE\n",
        " ",
    ];
    prop_oneof![
        8 => prop::sample::select(pieces.to_vec()).prop_map(str::to_owned),
        1 => "\\PC{0,3}",
    ]
}

/// An expression whose syntax is right, most of the time.
fn expression() -> impl Strategy<Value = String> {
    let names = [
        "str", "num", "list", "map", "obj", "tup", "objs", "set", "unk", "unklist", "nothing", "nope", "x",
    ];
    let leaf = prop_oneof![
        prop::sample::select(names.to_vec()).prop_map(str::to_owned),
        prop::sample::select(vec!["1", "\"a\"", "true", "null", "[]", "{}", "0.5"]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(5, 40, 3, |inner| {
        let pair = (inner.clone(), inner.clone());
        let three = (inner.clone(), inner.clone(), inner.clone());
        let operators = prop::sample::select(vec!["+", "-", "*", "/", "%", "==", "<", "&&", "||"]);
        prop_oneof![
            (pair.clone(), operators).prop_map(|((a, b), operator)| format!("({a} {operator} {b})")),
            three.clone().prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            pair.clone().prop_map(|(a, b)| format!("[{a}, {b}]")),
            pair.clone().prop_map(|(a, b)| format!("{{({a}) = {b}}}")),
            pair.clone().prop_map(|(a, b)| format!("({a})[{b}]")),
            inner.clone().prop_map(|a| format!("({a})[*].a")),
            inner.clone().prop_map(|a| format!("({a}).*.b[0]")),
            inner.clone().prop_map(|a| format!("({a}).a")),
            three
                .clone()
                .prop_map(|(a, b, c)| format!("[for x in {a} : {b} if {c}]")),
            three
                .clone()
                .prop_map(|(a, b, c)| format!("{{for k, x in {a} : {b} => {c}}}")),
            pair.clone()
                .prop_map(|(a, b)| format!("\"p${{{a}}}%{{ for x in {b} }}${{x}}%{{ endfor }}\"")),
            three.prop_map(|(a, b, c)| format!("\"%{{ if {a} }}${{{b}}}%{{ else }}${{{c}}}%{{ endif }}\"")),
            pair.prop_map(|(a, b)| format!("concat({a}, {b}...)")),
            inner.prop_map(|a| format!("try(upper({a}), -{a})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_text_is_evaluated_or_refused(text in any::<String>()) {
        for mode in ["", "template", "json"] {
            try_out(mode, &text);
        }
    }

    #[test]
    fn so_is_one_made_of_pieces(pieces in prop::collection::vec(piece(), 0..20)) {
        let text = pieces.concat();
        try_out("", &text);
        try_out("template", &text);
        try_out("json", &serde_json::json!({"a": [text]}).to_string());
    }

    #[test]
    fn expressions_have_the_same_value_every_time(text in expression()) {
        try_out("", &text);
        try_out("template", &format!("a ${{{text}}}"));
        try_out("json", &serde_json::json!([{"a": format!("${{{text}}}")}]).to_string());
    }

    #[test]
    fn the_same_expression_is_the_same_in_both_syntaxes(text in expression()) {
        let json = serde_json::json!({"k": format!("${{{text}}}")}).to_string();
        let (native, json) = (parse("", &text), parse("json", &json));
        if let (Ok(native), Ok(json)) = (native, json) {
            let context = context();
            let native = native.evaluate(&context).ok();
            let json = json.evaluate(&context).ok().map(|value| value.get("k").cloned().unwrap());
            prop_assert_eq!(native, json);
        }
    }
}
