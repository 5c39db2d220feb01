//! Specs as plugins send them: the messages of the plugin protocol as plain data.
//!
//! Whoever speaks the protocol copies its messages into [`WireSpec`]s, field by field, and has nothing to decide.
//!
//! ```
//! use encamp_hclspec::spec::wire::WireSpec;
//! use encamp_hclspec::{Spec, Type};
//!
//! let image = WireSpec::Attr { name: String::new(), type_text: "string".to_owned(), required: true };
//! let wire = WireSpec::Object([("image".to_owned(), image)].into());
//! let spec = Spec::from_wire(&wire)?;
//! assert_eq!(spec, Spec::object([("image", Spec::attr("image", Type::String).required())]));
//! # Ok::<(), encamp_hclspec::Diagnostics>(())
//! ```

use std::collections::BTreeMap;

use super::{Blocks, LabelledBlocks};
use crate::{Diagnostic, Diagnostics, Source, Spec, Type, Value};

/// The source's name in messages about a plugin's texts.
const SOURCE: &str = "proto";
/// Specs may be nested this deep.
const MAX_DEPTH: usize = 200;

/// A message of the plugin protocol. Names may be empty where the [`Object`](Self::Object) around them gives one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WireSpec {
    /// A message that says nothing.
    #[default]
    Unset,
    /// Parts under names.
    Object(BTreeMap<String, WireSpec>),
    /// Parts in order.
    Array(Vec<WireSpec>),
    /// An argument.
    Attr {
        /// Its name.
        name: String,
        /// Its type's expression: `list(string)`.
        type_text: String,
        /// Whether it must be there.
        required: bool,
    },
    /// A single block.
    Block {
        /// Its type.
        name: String,
        /// Whether it must be there.
        required: bool,
        /// What is in it.
        nested: Option<Box<WireSpec>>,
    },
    /// A single block of arguments with any names.
    BlockAttrs {
        /// Its type.
        name: String,
        /// The type of the arguments, as an expression.
        type_text: String,
        /// Whether it must be there.
        required: bool,
    },
    /// Blocks as a list.
    BlockList(WireBlocks),
    /// Blocks as a set.
    BlockSet(WireBlocks),
    /// Blocks with labels, as a map.
    BlockMap {
        /// Their type.
        name: String,
        /// What the labels are.
        labels: Vec<String>,
        /// What is in each.
        nested: Option<Box<WireSpec>>,
    },
    /// The first part, or the second where the first is null.
    Default {
        /// The first.
        primary: Option<Box<WireSpec>>,
        /// The second.
        default: Option<Box<WireSpec>>,
    },
    /// The value of an expression: `"3m"` with its quotes for a text, `3` for a number.
    Literal(String),
}

/// A message about any number of blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WireBlocks {
    /// Their type.
    pub name: String,
    /// How many there must be.
    pub min_items: u64,
    /// How many there may be; zero for any number.
    pub max_items: u64,
    /// What is in each.
    pub nested: Option<Box<WireSpec>>,
}

/// A spec that the plugin protocol has no message for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// A node.
    #[error("the plugin protocol has no {node}{}, use another spec for it", place(path))]
    Node {
        /// Its name in spec files.
        node: &'static str,
        /// The names down to it.
        path: Vec<String>,
    },
    /// A literal that is not known.
    #[error("a literal{} is unknown and cannot be sent", place(path))]
    Unknown {
        /// The names down to it.
        path: Vec<String>,
    },
}

fn place(path: &[String]) -> String {
    if path.is_empty() {
        return String::new();
    }
    format!(" (at `{}`)", path.join("."))
}

impl Spec {
    /// The spec that a plugin sent; `None` is an error, since no spec is for the caller to understand.
    ///
    /// A name that is missing is that under which an object has the part. It does not reach further: not through a
    /// default, an array or a block.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the spec. The path of each diagnostic leads to the part; places are in the text of
    /// the type or literal.
    pub fn from_wire<'w>(wire: impl Into<Option<&'w WireSpec>>) -> Result<Self, Diagnostics> {
        let mut reader = Reader::default();
        let Some(wire) = wire.into() else {
            reader.error::<()>(
                "nil spec given",
                "A plugin without a configuration has no spec to be read.",
            );
            return Err(reader.diagnostics);
        };
        reader.spec(wire, "").ok_or(reader.diagnostics)
    }

    /// The spec for a peer of the plugin protocol. Descriptions stay behind, and the types of literals: a list is sent as
    /// the tuple of its elements.
    ///
    /// # Errors
    ///
    /// What the protocol cannot say: tuples and objects of blocks, labels, expressions, transforms and checks.
    pub fn to_wire(&self) -> Result<WireSpec, WireError> {
        write(self, &mut Vec::new())
    }
}

