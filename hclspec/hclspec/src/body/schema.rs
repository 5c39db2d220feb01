//! What a body may hold.

use std::sync::{Arc, OnceLock};

use indexmap::IndexMap;

/// The arguments and blocks that a body may have.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    attributes: IndexMap<String, bool>,
    blocks: IndexMap<String, Vec<String>>,
    /// The same with dynamic blocks, once it was asked for: every block of a type is asked by one schema.
    dynamic: OnceLock<Arc<Schema>>,
}

impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.attributes == other.attributes && self.blocks == other.blocks
    }
}

impl Eq for Schema {}

impl Schema {
    /// Of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more argument, that may be missing.
    #[must_use]
    pub fn with_attribute(mut self, name: &str) -> Self {
        self.attribute(name, false);
        self
    }

    /// With one more argument, that must be there.
    #[must_use]
    pub fn with_required_attribute(mut self, name: &str) -> Self {
        self.attribute(name, true);
        self
    }

    /// With one more block type; the labels' names are for messages, their number counts.
    #[must_use]
    pub fn with_block<S: Into<String>>(mut self, name: &str, labels: impl IntoIterator<Item = S>) -> Self {
        self.block(name, labels.into_iter().map(Into::into).collect());
        self
    }

    /// The same, with one more block type of one label.
    pub(super) fn with_dynamic(&self, name: &str, label: &str) -> &Self {
        self.dynamic
            .get_or_init(|| Arc::new(self.clone().with_block(name, [label])))
    }

    pub(crate) fn attribute(&mut self, name: &str, required: bool) {
        self.dynamic.take();
        *self.attributes.entry(name.to_owned()).or_default() |= required;
    }

    pub(crate) fn block(&mut self, name: &str, labels: Vec<String>) {
        self.dynamic.take();
        self.blocks.insert(name.to_owned(), labels);
    }

    /// The names of the arguments.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.attributes.keys().map(String::as_str)
    }

    /// The names of the arguments that must be there.
    pub fn required(&self) -> impl Iterator<Item = &str> {
        let required = self.attributes.iter().filter(|(_, required)| **required);
        required.map(|(name, _)| name.as_str())
    }

    /// The types of the blocks.
    pub fn blocks(&self) -> impl Iterator<Item = &str> {
        self.blocks.keys().map(String::as_str)
    }

    /// Whether there is an argument of this name.
    pub fn has_attribute(&self, name: &str) -> bool {
        find(&self.attributes, name).is_some()
    }

    /// The labels of the blocks of this type, if there are such blocks.
    pub fn labels(&self, name: &str) -> Option<&[String]> {
        find(&self.blocks, name).map(Vec::as_slice)
    }
}

/// Up to this many names are compared one by one, which is faster than to hash one.
const FEW: usize = 8;

fn find<'m, V>(map: &'m IndexMap<String, V>, name: &str) -> Option<&'m V> {
    if map.len() > FEW {
        return map.get(name);
    }
    map.iter().find_map(|(own, value)| (own == name).then_some(value))
}
