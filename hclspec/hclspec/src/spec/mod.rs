//! The schema.

mod implied;
pub mod text;
mod transform;
pub mod wire;

use indexmap::IndexMap;

pub use self::transform::{Check, Transform};
use crate::{Expression, Type, Value};

/// What a body may hold, and the value that is made of it.
///
/// The nodes are those of hcldec. `Display` writes a spec as hcldec text, and [`text::parse`] reads it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Spec {
    /// An object: every part is decoded from the same body. hcldec: `object`.
    Object(IndexMap<String, Spec>),
    /// A tuple: every part is decoded from the same body. hcldec: `array`.
    Array(Vec<Spec>),
    /// An argument, `name = value`. Null where it is missing.
    Attr {
        /// The argument's name.
        name: String,
        /// What its value is converted to.
        ty: Type,
        /// Whether it is an error that it is missing.
        required: bool,
    },
    /// A single block. Null where it is missing.
    Block {
        /// The block's type.
        name: String,
        /// Whether it is an error that it is missing.
        required: bool,
        /// What is in the block.
        nested: Box<Spec>,
    },
    /// Any number of blocks, as a list: all of one type, converted where they differ.
    BlockList(Blocks),
    /// Any number of blocks, as a set: equal ones count once.
    BlockSet(Blocks),
    /// Any number of blocks, as a tuple: each of its own type.
    BlockTuple(Blocks),
    /// Blocks with labels, as a map, for several labels a map of maps.
    BlockMap(LabelledBlocks),
    /// Blocks with labels, as an object: each of its own type.
    BlockObject(LabelledBlocks),
    /// A label of the block that is decoded, as a string.
    BlockLabel {
        /// Which one, from zero.
        index: usize,
        /// What it is, for messages.
        name: String,
    },
    /// The place of the block that is decoded: `[start, end]`, the bytes of its header in the text; see
    /// [`Place`](crate::Place).
    BlockPlace,
    /// A single block of arguments with any names, as a map. Null where it is missing.
    BlockAttrs {
        /// The block's type.
        name: String,
        /// What the arguments' values are converted to.
        ty: Type,
        /// Whether it is an error that it is missing.
        required: bool,
    },
    /// The first part, or the second where the first is null.
    Default {
        /// Tried first. What it requires stays required.
        primary: Box<Spec>,
        /// What stands in for null.
        default: Box<Spec>,
    },
    /// A value, whatever the body holds.
    Literal(Value),
    /// An expression's value, whatever the body holds.
    Expression(Expression),
    /// The nested value, changed.
    Transform {
        /// What is changed.
        nested: Box<Spec>,
        /// How.
        with: Transform,
    },
    /// The nested value, looked at.
    Validate {
        /// What is looked at. Not done where it has errors already.
        nested: Box<Spec>,
        /// What is wrong with a value.
        check: Check,
    },
    /// The nested value; the text is for people, and for the schema's exports.
    Described {
        /// What is described.
        nested: Box<Spec>,
        /// Markdown.
        text: String,
    },
}

/// Blocks of one type.
#[derive(Clone, Debug, PartialEq)]
pub struct Blocks {
    /// The blocks' type.
    pub name: String,
    /// How many there must be.
    pub min: usize,
    /// How many there may be.
    pub max: Option<usize>,
    /// What is in each block.
    pub nested: Box<Spec>,
}

/// Blocks of one type, told apart by labels.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledBlocks {
    /// The blocks' type.
    pub name: String,
    /// What the labels are, for messages; one at least.
    pub labels: Vec<String>,
    /// What is in each block.
    pub nested: Box<Spec>,
}

impl Spec {
    /// An object of these parts.
    pub fn object<K: Into<String>>(parts: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Object(parts.into_iter().map(|(name, spec)| (name.into(), spec)).collect())
    }

    /// A tuple of these parts.
    pub fn array(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::Array(parts.into_iter().collect())
    }

    /// An optional argument.
    pub fn attr(name: impl Into<String>, ty: Type) -> Self {
        Self::Attr {
            name: name.into(),
            ty,
            required: false,
        }
    }

    /// An optional single block.
    pub fn block(name: impl Into<String>, nested: Self) -> Self {
        Self::Block {
            name: name.into(),
            required: false,
            nested: Box::new(nested),
        }
    }

    /// Any number of blocks, as a list.
    pub fn block_list(name: impl Into<String>, nested: Self) -> Self {
        Self::BlockList(Blocks::new(name, nested))
    }

    /// From `min` to `max` blocks, as a list; a `max` of zero is no limit.
    pub fn block_list_limited(name: impl Into<String>, min: usize, max: usize, nested: Self) -> Self {
        Self::BlockList(Blocks::new(name, nested).limited(min, max))
    }

    /// Any number of blocks, as a set.
    pub fn block_set(name: impl Into<String>, nested: Self) -> Self {
        Self::BlockSet(Blocks::new(name, nested))
    }

    /// From `min` to `max` blocks, as a set; equal ones are counted; a `max` of zero is no limit.
    pub fn block_set_limited(name: impl Into<String>, min: usize, max: usize, nested: Self) -> Self {
        Self::BlockSet(Blocks::new(name, nested).limited(min, max))
    }

    /// Any number of blocks, as a tuple.
    pub fn block_tuple(name: impl Into<String>, nested: Self) -> Self {
        Self::BlockTuple(Blocks::new(name, nested))
    }

