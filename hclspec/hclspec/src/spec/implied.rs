//! What a spec says of the body and of the value, without either.

use super::{Blocks, LabelledBlocks, Spec};
use crate::Type;
use crate::body::Schema;

impl Spec {
    /// The type of the values that are decoded with this spec, as far as it is known before there is a body.
    pub fn implied_type(&self) -> Type {
        match self {
            Self::Object(parts) => Type::object(parts.iter().map(|(name, part)| (name.as_str(), part.implied_type()))),
            Self::Array(parts) => Type::tuple(parts.iter().map(Self::implied_type)),
            Self::Attr { ty, .. } => ty.clone(),
            Self::Block { nested, .. } | Self::Validate { nested, .. } | Self::Described { nested, .. } => {
                nested.implied_type()
            }
            Self::BlockList(Blocks { nested, .. }) => Type::list(nested.implied_type()),
            Self::BlockSet(Blocks { nested, .. }) => Type::set(nested.implied_type()),
            Self::BlockMap(LabelledBlocks { labels, nested, .. }) => {
                labels.iter().fold(nested.implied_type(), |ty, _| Type::map(ty))
            }
            Self::BlockTuple(_) | Self::BlockObject(_) | Self::Expression(_) => Type::Any,
            Self::BlockLabel { .. } => Type::String,
            Self::BlockPlace => Type::list(Type::Number),
            Self::BlockAttrs { ty, .. } => Type::map(ty.clone()),
            Self::Default { primary, .. } => primary.implied_type(),
            Self::Literal(value) => value.ty(),
            Self::Transform { nested, with } => with.implied_type(nested.implied_type()),
        }
    }

    /// The arguments and blocks that a body may have.
    pub fn implied_schema(&self) -> Schema {
        let mut schema = Schema::default();
        self.collect(&mut schema);
        schema
    }

    fn collect(&self, schema: &mut Schema) {
        match self {
            Self::Object(parts) => parts.values().for_each(|part| part.collect(schema)),
            Self::Array(parts) => parts.iter().for_each(|part| part.collect(schema)),
            Self::Attr { name, required, .. } => schema.attribute(name, *required),
            Self::Block { name, nested, .. } => schema.block(name, nested.label_names()),
            Self::BlockList(blocks) | Self::BlockSet(blocks) | Self::BlockTuple(blocks) => {
                schema.block(&blocks.name, blocks.nested.label_names());
            }
            Self::BlockMap(blocks) | Self::BlockObject(blocks) => {
                let mut labels = blocks.labels.clone();
                labels.extend(blocks.nested.label_names());
                schema.block(&blocks.name, labels);
            }
            Self::BlockAttrs { name, .. } => schema.block(name, Vec::new()),
            Self::Default { primary, default } => {
                primary.collect(schema);
                default.collect(schema);
            }
            Self::Transform { nested, .. } | Self::Validate { nested, .. } | Self::Described { nested, .. } => {
                nested.collect(schema);
            }
            Self::BlockLabel { .. } | Self::BlockPlace | Self::Literal(_) | Self::Expression(_) => {}
        }
    }

    /// The labels that [`Spec::BlockLabel`]s of the same body ask for.
    fn label_names(&self) -> Vec<String> {
        let mut names = Vec::new();
        self.collect_labels(&mut names);
        names
    }

    fn collect_labels(&self, names: &mut Vec<String>) {
        match self {
            Self::BlockLabel { index, name } => {
                // An index is as good as its spec: one of a million is a mistake, and gets no million names.
                let index = (*index).min(MAX_LABELS);
                while names.len() <= index {
                    names.push(format!("label {}", names.len()));
                }
                if let Some(slot) = names.get_mut(index) {
                    slot.clone_from(name);
                }
            }
            Self::Object(parts) => parts.values().for_each(|part| part.collect_labels(names)),
            Self::Array(parts) => parts.iter().for_each(|part| part.collect_labels(names)),
            Self::Default { primary, default } => {
                primary.collect_labels(names);
                default.collect_labels(names);
            }
            Self::Transform { nested, .. } | Self::Validate { nested, .. } | Self::Described { nested, .. } => {
                nested.collect_labels(names);
            }
            Self::Attr { .. }
            | Self::Block { .. }
            | Self::BlockList(_)
            | Self::BlockSet(_)
            | Self::BlockTuple(_)
            | Self::BlockMap(_)
            | Self::BlockObject(_)
            | Self::BlockAttrs { .. }
            | Self::BlockPlace
            | Self::Literal(_)
            | Self::Expression(_) => {}
        }
    }
}

/// Blocks have fewer labels than this.
const MAX_LABELS: usize = 64;
