//! Where a part of a spec is decoded, and the span of what it would take from there.

use super::Decoder;
use crate::body::{Asked, Block, Content};
use crate::spec::{Blocks, LabelledBlocks};
use crate::{Body, Diagnostics, Label, Span, Spec};

/// A body, what it holds, and the labels of the block that it is of.
pub(super) struct Place<'b> {
    pub(super) body: &'b Body,
    pub(super) content: Content,
    pub(super) labels: &'b [Label],
}

impl Place<'_> {
    pub(super) fn blocks_of<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p Block> {
        self.content.blocks.iter().filter(move |block| block.name == name)
    }
}

impl<'s> Decoder<'s, '_> {
    /// The span of the value that a spec gives at a place.
    pub(super) fn span_of(&mut self, spec: &'s Spec, place: &Place<'_>) -> Span {
        let found = match spec {
            Spec::Attr { name, .. } => {
                let attribute = place.content.attributes.get(name.as_str());
                attribute.map(|attribute| attribute.value.span())
            }
            Spec::Block { name, nested, .. }
            | Spec::BlockList(Blocks { name, nested, .. })
            | Spec::BlockSet(Blocks { name, nested, .. })
            | Spec::BlockTuple(Blocks { name, nested, .. })
            | Spec::BlockMap(LabelledBlocks { name, nested, .. })
            | Spec::BlockObject(LabelledBlocks { name, nested, .. }) => {
                let block = place.blocks_of(name).next();
                block.map(|block| self.span_in(nested, block))
            }
            Spec::BlockAttrs { name, .. } => place.blocks_of(name).next().map(Block::header_span),
            Spec::BlockLabel { index, .. } => place.labels.get(*index).map(Label::span),
            Spec::Expression(expression) => Some(expression.span()),
            Spec::Default { primary: nested, .. }
            | Spec::Transform { nested, .. }
            | Spec::Validate { nested, .. }
            | Spec::Described { nested, .. } => Some(self.span_of(nested, place)),
            Spec::Object(_) | Spec::Array(_) | Spec::BlockPlace | Spec::Literal(_) => None,
        };
        found.unwrap_or_else(|| place.body.missing_span())
    }

    /// The span of the value that a spec gives in a block.
    pub(super) fn span_in(&mut self, nested: &'s Spec, block: &Block) -> Span {
        let schema = self.schema(nested);
        let asked = Asked {
            schema: &schema,
            spellings: self.spellings,
            partial: true,
            required: false,
        };
        // What is wrong with it is found when it is decoded.
        let content = block.body.answer(asked, &mut Diagnostics::new());
        let place = Place {
            body: &block.body,
            content,
            labels: &block.labels,
        };
        self.span_of(nested, &place)
    }
}
