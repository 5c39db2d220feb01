//! Terms: what operators and traversals apply to.

use super::literal::is_number;
use super::parser::{Parser, invalid};
use super::problem::Problem;
use super::token::{Kind, Token};
use crate::Range;
use crate::ast::{Call, Expr, ExprKind};

impl Parser<'_> {
    pub(super) fn term(&mut self) -> Expr {
        let start = self.peek();
        match start.kind {
            Kind::Name => self.name_or_call(),
            Kind::OpenQuote => self.quoted(),
            Kind::Number => {
                self.read();
                Expr {
                    kind: self.number(start.range),
                    range: start.range,
                }
            }
            Kind::OpenParen => self.parentheses(),
            Kind::OpenBracket => self.tuple(),
            Kind::OpenBrace => self.object(),
            Kind::OpenHeredoc { flush } => self.heredoc(flush),
            _ => self.no_term(start),
        }
    }

    fn no_term(&mut self, found: Token) -> Expr {
        let problem = if found.kind == Kind::End {
            Problem::new(
                "Missing expression",
                "A value is needed here, but this is the end of the file or template.",
                found.range,
            )
        } else {
            Problem::new(
                "Invalid expression",
                "A value is needed here, and no value begins like this.",
                found.range,
            )
        };
        self.report_unless_recovering(problem);
        self.recovery = true;
        invalid(found.range)
    }

    /// The number that a token is; one with two points, or an exponent beyond all measure, is none.
    pub(super) fn number(&mut self, range: Range) -> ExprKind {
        let text = self.text(range);
        if is_number(text) {
            return ExprKind::Number(self.name(range));
        }
        self.report(Problem::new(
            "Invalid number literal",
            "This is not a number. A number has digits, at most one decimal point, and at most one exponent, such as e+10, which is not too large.",
            range,
        ));
        ExprKind::Invalid
    }

    fn quoted(&mut self) -> Expr {
        let open = self.read().range;
        if let Some(content) = self.read_simple_string() {
            return Expr {
                kind: ExprKind::String(self.written(content)),
                range: Range::new(open.start, content.end + 1),
            };
        }
        let kind = self.template(Kind::CloseQuote, false).0;
        let range = open.to(self.previous());
        Expr { kind, range }
    }

    fn heredoc(&mut self, flush: bool) -> Expr {
        let open = self.read().range;
        let kind = self.template(Kind::CloseHeredoc, flush).0;
        let range = open.to(self.previous());
        Expr { kind, range }
    }

    fn parentheses(&mut self) -> Expr {
        let open = self.read().range;
        let outside = std::mem::replace(&mut self.newlines, false);
        let before = self.problems.count();
        let inner = self.expression();
        if self.has_errors_since(before) {
            self.recover(Kind::CloseParen);
            self.newlines = outside;
            return inner;
        }
        let next = self.peek();
        if next.kind != Kind::CloseParen {
            self.report(
                Problem::new(
                    "Unbalanced parentheses",
                    "Here a closing parenthesis is needed, after the expression that was opened by one.",
                    next.range,
                )
                .since(open),
            );
            self.recovery = true;
        }
        let close = self.read().range;
        self.newlines = outside;
        Expr {
            kind: ExprKind::Parentheses(Box::new(inner)),
            range: open.to(close),
        }
    }

    fn name_or_call(&mut self) -> Expr {
        let name = self.read().range;
        if matches!(self.peek().kind, Kind::OpenParen | Kind::DoubleColon) {
            return self.call(name);
        }
        let kind = match self.text(name) {
            "true" => ExprKind::Bool(true),
            "false" => ExprKind::Bool(false),
            "null" => ExprKind::Null,
            _ => ExprKind::Variable(self.name(name)),
        };
        Expr { kind, range: name }
    }

    /// A call, after the first part of the function's name.
    fn call(&mut self, first: Range) -> Expr {
        let mut name = self.text(first).to_owned();
        let mut name_range = first;
        let mut open = self.read();
        while open.kind == Kind::DoubleColon {
            let part = self.read();
            if part.kind != Kind::Name {
                self.report(
                    Problem::new(
                        "Missing function name",
                        "After \"::\" there must be the name of a function, or of another namespace.",
                        part.range,
                    )
                    .since(first),
                );
                self.recover_over_parentheses();
                return invalid(first.to(part.range));
            }
            name.push_str("::");
            name.push_str(self.text(part.range));
            name_range = first.to(part.range);
            open = self.read();
        }
        if open.kind != Kind::OpenParen {
            self.report(
                Problem::new(
                    "Missing open parenthesis",
                    "A name with \"::\" in it is that of a function, so here its arguments must begin, with a parenthesis.",
                    open.range,
                )
                .since(first),
            );
            self.recover_over_parentheses();
            return invalid(first.to(open.range));
        }
        let outside = std::mem::replace(&mut self.newlines, false);
        let mut call = Call {
            name: name.into(),
            name_range,
            arguments: Vec::new(),
            expand: false,
            open_range: open.range,
            close_range: open.range,
        };
        call.close_range = self.arguments(&mut call).range;
        self.newlines = outside;
        Expr {
            range: name_range.to(call.close_range),
            kind: ExprKind::Call(Box::new(call)),
        }
    }

    /// A call's arguments, up to its closing parenthesis.
    fn arguments(&mut self, call: &mut Call) -> Token {
        loop {
            if let Some(close) = self.read_if(Kind::CloseParen) {
                return close;
            }
            let before = self.problems.count();
            let argument = self.expression();
            call.arguments.push(argument);
            if self.is_lost_since(before) {
                return self.recover(Kind::CloseParen);
            }
            let separator = self.read();
            match separator.kind {
                Kind::CloseParen => return separator,
                Kind::Comma => {}
                Kind::Ellipsis => {
                    call.expand = true;
                    return self.end_of_expansion(call, separator);
                }
                kind => {
                    let problem = if kind == Kind::End {
                        Problem::new(
                            "Unterminated function call",
                            "The file or template ends before the closing parenthesis of this call. Perhaps a parenthesis is missing further down.",
                            call.name_range.to(call.open_range),
                        )
                    } else {
                        Problem::new(
                            "Missing argument separator",
                            "The arguments of a function are separated by commas.",
                            separator.range,
                        )
                        .since(call.name_range)
                    };
                    self.report(problem);
                    return self.recover(Kind::CloseParen);
                }
            }
        }
    }

    fn end_of_expansion(&mut self, call: &Call, ellipsis: Token) -> Token {
        if let Some(close) = self.read_if(Kind::CloseParen) {
            return close;
        }
        self.report_unless_recovering(
            Problem::new(
                "Missing closing parenthesis",
                "Only the last argument can be expanded by \"...\", so a closing parenthesis must follow.",
                ellipsis.range,
            )
            .since(call.name_range),
        );
        self.recover(Kind::CloseParen)
    }
}
