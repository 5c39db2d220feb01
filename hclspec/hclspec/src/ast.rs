//! The syntax tree that is evaluated and decoded. It knows nothing of the parser that it comes from.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use hcl_edit::expr::{BinaryOperator, UnaryOperator};

use crate::{Context, Diagnostics, Source, Span, Type, Value, decode, eval, parse, types};

/// Arguments and blocks: a whole file, or what a block holds.
///
/// Clones are cheap and share the tree.
#[derive(Clone)]
pub struct Body {
    pub(crate) source: Arc<Source>,
    pub(crate) node: Arc<BodyNode>,
}

/// An argument: `name = value`.
#[derive(Clone)]
pub struct Attribute {
    pub(crate) name: String,
    pub(crate) name_range: Range<usize>,
    pub(crate) value: Expression,
}

/// A block: `type "label" { .. }`.
#[derive(Clone)]
pub struct Block {
    pub(crate) name: String,
    pub(crate) name_range: Range<usize>,
    pub(crate) labels: Vec<Label>,
    pub(crate) body: Body,
    pub(crate) range: Range<usize>,
}

/// A label of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    text: String,
    span: Span,
}

/// An expression.
///
/// Clones are cheap and share the tree.
#[derive(Clone)]
pub struct Expression {
    pub(crate) source: Arc<Source>,
    pub(crate) node: Arc<Expr>,
}

impl Body {
    /// The longest text that is parsed, in bytes: 4 MiB.
    pub const MAX_LEN: usize = parse::MAX_LEN;

    /// Parses a file.
    ///
    /// # Errors
    /// What is wrong with the syntax, with its place. Also texts over [`Body::MAX_LEN`], nesting deeper than 64
    /// levels, object expressions of more than 4096 keys, and control characters.
    #[expect(clippy::needless_pass_by_value, reason = "a body keeps its source")]
    pub fn parse(source: Arc<Source>) -> Result<Self, Diagnostics> {
        parse::body(&source)
    }

    /// The arguments, in the order of the text.
    pub fn attributes(&self) -> &[Attribute] {
        &self.node.attributes
    }

    /// The blocks, in the order of the text.
    pub fn blocks(&self) -> &[Block] {
        &self.node.blocks
    }

    /// The argument of a name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.node.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// The blocks of a type.
    pub fn blocks_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Block> {
        self.node.blocks.iter().filter(move |block| block.name == name)
    }

    /// The source.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// The whole body, braces included where there are any.
    pub fn span(&self) -> Span {
        Span::new(&self.source, self.node.range.clone())
    }

    /// The place of the value at a path of names, such as `["logging", "type"]`: the exact place of its deepest part
    /// that is written in the body as an argument or a block.
    pub fn locate(&self, path: &[&str]) -> Option<Span> {
        let (name, rest) = path.split_first()?;
        if let Some(attribute) = self.attribute(name) {
            return Some(attribute.value.span());
        }
        let block = self.blocks_of(name).next()?;
        block.body.locate(rest).or_else(|| Some(block.name_span()))
    }
}

impl Attribute {
    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The place of the name.
    pub fn name_span(&self) -> Span {
        Span::new(&self.value.source, self.name_range.clone())
    }

    /// The place of name and value.
    pub fn span(&self) -> Span {
        Span::new(&self.value.source, self.name_range.start..self.value.node.range.end)
    }

    /// The value.
    pub fn value(&self) -> &Expression {
        &self.value
    }
}

impl Block {
    /// The type of the block.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The place of the type.
    pub fn name_span(&self) -> Span {
        Span::new(&self.body.source, self.name_range.clone())
    }

    /// The place of type and labels.
    pub fn header_span(&self) -> Span {
        let end = self
            .labels
            .last()
            .map_or(self.name_range.end, |label| label.span.range().end);
        Span::new(&self.body.source, self.name_range.start..end)
    }

    /// The labels.
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// What the block holds.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// The place of the whole block.
    pub fn span(&self) -> Span {
        Span::new(&self.body.source, self.range.clone())
    }
}

