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
            Kind::Native(node) => native(node.node(), path).map(|range| self.at(range)),
            Kind::Json(node) => json(node, path).map(|range| self.at(range)),
            Kind::Assigned(assigned) => {
                let name = path.first()?;
                let found = assigned.attributes.iter().find(|attribute| attribute.name == *name);
                found.map(|attribute| attribute.value.span())
            }
            Kind::Merged(bodies) => merged(bodies, path),
            Kind::Dynamic(dynamic) => dynamic.inner().locate(path),
        }
    }
}

/// Blocks are counted through all of the bodies, and the one with the labels that the path names goes before others.
fn merged(bodies: &[Body], path: &[&str]) -> Option<Span> {
    let (name, rest) = path.split_first()?;
    let (mut left, after) = index(rest);
    if after.len() < rest.len() {
        for body in bodies {
            let count = body.count(name);
            if left < count {
                let here = format!("[{left}]");
                let path: Vec<&str> = [*name, &here].into_iter().chain(after.iter().copied()).collect();
                return body.locate(&path);
            }
            left -= count;
        }
    }
    let labelled = bodies.iter().find(|body| body.has_labels(name, rest));
    labelled
        .and_then(|body| body.locate(path))
        .or_else(|| bodies.iter().find_map(|body| body.locate(path)))
}

impl Body {
    /// How many blocks of a name there are, as far as that can be told.
    fn count(&self, name: &str) -> usize {
        match &self.kind {
            Kind::Native(node) => node.node().blocks.iter().filter(|block| block.name == name).count(),
            Kind::Json(node) => match &node.kind {
                NodeKind::Object(properties) => {
                    let found = properties.iter().filter(|property| property.name.text == name);
                    found.map(|property| count(&property.value)).sum()
                }
                _ => 0,
            },
            Kind::Merged(bodies) => bodies.iter().map(|body| body.count(name)).sum(),
            Kind::Dynamic(dynamic) => dynamic.inner().count(name),
            Kind::Assigned(_) => 0,
        }
    }

    /// Whether there is a block of a name whose labels the path begins with.
    fn has_labels(&self, name: &str, path: &[&str]) -> bool {
        let Kind::Native(node) = &self.kind else { return false };
        let mut blocks = node.node().blocks.iter().filter(|block| block.name == name);
        blocks.any(|block| !block.labels.is_empty() && after_labels(block, path).is_some())
    }
}

/// The blocks that a JSON value is.
fn count(node: &Node) -> usize {
    match &node.kind {
        NodeKind::Array(elements) => elements.len(),
        NodeKind::Object(_) => 1,
        _ => 0,
    }
}

fn native(body: &ast::Body, path: &[&str]) -> Option<encamp_hclspec_syntax::Range> {
    let (name, rest) = path.split_first()?;
    if let Some(attribute) = body.attributes.iter().find(|attribute| attribute.name == *name) {
        return Some(within(&attribute.expr, rest));
    }
    let blocks = || body.blocks.iter().filter(|block| block.name == *name);
    let (index, rest) = index(rest);
    if blocks().nth(index).is_none()
        && let Some(dynamic) = body.blocks.iter().find(|block| makes(block, name))
    {
        let content = dynamic.body.blocks.iter().find(|block| block.name == "content");
        let inner = content.and_then(|content| native(&content.body, rest));
        return Some(inner.unwrap_or(dynamic.name_range));
    }
    let (block, rest) = match blocks().find_map(|block| Some((block, after_labels(block, rest)?))) {
        // Labels are part of the path only where the blocks became a map.
        Some((block, after)) if !block.labels.is_empty() => (block, after),
        _ => (blocks().nth(index).or_else(|| blocks().next())?, rest),
    };
    Some(native(&block.body, rest).unwrap_or(block.name_range))
}

/// Whether it is a dynamic block for blocks of a name.
fn makes(block: &ast::Block, name: &str) -> bool {
    block.name == "dynamic" && block.labels.first().is_some_and(|label| label.text == name)
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
