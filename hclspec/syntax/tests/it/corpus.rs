//! Texts with what is to be made of them: the tree, or the errors with their exact places.
//!
//! The places in `tests/corpus/*.txt` are facts: HCL's first implementation (2.25.0) has the same on the same texts.
//! Where it has not, the case is in `differing.txt` with the reason.

use encamp_hclspec_syntax::{
    Diagnostic, Diagnostics, Severity, Source, Span, parse_body, parse_expression, parse_template,
};

use crate::dump::Dump;

/// Compares every case of a file: `#### kind`, the text, `----`, the tree or the errors.
fn check(file: &str) {
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in file.split("#### ").skip(1) {
        let (head, rest) = case.split_once('\n').expect("a kind");
        let (text, expected) = rest.split_once("\n----\n").expect("a text");
        let text = text.replace('\u{240d}', "\r").replace('\u{2402}', "\u{feff}");
        let kind = head.split(" | ").next().unwrap_or_default();
        let actual = outcome(kind, &text);
        count += 1;
        if actual != expected {
            wrong.push(format!(
                "{head}\n{text}\n---- expected\n{expected}---- actual\n{actual}"
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn outcome(kind: &str, text: &str) -> String {
    let source = Source::new("x", text.to_owned());
    let dump = Dump(&source);
    if kind == "body" {
        let (body, diagnostics) = parse_body(&source);
        return if diagnostics.is_empty() {
            dump.body(&body) + "\n"
        } else {
            list(&diagnostics)
        };
    }
    let (expr, diagnostics) = match kind {
        "expression" => parse_expression(&source),
        "template" => parse_template(&source),
        other => panic!("no such kind: {other}"),
    };
    if diagnostics.is_empty() {
        dump.expr(&expr) + "\n"
    } else {
        list(&diagnostics)
    }
}

fn list(diagnostics: &Diagnostics) -> String {
    diagnostics.iter().map(|diagnostic| line(diagnostic) + "\n").collect()
}

/// `error 1:2-1:3 1..2 in 0..2 Summary`; bytes are those of the file.
fn line(diagnostic: &Diagnostic) -> String {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let bytes = |span: &Span| {
        let range = span.range();
        let bom = span.source().bom_len();
        format!("{}..{}", range.start + bom, range.end + bom)
    };
    let span = diagnostic.span.as_ref().expect("a place");
    let context = diagnostic.context.as_ref().map(|span| format!(" in {}", bytes(span)));
    format!(
        "{severity} {}:{}-{}:{} {}{} {}",
        span.line(),
        span.column(),
        span.end_line(),
        span.end_column(),
        bytes(span),
        context.unwrap_or_default(),
        diagnostic.summary
    )
}

#[test]
fn valid_expressions_become_the_tree_that_they_are() {
    check(include_str!("../corpus/valid_expressions.txt"));
}

#[test]
fn valid_templates_become_the_tree_that_they_are() {
    check(include_str!("../corpus/valid_templates.txt"));
}

#[test]
fn valid_bodies_become_the_tree_that_they_are() {
    check(include_str!("../corpus/valid_bodies.txt"));
}

#[test]
fn every_error_of_an_expression_is_reported_at_its_place() {
    check(include_str!("../corpus/broken_expressions.txt"));
}

#[test]
fn every_error_of_a_template_is_reported_at_its_place() {
    check(include_str!("../corpus/broken_templates.txt"));
}

#[test]
fn every_error_of_a_body_is_reported_at_its_place() {
    check(include_str!("../corpus/broken_bodies.txt"));
}

#[test]
fn where_the_first_implementation_points_elsewhere_the_place_is_the_cause() {
    check(include_str!("../corpus/differing.txt"));
}
