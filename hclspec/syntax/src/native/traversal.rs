//! What is selected of a term: attributes, indexes and splats.

use super::literal::chained_indexes;
use super::parser::{Parser, invalid};
use super::problem::Problem;
use super::token::{Kind, Token};
use crate::Range;
use crate::ast::{Expr, ExprKind, Splat, Step, StepKind, Traversal};

/// How many `.*` there may be in one traversal. Each makes the tree deeper, and that of what it is in.
const MAX_SPLATS: usize = 4;

/// A traversal in the making: what the steps apply to, and the steps.
struct Path {
    start: Range,
    base: Expr,
    steps: Vec<Step>,
}

impl Path {
    fn push(&mut self, kind: StepKind, range: Range) {
        if self.steps.capacity() == 0 {
            // Most traversals have no more than one step.
            self.steps.reserve_exact(1);
        }
        self.steps.push(Step { kind, range });
    }

    fn into_expr(self) -> Expr {
        match self.steps.last() {
            None => self.base,
            Some(last) => Expr {
                range: self.start.to(last.range),
                kind: ExprKind::Traversal(Box::new(Traversal {
                    base: self.base,
                    steps: self.steps,
                })),
            },
        }
    }

    /// What there is so far becomes what further steps apply to.
    fn rebase(&mut self, make: impl FnOnce(Expr) -> Expr) {
        let so_far = Self {
            start: self.start,
            base: std::mem::replace(&mut self.base, invalid(self.start)),
            steps: std::mem::take(&mut self.steps),
        };
        self.base = make(so_far.into_expr());
    }
}

impl Parser<'_> {
    /// The steps after a term.
    #[inline]
    pub(super) fn traversal(&mut self, term: Expr) -> Expr {
        if matches!(self.peek().kind, Kind::Dot | Kind::OpenBracket) {
            self.steps(term)
        } else {
            term
        }
    }

    fn steps(&mut self, term: Expr) -> Expr {
        let mut path = Path {
            start: term.range,
            base: term,
            steps: Vec::new(),
        };
        let mut splats = 0;
        loop {
            match self.peek().kind {
                Kind::Dot => {
                    let dot = self.read().range;
                    splats += usize::from(self.peek().kind == Kind::Star);
                    if splats > MAX_SPLATS {
                        self.too_deep(dot);
                        break;
                    }
                    self.after_dot(&mut path, dot);
                }
                Kind::OpenBracket => {
                    let open = self.read().range;
                    if self.peek().kind == Kind::Star {
                        self.full_splat(&mut path, open);
                    } else {
                        self.index(&mut path, open);
                    }
                }
                _ => break,
            }
        }
        path.into_expr()
    }

    fn after_dot(&mut self, path: &mut Path, dot: Range) {
        let next = self.peek();
        match next.kind {
            Kind::Name => {
                self.read();
                path.push(StepKind::Attribute(self.name(next.range)), dot.to(next.range));
            }
            Kind::Number => {
                self.read();
                let kind = self.legacy_index(next, next.range, "");
                path.push(kind, dot.to(next.range));
            }
            Kind::Star => self.attribute_splat(path, dot),
            _ => {
                self.report(missing_name(next.range));
                self.recovery = true;
                let range = path.start.to(dot);
                path.rebase(|_| invalid(range));
            }
        }
    }

    /// `.0`. Two of them together look like a fraction, `.0.1`.
    fn legacy_index(&mut self, number: Token, subject: Range, splat: &str) -> StepKind {
        let text = self.text(number.range);
        if let Some((first, second)) = chained_indexes(text) {
            self.report(Problem::new(
                "Invalid legacy index syntax",
                format!("Two indexes in a row cannot be written with dots. Write {splat}[{first}][{second}]."),
                subject,
            ));
            return StepKind::Index(Box::new(invalid(number.range)));
        }
        match self.number(number.range) {
            ExprKind::Number(index) => StepKind::LegacyIndex(index),
            _ => StepKind::Index(Box::new(invalid(number.range))),
        }
    }

    /// `.*`, and the attributes that are taken of each element.
    fn attribute_splat(&mut self, path: &mut Path, dot: Range) {
        let star = self.read().range;
        let marker = dot.to(star);
        let mut each = Path {
            start: self.peek().range,
            base: Expr {
                kind: ExprKind::SplatItem,
                range: marker,
            },
            steps: Vec::new(),
        };
        while let Some(dot) = self.read_if(Kind::Dot) {
            let next = self.peek();
            match next.kind {
                Kind::Number => {
                    self.read();
                    let kind = self.legacy_index(next, next.range, "[*]");
                    each.push(kind, dot.range.to(next.range));
                }
                Kind::Name => {
                    self.read();
                    each.push(StepKind::Attribute(self.name(next.range)), dot.range.to(next.range));
                }
                kind => {
                    let problem = if kind == Kind::Star {
                        Problem::new(
                            "Nested splat expression not allowed",
                            "After \".*\" only attributes can be selected. For a splat of each element's splat use \"[*]\".",
                            next.range,
                        )
                    } else {
                        missing_name(next.range)
                    };
                    self.report_unless_recovering(problem);
                    self.recovery = true;
                    return;
                }
            }
        }
        let end = each.steps.last().map_or(star, |step| step.range);
        let range = path.start.to(end);
        let each = each.into_expr();
        path.rebase(|source| splat(source, each, marker, range));
    }

    /// `[*]`, and all further steps, which are taken of each element.
    fn full_splat(&mut self, path: &mut Path, open: Range) {
        self.read();
        let mut close = self.read();
        if close.kind != Kind::CloseBracket && !self.recovery {
            self.report(Problem::new(
                "Missing close bracket on splat index",
                "After the star of a splat there must be a closing bracket: \"[*]\".",
                close.range,
            ));
            close = self.recover(Kind::CloseBracket);
        }
        let marker = open.to(close.range);
        let item = Expr {
            kind: ExprKind::SplatItem,
            range: marker,
        };
        if !self.enter(marker) {
            return;
        }
        let each = self.traversal(item);
        self.leave();
        let range = path.start.to(each.range);
        path.rebase(|source| splat(source, each, marker, range));
    }

    fn index(&mut self, path: &mut Path, open: Range) {
        let outside = std::mem::replace(&mut self.newlines, false);
        let before = self.problems.count();
        let key = self.expression();
        let close = if self.is_lost_since(before) {
            self.recover(Kind::CloseBracket)
        } else {
            let close = self.read();
            if close.kind != Kind::CloseBracket && !self.recovery {
                self.report(Problem::new(
                    "Missing close bracket on index",
                    "After an index there must be a closing bracket.",
                    close.range,
                ));
                self.recover(Kind::CloseBracket)
            } else {
                close
            }
        };
        self.newlines = outside;
        path.push(StepKind::Index(Box::new(key)), open.to(close.range));
    }
}

fn splat(source: Expr, each: Expr, marker_range: Range, range: Range) -> Expr {
    let splat = Splat {
        source,
        each,
        marker_range,
    };
    Expr {
        kind: ExprKind::Splat(Box::new(splat)),
        range,
    }
}

fn missing_name(place: Range) -> Problem {
    Problem::new(
        "Invalid attribute name",
        "After a dot there must be the name of an attribute.",
        place,
    )
}
