use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::{Node, NodeKind, parse};
use crate::{Diagnostics, Source};

/// The tree in few words, with every place.
fn show(node: &Node) -> String {
    let place = |range: crate::Range| format!("@{}..{}", range.start, range.end);
    let mut text = match &node.kind {
        NodeKind::Null => "null".to_owned(),
        NodeKind::Bool(value) => value.to_string(),
        NodeKind::Number(text) => text.to_string(),
        NodeKind::String(text) => format!("{:?}{}", text.text, if text.escaped { "e" } else { "" }),
        NodeKind::Array(elements) => {
            let elements: Vec<_> = elements.iter().map(|element| show(element)).collect();
            format!("[{}]", elements.join(" "))
        }
        NodeKind::Object(properties) => {
            let properties: Vec<_> = properties
                .iter()
                .map(|property| {
                    format!(
                        "{}{}={}",
                        property.name.text,
                        place(property.name_range),
                        show(&property.value)
                    )
                })
                .collect();
            format!("{{{}}}", properties.join(" "))
        }
        NodeKind::Invalid => "?".to_owned(),
    };
    write!(text, "{}", place(node.range)).unwrap();
    text
}

fn tree(text: &str) -> String {
    let (node, diagnostics) = parse(&Source::new("a.json", text.to_owned()));
    assert!(diagnostics.is_empty(), "{text}: {diagnostics}");
    show(&node)
}

fn errors(text: &str) -> Diagnostics {
    parse(&Source::new("a.json", text.to_owned())).1
}

fn check(text: &str, expected: &[(&str, usize, usize)]) {
    let diagnostics = errors(text);
    let found: Vec<_> = diagnostics
        .iter()
        .map(|diagnostic| {
            let range = diagnostic.span.as_ref().unwrap().range();
            (diagnostic.summary.as_str(), range.start, range.end)
        })
        .collect();
    assert_eq!(found, expected, "{text}");
}

const ROOT: &str = "Root value must be object";

