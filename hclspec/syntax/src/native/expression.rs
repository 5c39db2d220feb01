//! Expressions: conditionals and operators.

use super::parser::{Parser, invalid};
use super::problem::Problem;
use super::token::Kind;
use crate::ast::{Binary, BinaryOperator, Expr, ExprKind, Operation, UnaryOperator};

impl Parser<'_> {
    /// An expression of any kind.
    pub(super) fn expression(&mut self) -> Expr {
        let start = self.peek().range;
        if !self.enter(start) {
            return invalid(start);
        }
        let expr = self.conditional();
        self.leave();
        expr
    }

    fn conditional(&mut self) -> Expr {
        let before = self.problems.count();
        let start = self.peek().range;
        let condition = self.operations(0);
        if self.is_lost_since(before) || self.read_if(Kind::Question).is_none() {
            return condition;
        }
        let before = self.problems.count();
        let then = self.expression();
        if self.is_lost_since(before) {
            return condition;
        }
        let colon = self.peek();
        if colon.kind != Kind::Colon {
            self.report(
                Problem::new(
                    "Missing false expression in conditional",
                    "After the value for a true condition there must be a colon and the value for a false one: \"condition ? a : b\".",
                    colon.range,
                )
                .since(start),
            );
            return condition;
        }
        self.read();
        let before = self.problems.count();
        let otherwise = self.expression();
        if self.is_lost_since(before) {
            return condition;
        }
        Expr {
            range: start.to(otherwise.range),
            kind: ExprKind::Conditional(Box::new([condition, then, otherwise])),
        }
    }

    /// Operands with operators between them that bind at least this tightly.
    fn operations(&mut self, least: u8) -> Expr {
        let mut before = self.problems.count();
        let mut left = self.operand();
        while !self.is_lost_since(before) {
            let Some((_, precedence)) = binary_operator(self.peek().kind).filter(|(_, found)| *found >= least) else {
                return left;
            };
            let mut chain = Vec::new();
            while let Some((operator, found)) = binary_operator(self.peek().kind) {
                if found != precedence {
                    break;
                }
                let operator_range = self.read().range;
                before = self.problems.count();
                // A right operand is deeper than its operator, in the tree and on the stack.
                if !self.enter(operator_range) {
                    break;
                }
                let right = self.operations(precedence + 1);
                self.leave();
                chain.push(Operation {
                    operator,
                    operator_range,
                    right,
                });
                if self.is_lost_since(before) {
                    break;
                }
            }
            let Some(end) = chain.last().map(|operation| operation.right.range) else {
                return left;
            };
            chain.shrink_to_fit();
            left = Expr {
                range: left.range.to(end),
                kind: ExprKind::Binary(Box::new(Binary {
                    first: left,
                    operations: chain,
                })),
            };
        }
        left
    }

    /// A term, what is selected of it, and the signs before it.
    pub(super) fn operand(&mut self) -> Expr {
        let operator = match self.peek().kind {
            Kind::Minus => UnaryOperator::Negate,
            Kind::Bang => UnaryOperator::Not,
            _ => {
                let term = self.term();
                return self.traversal(term);
            }
        };
        let sign = self.read().range;
        if !self.enter(sign) {
            return invalid(sign);
        }
        let operand = self.operand();
        self.leave();
        let expr = Expr {
            range: sign.to(operand.range),
            kind: ExprKind::Unary(operator, Box::new(operand)),
        };
        // Only after an error is there anything left that could be selected.
        self.traversal(expr)
    }
}

/// The operator that a token is, and how tightly it binds.
fn binary_operator(kind: Kind) -> Option<(BinaryOperator, u8)> {
    Some(match kind {
        Kind::Or => (BinaryOperator::Or, 0),
        Kind::And => (BinaryOperator::And, 1),
        Kind::DoubleEquals => (BinaryOperator::Equal, 2),
        Kind::NotEquals => (BinaryOperator::NotEqual, 2),
        Kind::Greater => (BinaryOperator::Greater, 3),
        Kind::GreaterOrEqual => (BinaryOperator::GreaterOrEqual, 3),
        Kind::Less => (BinaryOperator::Less, 3),
        Kind::LessOrEqual => (BinaryOperator::LessOrEqual, 3),
        Kind::Plus => (BinaryOperator::Add, 4),
        Kind::Minus => (BinaryOperator::Subtract, 4),
        Kind::Star => (BinaryOperator::Multiply, 5),
        Kind::Slash => (BinaryOperator::Divide, 5),
        Kind::Percent => (BinaryOperator::Modulo, 5),
        _ => return None,
    })
}
