//! Bodies of the JSON syntax.

use std::collections::HashSet;
use std::sync::Arc;

use encamp_hclspec_syntax::json::{Node, NodeKind, Property};
use encamp_hclspec_syntax::{Range, SmolStr};

use super::{Asked, Attribute, Block, Body, Content, Kind, Label};
use crate::{Diagnostic, Diagnostics, Expression, Source, Span, did_you_mean};

/// A property of this name is a comment.
const COMMENT: &str = "//";
const WRONG_TYPE: &str = "Incorrect JSON value type";

pub(super) fn content(
    source: &Arc<Source>,
    node: &Arc<Node>,
    asked: Asked<'_>,
    diagnostics: &mut Diagnostics,
) -> Content {
    let mut content = Content::default();
    let mut strangers = Vec::new();
    for property in properties(source, node, None, diagnostics) {
        let name = &property.name.text;
        if asked.schema.has_attribute(name) {
            add(source, property, &mut content, diagnostics);
        } else if let Some(labels) = asked.schema.labels(name) {
            let mut unpacked = Unpack {
                source,
                property,
                labels: Vec::new(),
                blocks: &mut content.blocks,
                diagnostics: &mut *diagnostics,
            };
            unpacked.blocks(&property.value, labels);
        } else if !asked.partial && name != COMMENT {
            strangers.push(property);
        }
    }
    for property in strangers {
        diagnostics.push(unsupported(source, property, asked, &content));
    }
    content
}

fn add(source: &Arc<Source>, property: &Property, content: &mut Content, diagnostics: &mut Diagnostics) {
    let name = &property.name.text;
    if let Some(first) = content.attributes.get(name) {
        let detail = format!("The argument \"{name}\" was already set at {}.", first.name_span());
        let whole = Span::new(source, property.name_range.to(property.value.range).into());
        let diagnostic = Diagnostic::error("Duplicate argument", detail)
            .with_span(Span::new(source, property.name_range.into()))
            .with_context(whole)
            .with_path([name.as_str()]);
        diagnostics.push(diagnostic);
        return;
    }
    content.attributes.insert(name.clone(), lift(source, property));
}

fn lift(source: &Arc<Source>, property: &Property) -> Attribute {
    Attribute {
        name: property.name.text.clone(),
        name_range: property.name_range,
        value: Expression::json(source, &property.value),
    }
}

pub(super) fn attributes(source: &Arc<Source>, node: &Arc<Node>, diagnostics: &mut Diagnostics) -> Vec<Attribute> {
    let NodeKind::Object(properties) = &node.kind else {
        if !matches!(node.kind, NodeKind::Invalid) {
            let detail = "An object is required here, setting the arguments of this block.";
            let place = Span::new(source, start_range(node).into());
            diagnostics.push(Diagnostic::error(WRONG_TYPE, detail).with_span(place));
        }
        return Vec::new();
    };
    let mut seen: HashSet<&SmolStr> = HashSet::new();
    let mut attributes = Vec::with_capacity(properties.len());
    for property in properties.iter().filter(|property| property.name.text != COMMENT) {
        if seen.insert(&property.name.text) {
            attributes.push(lift(source, property));
            continue;
        }
        let detail = format!(
            "The argument \"{}\" was already set in this object.",
            property.name.text
        );
        let diagnostic = Diagnostic::error("Duplicate attribute definition", detail)
            .with_span(Span::new(source, property.name_range.into()))
            .with_path([property.name.text.as_str()]);
        diagnostics.push(diagnostic);
    }
    attributes
}

/// The properties of an object, or of all objects of an array; `label` is what their names are, if not arguments.
fn properties<'n>(
    source: &Arc<Source>,
    node: &'n Node,
    label: Option<&str>,
    diagnostics: &mut Diagnostics,
) -> Vec<&'n Property> {
    let refuse = |node: &Node, or_array: &str, diagnostics: &mut Diagnostics| {
        let purpose = label.map_or_else(
            || "to define arguments and blocks".to_owned(),
            |label| format!("whose property names are the block's {label}"),
        );
        let detail = format!("An object{or_array} is required here, {purpose}.");
        let place = Span::new(source, start_range(node).into());
        diagnostics.push(Diagnostic::error(WRONG_TYPE, detail).with_span(place));
    };
    match &node.kind {
        NodeKind::Null | NodeKind::Invalid => Vec::new(),
        NodeKind::Object(properties) => properties.iter().collect(),
        NodeKind::Array(elements) => {
            let mut all = Vec::new();
            for element in elements {
                match &element.kind {
                    NodeKind::Object(properties) => all.extend(properties),
                    NodeKind::Invalid => {}
                    _ => refuse(element, "", diagnostics),
                }
            }
            all
        }
        _ => {
            refuse(node, ", or an array of objects", diagnostics);
            Vec::new()
        }
    }
}

