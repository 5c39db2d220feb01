//! What holds for every text.

use encamp_hclspec::{Body, Context, Diagnostics, Expression, Source, Spec, Style, Type, UnknownVariables, decode};
use proptest::prelude::*;

fn spec() -> Spec {
    Spec::object([
        ("a", Spec::attr("a", Type::String)),
        (
            "b",
            Spec::block(
                "b",
                Spec::object([("c", Spec::attr("c", Type::list(Type::Number)).required())]),
            ),
        ),
        ("m", Spec::attr("m", Type::list(Type::map(Type::String)))),
        (
            "x",
            Spec::block_map("x", ["l"], Spec::object([("y", Spec::attr("y", Type::Bool))])),
        ),
    ])
}

fn contexts() -> [Context; 2] {
    let context = Context::new().with_variable("v", encamp_hclspec::Value::list([1, 2]));
    [context.clone(), context.with_unknown(UnknownVariables::KeepText)]
}

/// All places are inside of the text and between its characters, and can be drawn.
fn check_places(errors: &Diagnostics) {
    for error in errors {
        for span in [&error.span, &error.context].into_iter().flatten() {
            let text = span.source().text();
            assert!(text.get(span.range()).is_some(), "{:?} of {text:?}", span.range());
            assert!(span.line() >= 1 && span.column() >= 1);
        }
    }
    let drawn = errors.render(Style::Plain);
    assert!(!drawn.chars().any(|c| c.is_control() && c != '\n'), "{drawn:?}");
    assert!(!errors.is_empty() && errors.has_errors());
}

fn check(text: &str) {
    let body = match Body::parse(Source::new("f", text.to_owned())) {
        Ok(body) => body,
        Err(errors) => return check_places(&errors),
    };
    for context in contexts() {
        if let Err(errors) = decode(&spec(), &body, &context) {
            check_places(&errors);
        }
        for attribute in body.attributes() {
            if let Err(errors) = attribute.value().evaluate(&context) {
                check_places(&errors);
            }
            drop(attribute.value().to_type());
            attribute.value().variables();
        }
    }
}

/// Pieces of HCL, so that many texts are nearly right.
fn piece() -> impl Strategy<Value = String> {
    let pieces = [
        "a",
        "b",
        "c",
        "m",
        "x",
        "v",
        "=",
        " = ",
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        "\"",
        "${",
        "%{",
        "$${",
        "~}",
        "if ",
        "else",
        "endif",
        "for ",
        "in ",
        "endfor",
        "=>",
        "...",
        ":",
        "?",
        ",",
        ".",
        "*",
        "\n",
        "\r\n",
        " ",
        "\t",
        "<<EOT\n",
        "<<-EOT\n",
        "EOT\n",
        "  EOT\n",
        "#",
        "//",
        "/*",
        "*/",
        "1",
        "2.5",
        "1e9",
        "-",
        "!",
        "+",
        "%",
        "/",
        "==",
        "&&",
        "||",
        "<",
        "null",
        "true",
        "upper(",
        "\\n",
        "\\u00e9",
        "\\",
        "é",
        "😀",
        "\u{feff}",
        "\u{0}",
        "\u{301}",
        "\"s\"",
        "a = 1\n",
        "b {\n",
        "}\n",
        "x \"l\" {\n",
    ];
    prop_oneof![4 => prop::sample::select(pieces.to_vec()).prop_map(str::to_owned), 1 => "\\PC{0,3}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn no_text_makes_the_parser_panic_or_places_leave_the_text(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn nor_does_one_made_of_pieces_of_the_language(pieces in prop::collection::vec(piece(), 0..40)) {
        check(&pieces.concat());
    }

    #[test]
    fn nor_does_one_made_of_bytes(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        match Source::from_bytes("f", bytes) {
            Ok(source) => check(source.text()),
            Err(errors) => check_places(&errors),
        }
    }

    #[test]
    fn expressions_of_pieces_do_not_panic(pieces in prop::collection::vec(piece(), 0..20)) {
        let context = &contexts()[0];
        let parsed = Expression::parse(Source::new("e", pieces.concat()));
        if let Err(errors) = parsed.and_then(|expression| expression.evaluate(context)) {
            check_places(&errors);
        }
    }

    /// The look before the parse refuses nothing that the language allows.
    #[test]
    fn what_the_parser_takes_is_taken(pieces in prop::collection::vec(piece(), 0..25)) {
        let text = pieces.concat();
        let refused = Body::parse(Source::new("f", text.clone())).err();
        if let (Some(errors), Ok(_)) = (refused, hcl_edit::parser::parse_body(&text)) {
            let summary = &errors.iter().next().unwrap().summary;
            // What the parser takes though it is no HCL.
            let known = ["Unterminated string", "Invalid character", "Invalid template", "Invalid number"];
            prop_assert!(known.contains(&summary.as_str()) || text.contains("%{"), "{text:?}: {errors}");
        }
    }

    #[test]
    fn integers_survive_text_and_arithmetic(a in any::<i64>(), b in any::<i64>()) {
        let expression = Expression::parse(Source::new("e", format!("[{a} + {b}, \"{a}\" - {b}, {a} * {b}]"))).unwrap();
        let value = expression.evaluate(&Context::new());
        let product = i128::from(a) * i128::from(b);
        if let Ok(value) = value {
            let texts: Vec<String> = value.as_list().unwrap().iter().map(|v| v.as_number().unwrap().to_string()).collect();
            let sum = i128::from(a) + i128::from(b);
            let difference = i128::from(a) - i128::from(b);
            prop_assert_eq!(texts, [sum.to_string(), difference.to_string(), product.to_string()]);
        } else {
            prop_assert!(product.unsigned_abs() >= 10_u128.pow(34));
        }
    }

    #[test]
    fn decimal_texts_survive(whole in any::<u32>(), fraction in 0_u32..1_000_000) {
        let text = format!("{whole}.{fraction:06}9");
        let number: encamp_hclspec::Number = text.parse().unwrap();
        prop_assert_eq!(number.to_string(), text.clone());
        prop_assert_eq!(number.as_f64().to_bits(), text.parse::<f64>().unwrap().to_bits());
    }

    #[test]
    fn quotients_are_as_close_as_floats(a in -1_000_000_i64..1_000_000, b in 1_i64..1_000_000) {
        let number = |n: i64| encamp_hclspec::Number::from(n);
        let quotient = number(a).checked_div(number(b)).unwrap().as_f64();
        #[expect(clippy::cast_precision_loss, reason = "both are small")]
        let expected = a as f64 / b as f64;
        prop_assert!((quotient - expected).abs() <= expected.abs() * 1e-15, "{} {}", quotient, expected);
    }

    #[test]
    fn numbers_are_ordered_as_their_values(a in any::<f64>(), b in any::<f64>()) {
        let numbers = encamp_hclspec::Number::from_f64(a).zip(encamp_hclspec::Number::from_f64(b));
        if let Some((x, y)) = numbers {
            prop_assert_eq!(Some(x.cmp(&y)), a.partial_cmp(&b));
        }
    }
}