#[derive(Default)]
struct Reader {
    diagnostics: Diagnostics,
    path: Vec<String>,
    depth: usize,
}

impl Reader {
    fn spec(&mut self, wire: &WireSpec, implied: &str) -> Option<Spec> {
        if self.depth >= MAX_DEPTH {
            return self.error("Nesting too deep", "Specs are nested too deep here.");
        }
        self.depth += 1;
        let spec = self.node(wire, implied);
        self.depth -= 1;
        spec
    }

    fn node(&mut self, wire: &WireSpec, implied: &str) -> Option<Spec> {
        match wire {
            WireSpec::Unset => self.error("Invalid spec block", "A message without a spec is not expected here."),
            WireSpec::Object(parts) => self.object(parts),
            WireSpec::Array(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| self.spec(part, "")).collect();
                parts.into_iter().collect::<Option<_>>().map(Spec::Array)
            }
            WireSpec::Attr {
                name,
                type_text,
                required,
            } => {
                let ty = self.ty(type_text);
                let name = self.name(name, implied, "attribute");
                let required = *required;
                Some(Spec::Attr {
                    name: name?,
                    ty: ty?,
                    required,
                })
            }
            WireSpec::Block { name, required, nested } => {
                let nested = self.nested(nested.as_deref())?;
                // A block without a name is none that could be in a body, which is how the protocol's other side has it.
                let name = if name.is_empty() { implied } else { name };
                let required = *required;
                Some(Spec::Block {
                    name: name.to_owned(),
                    required,
                    nested,
                })
            }
            WireSpec::BlockAttrs {
                name,
                type_text,
                required,
            } => {
                let ty = self.ty(type_text);
                let name = self.name(name, implied, "block_attrs");
                let required = *required;
                Some(Spec::BlockAttrs {
                    name: name?,
                    ty: ty?,
                    required,
                })
            }
            WireSpec::BlockList(blocks) => self.blocks(blocks, implied, "block_list").map(Spec::BlockList),
            WireSpec::BlockSet(blocks) => self.blocks(blocks, implied, "block_set").map(Spec::BlockSet),
            WireSpec::BlockMap { name, labels, nested } => self.block_map(name, labels, nested.as_deref(), implied),
            WireSpec::Default { primary, default } => {
                let primary = self.nested(primary.as_deref());
                let default = self.nested(default.as_deref());
                Some(Spec::Default {
                    primary: primary?,
                    default: default?,
                })
            }
            WireSpec::Literal(text) => match Spec::literal_expression(text) {
                Ok(literal) => Some(literal),
                Err(found) => self.report(found),
            },
        }
    }

    fn object(&mut self, parts: &BTreeMap<String, WireSpec>) -> Option<Spec> {
        let mut read = indexmap::IndexMap::with_capacity(parts.len());
        let mut all = true;
        for (name, part) in parts {
            self.path.push(name.clone());
            match self.spec(part, name) {
                Some(part) => {
                    read.insert(crate::cty::nfc(name.clone()), part);
                }
                None => all = false,
            }
            self.path.pop();
        }
        all.then_some(Spec::Object(read))
    }

    fn blocks(&mut self, wire: &WireBlocks, implied: &str, kind: &str) -> Option<Blocks> {
        let nested = self.nested(wire.nested.as_deref());
        let name = self.name(&wire.name, implied, kind);
        let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        Some(Blocks {
            name: name?,
            min: count(wire.min_items),
            max: Some(count(wire.max_items)).filter(|max| *max > 0),
            nested: nested?,
        })
    }

    fn block_map(&mut self, name: &str, labels: &[String], nested: Option<&WireSpec>, implied: &str) -> Option<Spec> {
        let nested = self.nested(nested);
        let name = self.name(name, implied, "block_map");
        if labels.is_empty() {
            let detail = "Blocks that are told apart by labels have one label at least.";
            return self.error("Invalid block label name list", detail);
        }
        let nested = nested?;
        if nested.implied_type().has_any() {
            let detail = "All blocks of a block_map have one type, so it cannot have parts of type any.";
            return self.error("Invalid block_map spec", detail);
        }
        let labels = labels.to_vec();
        Some(Spec::BlockMap(LabelledBlocks {
            name: name?,
            labels,
            nested,
        }))
    }

    fn nested(&mut self, wire: Option<&WireSpec>) -> Option<Box<Spec>> {
        match wire {
            Some(wire) => self.spec(wire, "").map(Box::new),
            None => self.error("Missing spec block", "This spec needs a nested one, and has none."),
        }
    }

    fn name(&mut self, explicit: &str, implied: &str, kind: &str) -> Option<String> {
        let name = if explicit.is_empty() { implied } else { explicit };
        if name.is_empty() {
            let detail = "The name must be given: it is the name that is looked for in the input.";
            return self.error(format!("Missing name in {kind} spec"), detail);
        }
        Some(name.to_owned())
    }

    fn ty(&mut self, text: &str) -> Option<Type> {
        match super::text::parse_type(Source::new(SOURCE, text.to_owned())) {
            Ok(ty) => Some(ty),
            Err(found) => self.report(found),
        }
    }

    fn report<T>(&mut self, found: Diagnostics) -> Option<T> {
        let path = &self.path;
        self.diagnostics
            .extend(found.into_iter().map(|diagnostic| diagnostic.with_path(path.clone())));
        None
    }

    fn error<T>(&mut self, summary: impl Into<String>, detail: &str) -> Option<T> {
        self.report(Diagnostic::error(summary, detail).into())
    }
}