    /// Blocks with labels, as a map.
    pub fn block_map<S: Into<String>>(
        name: impl Into<String>,
        labels: impl IntoIterator<Item = S>,
        nested: Self,
    ) -> Self {
        Self::BlockMap(LabelledBlocks::new(name, labels, nested))
    }

    /// Blocks with labels, as an object.
    pub fn block_object<S: Into<String>>(
        name: impl Into<String>,
        labels: impl IntoIterator<Item = S>,
        nested: Self,
    ) -> Self {
        Self::BlockObject(LabelledBlocks::new(name, labels, nested))
    }

    /// A label of the block that is decoded; the first has the index 0.
    pub fn block_label(index: usize, name: impl Into<String>) -> Self {
        Self::BlockLabel {
            index,
            name: name.into(),
        }
    }

    /// An optional single block of arguments with any names.
    pub fn block_attrs(name: impl Into<String>, ty: Type) -> Self {
        Self::BlockAttrs {
            name: name.into(),
            ty,
            required: false,
        }
    }

    /// The first part, or the second where the first is null.
    pub fn default(primary: Self, default: Self) -> Self {
        Self::Default {
            primary: Box::new(primary),
            default: Box::new(default),
        }
    }

    /// The part, or a value where it is null.
    pub fn default_value(primary: Self, value: impl Into<Value>) -> Self {
        Self::default(primary, Self::literal(value))
    }

    /// A value. A text is just that text, never an expression: `Spec::literal("3m")` is the string `3m`.
    pub fn literal(value: impl Into<Value>) -> Self {
        Self::Literal(value.into())
    }

    /// The value of an expression's text, as the plugin protocol writes literals: `"3m"` with its quotes for a string,
    /// `3` for a number.
    ///
    /// # Errors
    ///
    /// Where the text is no expression, or has no value by itself: `3m` is an error here, and `foo` too.
    pub fn literal_expression(text: &str) -> Result<Self, crate::Diagnostics> {
        let source = crate::Source::new("literal", text.to_owned());
        let value = Expression::parse(source)?.evaluate(&crate::Context::new())?;
        Ok(Self::Literal(value))
    }

    /// The same part, required. Of block lists and sets: at least one block.
    #[must_use]
    pub fn required(mut self) -> Self {
        match &mut self {
            Self::Attr { required, .. } | Self::Block { required, .. } | Self::BlockAttrs { required, .. } => {
                *required = true;
            }
            Self::BlockList(blocks) | Self::BlockSet(blocks) | Self::BlockTuple(blocks) => {
                blocks.min = blocks.min.max(1);
            }
            Self::Described { nested, .. } | Self::Validate { nested, .. } | Self::Transform { nested, .. } => {
                let part = std::mem::replace(&mut **nested, Self::Array(Vec::new()));
                **nested = part.required();
            }
            Self::Object(_)
            | Self::Array(_)
            | Self::BlockMap(_)
            | Self::BlockObject(_)
            | Self::BlockLabel { .. }
            | Self::BlockPlace
            | Self::Default { .. }
            | Self::Literal(_)
            | Self::Expression(_) => {}
        }
        self
    }

    /// The same part, of blocks: at least `min` of them.
    #[must_use]
    pub fn at_least(mut self, min: usize) -> Self {
        if let Self::BlockList(blocks) | Self::BlockSet(blocks) | Self::BlockTuple(blocks) = &mut self {
            blocks.min = min;
        }
        self
    }

    /// The same part, described for people, in Markdown.
    #[must_use]
    pub fn described(self, text: impl Into<String>) -> Self {
        Self::Described {
            nested: Box::new(self),
            text: text.into(),
        }
    }

    /// The same part, its value looked at by a function that says what is wrong with it.
    #[must_use]
    pub fn validated(self, check: Check) -> Self {
        Self::Validate {
            nested: Box::new(self),
            check,
        }
    }

    /// The same part, looked at where there is something to look with.
    #[must_use]
    pub fn checked(self, check: Option<Check>) -> Self {
        match check {
            Some(check) => self.validated(check),
            None => self,
        }
    }

    /// The name of the argument or block that is all there is to the part.
    pub(crate) fn argument(&self) -> Option<&str> {
        match self {
            Self::Attr { name, .. } | Self::Block { name, .. } | Self::BlockAttrs { name, .. } => Some(name),
            Self::Default { primary: nested, .. }
            | Self::Transform { nested, .. }
            | Self::Validate { nested, .. }
            | Self::Described { nested, .. } => nested.argument(),
            _ => None,
        }
    }

    /// The same part, its value changed.
    #[must_use]
    pub fn transformed(self, with: Transform) -> Self {
        Self::Transform {
            nested: Box::new(self),
            with,
        }
    }
}

impl Blocks {
    fn new(name: impl Into<String>, nested: Spec) -> Self {
        Self {
            name: name.into(),
            min: 0,
            max: None,
            nested: Box::new(nested),
        }
    }

    fn limited(mut self, min: usize, max: usize) -> Self {
        self.min = min;
        self.max = Some(max).filter(|max| *max > 0);
        self
    }
}

impl LabelledBlocks {
    fn new<S: Into<String>>(name: impl Into<String>, labels: impl IntoIterator<Item = S>, nested: Spec) -> Self {
        Self {
            name: name.into(),
            labels: labels.into_iter().map(Into::into).collect(),
            nested: Box::new(nested),
        }
    }
}
