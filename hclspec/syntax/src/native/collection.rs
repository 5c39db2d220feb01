//! Tuples and objects.

use super::parser::Parser;
use super::problem::Problem;
use super::token::{Kind, Token};
use crate::Range;
use crate::ast::{Expr, ExprKind, ObjectItem, Step, StepKind};

impl Parser<'_> {
    pub(super) fn tuple(&mut self) -> Expr {
        let open = self.read().range;
        let outside = std::mem::replace(&mut self.newlines, false);
        let expr = if self.word_is_next("for") {
            self.for_expression(open, Kind::CloseBracket)
        } else {
            let mut items = Vec::new();
            let close = self.tuple_items(open, &mut items).range;
            items.shrink_to_fit();
            Expr {
                kind: ExprKind::Tuple(items),
                range: open.to(close),
            }
        };
        self.newlines = outside;
        expr
    }

    /// Items up to the closing bracket.
    fn tuple_items(&mut self, open: Range, items: &mut Vec<Expr>) -> Token {
        loop {
            if let Some(close) = self.read_if(Kind::CloseBracket) {
                return close;
            }
            let before = self.problems.count();
            let item = self.expression();
            items.push(item);
            if self.is_lost_since(before) {
                return self.recover(Kind::CloseBracket);
            }
            let next = self.peek();
            match next.kind {
                Kind::CloseBracket => {}
                Kind::Comma => {
                    self.read();
                }
                kind => {
                    let problem = if kind == Kind::End {
                        Problem::new(
                            "Unterminated tuple constructor expression",
                            "The file or template ends before the closing bracket of this tuple. Perhaps a bracket is missing further down.",
                            open,
                        )
                    } else {
                        Problem::new(
                            "Missing item separator",
                            "The items of a tuple are separated by commas.",
                            next.range,
                        )
                        .since(open)
                    };
                    self.report_unless_recovering(problem);
                    return self.recover(Kind::CloseBracket);
                }
            }
        }
    }

    pub(super) fn object(&mut self) -> Expr {
        let open = self.read().range;
        if self.scanner.for_is_next() {
            let outside = std::mem::replace(&mut self.newlines, false);
            let expr = self.for_expression(open, Kind::CloseBrace);
            self.newlines = outside;
            return expr;
        }
        let outside = std::mem::replace(&mut self.newlines, true);
        let mut items = Vec::new();
        let close = self.object_items(open, &mut items).range;
        items.shrink_to_fit();
        self.newlines = outside;
        Expr {
            kind: ExprKind::Object(items),
            range: open.to(close),
        }
    }

    /// Items up to the closing brace.
    fn object_items(&mut self, open: Range, items: &mut Vec<ObjectItem>) -> Token {
        loop {
            let next = self.peek();
            match next.kind {
                Kind::Newline => {
                    self.read();
                    continue;
                }
                Kind::CloseBrace => return self.read(),
                _ => {}
            }
            let before = self.problems.count();
            let mut key = self.expression();
            if self.is_lost_since(before) {
                return self.recover(Kind::CloseBrace);
            }
            let bare_key = next.kind == Kind::Name && self.is_bare(&mut key);
            let separator = self.peek();
            if !matches!(separator.kind, Kind::Equals | Kind::Colon) {
                self.report_unless_recovering(missing_value(separator, open));
                return self.recover(Kind::CloseBrace);
            }
            self.read();
            let before = self.problems.count();
            let value = self.expression();
            items.push(ObjectItem { key, bare_key, value });
            if self.is_lost_since(before) {
                return self.recover(Kind::CloseBrace);
            }
            let next = self.peek();
            match next.kind {
                Kind::CloseBrace => return self.read(),
                Kind::Comma | Kind::Newline => {
                    self.read();
                }
                _ => {
                    self.report_unless_recovering(missing_separator(next, open));
                    return self.recover(Kind::CloseBrace);
                }
            }
        }
    }

    /// Whether a key is a bare name, which becomes a string, or looks like one with dots in it.
    fn is_bare(&self, key: &mut Expr) -> bool {
        match &key.kind {
            ExprKind::Variable(name) => {
                key.kind = ExprKind::String(name.clone().into());
                true
            }
            ExprKind::Null | ExprKind::Bool(_) => {
                key.kind = ExprKind::String(self.written(key.range));
                true
            }
            ExprKind::Traversal(path) => {
                matches!(path.base.kind, ExprKind::Variable(_)) && path.steps.iter().all(is_constant)
            }
            _ => false,
        }
    }
}

fn is_constant(step: &Step) -> bool {
    match &step.kind {
        StepKind::Attribute(_) | StepKind::LegacyIndex(_) => true,
        StepKind::Index(key) => matches!(
            key.kind,
            ExprKind::String(_) | ExprKind::Number(_) | ExprKind::Bool(_) | ExprKind::Null
        ),
    }
}

fn missing_value(next: Token, open: Range) -> Problem {
    let detail = match next.kind {
        Kind::Newline | Kind::Comma => {
            return Problem::new(
                "Missing attribute value",
                "After the key there must be an equals sign and a value.",
                next.range,
            )
            .since(open);
        }
        Kind::End => return unterminated(open),
        Kind::Name => {
            "After the key there must be an equals sign and a value. A key that has dots or spaces in it is written in quotes."
        }
        _ => "After the key there must be an equals sign and a value.",
    };
    Problem::new("Missing key/value separator", detail, next.range).since(open)
}

fn missing_separator(next: Token, open: Range) -> Problem {
    if next.kind == Kind::End {
        return unterminated(open);
    }
    Problem::new(
        "Missing attribute separator",
        "The items of an object are separated by line endings or commas.",
        next.range,
    )
    .since(open)
}

fn unterminated(open: Range) -> Problem {
    Problem::new(
        "Unterminated object constructor expression",
        "The file or template ends before the closing brace of this object. Perhaps a brace is missing further down.",
        open,
    )
}
