//! What holds for any text.

use encamp_hclspec_syntax::ast::{Body, Expr, ExprKind};
use encamp_hclspec_syntax::{
    Diagnostics, Range, Source, is_name, parse_body, parse_expression, parse_json_template, parse_template,
};
use proptest::prelude::*;

/// Text of the language's own parts, which gets further into a parser than any text does.
fn rubbish() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[ -~]",
        "\\PC",
        prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            "(",
            ")",
            "\"",
            "${",
            "%{",
            "~}",
            "${~",
            "=",
            "==",
            "=>",
            ".",
            "*",
            "[*]",
            ".*",
            "\n",
            "\r\n",
            "\r",
            " ",
            "<<E\n",
            "<<-E\n",
            "\nE\n",
            "a",
            "é",
            "e\u{301}",
            "\u{1f468}\u{200d}",
            "for ",
            " in ",
            "if ",
            "else",
            "endif",
            "endfor",
            "true",
            "1",
            "0.1",
            "1e5",
            "\\",
            "\\u00e9",
            "$${",
            "#",
            "//",
            "/*",
            "*/",
            "?",
            ":",
            "::",
            "...",
            ",",
            "&&",
            "!",
            "-",
            "a = 1\n",
            "b \"c\" {\n",
            "f(",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

/// Every range is inside of the text and splits no character.
fn check_places(source: &Source, diagnostics: &Diagnostics) {
    let text = source.text();
    for diagnostic in diagnostics {
        for span in diagnostic.span.iter().chain(&diagnostic.context) {
            let range = span.range();
            assert!(range.start <= range.end && range.end <= text.len(), "{range:?}");
            assert!(
                text.is_char_boundary(range.start) && text.is_char_boundary(range.end),
                "{range:?}"
            );
        }
    }
    let _rendered = diagnostics.render(encamp_hclspec_syntax::Style::Plain);
}

fn check_expr(source: &Source, expr: &Expr) {
    let range = expr.range;
    assert!(
        range.start <= range.end && range.end as usize <= source.text().len(),
        "{range:?}"
    );
    assert!(range.is_empty() || !source.slice(range).is_empty(), "{range:?}");
}

fn check_body(source: &Source, body: &Body) {
    for attribute in &body.attributes {
        assert!(is_name(source.slice(attribute.name_range)));
        assert_eq!(source.slice(attribute.equals_range), "=");
        check_expr(source, &attribute.expr);
    }
    for block in &body.blocks {
        check_body(source, &block.body);
    }
}

/// Expressions that are valid, as text.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[a-z][a-z0-9_-]{0,8}".prop_filter("a name", |name| name != "for"),
        "[0-9]{1,6}(\\.[0-9]{1,4})?(e[0-9]{1,2})?",
        "[ a-zé#{}]{0,12}".prop_map(|text| format!("\"{text}\"")),
        Just("\"a\\n\\\"$${x}\"".to_owned()),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        let some = prop::collection::vec(inner.clone(), 0..4);
        let operator = prop::sample::select(vec!["+", "-", "*", "/", "%", "==", "!=", "<", ">=", "&&", "||"]);
        prop_oneof![
            (inner.clone(), operator, inner.clone()).prop_map(|(a, operator, b)| format!("({a}) {operator} ({b})")),
            some.clone().prop_map(|items| format!("[{}]", items.join(", "))),
            some.clone().prop_map(|items| format!("f({})", items.join(","))),
            some.prop_map(|items| {
                let items: String = items
                    .iter()
                    .enumerate()
                    .map(|(i, item)| format!("k{i} = {item}\n"))
                    .collect();
                format!("{{\n{items}}}")
            }),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a}) ? {b} : {c}")),
            inner.clone().prop_map(|x| format!("\"a${{{x}}}b\"")),
            inner.clone().prop_map(|x| format!("({x})[0].b[*].c")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[for x in {a} : {b} if x]")),
            inner.prop_map(|x| format!("-({x})")),
        ]
    })
}

fn body() -> impl Strategy<Value = (usize, usize, String)> {
    let items = prop::collection::vec(prop_oneof![expression().prop_map(Some), Just(None)], 0..6);
    items.prop_map(|items| {
        let (mut attributes, mut blocks, mut text) = (0, 0, String::new());
        for item in items {
            if let Some(expr) = item {
                text += &format!("a{attributes} = {expr} # comment\n");
                attributes += 1;
            } else {
                text += "b \"l\" m {\n  x = 1\n}\n";
                blocks += 1;
            }
        }
        (attributes, blocks, text)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_range_lies_outside_of_any_text(text in rubbish()) {
        let source = Source::new("x", text.clone());
        let (body, errors) = parse_body(&source);
        check_places(&source, &errors);
        check_body(&source, &body);
        let (expr, errors) = parse_expression(&source);
        check_places(&source, &errors);
        check_expr(&source, &expr);
        let (expr, errors) = parse_template(&source);
        check_places(&source, &errors);
        check_expr(&source, &expr);
    }

    #[test]
    fn no_range_lies_outside_of_any_json_string(text in rubbish()) {
        let json = serde_json::to_string(&text).unwrap();
        let source = Source::new("x", format!("[{json}]"));
        let end = u32::try_from(json.len() + 1).unwrap();
        let (expr, errors) = parse_json_template(&source, Range::new(1, end));
        check_places(&source, &errors);
        check_expr(&source, &expr);
        // The same as outside of JSON.
        let (_, plain) = parse_template(&Source::new("x", text));
        prop_assert_eq!(errors.len(), plain.len());
    }

    #[test]
    fn a_valid_body_is_parsed_without_errors((attributes, blocks, text) in body()) {
        let source = Source::new("x", text.clone());
        let (body, errors) = parse_body(&source);
        prop_assert!(errors.is_empty(), "{text}\n{errors}");
        prop_assert_eq!((body.attributes.len(), body.blocks.len()), (attributes, blocks));
        check_body(&source, &body);
    }

    #[test]
    fn an_argument_is_the_expression_that_it_would_be_alone(text in expression()) {
        let alone = parse_expression(&Source::new("x", text.clone()));
        prop_assert!(alone.1.is_empty(), "{text}\n{}", alone.1);
        let (body, _) = parse_body(&Source::new("x", format!("a = {text}\n")));
        let inside = &body.attributes.first().unwrap().expr;
        prop_assert_eq!(std::mem::discriminant(&inside.kind), std::mem::discriminant(&alone.0.kind));
        prop_assert_eq!(inside.range.len(), alone.0.range.len());
    }

    #[test]
    fn a_string_of_any_text_is_that_text(text in "\\PC*") {
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "$${").replace("%{", "%%{");
        let (expr, errors) = parse_expression(&Source::new("x", format!("\"{quoted}\"")));
        prop_assert!(errors.is_empty(), "{errors}");
        prop_assert!(matches!(&expr.kind, ExprKind::String(parsed) if parsed.as_str() == text), "{expr:?}");
    }
}
