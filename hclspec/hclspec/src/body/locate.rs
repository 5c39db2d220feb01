//! Finding the place of a value in a body, after it was decoded.

use encamp_hclspec_syntax::ast;
use encamp_hclspec_syntax::json::{Node, NodeKind};

use super::{Body, Kind};
use crate::Span;

impl Body {
    /// The place of the value at a path, such as `["logging", "type"]`: of the argument's value, or of the innermost
    /// block that is there. `[index]` parts count blocks and elements; where one does not fit, the first is taken.
    pub fn locate(&self, path: &[&str]) -> Option<Span> {
        match &self.kind {
            Kind::Native(node) => native(node, path).map(|range| self.at(range)),
            Kind::Json(node) => json(node, path).map(|range| self.at(range)),
            Kind::Assigned(assigned) => {
                let name = path.first()?;
                let found = assigned.attributes.iter().find(|attribute| attribute.name == *name);
                found.map(|attribute| attribute.value.span())
            }
            Kind::Merged(bodies) => bodies.iter().find_map(|body| body.locate(path)),
            Kind::Dynamic(dynamic) => dynamic.inner().locate(path),
        }
    }
}

fn native(body: &ast::Body, path: &[&str]) -> Option<encamp_hclspec_syntax::Range> {
    let (name, rest) = path.split_first()?;
    if let Some(attribute) = body.attributes.iter().find(|attribute| attribute.name == *name) {
        return Some(within(&attribute.expr, rest));
    }
    let blocks = || body.blocks.iter().filter(|block| block.name == *name);
    let (index, rest) = index(rest);
    let (block, rest) = match blocks().find_map(|block| Some((block, after_labels(block, rest)?))) {
        // Labels are part of the path only where the blocks became a map.
        Some((block, after)) if !block.labels.is_empty() => (block, after),
        _ => (blocks().nth(index).or_else(|| blocks().next())?, rest),
    };
    Some(native(&block.body, rest).unwrap_or(block.name_range))
}

/// The path after the labels of a block, if it begins with them.
fn after_labels<'p>(block: &ast::Block, path: &'p [&'p str]) -> Option<&'p [&'p str]> {
    let (labels, rest) = path.split_at_checked(block.labels.len())?;
    let all = labels
        .iter()
        .zip(&block.labels)
        .all(|(part, label)| label.text == *part);
    all.then_some(rest)
}

/// The innermost part of a written-out list or object that the path leads to.
fn within(expr: &ast::Expr, path: &[&str]) -> encamp_hclspec_syntax::Range {
    let Some((name, rest)) = path.split_first() else {
        return expr.range;
    };
    let inner = match &expr.kind {
        ast::ExprKind::Tuple(elements) => elements.get(index(path).0),
        ast::ExprKind::Object(items) => items
            .iter()
            .find(|item| is_key(&item.key, name))
            .map(|item| &item.value),
        _ => None,
    };
    inner.map_or(expr.range, |inner| within(inner, rest))
}

fn is_key(key: &ast::Expr, name: &str) -> bool {
    matches!(&key.kind, ast::ExprKind::String(text) if text.as_str() == name)
}

fn json(node: &Node, path: &[&str]) -> Option<encamp_hclspec_syntax::Range> {
    let Some((name, rest)) = path.split_first() else {
        return Some(node.range);
    };
    match &node.kind {
        NodeKind::Object(properties) => {
            let found = properties.iter().find(|property| property.name.text == *name)?;
            Some(json(&found.value, rest).unwrap_or(found.value.range))
        }
        NodeKind::Array(elements) => match elements.get(index(path).0) {
            Some(element) if name.starts_with('[') => json(element, rest),
            _ => elements.iter().find_map(|element| json(element, path)),
        },
        _ => None,
    }
}

/// An `[index]` at the start of a path, and the path after it.
fn index<'p>(path: &'p [&'p str]) -> (usize, &'p [&'p str]) {
    let number = path
        .first()
        .and_then(|part| part.strip_prefix('[')?.strip_suffix(']')?.parse().ok());
    match number {
        Some(number) => (number, path.get(1..).unwrap_or_default()),
        None => (0, path),
    }
}
