//! Where expressions are said to start: the place that errors about them as arguments have.

use encamp_hclspec_syntax::Range;
use encamp_hclspec_syntax::ast::{Expr, ExprKind, Part, PartKind, StepKind};

use super::Evaluator;

/// Whether a step by this key is part of a plain traversal: the key is a literal.
pub(crate) fn is_constant_key(key: &Expr) -> bool {
    matches!(
        key.kind,
        ExprKind::Number(_) | ExprKind::Bool(_) | ExprKind::Null | ExprKind::String(_)
    )
}

impl Evaluator<'_> {
    /// The place of the part that an expression begins with, or of what makes it what it is.
    pub(super) fn start(&self, expr: &Expr) -> Range {
        let mut expr = expr;
        loop {
            expr = match &expr.kind {
                ExprKind::Parentheses(inner) => inner,
                ExprKind::Binary(chain) => &chain.first,
                ExprKind::Conditional(parts) => {
                    let [condition, ..] = parts.as_ref();
                    condition
                }
                ExprKind::Template(template) => match template.parts.as_slice() {
                    [
                        Part {
                            kind: PartKind::Interpolation { .. },
                            ..
                        },
                    ]
                    | [] => return expr.range,
                    [first, ..] => match &first.kind {
                        PartKind::Literal(_) => return first.range,
                        PartKind::Interpolation { expr, .. } => expr,
                        PartKind::If(directive) => &directive.condition,
                        PartKind::For(directive) => return self.for_directive(first.range, directive.collection.range),
                    },
                },
                _ => return self.start_of_term(expr),
            };
        }
    }

    fn start_of_term(&self, expr: &Expr) -> Range {
        let range = expr.range;
        let first = Range {
            start: range.start,
            end: range.start.saturating_add(1).min(range.end),
        };
        match &expr.kind {
            ExprKind::String(_) => self.inside(range),
            ExprKind::Tuple(_) | ExprKind::Object(_) | ExprKind::For(_) | ExprKind::Unary(..) => first,
            ExprKind::Splat(splat) => splat.marker_range,
            ExprKind::Call(call) => call.name_range.to(call.open_range),
            ExprKind::Traversal(path) => match path.steps.last() {
                Some(step) => match &step.kind {
                    StepKind::Index(key) if !is_constant_key(key) => Range {
                        start: step.range.start,
                        end: step.range.start + 1,
                    },
                    _ => range,
                },
                None => range,
            },
            _ => range,
        }
    }

    /// The text between quotes or in a heredoc. That of an empty string is said to be after it.
    fn inside(&self, range: Range) -> Range {
        let text = self.source.text().get(range.start as usize..range.end as usize);
        let text = text.unwrap_or_default();
        let offset = |at: usize| {
            range
                .start
                .saturating_add(u32::try_from(at).unwrap_or(u32::MAX))
                .min(range.end)
        };
        if text.len() > 2 && text.starts_with('"') {
            return Range {
                start: offset(1),
                end: offset(text.len() - 1),
            };
        }
        if text.starts_with("<<") {
            let body = text.find('\n').map_or(text.len(), |at| at + 1);
            let end = text.trim_end().rfind('\n').map_or(text.len(), |at| at + 1);
            if body < end {
                return Range {
                    start: offset(body),
                    end: offset(end),
                };
            }
        }
        if text.starts_with(['"', '<']) {
            return Range {
                start: range.end,
                end: range.end,
            };
        }
        range
    }

    /// The `%{ for .. }` of a directive.
    fn for_directive(&self, whole: Range, collection: Range) -> Range {
        let rest = self.source.text().get(collection.end as usize..whole.end as usize);
        let close = rest.and_then(|rest| rest.find('}')).unwrap_or_default();
        let close = u32::try_from(close).unwrap_or_default();
        Range {
            start: whole.start,
            end: (collection.end + close + 1).min(whole.end),
        }
    }
}
