//! Texts that are made to break a parser.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use encamp_hclspec_syntax::{
    Diagnostics, Range, Source, parse_body, parse_expression, parse_json_template, parse_template,
};

/// A little stack, which is all that a parser may take in a debug build.
const STACK: usize = 1536 * 1024;
/// How large the texts are.
const SIZE: usize = if cfg!(debug_assertions) { 100_000 } else { 10_000_000 };

/// Parses `opening` again and again as everything that it may be, then something else, within a few seconds each, and
/// returns what was wrong with it as an expression.
fn check(opening: &str, closing: &str) -> Diagnostics {
    let count = SIZE / opening.len();
    let text = format!("{}{closing}", opening.repeat(count));
    let source = Source::new("x", text.clone());
    let body = Source::new("x", format!("a = {text}"));
    let json = Source::new("x", serde_json::to_string(&text).unwrap());
    let parse = move || {
        let end = u32::try_from(json.text().len()).unwrap();
        for diagnostics in [
            timed("template", || parse_template(&source).1),
            timed("body", || parse_body(&body).1),
            timed("as a body", || parse_body(&source).1),
            timed("JSON", || parse_json_template(&json, Range::new(0, end)).1),
        ] {
            assert!(diagnostics.len() <= 501, "{}", diagnostics.len());
        }
        timed("expression", || parse_expression(&source).1)
    };
    on_small_stack(parse)
}

fn timed<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = run();
    let taken = start.elapsed();
    assert!(taken < Duration::from_secs(20), "{what}: {taken:?}");
    result
}

fn on_small_stack<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(run).unwrap();
    thread.join().unwrap()
}

#[track_caller]
fn assert_too_deep(opening: &str) {
    let errors = check(opening, "");
    assert!(
        errors.iter().any(|error| error.summary == "Nesting too deep"),
        "{opening:?}: {errors}"
    );
}

#[test]
fn brackets_without_end_are_too_deep() {
    for opening in [
        "(",
        "(1||1&&1==1>1+1*",
        "\"${1||1&&1==1>1+1*",
        "[",
        "{a=",
        "f(",
        "a[",
        "[{a=(",
        "{(",
        "[for x in ",
        "{for x in y: (",
    ] {
        assert_too_deep(opening);
    }
}

#[test]
fn splats_without_end_are_too_deep() {
    for splat in ["[*]", ".*[0]"] {
        let text = format!("a{}", splat.repeat(SIZE / splat.len()));
        let errors = on_small_stack(move || parse_expression(&Source::new("x", text)).1);
        assert!(errors.to_string().contains("Nesting too deep"), "{errors}");
    }
}

#[test]
fn templates_without_end_are_too_deep() {
    for opening in ["\"${", "\"%{if ", "\"${[\"%{for x in ", "<<E\n${"] {
        assert_too_deep(opening);
    }
}

#[test]
fn signs_and_conditions_without_end_are_too_deep() {
    for opening in ["-", "!", "a?", "a?b:"] {
        assert_too_deep(opening);
    }
}

#[test]
fn blocks_without_end_are_too_deep() {
    let text = "a {\n".repeat(SIZE / 4);
    let errors = on_small_stack(move || parse_body(&Source::new("x", text)).1);
    assert_eq!(errors.to_string().lines().count(), 1, "{errors}");
    assert!(errors.to_string().starts_with("x:201:3: Nesting too deep"), "{errors}");
}

#[test]
fn nested_directives_without_end_are_too_deep() {
    let text = "%{if a}".repeat(SIZE / 7);
    let errors = on_small_stack(move || parse_template(&Source::new("x", text)).1);
    assert_eq!(errors.len(), 1, "{errors}");
}

#[test]
fn what_is_as_deep_as_allowed_is_parsed_on_a_small_stack() {
    let deep = |open: &str, inner: &str, close: &str| {
        let text = format!("{}{inner}{}", open.repeat(198), close.repeat(198));
        let errors = on_small_stack(move || parse_expression(&Source::new("x", text)).1);
        assert!(errors.is_empty(), "{open}: {errors}");
    };
    deep("(", "1", ")");
    deep("[", "1", "]");
    deep("{a=", "1", "}");
    deep("f(", "1", ")");
    deep("\"${", "1", "}\"");
    deep("-", "1", "");
    deep("(", "1", "*1+1>1==1&&1||1)");
    deep("(", "1", ".*.a[0].*.a[0].*.a[0].*.a[0])");
    deep("[for x in ", "1", ": x]");
    deep("a?b:", "1", "");
    deep("\"%{if ", "a", "}x%{endif}\"");
    let sums = format!("{}1{}", "(1||1&&1==1>1+1*".repeat(28), ")".repeat(28));
    let errors = on_small_stack(move || parse_expression(&Source::new("x", sums)).1);
    assert!(errors.is_empty(), "{errors}");
}

