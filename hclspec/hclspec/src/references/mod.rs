//! The variables that a body's expressions refer to.

mod walk;

use std::sync::Arc;

use crate::body::Content;
use crate::{Body, Context, Expression, Source, Span, Spec, Value};

/// A reference to a variable, or to a part of it: `env.home`, `ports[0]`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Reference {
    /// The variable's name.
    pub name: String,
    /// Of the name.
    pub name_span: Span,
    /// What is taken of the variable, one after the other.
    pub steps: Vec<ReferenceStep>,
}

/// A part of a value that a [`Reference`] takes.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ReferenceStep {
    /// Which part.
    pub key: ReferenceKey,
    /// With its dot or brackets.
    pub span: Span,
}

/// Which part of a value a [`ReferenceStep`] takes.
#[derive(Clone, Debug, PartialEq)]
pub enum ReferenceKey {
    /// `.name`.
    Attribute(String),
    /// `[0]`, `["name"]`, `.0`: a number or a text.
    Index(Value),
}

impl Reference {
    /// All of it.
    pub fn span(&self) -> Span {
        let last = self.steps.last().map_or(&self.name_span, |step| &step.span);
        Span::new(self.source(), self.name_span.range().start..last.range().end)
    }

    /// Where it is.
    pub fn source(&self) -> &Arc<Source> {
        self.name_span.source()
    }

    /// What it refers to, if the context has that.
    pub fn value<'c>(&self, context: &'c Context) -> Option<&'c Value> {
        self.steps
            .iter()
            .try_fold(context.get(&self.name)?, |value, step| match &step.key {
                ReferenceKey::Attribute(name) => value.get(name),
                ReferenceKey::Index(Value::Number(index)) => {
                    let index = usize::try_from(index.as_u64()?).ok()?;
                    match value {
                        Value::List(..) | Value::Tuple(_) => value.as_list()?.get(index),
                        _ => value.get(&index.to_string()),
                    }
                }
                ReferenceKey::Index(Value::String(name)) => value.get(name),
                ReferenceKey::Index(_) => None,
            })
    }
}

impl Expression {
    /// The variables that it refers to, in source order. Those that it defines itself (`for v in ..`) are not among
    /// them.
    pub fn references(&self) -> Vec<Reference> {
        let mut references = Vec::new();
        if let Some(node) = self.native_node() {
            walk::native(self.source(), node, &mut references);
        } else if let Some(node) = self.json_node() {
            walk::json(self.source(), node, &mut references);
        }
        references
    }
}

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
    let blocks = |name: &str| content.blocks.iter().filter(move |block| block.name() == name).map(crate::Block::body);
    match spec {
        Spec::Object(parts) => parts.values().for_each(|part| in_content(part, content, references)),
        Spec::Array(parts) => parts.iter().for_each(|part| in_content(part, content, references)),
        Spec::Attr { name, .. } => {
            if let Some(attribute) = content.attributes.get(name.as_str()) {
                references.extend(attribute.value().references());
            }
        }
        // More than one is an error, and the others are not decoded.
        Spec::Block { name, nested, .. } => blocks(name).take(1).for_each(|body| in_body(nested, body, references)),
        Spec::BlockList(blocks_spec) | Spec::BlockSet(blocks_spec) | Spec::BlockTuple(blocks_spec) => {
            blocks(&blocks_spec.name).for_each(|body| in_body(&blocks_spec.nested, body, references));
        }
        Spec::BlockMap(labelled) | Spec::BlockObject(labelled) => {
            blocks(&labelled.name).for_each(|body| in_body(&labelled.nested, body, references));
        }
        Spec::BlockAttrs { name, .. } => {
            for attribute in blocks(name).take(1).flat_map(|body| body.just_attributes().0) {
                references.extend(attribute.value().references());
            }
        }
        Spec::Default { primary, default } => {
            in_content(primary, content, references);
            in_content(default, content, references);
        }
        Spec::Expression(expression) => references.extend(expression.references()),
        Spec::Transform { nested, .. } | Spec::Validate { nested, .. } | Spec::Described { nested, .. } => {
            in_content(nested, content, references);
        }
        Spec::BlockLabel { .. } | Spec::Literal(_) => {}
    }
}
