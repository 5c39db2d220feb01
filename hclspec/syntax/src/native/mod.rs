//! The parser of native HCL.
//!
//! A scanner ([`scan`], [`scan_template`]) makes tokens of the text as they are asked for, since what a token is depends
//! on the brackets and templates that are open. The [`parser`] goes down from bodies to terms.

use std::sync::Arc;

use crate::ast::{Body, Expr};
use crate::{Diagnostic, Diagnostics, Range, Source};

mod assemble;
mod body;
mod chars;
mod collection;
mod expression;
mod for_expression;
mod json_text;
mod literal;
mod parser;
mod pieces;
mod problem;
mod relocate;
mod repeated;
mod scan;
mod scan_template;
mod template;
mod term;
mod token;
mod traversal;

pub use chars::is_name;

use json_text::Decoded;
use parser::{Parser, invalid};
use problem::Problem;
use relocate::Relocate;
use scan::{Mode, offset};
use template::bare_template;
use token::Kind;

/// The body that a text is, and what is wrong with it.
///
/// There is always a tree; where there are errors, it is what could be made out.
pub fn parse_body(source: &Arc<Source>) -> (Arc<Body>, Diagnostics) {
    let text = match checked(source) {
        Ok(text) => text,
        Err(error) => return (Arc::default(), error),
    };
    let mut parser = Parser::of(source, text, 0, None);
    let body = parser.body(Kind::End);
    (Arc::new(body), finish(parser, source, |range| range))
}

/// The expression that a text is. Line endings mean nothing in it, as between parentheses.
pub fn parse_expression(source: &Arc<Source>) -> (Arc<Expr>, Diagnostics) {
    let text = match checked(source) {
        Ok(text) => text,
        Err(error) => return (Arc::new(invalid(Range::default())), error),
    };
    let mut parser = Parser::of(source, text, 0, None);
    parser.newlines = false;
    let expr = parser.expression();
    let next = parser.peek();
    if next.kind != Kind::End {
        parser.report_unless_recovering(Problem::new(
            "Extra characters after expression",
            "Here the expression should end, but there is more.",
            next.range,
        ));
    }
    (Arc::new(expr), finish(parser, source, |range| range))
}

/// The template that a text is: `a ${b} c`, without quotes around it and without escapes by backslash.
pub fn parse_template(source: &Arc<Source>) -> (Arc<Expr>, Diagnostics) {
    let text = match checked(source) {
        Ok(text) => text,
        Err(error) => return (Arc::new(invalid(Range::default())), error),
    };
    let mut parser = Parser::of(source, text, 0, Some(Mode::Bare));
    let expr = bare_template(&mut parser);
    (Arc::new(expr), finish(parser, source, |range| range))
}

/// The template in a JSON string of `source`: `range` is the string's, with its quotes.
///
/// Ranges in the tree are of `source`, also where the string has escapes.
pub fn parse_json_template(source: &Arc<Source>, range: Range) -> (Expr, Diagnostics) {
    let text = match checked(source) {
        Ok(text) => text,
        Err(error) => return (invalid(range), error),
    };
    let quoted = source.slice(range);
    let inside = quoted.strip_prefix('"').unwrap_or(quoted);
    let inside = inside.strip_suffix('"').unwrap_or(inside);
    let start = range.start + offset(quoted.len().min(1));
    if !inside.contains('\\') {
        let until = start as usize + inside.len();
        let mut parser = Parser::of(
            source,
            text.get(..until).unwrap_or_default(),
            start as usize,
            Some(Mode::Bare),
        );
        let expr = bare_template(&mut parser);
        return (expr, finish(parser, source, |range| range));
    }
    let decoded = Decoded::new(inside, start);
    let mut parser = Parser::new(&decoded.text, 0, Some(Mode::Bare));
    let mut expr = bare_template(&mut parser);
    let diagnostics = finish(parser, source, |range| decoded.locate(range));
    Relocate(&decoded).expr(&mut expr);
    (expr, diagnostics)
}

/// The text, if ranges can be of it.
fn checked(source: &Source) -> Result<&str, Diagnostics> {
    match u32::try_from(source.text().len()) {
        Ok(_) => Ok(source.text()),
        Err(_) => Err(Diagnostic::error("Text too long", "A configuration file has less than 4 GiB of text.").into()),
    }
}

/// Reads what is left, for what is wrong in its tokens, and reports it all.
fn finish(mut parser: Parser<'_>, source: &Arc<Source>, map: impl Fn(Range) -> Range) -> Diagnostics {
    while parser.read().kind != Kind::End {}
    parser.scanner.problems.into_diagnostics(parser.problems, source, map)
}
