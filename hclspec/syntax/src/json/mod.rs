//! The JSON syntax of HCL: a JSON tree with places, in which every string may be a template.

mod literal;
mod parser;
mod scan;
mod string;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use smol_str::SmolStr;

use crate::{Diagnostics, Range, Source};

/// A JSON value and its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// All of it, brackets and quotes included.
    pub range: Range,
}

/// The kinds of JSON values.
#[derive(Clone, Debug)]
pub enum NodeKind {
    /// `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A number, as it is written.
    Number(SmolStr),
    /// A string, its escapes resolved.
    String(Text),
    /// `[..]`.
    Array(Vec<Arc<Node>>),
    /// `{..}`, with repeated names as they come.
    Object(Vec<Property>),
    /// What could not be parsed, and was reported.
    Invalid,
}

/// `"name": value`.
#[derive(Clone, Debug)]
pub struct Property {
    /// The name, its escapes resolved.
    pub name: Text,
    /// With the quotes.
    pub name_range: Range,
    /// The value.
    pub value: Arc<Node>,
}

/// A JSON string's text.
#[derive(Clone, Debug)]
pub struct Text {
    /// Its escapes resolved.
    pub text: SmolStr,
    /// Whether there were escapes: then offsets into the text are not offsets into the source.
    pub escaped: bool,
}

/// The JSON value that a text is, and what is wrong with it.
///
/// There is always a tree; where there are errors, it is what could be made out. A configuration is an object or an
/// array of objects, so anything else as the outermost value is an error here already.
pub fn parse(source: &Arc<Source>) -> (Arc<Node>, Diagnostics) {
    parser::parse(source)
}