#[test]
fn every_value_has_its_place() {
    assert_eq!(
        tree(r#" {"a": [1, -2.5e3, "x"], "b": {"c": null, "d": true}, "a": false}"#),
        r#"{a@2..5=[1@8..9 -2.5e3@11..17 "x"@19..22]@7..23 b@25..28={c@31..34=null@36..40 d@42..45=true@47..51}@30..52 a@54..57=false@59..64}@1..65"#
    );
    assert_eq!(tree("[{}, []]"), "[{}@1..3 []@5..7]@0..8");
}

#[test]
fn escapes_are_resolved_and_half_a_surrogate_pair_is_a_replacement_character() {
    let cases = [
        (r#""plain é""#, r#""plain é""#),
        (r#""\"\\\/\b\f\n\r\t""#, r#""\"\\/\u{8}\u{c}\n\r\t"e"#),
        (r#""\u00e9\u0000\ud83d\ude00""#, "\"é\\0😀\"e"),
        (
            r#""\ud83d x \ude00\ud83d\ud83d\ude00""#,
            "\"\u{fffd} x \u{fffd}\u{fffd}😀\"e",
        ),
        (r#""\ud83d""#, "\"\u{fffd}\"e"),
        // Names and texts are left as they are: what is made of them normalises them.
        ("\"e\u{301}\"", "\"e\\u{301}\""),
        ("\"\u{7f}\"", "\"\\u{7f}\""),
    ];
    for (text, expected) in cases {
        assert_eq!(
            tree(&format!("[{text}]")),
            format!("[{expected}@1..{}]@0..{}", text.len() + 1, text.len() + 2)
        );
    }
}

#[test]
fn numbers_are_kept_as_they_are_written() {
    for number in [
        "0",
        "-0",
        "1.50",
        "1e5",
        "1E-5",
        "0.1e+05",
        "123456789012345678901234567890.5",
    ] {
        assert_eq!(
            tree(&format!("[{number}]")),
            format!("[{number}@1..{}]@0..{}", number.len() + 1, number.len() + 2)
        );
    }
    for number in ["01", "1.", ".5", "+1", "1e", "-", "1e+", "--1", "1.2.3", "-01"] {
        check(&format!("[{number}]"), &[("Invalid JSON number", 1, number.len() + 1)]);
    }
}

#[test]
fn mistakes_are_found_where_upstream_finds_them() {
    check("", &[("Missing value", 0, 0), (ROOT, 0, 0)]);
    check(" ", &[("Missing value", 1, 1), (ROOT, 1, 1)]);
    check("null", &[(ROOT, 0, 4)]);
    check("\"x\"", &[(ROOT, 0, 3)]);
    check("{} {}", &[("Extraneous data after value", 3, 4)]);
    check("{\"a\": 1}\n'", &[("Extraneous data after value", 9, 10)]);
    check(r#"{"a": 1,}"#, &[("Trailing comma in object", 7, 8), (ROOT, 0, 1)]);
    check(r#"{"x": {"a": 1,}, "y": 2}"#, &[("Trailing comma in object", 13, 14)]);
    check(r#"{"a" 1}"#, &[("Missing property value colon", 5, 6), (ROOT, 0, 1)]);
    check(r#"{"a" = 1}"#, &[("Missing property value colon", 5, 6), (ROOT, 0, 1)]);
    check(r#"{"x": {"a" = 1}}"#, &[("Missing property value colon", 11, 12)]);
    check(r#"{"a", "b"}"#, &[("Missing object value", 4, 5), (ROOT, 0, 1)]);
    check(r#"{"a": }"#, &[("Missing JSON value", 6, 7)]);
    check(
        r#"{"a": ,}"#,
        &[
            ("Invalid start of value", 6, 7),
            ("Trailing comma in object", 6, 7),
            (ROOT, 0, 1),
        ],
    );
    check(r#"{"a": 1"#, &[("Unclosed object", 0, 1), (ROOT, 0, 1)]);
    check(
        r#"{"a": [1"#,
        &[("Unclosed array", 6, 7), ("Unclosed object", 0, 1), (ROOT, 0, 1)],
    );
    check(
        r#"{"a":"#,
        &[("Missing value", 5, 5), ("Unclosed object", 0, 1), (ROOT, 0, 1)],
    );
    check("[", &[("Missing value", 1, 1), ("Unclosed array", 0, 1), (ROOT, 0, 1)]);
    check(
        "{a: 1}",
        &[
            ("Invalid JSON keyword", 1, 2),
            ("Invalid object property name", 1, 2),
            (ROOT, 0, 1),
        ],
    );
    check("{1: 2}", &[("Invalid object property name", 1, 2), (ROOT, 0, 1)]);
    check(
        "{ // c\n \"a\": 1 }",
        &[
            ("Invalid start of value", 2, 3),
            ("Invalid object property name", 2, 3),
            (ROOT, 0, 1),
        ],
    );
    check(
        r#"{"a": True, "b": nul}"#,
        &[("Invalid JSON keyword", 6, 10), ("Invalid JSON keyword", 17, 20)],
    );
    check("{\"a\": \"b\n}", &[("Invalid JSON string", 8, 9)]);
    check("[1, [nul]]", &[("Invalid JSON keyword", 5, 8)]);
}

#[test]
fn a_place_is_that_of_the_mistake_where_upstream_gives_that_of_the_token_after_recovery() {
    check(
        r#"{"a": 1 "b": 2}"#,
        &[("Missing attribute separator comma", 8, 11), (ROOT, 0, 1)],
    );
    check(r#"{"a": [1 2]}"#, &[("Missing attribute separator comma", 9, 10)]);
    check(r#"{"a": [1: 2]}"#, &[("Invalid array value", 8, 9)]);
    check(r#"{"a": 1]"#, &[("Mismatched braces", 7, 8), (ROOT, 0, 1)]);
    check(
        r#"{"a": [1}"#,
        &[("Mismatched brackets", 8, 9), ("Unclosed object", 0, 1), (ROOT, 0, 1)],
    );
}

#[test]
fn a_bad_escape_is_marked_itself_where_upstream_marks_what_follows_it() {
    check(r#"{"a": "\q"}"#, &[("Invalid JSON string", 7, 9)]);
    check(r#"{"a": "\é"}"#, &[("Invalid JSON string", 7, 10)]);
    check(r#"{"a": "x\u12G4"}"#, &[("Invalid JSON string", 8, 12)]);
    check(r#"["\u12"]"#, &[("Invalid JSON string", 2, 6)]);
}

#[test]
fn one_mistake_is_one_error_where_upstream_reports_what_follows_from_it_too() {
    check(r#"{"a": [1,]}"#, &[("Trailing comma in array", 8, 9)]);
    check(r#"{"a": ]}"#, &[("Missing array element value", 6, 7)]);
    check(r#"{"a": [1}, "b": 2}"#, &[("Mismatched brackets", 8, 9)]);
    check("{", &[("Unclosed object", 0, 1), (ROOT, 0, 1)]);
    check(r#"{"a": 1,"#, &[("Unclosed object", 0, 1), (ROOT, 0, 1)]);
    check(
        r#"{"x": {a: 1}, "y": tru}"#,
        &[
            ("Invalid JSON keyword", 7, 8),
            ("Invalid object property name", 7, 8),
            ("Invalid JSON keyword", 19, 22),
        ],
    );
    check(
        "{\"a\": \"b\tc\", \"b\": nul}",
        &[("Invalid JSON string", 8, 9), ("Invalid JSON keyword", 18, 21)],
    );
    check("{\"a\": \"b,\n \"c\": 1}", &[("Invalid JSON string", 9, 10)]);
    check(r#"{"a": é}"#, &[("Invalid start of value", 6, 8)]);
    check(r#"{"a": -Infinity}"#, &[("Invalid JSON number", 6, 7)]);
    check(
        r#"{"a": [tru x 1], "b": nul}"#,
        &[("Invalid JSON keyword", 7, 10), ("Invalid JSON keyword", 22, 25)],
    );
    check(
        r#"{"x": {"a" = 1, "c": {"d": 1}}, "e": tru}"#,
        &[
            ("Missing property value colon", 11, 12),
            ("Invalid JSON keyword", 37, 40),
        ],
    );
}

#[test]
fn what_ends_too_early_is_not_marked_beyond_the_end() {
    check(
        r#"{"a": "b"#,
        &[("Invalid JSON string", 8, 8), ("Unclosed object", 0, 1), (ROOT, 0, 1)],
    );
    check(
        "[\"\\",
        &[("Invalid JSON string", 3, 3), ("Unclosed array", 0, 1), (ROOT, 0, 1)],
    );
}

#[test]
fn there_is_a_tree_of_what_could_be_made_out() {
    let (node, diagnostics) = parse(&Source::new(
        "a.json",
        r#"{"a": 1, "b": [2, tru, 3}, "c": "\q", "d" 5}"#.to_owned(),
    ));
    assert!(diagnostics.has_errors());
    assert_eq!(
        show(&node),
        "{a@1..4=1@6..7 b@9..12=[2@15..16 ?@18..21 3@23..24]@14..25 c@27..30=?@32..36}@0..44"
    );
}

#[test]
fn nearly_a_keyword_is_answered_with_the_keyword() {
    let text = errors(r#"{"a": True}"#).to_string();
    assert!(text.ends_with("Did you mean true?"), "{text}");
}

#[test]
fn nesting_is_bounded_with_an_error() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    check(&nested(200), &[]);
    check(&nested(201), &[("Nesting too deep", 200, 201)]);
    check(&nested(100_000), &[("Nesting too deep", 200, 201)]);
    let open = "[".repeat(100_000);
    assert_eq!(errors(&open).iter().next().unwrap().summary, "Nesting too deep");
    let text = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    check(&text, &[("Nesting too deep", 1_000, 1_001)]);
}

#[test]
fn errors_without_end_are_cut_off() {
    assert_eq!(errors(&format!("[{}1]", "x,".repeat(100_000))).len(), 1_000);
}

#[test]
fn time_grows_with_the_text_and_not_with_its_square() {
    let long = format!("[\"{}\"]", "x".repeat(4 << 20));
    let escaped = format!("[\"{}\"]", r"\u00e9\n".repeat(512 << 10));
    let broken = "{\"a\" ".repeat(800 << 10);
    let strings = "[\"".repeat(2 << 20);
    for text in [long, escaped, broken, strings] {
        let started = Instant::now();
        let _outcome = parse(&Source::new("a.json", text));
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    }
}
