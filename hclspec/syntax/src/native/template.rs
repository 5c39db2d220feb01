//! Templates: from tokens to literals, sequences and directives.

use super::literal::{unescape, unescape_marks};
use super::parser::Parser;
use super::pieces::{Item, Pieces};
use super::problem::Problem;
use super::token::{Kind, Token};
use crate::Range;
use crate::ast::{Expr, ExprKind};

/// What is going on between the items of a template.
struct State {
    /// Of the first token.
    start: Range,
    end: Kind,
    /// Whether the last sequence ended in `~}`, so that blanks after it go.
    strip_next: bool,
}

impl Parser<'_> {
    /// A template up to its closing token, and where it is.
    pub(super) fn template(&mut self, end: Kind, flush: bool) -> (ExprKind, Range) {
        let mut state = State {
            start: self.peek().range,
            end,
            strip_next: false,
        };
        let mut pieces = Pieces::new(self.scanner.text, flush);
        let last = loop {
            let token = self.read();
            if token.kind == end {
                break token.range;
            }
            let strip = std::mem::take(&mut state.strip_next);
            match token.kind {
                Kind::QuotedText => {
                    let text = unescape(self.text(token.range), token.range, &mut self.problems);
                    pieces.literal(text, token.range, strip);
                }
                Kind::PlainText => {
                    let text = unescape_marks(self.text(token.range));
                    pieces.literal(text, token.range, strip);
                }
                Kind::OpenInterpolation { strip } => {
                    pieces.end_literal(strip);
                    let item = self.interpolation(token, &mut state);
                    pieces.item(item);
                }
                Kind::OpenDirective { strip } => {
                    pieces.end_literal(strip);
                    if let Some(item) = self.directive(token, &mut state) {
                        pieces.item(item);
                    }
                }
                _ => {
                    self.report_unless_recovering(
                        Problem::new(
                            "Unterminated template string",
                            "This string has no end. A quoted string ends with a quote on the same line, a heredoc with its marker on a line of its own.",
                            token.range,
                        )
                        .since(state.start),
                    );
                    break self.recover(end).range;
                }
            }
        };
        let kind = self.assemble(pieces.finish(), last);
        (kind, state.start.to(last))
    }

    /// `${x}` after its opening.
    fn interpolation(&mut self, open: Token, state: &mut State) -> Item<'static> {
        let outside = std::mem::replace(&mut self.newlines, false);
        let expr = self.expression();
        let next = self.peek();
        if let Kind::CloseSequence { strip } = next.kind {
            self.read();
            state.strip_next = strip;
        } else {
            self.report_unless_recovering(unclosed_interpolation(open, next, state));
            self.recover(Kind::CloseSequence { strip: false });
        }
        self.newlines = outside;
        Item::Interpolation {
            expr,
            range: open.range.to(next.range),
        }
    }

    /// `%{ .. }` after its opening; nothing where it makes no sense.
    fn directive(&mut self, open: Token, state: &mut State) -> Option<Item<'static>> {
        let outside = std::mem::replace(&mut self.newlines, false);
        let item = self.directive_inside(open, state);
        if item.is_none() {
            self.recover(Kind::CloseSequence { strip: false });
        }
        self.newlines = outside;
        item
    }

    fn directive_inside(&mut self, open: Token, state: &mut State) -> Option<Item<'static>> {
        let Some(word) = self.read_if(Kind::Name) else {
            let next = self.peek().range;
            self.report_unless_recovering(
                Problem::new(
                    "Invalid template directive",
                    "After \"%{\" there must be the word of a directive: if, else, endif, for or endfor. For a literal \"%{\" write \"%%{\".",
                    next,
                )
                .since(open.range),
            );
            return None;
        };
        let name = self.text(word.range);
        let mut item = match name {
            "if" => Item::If {
                condition: Box::new(self.expression()),
                range: open.range,
            },
            "for" => self.for_directive(open.range)?,
            "else" => Item::Else(open.range),
            "endif" => Item::EndIf(open.range),
            "endfor" => Item::EndFor(open.range),
            _ => {
                let advice = crate::hint(name, ["if", "for", "else", "endif", "endfor"]);
                self.report_unless_recovering(
                    Problem::new(
                        "Invalid template control keyword",
                        format!("There is no directive \"{name}\".{advice}"),
                        word.range,
                    )
                    .since(open.range),
                );
                return None;
            }
        };
        let next = self.peek();
        item.extend_to(next.range);
        if let Kind::CloseSequence { strip } = next.kind {
            self.read();
            state.strip_next = strip;
        } else {
            self.report_unless_recovering(
                Problem::new(
                    format!("Extra characters in {name} marker"),
                    "Here the directive should end, with a closing brace.",
                    next.range,
                )
                .since(state.start),
            );
            self.recover(Kind::CloseSequence { strip: false });
        }
        Some(item)
    }

    fn for_directive(&mut self, range: Range) -> Option<Item<'static>> {
        match self.loop_names() {
            Ok(names) => Some(Item::For {
                names: Box::new(names),
                collection: Box::new(self.expression()),
                range,
            }),
            Err(detail) => {
                let next = self.peek().range;
                self.report_unless_recovering(Problem::new("Invalid 'for' directive", detail, next));
                None
            }
        }
    }
}

fn unclosed_interpolation(open: Token, next: Token, state: &State) -> Problem {
    let in_quotes = state.end == Kind::CloseQuote && matches!(next.kind, Kind::OpenQuote | Kind::CloseQuote);
    if next.kind == Kind::End || in_quotes {
        let detail = if in_quotes {
            "The string ends before the closing brace of this interpolation. Perhaps a bracket or quote inside of it is wrong."
        } else {
            "The file or template ends before the closing brace of this interpolation. Perhaps a bracket or quote inside of it is wrong."
        };
        return Problem::new("Unclosed template interpolation sequence", detail, open.range);
    }
    Problem::new(
        "Extra characters after interpolation expression",
        "Here the interpolation should end, with a closing brace. If it is meant for another program, such as a shell, write \"$${\" in place of \"${\".",
        next.range,
    )
    .since(state.start)
}

/// A template that is on its own.
pub(super) fn bare_template(parser: &mut Parser<'_>) -> Expr {
    let (kind, range) = parser.template(Kind::End, false);
    Expr { kind, range }
}
