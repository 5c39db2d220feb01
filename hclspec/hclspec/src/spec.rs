//! The schema.

use std::fmt;

use indexmap::IndexMap;

use crate::Value;

/// The type of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Type {
    /// Whatever is written.
    Any,
    /// A text. Numbers and truths become texts.
    String,
    /// A number. Texts that are numbers become numbers.
    Number,
    /// A truth. The texts `true`, `false`, `1` and `0` become truths.
    Bool,
    /// Values of one type in order.
    List(Box<Type>),
    /// Values of one type in the order of the text, each once.
    Set(Box<Type>),
    /// Values of one type by name.
    Map(Box<Type>),
    /// Values of several types by fixed names, all of them required; other names are dropped.
    Object(IndexMap<String, Type>),
}

impl Type {
    /// `list(element)`.
    pub fn list(element: Self) -> Self {
        Self::List(Box::new(element))
    }

    /// `set(element)`.
    pub fn set(element: Self) -> Self {
        Self::Set(Box::new(element))
    }

    /// `map(element)`.
    pub fn map(element: Self) -> Self {
        Self::Map(Box::new(element))
    }

    /// `object({name = type, ..})`.
    pub fn object<K: Into<String>>(fields: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Object(fields.into_iter().map(|(name, ty)| (name.into(), ty)).collect())
    }
}

/// As it is written in HCL: `list(map(string))`.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::String => f.write_str("string"),
            Self::Number => f.write_str("number"),
            Self::Bool => f.write_str("bool"),
            Self::List(element) => write!(f, "list({element})"),
            Self::Set(element) => write!(f, "set({element})"),
            Self::Map(element) => write!(f, "map({element})"),
            Self::Object(fields) => {
                f.write_str("object({")?;
                for (index, (name, ty)) in fields.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{name} = {ty}")?;
                }
                f.write_str("})")
            }
        }
    }
}

/// A schema: what a body may and must contain, and the shape of the value that decoding gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Spec {
    /// An object of named parts.
    Object(IndexMap<String, Spec>),
    /// An argument: `name = value`. Null where it is missing.
    ///
    /// A map, a list of maps, an object or a list of objects may be written as blocks too.
    Attr {
        /// The argument's name.
        name: String,
        /// Its type.
        ty: Type,
        /// Whether it must be there.
        required: bool,
    },
    /// At most one block: `name { .. }`, or `name = { .. }`. Null where it is missing.
    Block {
        /// The block's type.
        name: String,
        /// Whether it must be there.
        required: bool,
        /// What it holds.
        nested: Box<Spec>,
    },
    /// Any number of blocks, or `name = [{ .. }, ..]`. An empty list where there is none.
    BlockList {
        /// The blocks' type.
        name: String,
        /// How few there may be.
        min: usize,
        /// How many there may be.
        max: Option<usize>,
        /// What each holds.
        nested: Box<Spec>,
    },
    /// Any number of labelled blocks: maps of maps, one level for each label. An empty map where there is none.
    BlockMap {
        /// The blocks' type.
        name: String,
        /// What the labels are called, for messages; one at least.
        labels: Vec<String>,
        /// What each block holds.
        nested: Box<Spec>,
    },
    /// At most one block of freely named arguments of one type: a map. Null where it is missing.
    BlockAttrs {
        /// The block's type.
        name: String,
        /// The type of every argument in it.
        ty: Type,
        /// Whether it must be there.
        required: bool,
    },
    /// The first part, or the second where the first is null.
    Default {
        /// What is taken where it is not null.
        primary: Box<Spec>,
        /// What is taken instead.
        default: Box<Spec>,
    },
    /// A constant.
    Literal(Value),
}

impl Spec {
    /// An object of named parts.
    pub fn object<K: Into<String>>(parts: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Object(parts.into_iter().map(|(name, spec)| (name.into(), spec)).collect())
    }

    /// An optional argument.
    pub fn attr(name: impl Into<String>, ty: Type) -> Self {
        Self::Attr {
            name: name.into(),
            ty,
            required: false,
        }
    }

    /// An optional block.
    pub fn block(name: impl Into<String>, nested: Self) -> Self {
        Self::Block {
            name: name.into(),
            required: false,
            nested: Box::new(nested),
        }
    }

    /// Any number of blocks.
    pub fn block_list(name: impl Into<String>, nested: Self) -> Self {
        Self::BlockList {
            name: name.into(),
            min: 0,
            max: None,
            nested: Box::new(nested),
        }
    }

    /// Between `min` and `max` blocks.
    pub fn block_list_limited(name: impl Into<String>, min: usize, max: usize, nested: Self) -> Self {
        Self::BlockList {
            name: name.into(),
            min,
            max: Some(max),
            nested: Box::new(nested),
        }
    }

    /// Any number of labelled blocks, as a map of maps.
    pub fn block_map<S: Into<String>>(
        name: impl Into<String>,
        labels: impl IntoIterator<Item = S>,
        nested: Self,
    ) -> Self {
        Self::BlockMap {
            name: name.into(),
            labels: labels.into_iter().map(Into::into).collect(),
            nested: Box::new(nested),
        }
    }

    /// An optional block of freely named arguments of one type.
    pub fn block_attrs(name: impl Into<String>, ty: Type) -> Self {
        Self::BlockAttrs {
            name: name.into(),
            ty,
            required: false,
        }
    }

    /// `primary`, or `default` where that is null.
    pub fn default(primary: Self, default: Self) -> Self {
        Self::Default {
            primary: Box::new(primary),
            default: Box::new(default),
        }
    }

    /// `primary`, or a constant where that is null.
    pub fn default_value(primary: Self, value: impl Into<Value>) -> Self {
        Self::default(primary, Self::Literal(value.into()))
    }

    /// The same, but it must be there: of an argument, a block or a block of arguments; a list of blocks must have
    /// one at least. Other specs are returned as they are.
    #[must_use]
    pub fn required(mut self) -> Self {
        match &mut self {
            Self::Attr { required, .. } | Self::Block { required, .. } | Self::BlockAttrs { required, .. } => {
                *required = true;
            }
            Self::BlockList { min, .. } => *min = (*min).max(1),
            Self::Object(_) | Self::BlockMap { .. } | Self::Default { .. } | Self::Literal(_) => {}
        }
        self
    }
}
