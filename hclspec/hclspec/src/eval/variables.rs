//! Which variables an expression refers to.

use std::ops::Range;

use crate::ast::{Expr, Kind, Part, PartKind, Step, StepKind};

/// The variables, each with its place, without those that a `for` in the expression makes.
pub(crate) fn variables(expr: &Expr) -> Vec<(String, Range<usize>)> {
    let mut found = Vec::new();
    walk(expr, &mut Vec::new(), &mut |name, _, range| {
        found.push((name.to_owned(), range.clone()));
    });
    found
}

/// The attributes of a variable that are referred to: `a` of `root.a`.
pub(crate) fn references(expr: &Expr, root: &str) -> Vec<(String, Range<usize>)> {
    let mut found = Vec::new();
    walk(expr, &mut Vec::new(), &mut |name, steps, range| {
        if name != root {
            return;
        }
        if let Some(StepKind::Attribute(attribute)) = steps.first().map(|step| &step.kind) {
            found.push((attribute.clone(), range.clone()));
        }
    });
    found
}

type Visit<'v> = dyn FnMut(&str, &[Step], &Range<usize>) + 'v;

fn walk<'e>(expr: &'e Expr, hidden: &mut Vec<&'e str>, visit: &mut Visit<'_>) {
    match &expr.kind {
        Kind::Literal(_) => {}
        Kind::Template(parts) => walk_parts(parts, hidden, visit),
        Kind::List(values) => values.iter().for_each(|value| walk(value, hidden, visit)),
        Kind::Map(entries) => {
            for (key, value) in entries {
                walk(key, hidden, visit);
                walk(value, hidden, visit);
            }
        }
        Kind::Variable(name) => see(name, &[], &expr.range, hidden, visit),
        Kind::Traversal(base, steps) => {
            match &base.kind {
                Kind::Variable(name) => see(name, steps, &expr.range, hidden, visit),
                _ => walk(base, hidden, visit),
            }
            for step in steps {
                if let StepKind::Index(index) = &step.kind {
                    walk(index, hidden, visit);
                }
            }
        }
        Kind::Call(call) => call.arguments.iter().for_each(|argument| walk(argument, hidden, visit)),
        Kind::Conditional(parts) => parts.iter().for_each(|part| walk(part, hidden, visit)),
        Kind::Unary(_, operand) => walk(operand, hidden, visit),
        Kind::Binary(_, operands) => operands.iter().for_each(|operand| walk(operand, hidden, visit)),
        Kind::For(tree) => {
            walk(&tree.collection, hidden, visit);
            let outer = hidden.len();
            hidden.extend(tree.key_name.as_deref());
            hidden.push(&tree.value_name);
            for part in [tree.key.as_ref(), Some(&tree.value), tree.condition.as_ref()]
                .into_iter()
                .flatten()
            {
                walk(part, hidden, visit);
            }
            hidden.truncate(outer);
        }
    }
}

fn walk_parts<'e>(parts: &'e [Part], hidden: &mut Vec<&'e str>, visit: &mut Visit<'_>) {
    for part in parts {
        match &part.kind {
            PartKind::Text(_) => {}
            PartKind::Interpolation(expr) => walk(expr, hidden, visit),
            PartKind::If {
                condition,
                then,
                otherwise,
            } => {
                walk(condition, hidden, visit);
                walk_parts(then, hidden, visit);
                walk_parts(otherwise, hidden, visit);
            }
            PartKind::For {
                key_name,
                value_name,
                collection,
                body,
            } => {
                walk(collection, hidden, visit);
                let outer = hidden.len();
                hidden.extend(key_name.as_deref());
                hidden.push(value_name);
                walk_parts(body, hidden, visit);
                hidden.truncate(outer);
            }
        }
    }
}

fn see(name: &str, steps: &[Step], range: &Range<usize>, hidden: &[&str], visit: &mut Visit<'_>) {
    if !hidden.contains(&name) {
        visit(name, steps, range);
    }
}
