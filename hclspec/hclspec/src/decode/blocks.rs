//! Blocks: written as such, or assigned as objects.

use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;

use super::Decoder;
use crate::ast::{BodyNode, Expr, Kind};
use crate::{Attribute, Block, Body, Diagnostic, Expression, Span, Spec, Type, Value};

/// A block's body, and the place that names the block.
struct Found {
    body: Body,
    place: Range<usize>,
}

impl Decoder<'_> {
    pub(super) fn block(&mut self, name: &str, required: bool, nested: &Spec, body: &Body) -> Value {
        match self.single(name, required, body) {
            Some(found) => self.under(name, |decoder| decoder.body(nested, &found.body)),
            None => Value::Null,
        }
    }

    pub(super) fn block_attrs(&mut self, name: &str, ty: &Type, required: bool, body: &Body) -> Value {
        let Some(found) = self.single(name, required, body) else {
            return Value::Null;
        };
        self.under(name, |decoder| {
            for block in found.body.blocks() {
                let detail = "Only arguments (`name = value`) are expected here, no blocks.";
                decoder.error("Unexpected block", detail, &block.name_range);
            }
            let mut map = IndexMap::new();
            for attribute in found.body.attributes() {
                let expr = &attribute.value.node;
                let value = decoder.under(attribute.name.clone(), |decoder| decoder.typed(expr, ty));
                map.insert(attribute.name.clone(), value.unwrap_or_default());
            }
            Value::Map(map)
        })
    }

    pub(super) fn block_list(
        &mut self,
        name: &str,
        (min, max): (usize, Option<usize>),
        nested: &Spec,
        body: &Body,
    ) -> Value {
        let found = self.find(name, body);
        if found.len() < min {
            let detail = format!(
                "At least {min} blocks of type \"{name}\" are required; there are {}.",
                found.len()
            );
            let place = found
                .last()
                .map_or(body.node.range.end..body.node.range.end, |found| found.place.clone());
            let context = Span::new(self.source, body.node.range.clone());
            let summary = format!("Insufficient {name} blocks");
            self.report(Diagnostic::error(summary, detail).with_context(context), &place);
        }
        if let Some(extra) = max.and_then(|max| found.get(max)) {
            let detail = format!(
                "At most {} blocks of type \"{name}\" are allowed.",
                max.unwrap_or_default()
            );
            self.error(format!("Too many {name} blocks"), detail, &extra.place);
        }
        self.under(name, |decoder| {
            let values = found
                .iter()
                .enumerate()
                .map(|(index, found)| decoder.under(format!("[{index}]"), |decoder| decoder.body(nested, &found.body)));
            Value::List(values.collect())
        })
    }

    pub(super) fn block_map(&mut self, name: &str, labels: &[String], nested: &Spec, body: &Body) -> Value {
        let mut map = IndexMap::new();
        for block in body.blocks_of(name) {
            if !self.check_labels(block, labels) {
                continue;
            }
            let depth = self.path.len();
            self.path.push(name.to_owned());
            self.path
                .extend(block.labels.iter().map(|label| label.text().to_owned()));
            let value = self.body(nested, &block.body);
            if !insert(&mut map, block, value) {
                let detail = format!("There is another {name} block with the same labels before this one.");
                self.error(format!("Duplicate {name} block"), detail, &block.name_range);
            }
            self.path.truncate(depth);
        }
        Value::Map(map)
    }

    fn check_labels(&mut self, block: &Block, labels: &[String]) -> bool {
        if let Some(missing) = labels.get(block.labels.len()) {
            let detail = format!("Blocks of type \"{}\" have the label \"{missing}\".", block.name);
            self.error("Missing block label", detail, &block.name_range);
            return false;
        }
        if let Some(extra) = block.labels.get(labels.len()) {
            let detail = format!("Blocks of type \"{}\" have {} labels only.", block.name, labels.len());
            let range = extra.span().range();
            self.error("Extraneous block label", detail, &range);
            return false;
        }
        true
    }

    pub(super) fn check_no_labels(&mut self, block: &Block) {
        if let Some(label) = block.labels.first() {
            let range = label.span().range();
            let detail = format!("Blocks of type \"{}\" have no labels.", block.name);
            self.error("Extraneous block label", detail, &range);
        }
    }

    /// The one block of a name.
    fn single(&mut self, name: &str, required: bool, body: &Body) -> Option<Found> {
        let mut found = self.find(name, body).into_iter();
        let first = found.next();
        if first.is_none() && required {
            self.missing("block", name, body);
        }
        if let (Some(first), Some(second)) = (&first, found.next()) {
            let detail = format!("At most one block of type \"{name}\" is allowed here.");
            let context = Span::new(self.source, first.place.clone());
            let summary = format!("Duplicate {name} block");
            self.report(Diagnostic::error(summary, detail).with_context(context), &second.place);
        }
        first
    }

    fn find(&mut self, name: &str, body: &Body) -> Vec<Found> {
        let mut found = Vec::new();
        if let Some(attribute) = body.attribute(name) {
            self.under(name, |decoder| decoder.assigned(attribute, &mut found));
        }
        for block in body.blocks_of(name) {
            self.check_no_labels(block);
            found.push(Found {
                body: block.body.clone(),
                place: block.name_range.clone(),
            });
        }
        found
    }

    /// The bodies that are assigned: an object, a list of objects, or null.
    fn assigned(&mut self, attribute: &Attribute, found: &mut Vec<Found>) {
        let node = &attribute.value.node;
        match &node.kind {
            Kind::List(elements) => elements.iter().for_each(|element| self.object_body(element, found)),
            _ => self.object_body(node, found),
        }
    }

    fn object_body(&mut self, expr: &Arc<Expr>, found: &mut Vec<Found>) {
        if let Kind::Map(entries) = &expr.kind {
            let mut attributes: Vec<Attribute> = Vec::with_capacity(entries.len());
            for (key, value) in entries {
                let Some(name) = self.key(key) else { continue };
                if attributes.iter().any(|attribute| attribute.name == name) {
                    let detail = "This key was already set. Each key of an object may be set once.";
                    self.error("Duplicate object key", detail, &key.range);
                    continue;
                }
                attributes.push(self.attribute_of(name, key.range.clone(), Arc::clone(value)));
            }
            found.push(self.found(attributes, expr));
            return;
        }
        match self.typed(expr, &Type::Any) {
            None | Some(Value::Null) => {}
            Some(Value::Map(entries)) => found.push(self.computed(entries, expr)),
            Some(Value::List(values)) if values.iter().all(|value| value.as_map().is_some()) => {
                for value in values {
                    if let Value::Map(entries) = value {
                        found.push(self.computed(entries, expr));
                    }
                }
            }
            Some(other) => {
                let detail = format!("A block or an object is required here, but this is a {}.", other.kind());
                self.error("Incorrect value type", detail, &expr.range);
            }
        }
    }

    /// A body whose arguments are values that were computed, all at the place of one expression.
    fn computed(&self, entries: IndexMap<String, Value>, expr: &Expr) -> Found {
        let attributes = entries.into_iter().map(|(name, value)| {
            let node = Arc::new(Expr {
                kind: literal(value, &expr.range),
                range: expr.range.clone(),
            });
            self.attribute_of(name, expr.range.clone(), node)
        });
        self.found(attributes.collect(), expr)
    }

    fn found(&self, attributes: Vec<Attribute>, expr: &Expr) -> Found {
        let node = BodyNode {
            attributes,
            blocks: Vec::new(),
            range: expr.range.clone(),
        };
        Found {
            body: Body {
                source: Arc::clone(self.source),
                node: Arc::new(node),
            },
            place: expr.range.clone(),
        }
    }

    fn attribute_of(&self, name: String, name_range: Range<usize>, node: Arc<Expr>) -> Attribute {
        Attribute {
            name,
            name_range,
            value: Expression {
                source: Arc::clone(self.source),
                node,
            },
        }
    }
}

/// A value as the tree of its literals, so that it can be decoded as if it were written there.
fn literal(value: Value, range: &Range<usize>) -> Kind {
    let expr = |value: Value| Expr {
        kind: literal(value, range),
        range: range.clone(),
    };
    match value {
        Value::List(values) => Kind::List(values.into_iter().map(|value| Arc::new(expr(value))).collect()),
        Value::Map(entries) => {
            let entries = entries
                .into_iter()
                .map(|(name, value)| (expr(Value::String(name)), Arc::new(expr(value))));
            Kind::Map(entries.collect())
        }
        other => Kind::Literal(other),
    }
}

/// Inserts under the block's labels; whether there was nothing there before.
fn insert(map: &mut IndexMap<String, Value>, block: &Block, value: Value) -> bool {
    let Some((last, outer)) = block.labels.split_last() else {
        return false;
    };
    let mut map = map;
    for label in outer {
        let entry = map
            .entry(label.text().to_owned())
            .or_insert_with(|| Value::Map(IndexMap::new()));
        let Value::Map(inner) = entry else { return false };
        map = inner;
    }
    map.insert(last.text().to_owned(), value).is_none()
}
