//! What is no HCL, and how that is said.

use encamp_hclspec::{Body, Source, Style};

/// Checks the first diagnostic of a text.
#[track_caller]
fn check(text: &str, expected: &str) {
    let errors = Body::parse(Source::new("f", text.to_owned())).err();
    let errors = errors.unwrap_or_else(|| panic!("accepted: {text}")).to_string();
    assert!(
        errors.starts_with(expected),
        "{text}\n  wanted: {expected}\n  got: {errors}"
    );
}

#[test]
fn what_is_open_is_named_where_it_was_opened() {
    check(
        "a {\n b = 1\n",
        "f:1:3: Unclosed configuration block; There is no `}` to close this block",
    );
    check("a = {\n b = 1\n", "f:1:5: Unclosed object");
    check("a = [1,\n", "f:1:5: Unclosed list or index");
    check("a = f(1\n", "f:1:6: Unclosed parenthesis");
    check("a = \"x${b", "f:1:7: Unclosed template sequence");
    check("a = \"x\nb = 1", "f:1:5: Unterminated string");
    check("a = \"x", "f:1:5: Unterminated string");
    check("a = <<EOT\nx\n", "f:1:5: Unterminated heredoc; There is no line `EOT`");
    check("a = 1 /* x", "f:1:7: Unterminated comment");
    check("}", "f:1:1: Unexpected closing bracket");
    check("a = (1]\n", "f:1:7: Mismatched brackets; Expected `)`");
}

#[test]
fn indentation_tells_which_block_lacks_its_brace() {
    check(
        "a {\n  b {\n    c = 1\n\n  d {\n  }\n}\n",
        "f:2:5: Unclosed configuration block; There is no `}` to close this block before the end of the file. By the \
         indentation of the lines after it, it is this one that lacks it.",
    );
}

#[test]
fn errors_are_said_in_the_words_of_the_language() {
    check(
        "a = 1\na = 2\n",
        "f:2:1: Argument redefined; The argument \"a\" was already set in this body.",
    );
    check("a = { b = 1, b = 2 }", "f:1:14: Duplicate object key");
    check("a b\n", "f:1:4: Invalid block;");
    check(
        "a\n",
        "f:1:2: Invalid argument or block; After the name, `=` and a value make an argument, or labels in \
        quotes and `{` make a block; found the end of the line.",
    );
    check("5 = 1", "f:1:1: Argument or block required");
    check("{}", "f:1:1: Argument or block required");
    check("a = 1 b = 2", "f:1:7: Missing newline");
    check(
        "a = ",
        "f:1:1: Invalid expression; The value of \"a\" is missing or is no expression.",
    );
    check("a = ]", "f:1:5: Unexpected closing bracket");
    check("a = *", "f:1:5: Invalid expression");
    check("a = \"\\b\"", "f:1:6: Invalid escape sequence");
    check("a = \"\\u12\"", "f:1:6: Invalid escape sequence");
    check("a { b = 1, c = 2 }", "f:1:10: Invalid block on one line");
    check("a = b.", "f:1:6: Invalid");
    check("a = { b 1 }", "f:1:9: Missing object value");
    check("a = { b = 1 c = 2 }", "f:1:13: Missing item separator");
}

#[test]
fn characters_that_do_not_belong_in_text_are_refused() {
    check(
        "a = 1\n\u{0}",
        "f:2:1: Invalid character; The control character U+0000 is not allowed here.",
    );
    check(
        "a = \"\u{1b}[31m\"",
        "f:1:6: Invalid character; The control character U+001B",
    );
    check("# \u{7}\n", "f:1:3: Invalid character");
    check("a \"x\ny\" {}", "f:1:3: Unterminated string");
}

#[test]
fn text_with_a_byte_order_mark_and_line_feeds_of_other_systems_is_taken() {
    let source = Source::from_bytes("f", b"\xef\xbb\xbfa = 1\r\nb {\r\n  c = 2\r\n}\r\n".to_vec()).unwrap();
    let body = Body::parse(source).unwrap();
    let block = &body.blocks()[0];
    let attribute = &block.body().attributes()[0];
    assert_eq!((attribute.name_span().line(), attribute.name_span().column()), (3, 3));
    assert_eq!(attribute.span().text(), "c = 2");
    assert_eq!(block.body().span().text(), "{\r\n  c = 2\r\n}");
}

#[test]
fn places_in_the_tree_are_exact() {
    let text = "job \"web\" app {\n  a = [1, 2] # c\n  one { b = \"${x}\" }\n}\n";
    let body = Body::parse(Source::new("f", text.to_owned())).unwrap();
    let block = &body.blocks()[0];
    assert_eq!(block.header_span().text(), "job \"web\" app");
    assert_eq!(block.labels()[0].span().text(), "\"web\"");
    assert_eq!(block.labels()[1].text(), "app");
    assert_eq!(block.span().text(), text.trim_end());
    let attribute = &block.body().attributes()[0];
    assert_eq!(
        (attribute.name_span().text(), attribute.value().span().text()),
        ("a", "[1, 2]")
    );
    let inner = &block.body().blocks()[0];
    assert_eq!(inner.body().span().text(), "{ b = \"${x}\" }");
    assert_eq!(inner.body().attributes()[0].span().text(), "b = \"${x}\"");
}

#[test]
fn diagnostics_are_drawn_with_their_lines() {
    let errors = Body::parse(Source::new("f.hcl", "a = (1,\n  x}\n".to_owned())).unwrap_err();
    let drawn = "error: Mismatched brackets
 --> f.hcl:2:4
  |
1 | a = (1,
  |     -
2 |   x}
  |    ^
  |
  = Expected `)`, which closes the bracket marked above, but found `}`.";
    assert_eq!(errors.render(Style::Plain), drawn);
    assert!(errors.render(Style::Terminal).contains("\u{1b}["));
}

#[test]
fn a_drawing_holds_neither_control_characters_nor_endless_lines() {
    let long = format!("a = \"{}\u{1b}[2J{}\"", "x".repeat(1 << 20), "y".repeat(1 << 20));
    let errors = Body::parse(Source::new("f.hcl", long)).unwrap_err();
    let drawn = errors.render(Style::Plain);
    assert!(!drawn.contains('\u{1b}') && drawn.len() < 2000, "{}", drawn.len());
    assert!(errors.to_string().len() < 400);
}
