//! Where a part of a spec is decoded, and the span of what it would take from there.

use std::collections::HashMap;

use encamp_hclspec_syntax::SmolStr;

use super::Decoder;
use crate::body::{Asked, Block, Content, Schema};
use crate::spec::{Blocks, LabelledBlocks};
use crate::{Body, Diagnostics, Label, Span, Spec};

/// A body, what it holds, and the labels of the block that it is of.
pub(super) struct Place<'b> {
    pub(super) body: &'b Body,
    pub(super) content: Content,
    pub(super) labels: &'b [Label],
    blocks: Option<Index>,
    strays: Option<Index>,
}

/// Where the blocks of each name are.
type Index = HashMap<SmolStr, Vec<usize>>;

/// A spec with more parts than this must not look at all blocks for each of them.
const FEW: usize = 16;

impl<'b> Place<'b> {
    pub(super) fn new(body: &'b Body, content: Content, labels: &'b [Label], schema: &Schema) -> Self {
        let index = |blocks: &[Block], parts: usize| {
            (blocks.len() > FEW && parts > FEW).then(|| {
                let mut index = Index::new();
                for (at, block) in blocks.iter().enumerate() {
                    index.entry(block.name.clone()).or_default().push(at);
                }
                index
            })
        };
        Self {
            body,
            blocks: index(&content.blocks, schema.blocks().count()),
            strays: index(&content.strays, schema.attributes().count()),
            content,
            labels,
        }
    }

    /// The blocks of a name.
    pub(super) fn blocks_of<'p, 'n>(&'p self, name: &'n str) -> impl Iterator<Item = &'p Block> + use<'p, 'n, 'b> {
        named(&self.content.blocks, self.blocks.as_ref(), name)
    }

    /// The blocks of a name that is one of an argument.
    pub(super) fn strays_of<'p, 'n>(&'p self, name: &'n str) -> impl Iterator<Item = &'p Block> + use<'p, 'n, 'b> {
        named(&self.content.strays, self.strays.as_ref(), name)
    }
}

fn named<'p, 'n>(
    blocks: &'p [Block],
    index: Option<&'p Index>,
    name: &'n str,
) -> impl Iterator<Item = &'p Block> + use<'p, 'n> {
    let found = index.and_then(|index| index.get(name)).map_or(&[][..], Vec::as_slice);
    let all = if index.is_some() { &[][..] } else { blocks };
    let found = found.iter().filter_map(|at| blocks.get(*at));
    found.chain(all.iter().filter(move |block| block.name == name))
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
        };
        // What is wrong with it is found when it is decoded.
        let content = block.body.parts(asked, &mut Diagnostics::new());
        let place = Place::new(&block.body, content, &block.labels, &schema);
        self.span_of(nested, &place)
    }
}
