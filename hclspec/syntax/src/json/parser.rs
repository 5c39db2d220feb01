//! The parser: recursive, and going on after errors.

use std::sync::Arc;

use super::scan::{Scanner, Token, TokenKind};
use super::{Node, NodeKind, Property};
use crate::{Diagnostic, Diagnostics, Range, Source, Span};

/// How many levels of brackets and braces there may be.
const MAX_DEPTH: usize = 200;
/// How many errors are reported. Nobody reads more, and a text of nothing but errors would need many times its memory.
pub(super) const MAX_ERRORS: usize = 1_000;

const START: &str = "A value must start with a brace, a bracket, a number, a quote, or a keyword.";

pub(super) fn parse(source: &Arc<Source>) -> (Arc<Node>, Diagnostics) {
    if u32::try_from(source.text().len()).is_err() {
        let node = Node {
            kind: NodeKind::Invalid,
            range: Range::default(),
        };
        let error = Diagnostic::error("File too large", "A configuration file must be smaller than 4 GiB.");
        return (Arc::new(node), error.with_span(Span::new(source, 0..0)).into());
    }
    let mut scanner = Scanner::new(source.text());
    let mut parser = Parser {
        source,
        token: scanner.next(),
        scanner,
        depth: 0,
        diagnostics: Diagnostics::new(),
        scratch: String::new(),
    };
    let node = parser.root();
    (Arc::new(node), parser.diagnostics)
}

/// A value, and whether there is nothing wrong with it itself; a container is whole also where an element is not.
pub(super) struct Parsed {
    pub(super) node: Node,
    pub(super) whole: bool,
}

pub(super) struct Parser<'s> {
    pub(super) source: &'s Arc<Source>,
    pub(super) scanner: Scanner<'s>,
    /// The next one.
    pub(super) token: Token,
    depth: usize,
    pub(super) diagnostics: Diagnostics,
    /// Where strings are unescaped, so that each costs one allocation of its own.
    pub(super) scratch: String,
}