#[test]
fn long_chains_are_no_nesting() {
    for (part, end) in [("1+", "1"), ("1*2-", "1"), ("a||b&&", "c"), ("a == 1 ? b : c\n", "")] {
        let _errors = check(part, end);
    }
    for (part, end) in [("1+", "1"), ("a||b&&c==", "c")] {
        assert_eq!(check(part, end).len(), 0);
    }
    let text = format!("a{}", ".b[0]".repeat(SIZE / 5));
    assert!(parse_expression(&Source::new("x", text)).1.is_empty());
}

#[test]
fn rubbish_takes_no_longer_than_its_size_suggests() {
    for text in [
        "}",
        ")",
        "]",
        "\"",
        "'",
        "`",
        ";",
        "\\",
        "@",
        "&",
        "~",
        "~}",
        "\n",
        "\r",
        "\"\n",
        "\"\\\n",
        "/*",
        "/",
        "<<E\n",
        "<<E",
        "<<",
        "${",
        "%{",
        "$",
        "%",
        "$$",
        "a",
        "a ",
        "a\n",
        "a b\n",
        "a = \n",
        "a = 1 b\n",
        "a = \"\n",
        "a {}}\n",
        "1",
        "1.",
        "1e",
        "..",
        "\"\\q",
        "\"${a b}",
        "%{endif}",
        "{\n",
        "{#\n",
        "[1,",
        "f(1,",
        "é",
        "\u{301}",
        "  \n",
        "E\n",
        "<<-E\n ${a}",
        "a.*.*",
        "a[*b]",
        "{a=1",
        "[a b]",
        "::",
        "a::",
    ] {
        let _errors = check(text, "");
    }
}

#[test]
fn a_heredoc_of_many_lines_is_parsed_in_one_go() {
    for line in ["\n", "  x\n", "  ${a}\n", " $x ${~ a ~}\n", "E x\n", "   \n"] {
        let text = format!("<<-E\n{}E\n", line.repeat(SIZE / line.len()));
        let source = Source::new("x", text);
        let errors = timed(line, || parse_expression(&source).1);
        assert!(errors.is_empty(), "{errors}");
    }
}

#[test]
fn names_are_compared_without_going_through_all_of_them() {
    let mut text = String::new();
    for index in 0..200_000 {
        writeln!(text, "a{index} = 1").unwrap();
    }
    text += "a7 = 1\n";
    let source = Source::new("x", text);
    let (body, errors) = timed("arguments", || parse_body(&source));
    assert_eq!((body.attributes.len(), errors.len()), (200_000, 1));
    assert!(errors.to_string().contains("at x:8:1"), "{errors}");

    let mut text = String::from("{");
    for index in 0..200_000 {
        write!(text, "a{index} = 1,").unwrap();
    }
    let source = Source::new("x", text + "}");
    assert!(timed("keys", || parse_expression(&source)).1.is_empty());
}

#[test]
fn of_a_million_errors_some_hundreds_are_listed() {
    let source = Source::new("x", "a = 1\n".repeat(100_000));
    let (_, errors) = timed("errors", || parse_body(&source));
    assert_eq!(errors.len(), 251);
    let last = errors.iter().last().unwrap();
    assert_eq!(last.summary, "Too many errors");
    assert!(last.detail.contains("99749 more"), "{}", last.detail);
}

#[test]
fn errors_in_one_long_line_are_placed_without_counting_it_for_each() {
    let text = format!("[\"{}\", {}]", "é".repeat(SIZE), "\"\\q\",".repeat(1000));
    let source: Arc<Source> = Source::new("x", text);
    let json = timed("places", || parse_expression(&source).1.to_json());
    assert_eq!(json.as_array().unwrap().len(), 251);
}
