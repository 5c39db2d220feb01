//! Bodies of the native syntax.

use std::sync::Arc;

use encamp_hclspec_syntax::{Range, ast};

use super::{Asked, Attribute, Block, Body, Content, Kind, Label};
use crate::{Diagnostic, Diagnostics, Expression, Source, Span, Spellings, did_you_mean};

/// The body of a text, or of a block in another body.
///
/// The latter is found by way of the one around it: blocks are listed well before they are looked into, and to touch
/// the memory of each of very many twice takes its time.
#[derive(Clone)]
pub(super) enum Native {
    Text(Arc<ast::Body>),
    Block(Arc<ast::Body>, u32),
}

impl Native {
    pub(super) fn node(&self) -> &Arc<ast::Body> {
        match self {
            Self::Text(body) => body,
            Self::Block(outer, index) => {
                let block = outer.blocks.get(*index as usize);
                block.map_or(outer, |block| &block.body)
            }
        }
    }
}

pub(super) fn content(
    source: &Arc<Source>,
    node: &Arc<ast::Body>,
    asked: Asked<'_>,
    diagnostics: &mut Diagnostics,
) -> Content {
    let mut content = Content::default();
    let every = asked.spellings == Spellings::Every;
    for attribute in &node.attributes {
        if asked.schema.has_attribute(&attribute.name) {
            content
                .attributes
                .insert(attribute.name.clone(), lift(source, attribute));
        } else if every && asked.schema.labels(&attribute.name).is_some() {
            content.assigned.push(lift(source, attribute));
        } else if !asked.partial {
            diagnostics.push(unsupported_argument(source, attribute, asked));
        }
    }
    content.blocks.reserve_exact(node.blocks.len());
    for (index, block) in node.blocks.iter().enumerate() {
        if let Some(labels) = asked.schema.labels(&block.name) {
            match wrong_labels(source, block, labels) {
                Some(diagnostic) => diagnostics.push(diagnostic),
                None => content.blocks.push(lift_block(source, node, index, block)),
            }
        } else if asked.spellings != Spellings::Strict && asked.schema.has_attribute(&block.name) {
            content.strays.push(lift_block(source, node, index, block));
        } else if !asked.partial {
            diagnostics.push(unsupported_block(source, block, asked));
        }
    }
    content
}

pub(super) fn attributes(source: &Arc<Source>, node: &Arc<ast::Body>, diagnostics: &mut Diagnostics) -> Vec<Attribute> {
    if let Some(block) = node.blocks.first() {
        let summary = format!("Unexpected \"{}\" block", block.name);
        let detail = "Only arguments (`name = value`) are expected here, no blocks.";
        let place = Span::new(source, block.name_range.into());
        diagnostics.push(Diagnostic::error(summary, detail).with_span(place));
    }
    node.attributes
        .iter()
        .map(|attribute| lift(source, attribute))
        .collect()
}

pub(super) fn everything(source: &Arc<Source>, node: &Arc<ast::Body>) -> (Vec<Attribute>, Vec<Block>) {
    let attributes = node
        .attributes
        .iter()
        .map(|attribute| lift(source, attribute))
        .collect();
    let blocks = node.blocks.iter().enumerate();
    let blocks = blocks
        .map(|(index, block)| lift_block(source, node, index, block))
        .collect();
    (attributes, blocks)
}

fn lift(source: &Arc<Source>, attribute: &ast::Attribute) -> Attribute {
    Attribute {
        name: attribute.name.clone(),
        name_range: attribute.name_range,
        value: Expression::native(source, &attribute.expr),
    }
}

fn lift_block(source: &Arc<Source>, outer: &Arc<ast::Body>, index: usize, block: &ast::Block) -> Block {
    let label = |label: &ast::Label| Label {
        text: label.text.clone(),
        source: Arc::clone(source),
        range: label.range,
    };
    // A text of less than 4 GiB has fewer blocks.
    let body = match u32::try_from(index) {
        Ok(index) => Native::Block(Arc::clone(outer), index),
        Err(_) => Native::Text(Arc::clone(&block.body)),
    };
    Block {
        name: block.name.clone(),
        name_range: block.name_range,
        header: header(block),
        labels: block.labels.iter().map(label).collect(),
        body: Body::new(source, Kind::Native(body)).of_block(header(block)),
    }
}

fn header(block: &ast::Block) -> Range {
    block
        .labels
        .last()
        .map_or(block.name_range, |label| block.name_range.to(label.range))
}

fn unsupported_argument(source: &Arc<Source>, attribute: &ast::Attribute, asked: Asked<'_>) -> Diagnostic {
    let name = &attribute.name;
    let similar = did_you_mean(name, asked.schema.attributes());
    let hint = if let Some(similar) = similar {
        format!(" Did you mean \"{similar}\"?")
    } else if asked.schema.labels(name).is_some() {
        format!(" \"{name}\" is a block: write {name} {{ .. }}.")
    } else {
        block_hint(name, asked)
    };
    let detail = format!("An argument named \"{name}\" is not expected here.{hint}");
    Diagnostic::error("Unsupported argument", detail)
        .with_span(Span::new(source, attribute.name_range.into()))
        .with_path([name.as_str()])
}

fn block_hint(name: &str, asked: Asked<'_>) -> String {
    did_you_mean(name, asked.schema.blocks())
        .map_or_else(String::new, |similar| format!(" Did you mean the block \"{similar}\"?"))
}

fn unsupported_block(source: &Arc<Source>, block: &ast::Block, asked: Asked<'_>) -> Diagnostic {
    let name = &block.name;
    let similar = did_you_mean(name, asked.schema.blocks());
    let hint = if let Some(similar) = similar {
        format!(" Did you mean \"{similar}\"?")
    } else if asked.schema.has_attribute(name) {
        format!(" \"{name}\" is an argument: write {name} = ..")
    } else {
        did_you_mean(name, asked.schema.attributes()).map_or_else(String::new, |similar| {
            format!(" Did you mean the argument \"{similar}\"?")
        })
    };
    let detail = format!("Blocks of type \"{name}\" are not expected here.{hint}");
    Diagnostic::error("Unsupported block type", detail)
        .with_span(Span::new(source, block.name_range.into()))
        .with_path([name.as_str()])
}

fn wrong_labels(source: &Arc<Source>, block: &ast::Block, expected: &[String]) -> Option<Diagnostic> {
    let name = &block.name;
    let wanted = match expected {
        [] => format!("Blocks of type \"{name}\" have no labels."),
        [only] => format!("Blocks of type \"{name}\" have one label, the {only}."),
        several => format!(
            "Blocks of type \"{name}\" have {} labels: {}.",
            several.len(),
            several.join(", ")
        ),
    };
    let diagnostic = if let Some(missing) = expected.get(block.labels.len()) {
        Diagnostic::error(format!("Missing {missing} for {name}"), wanted)
            .with_span(Span::new(source, block.open_range.into()))
    } else {
        let extra = block.labels.get(expected.len())?;
        Diagnostic::error(format!("Extraneous label for {name}"), wanted)
            .with_span(Span::new(source, extra.range.into()))
    };
    let context = Span::new(source, block.name_range.to(block.open_range).into());
    Some(diagnostic.with_context(context).with_path([name.as_str()]))
}
