//! Bodies: arguments and blocks.

use std::sync::Arc;

use smol_str::SmolStr;

use super::literal::unescape;
use super::parser::Parser;
use super::problem::Problem;
use super::token::{Kind, Token};
use crate::Range;
use crate::ast::{Attribute, Block, Body, Label};

impl Parser<'_> {
    /// A body up to the end of the text, or to the closing brace of the block that has just been opened.
    pub(super) fn body(&mut self, end: Kind) -> Body {
        let start = self.previous();
        let mut body = Body::default();
        let last = loop {
            let next = self.peek();
            if next.kind == end {
                break self.read().range;
            }
            match next.kind {
                Kind::Newline => {
                    self.read();
                }
                Kind::Name => self.item(&mut body),
                _ => {
                    let bad = self.read();
                    self.report_misplaced(bad, end, start);
                    self.recover(end);
                    break bad.range;
                }
            }
        };
        self.remove_repeated(&mut body);
        body.attributes.shrink_to_fit();
        body.blocks.shrink_to_fit();
        body.range = start.to(last);
        body.end = Range::empty(last.end);
        body
    }

    fn report_misplaced(&mut self, token: Token, end: Kind, start: Range) {
        let problem = match token.kind {
            Kind::OpenQuote => Problem::new(
                "Invalid argument name",
                "Names of arguments are written without quotes.",
                token.range,
            ),
            Kind::End if end == Kind::CloseBrace => unclosed_block(start),
            _ => Problem::new(
                "Argument or block definition required",
                "Only arguments and blocks can be here; both begin with a name.",
                token.range,
            ),
        };
        self.report_unless_recovering(problem);
    }

    fn item(&mut self, body: &mut Body) {
        let name = self.read();
        match self.peek().kind {
            Kind::Equals => {
                let attribute = self.attribute(name, false);
                body.attributes.push(attribute);
            }
            Kind::OpenQuote | Kind::OpenBrace | Kind::Name => {
                let block = self.block(name);
                body.blocks.push(block);
            }
            _ => self.nameless(name.range),
        }
    }

    /// After a name there is nothing that makes it an argument or a block.
    fn nameless(&mut self, name: Range) {
        self.recover_after_item();
        self.report(Problem::new(
            "Argument or block definition required",
            "After a name there must be an equals sign and a value, which makes it an argument, or an opening brace (after labels, if any), which makes it a block.",
            name,
        ));
    }

    /// `= value` after a name, with the line ending unless it is in a one-line block.
    fn attribute(&mut self, name: Token, one_line: bool) -> Attribute {
        let equals = self.read().range;
        let before = self.problems.count();
        let expr = self.expression();
        let end = self.previous();
        if self.is_lost_since(before) {
            self.recover_after_item();
        } else if !one_line {
            let next = self.peek();
            if matches!(next.kind, Kind::Newline | Kind::End) {
                self.read();
            } else {
                self.report_unless_recovering(missing_newline(next).since(name.range));
                self.recover_after_item();
            }
        }
        Attribute {
            name: self.name(name.range),
            name_range: name.range,
            equals_range: equals,
            expr: Arc::new(expr),
            range: name.range.to(end),
        }
    }

    /// A block after its type has been read.
    fn block(&mut self, name: Token) -> Block {
        let (labels, open) = self.block_header(name);
        let Some(open) = open else {
            let end = labels.last().map_or(name.range, |label| label.range);
            return Block {
                name: self.name(name.range),
                name_range: name.range,
                labels,
                open_range: name.range,
                close_range: end,
                body: Arc::new(Body {
                    range: name.range,
                    end: name.range,
                    ..Body::default()
                }),
            };
        };
        let body = if self.enter(open) {
            let body = match self.peek().kind {
                Kind::Newline | Kind::End | Kind::CloseBrace => Some(self.body(Kind::CloseBrace)),
                _ => self.one_line_body(name.range, open),
            };
            self.leave();
            body
        } else {
            None
        };
        let close = self.previous();
        self.end_of_block(name.range);
        Block {
            name: self.name(name.range),
            name_range: name.range,
            labels,
            open_range: open,
            close_range: close,
            body: Arc::new(body.unwrap_or_else(|| Body {
                range: open.to(close),
                end: close,
                ..Body::default()
            })),
        }
    }

    /// Labels, and the opening brace if it is there.
    fn block_header(&mut self, name: Token) -> (Vec<Label>, Option<Range>) {
        // Few blocks have more than two labels, and those without any need no memory for them.
        let mut labels = Vec::new();
        if self.peek().kind != Kind::OpenBrace {
            labels.reserve_exact(2);
        }
        loop {
            let next = self.peek();
            match next.kind {
                Kind::OpenBrace => return (labels, Some(self.read().range)),
                Kind::OpenQuote => {
                    let label = self.quoted_label();
                    labels.push(label);
                }
                Kind::Name => {
                    self.read();
                    labels.push(Label {
                        text: self.name(next.range),
                        range: next.range,
                    });
                }
                kind => {
                    let detail = match kind {
                        Kind::Equals => {
                            "The equals sign makes this an argument, but what is before it belongs to a block."
                        }
                        Kind::Newline => {
                            "A block has its content between braces, and the opening one is on the same line as the block's type and labels."
                        }
                        _ => "Here an opening brace is needed, or a quoted label before it.",
                    };
                    let problem = Problem::new("Invalid block definition", detail, next.range).since(name.range);
                    if matches!(kind, Kind::Equals | Kind::Newline) {
                        self.report(problem);
                    } else {
                        self.report_unless_recovering(problem);
                    }
                    self.recover_after_item();
                    return (labels, None);
                }
            }
        }
    }

    /// The one argument of `name { argument = value }`, up to the closing brace.
    fn one_line_body(&mut self, name: Range, open: Range) -> Option<Body> {
        let attribute = self.one_line_attribute();
        let next = self.peek();
        let summary = "Invalid single-argument block definition";
        match next.kind {
            Kind::CloseBrace => {
                self.read();
            }
            Kind::Comma => {
                self.report(Problem::new(
                    summary,
                    "A block on one line has one argument at most. Several are written each on a line of its own.",
                    next.range,
                ));
                self.recover(Kind::CloseBrace);
            }
            Kind::Newline => {
                self.report(Problem::new(
                    summary,
                    "A block that has an argument on the line of its opening brace must be closed on that line. Put the closing brace there, or the argument on a line of its own.",
                    next.range,
                ));
                self.recover(Kind::CloseBrace);
            }
            Kind::End => {
                self.report_unless_recovering(unclosed_block(open).within(name.to(open)));
                self.recover(Kind::CloseBrace);
            }
            _ => {
                self.report_unless_recovering(Problem::new(
                    summary,
                    "A block on one line must be closed after its one argument.",
                    next.range,
                ));
                self.recover(Kind::CloseBrace);
            }
        }
        attribute.map(|attribute| Body {
            range: attribute.range,
            end: Range::empty(attribute.range.end),
            attributes: vec![attribute],
            blocks: Vec::new(),
        })
    }

    fn one_line_attribute(&mut self) -> Option<Attribute> {
        let name = self.read();
        if name.kind != Kind::Name {
            self.recover_after_item();
            self.report(Problem::new(
                "Argument or block definition required",
                "Only an argument can be here, which begins with a name.",
                name.range,
            ));
            return None;
        }
        let next = self.peek();
        match next.kind {
            Kind::Equals => return Some(self.attribute(name, true)),
            Kind::OpenQuote | Kind::OpenBrace | Kind::Name => {
                self.recover_after_item();
                self.report(Problem::new(
                    "Argument definition required",
                    "A block on one line can have an argument, \"name = value\", but no blocks. Put the inner block on a line of its own.",
                    name.range.to(next.range),
                ));
            }
            _ => self.nameless(name.range),
        }
        None
    }

    /// The line ending after a block.
    fn end_of_block(&mut self, name: Range) {
        let next = self.peek();
        if matches!(next.kind, Kind::Newline | Kind::End) {
            self.read();
            return;
        }
        self.report_unless_recovering(
            Problem::new(
                "Missing newline after block definition",
                "After a block's closing brace the line must end.",
                next.range,
            )
            .since(name),
        );
        self.recover_after_item();
    }

    fn quoted_label(&mut self) -> Label {
        let open = self.read().range;
        if let Some(content) = self.read_simple_string() {
            return Label {
                text: self.name(content),
                range: Range::new(open.start, content.end + 1),
            };
        }
        let mut text = String::new();
        let end = loop {
            let token = self.read();
            match token.kind {
                Kind::CloseQuote => break token.range,
                Kind::QuotedText => {
                    let part = unescape(self.text(token.range), token.range, &mut self.problems);
                    text.push_str(&part);
                }
                Kind::OpenInterpolation { .. } | Kind::OpenDirective { .. } => {
                    let mark = if matches!(token.kind, Kind::OpenDirective { .. }) {
                        '%'
                    } else {
                        '$'
                    };
                    self.report(
                        Problem::new(
                            "Invalid string literal",
                            format!("A label cannot have template sequences in it. To have \"{mark}{{\" in it, write \"{mark}{mark}{{\"."),
                            token.range,
                        )
                        .since(open),
                    );
                    text.push(mark);
                    text.push_str("{ ... }");
                    self.recover(Kind::CloseSequence { strip: false });
                }
                Kind::End => {
                    self.report(
                        Problem::new(
                            "Unterminated string literal",
                            "The file ends before the closing quote of this label.",
                            token.range,
                        )
                        .since(open),
                    );
                    break token.range;
                }
                _ => {
                    self.report(
                        Problem::new("Invalid string literal", "This cannot be in a label.", token.range).since(open),
                    );
                    self.recover(Kind::CloseQuote);
                    break token.range;
                }
            }
        };
        Label {
            text: SmolStr::from(text),
            range: open.to(end),
        }
    }
}

fn unclosed_block(open: Range) -> Problem {
    Problem::new(
        "Unclosed configuration block",
        "The file ends before the closing brace of this block. Perhaps a brace is missing further down, in a block or object inside of it.",
        open,
    )
}

fn missing_newline(next: Token) -> Problem {
    if next.kind == Kind::Comma {
        return Problem::new(
            "Unexpected comma after argument",
            "Arguments are separated by line endings, not by commas.",
            next.range,
        );
    }
    Problem::new(
        "Missing newline after argument",
        "After an argument's value the line must end.",
        next.range,
    )
}
