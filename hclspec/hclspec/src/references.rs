//! The variables that a body's expressions refer to.

use crate::body::Content;
use crate::eval::Reference;
use crate::{Block, Body, Spec};

/// The variables that decoding the body by the spec needs, in the order of the spec.
///
/// What the spec does not name is not looked at, and errors are passed over: decoding reports them.
pub fn references(spec: &Spec, body: &Body) -> Vec<Reference> {
    let mut references = Vec::new();
    in_body(spec, body, &mut references);
    references
}

fn in_body(spec: &Spec, body: &Body, references: &mut Vec<Reference>) {
    let (content, _) = body.partial_content(&spec.implied_schema());
    in_content(spec, &content, references);
}

fn in_content(spec: &Spec, content: &Content, references: &mut Vec<Reference>) {
    match spec {
        Spec::Object(parts) => parts.values().for_each(|part| in_content(part, content, references)),
        Spec::Array(parts) => parts.iter().for_each(|part| in_content(part, content, references)),
        Spec::Attr { name, .. } => {
            if let Some(attribute) = content.attributes.get(name.as_str()) {
                references.extend(attribute.value().variables());
            }
        }
        // More than one is an error, and the others are not decoded.
        Spec::Block { name, nested, .. } => {
            bodies(content, name)
                .take(1)
                .for_each(|body| in_body(nested, body, references));
        }
        Spec::BlockList(blocks) | Spec::BlockSet(blocks) | Spec::BlockTuple(blocks) => {
            bodies(content, &blocks.name).for_each(|body| in_body(&blocks.nested, body, references));
        }
        Spec::BlockMap(blocks) | Spec::BlockObject(blocks) => {
            bodies(content, &blocks.name).for_each(|body| in_body(&blocks.nested, body, references));
        }
        Spec::BlockAttrs { name, .. } => {
            for attribute in bodies(content, name).take(1).flat_map(|body| body.just_attributes().0) {
                references.extend(attribute.value().variables());
            }
        }
        Spec::Default { primary, default } => {
            in_content(primary, content, references);
            in_content(default, content, references);
        }
        Spec::Expression(expression) => references.extend(expression.variables()),
        Spec::Transform { nested, .. } | Spec::Validate { nested, .. } | Spec::Described { nested, .. } => {
            in_content(nested, content, references);
        }
        Spec::BlockLabel { .. } | Spec::BlockPlace | Spec::Literal(_) => {}
    }
}

fn bodies<'c>(content: &'c Content, name: &'c str) -> impl Iterator<Item = &'c Body> {
    content
        .blocks
        .iter()
        .filter(move |block| block.name() == name)
        .map(Block::body)
}