impl Parser<'_> {
    fn root(&mut self) -> Node {
        let value = self.value();
        if self.diagnostics.is_empty() && self.token.kind != TokenKind::End {
            self.error(
                self.token.range,
                "Extraneous data after value",
                "There must be nothing after the file's value: it is one object.",
            );
        }
        let is_container = matches!(value.node.kind, NodeKind::Object(_) | NodeKind::Array(_));
        if !is_container {
            self.error(
                value.node.range,
                "Root value must be object",
                "A configuration in JSON must be an object, or an array of objects.",
            );
        } else if !value.whole {
            self.error(
                start(&value.node),
                "Root value must be object",
                "The object, or array of objects, that starts here could not be read whole, for the error given above.",
            );
        }
        value.node
    }

    fn value(&mut self) -> Parsed {
        let range = self.token.range;
        match self.token.kind {
            TokenKind::OpenBrace => self.nested(TokenKind::CloseBrace, Self::object),
            TokenKind::OpenBracket => self.nested(TokenKind::CloseBracket, Self::array),
            TokenKind::Number => self.number(),
            TokenKind::String { .. } => self.string_value(),
            TokenKind::Keyword => self.keyword(),
            TokenKind::CloseBrace => self.no_value(range, "Missing JSON value", START),
            TokenKind::CloseBracket => self.no_value(range, "Missing array element value", START),
            TokenKind::End => self.no_value(range, "Missing value", "The text ends where a value is needed."),
            TokenKind::Unknown => self.unknown(),
            _ => self.no_value(range, "Invalid start of value", START),
        }
    }

    fn unknown(&mut self) -> Parsed {
        let range = self.token.range;
        let hint = match self.scanner.slice(range) {
            "/" | "#" => " JSON has no comments; a property named \"//\" is ignored in bodies and can hold one.",
            "'" => " Strings are enclosed in double quotes.",
            _ => "",
        };
        self.no_value(range, "Invalid start of value", &format!("{START}{hint}"))
    }

    /// A container, unless it is one too deep: then all of it is skipped.
    fn nested(&mut self, close: TokenKind, parse: impl Fn(&mut Self) -> Parsed) -> Parsed {
        if self.depth < MAX_DEPTH {
            self.depth += 1;
            let parsed = parse(self);
            self.depth -= 1;
            return parsed;
        }
        let open = self.advance().range;
        self.error(
            open,
            "Nesting too deep",
            &format!("Objects and arrays can be nested in each other up to {MAX_DEPTH} levels."),
        );
        self.skip_to(close);
        let range = open.to(self.close(close));
        invalid(range)
    }

    fn object(&mut self) -> Parsed {
        let open = self.advance().range;
        let mut properties = Vec::new();
        let whole = self.properties(open, &mut properties);
        properties.shrink_to_fit();
        let range = open.to(self.close(TokenKind::CloseBrace));
        Parsed {
            node: Node {
                kind: NodeKind::Object(properties),
                range,
            },
            whole,
        }
    }

    /// Up to the closing brace, which is the next token then, unless it is missing.
    fn properties(&mut self, open: Range, properties: &mut Vec<Property>) -> bool {
        loop {
            match self.token.kind {
                TokenKind::CloseBrace => return true,
                TokenKind::End => return self.unclosed(open, "No closing brace was found for this object."),
                _ => {}
            }
            let Some(property) = self.property() else {
                self.skip_to(TokenKind::CloseBrace);
                return false;
            };
            let usable = property.whole;
            properties.push(property.property);
            match self.token.kind {
                TokenKind::Comma => {
                    let comma = self.advance().range;
                    if self.token.kind == TokenKind::CloseBrace {
                        return self.fail(
                            comma,
                            "Trailing comma in object",
                            "There must be no comma after an object's last property.",
                        );
                    }
                }
                TokenKind::CloseBrace => return true,
                TokenKind::End => return self.unclosed(open, "No closing brace was found for this object."),
                _ if !usable => {
                    self.skip_to(TokenKind::CloseBrace);
                    return true;
                }
                TokenKind::CloseBracket => {
                    return self.mismatch(
                        "Mismatched braces",
                        "An object must be closed with a brace, not with a bracket.",
                    );
                }
                _ => {
                    return self.no_comma(
                        TokenKind::CloseBrace,
                        "There must be a comma between the properties of an object.",
                    );
                }
            }
        }
    }

    fn property(&mut self) -> Option<ParsedProperty> {
        let name = self.value();
        let NodeKind::String(text) = name.node.kind else {
            self.error(
                start(&name.node),
                "Invalid object property name",
                "A property's name must be a string in double quotes.",
            );
            return None;
        };
        let range = self.token.range;
        match self.token.kind {
            TokenKind::Colon => {}
            TokenKind::CloseBrace | TokenKind::Comma => {
                self.error(
                    range,
                    "Missing object value",
                    "A property must have a value, after a colon. If this is to be a list, use brackets.",
                );
                return None;
            }
            TokenKind::Equals => {
                self.error(
                    range,
                    "Missing property value colon",
                    "In JSON a colon stands between name and value, not an equals sign.",
                );
                return None;
            }
            _ => {
                self.error(
                    range,
                    "Missing property value colon",
                    "There must be a colon between a property's name and its value.",
                );
                return None;
            }
        }
        self.advance();
        let value = self.value();
        Some(ParsedProperty {
            property: Property {
                name: text,
                name_range: name.node.range,
                value: Arc::new(value.node),
            },
            whole: value.whole,
        })
    }

    fn array(&mut self) -> Parsed {
        let open = self.advance().range;
        let mut elements = Vec::new();
        let whole = self.elements(open, &mut elements);
        elements.shrink_to_fit();
        let range = open.to(self.close(TokenKind::CloseBracket));
        Parsed {
            node: Node {
                kind: NodeKind::Array(elements),
                range,
            },
            whole,
        }
    }

    /// Up to the closing bracket, which is the next token then, unless it is missing.
    fn elements(&mut self, open: Range, elements: &mut Vec<Arc<Node>>) -> bool {
        const UNCLOSED: &str = "No closing bracket was found for this array.";
        loop {
            if self.token.kind == TokenKind::CloseBracket {
                return true;
            }
            let element = self.value();
            elements.push(Arc::new(element.node));
            match self.token.kind {
                TokenKind::Comma => {
                    let comma = self.advance().range;
                    if self.token.kind == TokenKind::CloseBracket {
                        return self.fail(
                            comma,
                            "Trailing comma in array",
                            "There must be no comma after an array's last value.",
                        );
                    }
                }
                TokenKind::CloseBracket => return true,
                TokenKind::End => return self.unclosed(open, UNCLOSED),
                _ if !element.whole => {
                    self.skip_to(TokenKind::CloseBracket);
                    return true;
                }
                TokenKind::CloseBrace => {
                    return self.mismatch(
                        "Mismatched brackets",
                        "An array must be closed with a bracket, not with a brace.",
                    );
                }
                TokenKind::Colon => {
                    self.error(
                        self.token.range,
                        "Invalid array value",
                        "The values of an array have no names, so there is no colon. If this is to be an object, use braces.",
                    );
                    self.skip_to(TokenKind::CloseBracket);
                    return false;
                }
                _ => {
                    return self.no_comma(
                        TokenKind::CloseBracket,
                        "There must be a comma between the values of an array.",
                    );
                }
            }
        }
    }

    fn no_value(&mut self, range: Range, summary: &str, detail: &str) -> Parsed {
        self.error(range, summary, detail);
        invalid(range)
    }

    /// The closing token, if it is the next, or else the place where it should be.
    fn close(&mut self, close: TokenKind) -> Range {
        if self.token.kind == close {
            return self.advance().range;
        }
        let start = self.token.range.start;
        Range { start, end: start }
    }

    /// Reports the wrong closing token and takes it for the right one.
    fn mismatch(&mut self, summary: &str, detail: &str) -> bool {
        let range = self.advance().range;
        self.fail(range, summary, detail)
    }

    fn no_comma(&mut self, close: TokenKind, detail: &str) -> bool {
        self.error(self.token.range, "Missing attribute separator comma", detail);
        self.skip_to(close);
        false
    }

    fn unclosed(&mut self, open: Range, detail: &str) -> bool {
        let summary = match self.scanner.slice(open) {
            "[" => "Unclosed array",
            _ => "Unclosed object",
        };
        self.fail(open, summary, detail)
    }

    fn fail(&mut self, range: Range, summary: &str, detail: &str) -> bool {
        self.error(range, summary, detail);
        false
    }

    /// Leaves the token that closes the container at hand as the next one.
    ///
    /// Only its own kind of brackets is counted: the other kind may be what is wrong.
    fn skip_to(&mut self, close: TokenKind) {
        let open = match close {
            TokenKind::CloseBrace => TokenKind::OpenBrace,
            _ => TokenKind::OpenBracket,
        };
        let mut depth = 0_usize;
        loop {
            match self.token.kind {
                TokenKind::End => return,
                kind if kind == open => depth += 1,
                kind if kind == close && depth == 0 => return,
                kind if kind == close => depth -= 1,
                _ => {}
            }
            self.advance();
        }
    }

    /// Takes the next token.
    pub(super) fn advance(&mut self) -> Token {
        let next = self.scanner.next();
        std::mem::replace(&mut self.token, next)
    }

    pub(super) fn error(&mut self, range: Range, summary: &str, detail: &str) {
        if self.diagnostics.len() < MAX_ERRORS {
            let diagnostic = Diagnostic::error(summary, detail).with_span(self.span(range));
            self.diagnostics.push(diagnostic);
        }
    }

    pub(super) fn span(&self, range: Range) -> Span {
        Span::new(self.source, range.into())
    }
}

struct ParsedProperty {
    property: Property,
    whole: bool,
}

pub(super) fn whole(kind: NodeKind, range: Range) -> Parsed {
    Parsed {
        node: Node { kind, range },
        whole: true,
    }
}

/// The opening bracket of a container, all of anything else.
fn start(node: &Node) -> Range {
    let end = match node.kind {
        NodeKind::Object(_) | NodeKind::Array(_) => node.range.start + 1,
        _ => node.range.end,
    };
    Range { end, ..node.range }
}

pub(super) fn invalid(range: Range) -> Parsed {
    Parsed {
        node: Node {
            kind: NodeKind::Invalid,
            range,
        },
        whole: false,
    }
}