impl Label {
    pub(crate) fn new(text: String, span: Span) -> Self {
        Self { text, span }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its place, quotes included.
    pub fn span(&self) -> &Span {
        &self.span
    }
}

impl Expression {
    /// Parses a single expression.
    ///
    /// # Errors
    /// As of [`Body::parse`].
    #[expect(clippy::needless_pass_by_value, reason = "an expression keeps its source")]
    pub fn parse(source: Arc<Source>) -> Result<Self, Diagnostics> {
        parse::expression(&source)
    }

    /// The place.
    pub fn span(&self) -> Span {
        Span::new(&self.source, self.node.range.clone())
    }

    /// The value.
    ///
    /// # Errors
    /// Whatever in the expression has no value, each with its place.
    pub fn evaluate(&self, context: &Context) -> Result<Value, Diagnostics> {
        self.decode(&Type::Any, context)
    }

    /// The value, converted to a type.
    ///
    /// # Errors
    /// As of [`Expression::evaluate`], and every part of the value that has no conversion.
    pub fn decode(&self, ty: &Type, context: &Context) -> Result<Value, Diagnostics> {
        decode::expression(self, ty, context)
    }

    /// The names of the variables that it refers to, each with its place.
    pub fn variables(&self) -> Vec<(String, Span)> {
        let found = eval::variables(&self.node);
        let spans = found
            .into_iter()
            .map(|(name, range)| (name, Span::new(&self.source, range)));
        spans.collect()
    }

    /// The attributes of a variable that it refers to, each with its place: `a` for `local.a`, if `root` is `local`.
    pub fn references(&self, root: &str) -> Vec<(String, Span)> {
        let found = eval::references(&self.node, root);
        let spans = found
            .into_iter()
            .map(|(name, range)| (name, Span::new(&self.source, range)));
        spans.collect()
    }

    /// The expression read as a type: `list(map(string))`.
    ///
    /// # Errors
    /// The part that is not a type.
    pub fn to_type(&self) -> Result<Type, Diagnostics> {
        types::from_expression(self)
    }
}

/// The source's text may hold secrets: places alone.
macro_rules! debug_as_span {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.span()).finish()
            }
        }
    )*};
}

debug_as_span!(Body, Attribute, Block, Expression);

pub(crate) struct BodyNode {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) range: Range<usize>,
}

pub(crate) struct Expr {
    pub(crate) kind: Kind,
    pub(crate) range: Range<usize>,
}

pub(crate) enum Kind {
    Literal(Value),
    Template(Vec<Part>),
    List(Vec<Arc<Expr>>),
    Map(Vec<(Expr, Arc<Expr>)>),
    Variable(String),
    Traversal(Box<Expr>, Vec<Step>),
    Call(Call),
    Conditional(Box<[Expr; 3]>),
    Unary(UnaryOperator, Box<Expr>),
    Binary(BinaryOperator, Box<[Expr; 2]>),
    For(Box<For>),
}

pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) name_range: Range<usize>,
    pub(crate) arguments: Vec<Expr>,
    /// Whether the last argument is a list of further arguments (`...`).
    pub(crate) expand: bool,
}

pub(crate) struct Step {
    pub(crate) kind: StepKind,
    pub(crate) range: Range<usize>,
}

pub(crate) enum StepKind {
    Attribute(String),
    Index(Expr),
    /// `[*]`: all further steps are taken for each element.
    FullSplat,
    /// `.*`: the attributes that follow are taken for each element.
    AttributeSplat,
}

pub(crate) struct For {
    pub(crate) key_name: Option<String>,
    pub(crate) value_name: String,
    pub(crate) collection: Expr,
    /// The key of each entry, where an object is made.
    pub(crate) key: Option<Expr>,
    pub(crate) value: Expr,
    pub(crate) grouping: bool,
    pub(crate) condition: Option<Expr>,
}

/// A part of a template.
pub(crate) struct Part {
    pub(crate) kind: PartKind,
    pub(crate) range: Range<usize>,
}

pub(crate) enum PartKind {
    Text(String),
    Interpolation(Expr),
    If {
        condition: Expr,
        then: Vec<Part>,
        otherwise: Vec<Part>,
    },
    For {
        key_name: Option<String>,
        value_name: String,
        collection: Expr,
        body: Vec<Part>,
    },
}