fn write(spec: &Spec, path: &mut Vec<String>) -> Result<WireSpec, WireError> {
    let no = |node: &'static str| {
        Err(WireError::Node {
            node,
            path: path.clone(),
        })
    };
    Ok(match spec {
        Spec::Object(parts) => {
            let parts = parts.iter().map(|(name, part)| {
                path.push(name.clone());
                let part = write(part, path)?;
                path.pop();
                Ok((name.clone(), part))
            });
            WireSpec::Object(parts.collect::<Result<_, _>>()?)
        }
        Spec::Array(parts) => {
            let parts = parts.iter().map(|part| write(part, path));
            WireSpec::Array(parts.collect::<Result<_, _>>()?)
        }
        Spec::Attr { name, ty, required } => WireSpec::Attr {
            name: name.clone(),
            type_text: ty.to_string(),
            required: *required,
        },
        Spec::Block { name, required, nested } => WireSpec::Block {
            name: name.clone(),
            required: *required,
            nested: write_nested(name, nested, path)?,
        },
        Spec::BlockAttrs { name, ty, required } => WireSpec::BlockAttrs {
            name: name.clone(),
            type_text: ty.to_string(),
            required: *required,
        },
        Spec::BlockList(blocks) => WireSpec::BlockList(write_blocks(blocks, path)?),
        Spec::BlockSet(blocks) => WireSpec::BlockSet(write_blocks(blocks, path)?),
        Spec::BlockMap(blocks) => WireSpec::BlockMap {
            name: blocks.name.clone(),
            labels: blocks.labels.clone(),
            nested: write_nested(&blocks.name, &blocks.nested, path)?,
        },
        Spec::Default { primary, default } => WireSpec::Default {
            primary: Some(Box::new(write(primary, path)?)),
            default: Some(Box::new(write(default, path)?)),
        },
        Spec::Literal(value) => WireSpec::Literal(write_literal(value, path)?),
        Spec::Described { nested, .. } => write(nested, path)?,
        Spec::BlockTuple(_) => return no("block_tuple"),
        Spec::BlockObject(_) => return no("block_object"),
        Spec::BlockLabel { .. } => return no("block_label"),
        Spec::BlockPlace => return no("the place of a block"),
        Spec::Expression(_) => return no("expression"),
        Spec::Transform { .. } => return no("transform"),
        Spec::Validate { .. } => return no("check by a function"),
    })
}

fn write_nested(name: &str, nested: &Spec, path: &mut Vec<String>) -> Result<Option<Box<WireSpec>>, WireError> {
    path.push(name.to_owned());
    let nested = write(nested, path)?;
    path.pop();
    Ok(Some(Box::new(nested)))
}

fn write_blocks(blocks: &Blocks, path: &mut Vec<String>) -> Result<WireBlocks, WireError> {
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    Ok(WireBlocks {
        name: blocks.name.clone(),
        min_items: count(blocks.min),
        max_items: blocks.max.map_or(0, count),
        nested: write_nested(&blocks.name, &blocks.nested, path)?,
    })
}

fn write_literal(value: &Value, path: &[String]) -> Result<String, WireError> {
    if value.contains_unknown() {
        return Err(WireError::Unknown { path: path.to_vec() });
    }
    Ok(Spec::literal_text(value))
}
