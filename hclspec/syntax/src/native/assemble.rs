//! Templates: from items in a row to a tree.

use std::vec::IntoIter;

use smol_str::SmolStr;

use super::parser::Parser;
use super::pieces::Item;
use super::problem::{PLACE, Problem};
use crate::Range;
use crate::ast::{ExprKind, ForDirective, IfDirective, Part, PartKind, Template};

/// The items that are left.
struct Items<'s> {
    left: IntoIter<Item<'s>>,
    /// Where the template ends.
    end: Range,
}

/// What ends a clause of a directive.
enum Closer {
    Else(Range),
    EndIf(Range),
    EndFor(Range),
    End,
}

impl Parser<'_> {
    /// The template of these items, which ends there.
    pub(super) fn assemble(&mut self, items: Vec<Item<'_>>, end: Range) -> ExprKind {
        let count = items.len();
        if count < 2 && matches!(items.first(), None | Some(Item::Literal { .. })) {
            return ExprKind::String(match items.into_iter().next() {
                Some(Item::Literal { text, range }) => self.literal(text, range),
                _ => SmolStr::default().into(),
            });
        }
        let mut items = Items {
            left: items.into_iter(),
            end,
        };
        let mut parts = Vec::new();
        loop {
            let misplaced = match self.clause(&mut items, &mut parts, count == 2) {
                Closer::End => break,
                Closer::Else(range) => ("else", range),
                Closer::EndIf(range) => ("endif", range),
                Closer::EndFor(range) => ("endfor", range),
            };
            self.report(Problem::new(
                format!("Unexpected {} directive", misplaced.0),
                "There is no directive open that it could belong to.",
                misplaced.1,
            ));
        }
        parts.shrink_to_fit();
        ExprKind::Template(Template { parts })
    }

    /// Parts up to what closes a clause. Empty literals are only kept on demand.
    fn clause(&mut self, items: &mut Items<'_>, parts: &mut Vec<Part>, keep_empty: bool) -> Closer {
        while let Some(item) = items.left.next() {
            let part = match item {
                Item::Literal { text, .. } if text.is_empty() && !keep_empty => None,
                Item::Literal { text, range } => Some(Part {
                    kind: PartKind::Literal(text.into()),
                    range,
                }),
                Item::Interpolation { expr, range } => Some(Part {
                    kind: PartKind::Interpolation { expr, text: None },
                    range,
                }),
                Item::If { condition, range } => {
                    let mut then = Vec::new();
                    let mut otherwise = Vec::new();
                    self.if_clauses(items, range, &mut then, &mut otherwise)
                        .map(|last| Part {
                            kind: PartKind::If(Box::new(IfDirective {
                                condition: *condition,
                                then,
                                otherwise,
                            })),
                            range: range.to(last),
                        })
                }
                Item::For {
                    names,
                    collection,
                    range,
                } => {
                    let mut body = Vec::new();
                    self.for_clause(items, range, &mut body).map(|last| Part {
                        kind: PartKind::For(Box::new(ForDirective {
                            key_name: names.key,
                            value_name: names.value,
                            collection: *collection,
                            body,
                        })),
                        range: range.to(last),
                    })
                }
                Item::Else(range) => return Closer::Else(range),
                Item::EndIf(range) => return Closer::EndIf(range),
                Item::EndFor(range) => return Closer::EndFor(range),
            };
            parts.extend(part);
        }
        Closer::End
    }

    /// What is after an `if`, up to its `endif`, whose place is returned. Nothing if something else is in its place.
    fn if_clauses(
        &mut self,
        items: &mut Items<'_>,
        open: Range,
        then: &mut Vec<Part>,
        otherwise: &mut Vec<Part>,
    ) -> Option<Range> {
        if !self.enter(open) {
            items.left.by_ref().for_each(drop);
            return None;
        }
        let mut closer = self.clause(items, then, false);
        let has_else = matches!(closer, Closer::Else(_));
        if has_else {
            closer = self.clause(items, otherwise, false);
        }
        self.leave();
        let (summary, detail, place) = match closer {
            Closer::EndIf(range) => return Some(range),
            Closer::Else(range) => (
                "Unexpected else directive",
                format!("The if directive at {PLACE} has an else clause already."),
                range,
            ),
            Closer::EndFor(range) => (
                "Unexpected endfor directive",
                format!("The if directive at {PLACE} must be closed first, by endif."),
                range,
            ),
            Closer::End => (
                "Unexpected end of template",
                format!("The if directive at {PLACE} is never closed, by endif."),
                items.end,
            ),
        };
        self.report(Problem::new(summary, detail, place).about(open));
        None
    }

    /// What is after a `for`, up to its `endfor`, whose place is returned. Nothing if something else is in its place.
    fn for_clause(&mut self, items: &mut Items<'_>, open: Range, body: &mut Vec<Part>) -> Option<Range> {
        if !self.enter(open) {
            items.left.by_ref().for_each(drop);
            return None;
        }
        let closer = self.clause(items, body, false);
        self.leave();
        let (summary, detail, place) = match closer {
            Closer::EndFor(range) => return Some(range),
            Closer::Else(range) => (
                "Unexpected else directive",
                format!("The for directive at {PLACE} cannot have an else clause."),
                range,
            ),
            Closer::EndIf(range) => (
                "Unexpected endif directive",
                format!("The for directive at {PLACE} must be closed first, by endfor."),
                range,
            ),
            Closer::End => (
                "Unexpected end of template",
                format!("The for directive at {PLACE} is never closed, by endfor."),
                items.end,
            ),
        };
        self.report(Problem::new(summary, detail, place).about(open));
        None
    }
}
