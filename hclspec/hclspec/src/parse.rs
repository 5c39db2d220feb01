//! From text to the syntax tree.

use std::sync::Arc;

use hcl_edit::parser::{self, Error};

use crate::{Body, Diagnostic, Diagnostics, Expression, Source, Span, lower, scan};

pub(crate) const MAX_LEN: usize = 4 << 20;

/// What the parser says of an error, and what that is called in HCL.
const WORDS: [(&str, &str, &str); 10] = [
    (
        "redefined object key",
        "Duplicate object key",
        "Each key of an object may be set once.",
    ),
    (
        "nesting depth",
        "Nesting too deep",
        "Blocks and expressions may be nested at most 64 levels deep.",
    ),
    (
        "binary operation",
        "Expression too long",
        "At most 128 operators may follow each other in an expression.",
    ),
    (
        "escape sequence",
        "Invalid escape sequence",
        "A backslash in a quoted string begins one of `\\n`, `\\r`, `\\t`, `\\\"`, `\\\\`, `\\uNNNN` and \
         `\\UNNNNNNNN`. A backslash itself is written `\\\\`.",
    ),
    (
        "hex code",
        "Invalid escape sequence",
        "`\\u` must be followed by four hexadecimal digits that name a character, `\\U` by eight.",
    ),
    (
        "traversal operator",
        "Invalid attribute name",
        "An attribute name, an index or `*` is required after a dot.",
    ),
    (
        "object value assignment",
        "Missing object value",
        "A key of an object must be followed by `=` or `:` and a value.",
    ),
    (
        "object item",
        "Missing item separator",
        "The items of an object end with a comma or a newline, the last one with `}`.",
    ),
    (
        "block body",
        "Invalid block on one line",
        "A block on one line holds one argument at most. Begin a new line after `{` for more.",
    ),
    (
        "expression",
        "Invalid expression",
        "A value is required here: a string, a number, a list, an object, a name or a function call.",
    ),
];

pub(crate) fn body(source: &Arc<Source>) -> Result<Body, Diagnostics> {
    check_len(source)?;
    scan::scan(source, false)?;
    let tree = parser::parse_body(source.text()).map_err(|error| explain(source, &error))?;
    lower::body(source, tree)
}

pub(crate) fn expression(source: &Arc<Source>) -> Result<Expression, Diagnostics> {
    check_len(source)?;
    scan::scan(source, true)?;
    if source.text().trim().is_empty() {
        let error = Diagnostic::error("Missing expression", "There is no expression here.");
        return Err(error.with_span(Span::new(source, 0..0)).into());
    }
    let tree = parser::parse_expr(source.text().trim_end()).map_err(|error| explain(source, &error))?;
    lower::expression(source, tree)
}

fn check_len(source: &Arc<Source>) -> Result<(), Diagnostics> {
    let len = source.text().len();
    if len <= MAX_LEN {
        return Ok(());
    }
    let detail = format!("A configuration file may have at most {MAX_LEN} bytes; this one has {len}.");
    let error = Diagnostic::error("Configuration file too large", detail);
    Err(error.with_span(Span::new(source, 0..0)).into())
}

/// The parser's error in the words of the language.
fn explain(source: &Arc<Source>, error: &Error) -> Diagnostics {
    let text = source.text();
    let start = place_of(text, error);
    let rest = text.get(start..).unwrap_or_default();
    let name = rest
        .chars()
        .take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    let name: usize = name.map(char::len_utf8).sum();
    let width = match rest.chars().next() {
        Some('\n' | '\r') | None => 0,
        Some(c) => name.max(c.len_utf8()),
    };
    let word = rest.get(..name).unwrap_or_default();
    let (summary, detail) = describe(error.message(), word, rest);
    let place = Span::new(source, start..start + width);
    Diagnostic::error(summary, detail).with_span(place).into()
}

/// Where the parser found the error. In two cases that is behind the character at fault.
fn place_of(text: &str, error: &Error) -> usize {
    let offset = text.floor_char_boundary(error.location().offset());
    let before = text.get(..offset).unwrap_or_default();
    if error.message().contains("escape sequence") || error.message().contains("hex code") {
        return before.rfind('\\').unwrap_or(offset);
    }
    if error.message().contains("object value assignment") {
        return before.char_indices().next_back().map_or(offset, |(index, _)| index);
    }
    offset
}

fn describe(message: &str, word: &str, rest: &str) -> (&'static str, String) {
    if message.contains("redefined attribute") {
        let detail = format!("The argument \"{word}\" was already set in this body. Each argument may be set once.");
        return ("Argument redefined", detail);
    }
    if message.contains("invalid structure") {
        return structure(word, rest);
    }
    if let Some((_, summary, detail)) = WORDS.iter().find(|(needle, ..)| message.contains(needle)) {
        return (summary, (*detail).to_owned());
    }
    if message == "expected `{`" {
        return (
            "Invalid block",
            "A label in quotes or `{` is required here, which opens the block.".to_owned(),
        );
    }
    if message.contains("eof") && rest.starts_with('.') {
        return (
            "Invalid attribute name",
            "An attribute name, an index or `*` is required after a dot.".to_owned(),
        );
    }
    if message.contains("eof") {
        return (
            "Missing newline",
            "An argument or a block must end with a newline before anything else follows.".to_owned(),
        );
    }
    let is_name = word.starts_with(|c: char| c.is_alphabetic() || c == '_');
    if message == "unexpected token" && is_name {
        // The parser went back to the begin of the argument: no way to read its value is any better than another.
        let detail = format!("The value of \"{word}\" is missing or is no expression.");
        return ("Invalid expression", detail);
    }
    if message == "unexpected token" {
        return (
            "Argument or block required",
            "A name is required here, as the begin of an argument (`name = value`) or of a block (`name { .. }`)."
                .to_owned(),
        );
    }
    ("Invalid syntax", format!("The parser says: {message}."))
}

fn structure(word: &str, rest: &str) -> (&'static str, String) {
    let found = match rest.chars().next() {
        None | Some('\n' | '\r') => "the end of the line".to_owned(),
        Some(_) if !word.is_empty() => format!("`{word}`"),
        Some(c) => format!("`{c}`"),
    };
    let detail = format!(
        "After the name, `=` and a value make an argument, or labels in quotes and `{{` make a block; found {found}."
    );
    ("Invalid argument or block", detail)
}