/// The blocks that a property's value is: under one level of objects for each label, one object or an array of them.
struct Unpack<'a> {
    source: &'a Arc<Source>,
    property: &'a Property,
    labels: Vec<Label>,
    blocks: &'a mut Vec<Block>,
    diagnostics: &'a mut Diagnostics,
}

impl Unpack<'_> {
    fn blocks(&mut self, node: &Arc<Node>, labels: &[String]) {
        if let Some((label, rest)) = labels.split_first() {
            return self.level(node, label, rest);
        }
        match &node.kind {
            NodeKind::Null | NodeKind::Invalid => {}
            NodeKind::Object(_) => self.block(node, node),
            NodeKind::Array(elements) => {
                self.blocks.reserve(elements.len());
                for element in elements {
                    self.block(element, node);
                }
            }
            _ => {
                let detail = format!(
                    "An object, or an array of objects, is required here: the contents of one or more \"{}\" blocks.",
                    self.property.name.text
                );
                self.error(WRONG_TYPE, detail, node);
            }
        }
    }

    fn level(&mut self, node: &Arc<Node>, label: &str, rest: &[String]) {
        let properties = properties(self.source, node, Some(label), self.diagnostics);
        if properties.is_empty() {
            let detail = format!(
                "At least one property is required here, whose name is the {label} of the {} block.",
                self.property.name.text
            );
            self.error("Missing block label", detail, node);
        }
        for property in properties {
            self.labels.push(Label {
                text: property.name.text.clone(),
                source: Arc::clone(self.source),
                range: property.name_range,
            });
            self.blocks(&property.value, rest);
            self.labels.pop();
        }
    }

    /// A body of a wrong type is found out when its content is asked for.
    fn block(&mut self, node: &Arc<Node>, container: &Node) {
        self.blocks.push(Block {
            name: self.property.name.text.clone(),
            name_range: self.property.name_range,
            header: start_range(container),
            labels: self.labels.clone(),
            body: Body::new(self.source, Kind::Json(Arc::clone(node))).of_block(start_range(container)),
        });
    }

    fn error(&mut self, summary: &str, detail: String, node: &Node) {
        let place = Span::new(self.source, start_range(node).into());
        let diagnostic = Diagnostic::error(summary, detail).with_span(place);
        self.diagnostics
            .push(diagnostic.with_path([self.property.name.text.as_str()]));
    }
}

fn unsupported(source: &Arc<Source>, property: &Property, asked: Asked<'_>, content: &Content) -> Diagnostic {
    let name = &property.name.text;
    let unused = asked
        .schema
        .attributes()
        .filter(|name| !content.attributes.contains_key(*name));
    let hint = did_you_mean(name, unused.chain(asked.schema.blocks()))
        .map_or_else(String::new, |similar| format!(" Did you mean \"{similar}\"?"));
    let detail = format!("No argument or block type is named \"{name}\".{hint}");
    Diagnostic::error("Extraneous JSON object property", detail)
        .with_span(Span::new(source, property.name_range.into()))
        .with_context(Span::new(source, property.name_range.to(property.value.range).into()))
        .with_path([name.as_str()])
}

/// The closing brace of an object, the opening bracket of an array.
pub(super) fn missing_range(node: &Node) -> Range {
    match node.kind {
        NodeKind::Object(_) => Range {
            start: node.range.end.saturating_sub(1).max(node.range.start),
            end: node.range.end,
        },
        _ => start_range(node),
    }
}

/// The opening bracket of an object or an array; all of anything else.
fn start_range(node: &Node) -> Range {
    match node.kind {
        NodeKind::Object(_) | NodeKind::Array(_) => Range {
            start: node.range.start,
            end: node.range.end.min(node.range.start + 1),
        },
        _ => node.range,
    }
}
