//! `for` in brackets and braces.

use smol_str::SmolStr;

use super::parser::{Parser, invalid};
use super::problem::Problem;
use super::token::Kind;
use crate::Range;
use crate::ast::{Expr, ExprKind, For};

/// What is between `for` and `in`.
pub(super) struct LoopNames {
    pub(super) key: Option<SmolStr>,
    pub(super) value: SmolStr,
}

impl Parser<'_> {
    /// A `for` expression after its opening bracket.
    pub(super) fn for_expression(&mut self, open: Range, closer: Kind) -> Expr {
        self.read();
        if let Some(expr) = self.for_parts(open, closer) {
            return expr;
        }
        let close = self.recover(closer).range;
        invalid(open.to(close))
    }

    fn for_parts(&mut self, open: Range, closer: Kind) -> Option<Expr> {
        let names = match self.loop_names() {
            Ok(names) => names,
            Err(detail) => {
                self.refuse_for(detail, open);
                return None;
            }
        };
        let collection = self.part()?;
        if self.read_if(Kind::Colon).is_none() {
            self.refuse_for("After the collection there must be a colon.", open);
            return None;
        }
        let before = self.problems.count();
        let mut value = self.expression();
        let mut key = None;
        if self.read_if(Kind::FatArrow).is_some() {
            key = Some(std::mem::replace(&mut value, self.expression()));
        }
        if self.is_lost_since(before) {
            return None;
        }
        let ellipsis = self.read_if(Kind::Ellipsis).map(|token| token.range);
        let mut condition = None;
        if self.word_is_next("if") {
            self.read();
            condition = Some(self.part()?);
        }
        let close = if let Some(close) = self.read_if(closer) {
            close
        } else {
            self.refuse_for("Here the expression should end, with its closing bracket.", open);
            self.recover(closer)
        };
        let made = For {
            key_name: names.key,
            value_name: names.value,
            collection,
            key,
            value,
            group: ellipsis.is_some(),
            condition,
            open_range: open,
            close_range: close.range,
        };
        self.check_for(&made, closer, ellipsis);
        Some(Expr {
            range: open.to(close.range),
            kind: ExprKind::For(Box::new(made)),
        })
    }

    /// An expression, or nothing where the parser got lost in it.
    fn part(&mut self) -> Option<Expr> {
        let before = self.problems.count();
        let expr = self.expression();
        (!self.is_lost_since(before)).then_some(expr)
    }

    /// `k, v in`.
    ///
    /// # Errors
    /// What the next token should have been.
    pub(super) fn loop_names(&mut self) -> Result<LoopNames, &'static str> {
        let Some(first) = self.read_if(Kind::Name) else {
            return Err("After \"for\" there must be the name of a variable.");
        };
        let first = self.name(first.range);
        let mut names = LoopNames {
            key: None,
            value: first,
        };
        if self.read_if(Kind::Comma).is_some() {
            let Some(second) = self.read_if(Kind::Name) else {
                return Err("After the comma there must be the name of the variable for values.");
            };
            let second = self.name(second.range);
            names.key = Some(std::mem::replace(&mut names.value, second));
        }
        if !self.word_is_next("in") {
            return Err("After the names of variables there must be the word \"in\".");
        }
        self.read();
        Ok(names)
    }

    fn refuse_for(&mut self, detail: &'static str, open: Range) {
        let next = self.peek().range;
        self.report_unless_recovering(Problem::new(SUMMARY, detail, next).since(open));
    }

    /// What fits into brackets and what into braces.
    fn check_for(&mut self, made: &For, closer: Kind, ellipsis: Option<Range>) {
        let whole = made.open_range.to(made.close_range);
        if closer == Kind::CloseBrace {
            if made.key.is_none() {
                self.report(
                    Problem::new(
                        SUMMARY,
                        "Braces make an object, so there must be a key before the value: \"key => value\".",
                        made.value.range,
                    )
                    .within(whole),
                );
            }
            return;
        }
        if let Some(key) = &made.key {
            self.report(
                Problem::new(
                    SUMMARY,
                    "Brackets make a tuple, which has no keys. For an object use braces.",
                    key.range,
                )
                .within(whole),
            );
        }
        if let Some(ellipsis) = ellipsis {
            self.report(
                Problem::new(
                    SUMMARY,
                    "Brackets make a tuple, in which there is nothing to group by \"...\". For an object use braces.",
                    ellipsis,
                )
                .within(whole),
            );
        }
    }
}

const SUMMARY: &str = "Invalid 'for' expression";
