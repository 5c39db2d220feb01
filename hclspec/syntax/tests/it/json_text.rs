//! Templates in the strings of a JSON text.

use encamp_hclspec_syntax::{Range, Source, parse_json_template};

use crate::dump::Dump;

/// Parses the whole text, a JSON string, and compares the tree, or the errors with the text at their places.
#[track_caller]
fn check(json: &str, expected: &str) {
    let source = Source::new("x", json.to_owned());
    let whole = Range::new(0, u32::try_from(json.len()).unwrap());
    let (expr, errors) = parse_json_template(&source, whole);
    let actual = if errors.is_empty() {
        Dump(&source).expr(&expr)
    } else {
        let line = |error: &encamp_hclspec_syntax::Diagnostic| {
            format!("{}: {}", error.summary, error.span.as_ref().unwrap().text())
        };
        errors.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(actual, expected, "{json}");
}

#[test]
fn places_are_those_of_the_source() {
    check(r#""a ${b} c""#, r#"(tmpl @1-9 "a "@1-3 b@5-6 " c"@7-9)"#);
    check(r#""${b.c[0]}""#, "(wrap @1-10 b@3-4.c@4-6[Knum:0]@6-9)");
    check(r#""""#, r#"""@1-1"#);
}

#[test]
fn escapes_are_resolved_and_places_are_still_those_of_the_source() {
    check(
        r#""\n${f(\"x\")}\u00e9\ud83d\ude00""#,
        r#"(tmpl @1-32 "\n"@1-3 (call "f" @5-6@6-7@12-13 "x"@7-12) "é😀"@14-32)"#,
    );
    check(r#""\u0024{a}""#, "(wrap @1-10 a@8-9)");
    check(r#""\t\/\\n""#, r#""\t/\\n"@1-8"#);
}

#[test]
fn errors_are_at_the_escapes_that_they_come_from() {
    check(
        r#""${a \"b\"}""#,
        r#"Extra characters after interpolation expression: \""#,
    );
    check(r#""\u00e9${f(1\u0020\u0032)}""#, r"Missing argument separator: \u0032");
    check(r#""\n${a""#, "Unclosed template interpolation sequence: ${");
    check(r#""${a b}""#, "Extra characters after interpolation expression: b");
}
