//! Bodies: what a file or a block holds, native or JSON.

mod assigned;
mod dynamic;
mod json;
mod locate;
mod merged;
mod native;
mod schema;

use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use encamp_hclspec_syntax as syntax;
use indexmap::IndexMap;
use syntax::{Range, SmolStr, json::Node};

use self::assigned::Assigned;
use self::dynamic::Dynamic;
use self::native::Native;
pub use self::schema::Schema;
use crate::{Diagnostic, Diagnostics, Expression, Source, Span, Spellings};

/// Arguments and blocks: of a file, of a block, or of several files together.
///
/// In the JSON syntax only a schema tells arguments from blocks, so a body is asked for its [`content`](Self::content)
/// by a [`Schema`]. Cheap to clone.
#[derive(Clone)]
pub struct Body {
    source: Arc<Source>,
    kind: Kind,
    /// Of the block that it is of.
    header: Option<Range>,
}

#[derive(Clone)]
enum Kind {
    Native(Native),
    Json(Arc<Node>),
    /// An object where a block could stand.
    Assigned(Arc<Assigned>),
    Merged(Arc<[Body]>),
    /// With dynamic blocks made out.
    Dynamic(Arc<Dynamic>),
}

/// `name = value`.
#[derive(Clone, Debug)]
pub struct Attribute {
    pub(crate) name: SmolStr,
    pub(crate) name_range: Range,
    pub(crate) value: Expression,
}

/// `name "label" { .. }`.
#[derive(Clone, Debug)]
pub struct Block {
    pub(crate) name: SmolStr,
    pub(crate) name_range: Range,
    /// What names the block in messages: from its type to its last label; in JSON the bracket that opens it.
    pub(crate) header: Range,
    pub(crate) labels: Vec<Label>,
    pub(crate) body: Body,
}

/// A label of a block.
#[derive(Clone, Debug)]
pub struct Label {
    pub(crate) text: SmolStr,
    pub(crate) source: Arc<Source>,
    pub(crate) range: Range,
}

/// What a body holds, by a schema.
#[derive(Clone, Debug, Default)]
pub struct Content {
    /// The arguments that the schema names.
    pub attributes: IndexMap<SmolStr, Attribute>,
    /// The blocks that the schema names, in source order.
    pub blocks: Vec<Block>,
    /// Objects that are assigned where the schema names blocks. Only with [`Spellings::Every`].
    pub(crate) assigned: Vec<Attribute>,
    /// Blocks where the schema names arguments. Not with [`Spellings::Strict`].
    pub(crate) strays: Vec<Block>,
}

/// How a body is asked.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'s> {
    pub(crate) schema: &'s Schema,
    pub(crate) spellings: Spellings,
    /// Whether names that the schema does not have are passed over.
    pub(crate) partial: bool,
}

impl Body {
    /// A body of the native syntax.
    ///
    /// # Errors
    ///
    /// All errors of the syntax. [`parse_lossy`](Self::parse_lossy) gives what could be made out beside them.
    #[expect(clippy::needless_pass_by_value, reason = "a body keeps its source")]
    pub fn parse(source: Arc<Source>) -> Result<Self, Diagnostics> {
        let (body, diagnostics) = Self::parse_lossy(&source);
        diagnostics.into_result(body)
    }

    /// A body of the native syntax, as far as it could be made out, and what is wrong with its syntax.
    pub fn parse_lossy(source: &Arc<Source>) -> (Self, Diagnostics) {
        let (body, diagnostics) = syntax::parse_body(source);
        (Self::new(source, Kind::Native(Native::Text(body))), diagnostics)
    }

    /// A body of the JSON syntax.
    ///
    /// # Errors
    ///
    /// All errors of the syntax, and a text that is neither an object nor an array.
    #[expect(clippy::needless_pass_by_value, reason = "a body keeps its source")]
    pub fn parse_json(source: Arc<Source>) -> Result<Self, Diagnostics> {
        let (body, diagnostics) = Self::parse_json_lossy(&source);
        diagnostics.into_result(body)
    }

    /// A body of the JSON syntax, as far as it could be made out, and what is wrong with its syntax.
    pub fn parse_json_lossy(source: &Arc<Source>) -> (Self, Diagnostics) {
        let (node, diagnostics) = syntax::json::parse(source);
        (Self::new(source, Kind::Json(node)), diagnostics)
    }

    /// A body of the JSON syntax where the source's name ends in `.json`, else of the native one.
    ///
    /// # Errors
    ///
    /// All errors of the syntax.
    pub fn read(source: Arc<Source>) -> Result<Self, Diagnostics> {
        let extension = Path::new(source.name()).extension();
        if extension.is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
            Self::parse_json(source)
        } else {
            Self::parse(source)
        }
    }

    /// A body of a JSON value that is parsed already, as an API sends it.
    ///
    /// Strings in it are templates, as in any body of the JSON syntax. Places are those of the value written out with
    /// indentation, which is the text of [`Body::source`].
    ///
    /// # Errors
    ///
    /// A value that is neither an object nor an array.
    pub fn from_json(name: &str, value: &serde_json::Value) -> Result<Self, Diagnostics> {
        Self::parse_json(Source::new(name, format!("{value:#}")))
    }

    /// Several bodies as one: the arguments and blocks of all of them, in their order.
    ///
    /// An argument may be in one of them only.
    pub fn merged(bodies: impl IntoIterator<Item = Self>) -> Self {
        let bodies: Vec<Self> = bodies.into_iter().collect();
        if let [single] = bodies.as_slice() {
            return single.clone();
        }
        let source = bodies.first().map(|first| Arc::clone(&first.source));
        let source = source.unwrap_or_else(|| Source::new("", String::new()));
        Self::new(&source, Kind::Merged(bodies.into()))
    }

    /// The same body, where `dynamic` blocks stand for the blocks that they make, on all levels.
    ///
    /// `dynamic "x" { for_each = xs  content { .. } }` makes a block of type `x` for each element of `xs`, which is
    /// `x.key` and `x.value` in it; `iterator = name` gives the variable another name, and `labels = [..]` are the
    /// block's labels. The context is what `for_each` and `labels` are evaluated in; what is in the blocks is evaluated
    /// when it is asked for. Together the dynamic blocks of a body make 100,000 blocks at most, counted each time that they are asked for.
    #[must_use]
    pub fn with_dynamic_blocks(&self, context: &crate::Context) -> Self {
        let dynamic = Dynamic::new(self.clone(), context);
        Self::new(&self.source, Kind::Dynamic(Arc::new(dynamic)))
    }

    /// What the body holds, by a schema. What the schema does not name is an error, and so is what it requires and is
    /// missing.
    pub fn content(&self, schema: &Schema) -> (Content, Diagnostics) {
        self.ask(schema, false)
    }

    /// What the schema names of the body; whatever else it holds is passed over.
    pub fn partial_content(&self, schema: &Schema) -> (Content, Diagnostics) {
        self.ask(schema, true)
    }

    fn ask(&self, schema: &Schema, partial: bool) -> (Content, Diagnostics) {
        let asked = Asked {
            schema,
            spellings: Spellings::Strict,
            partial,
        };
        let mut diagnostics = Diagnostics::new();
        let content = self.answer(asked, &mut diagnostics);
        (content, diagnostics)
    }

    pub(crate) fn answer(&self, asked: Asked<'_>, diagnostics: &mut Diagnostics) -> Content {
        let content = self.parts(asked, diagnostics);
        self.report_missing(asked.schema, &content, diagnostics);
        content
    }

    /// The same, where it is no error that something is missing: it may yet come from elsewhere.
    pub(crate) fn parts(&self, asked: Asked<'_>, diagnostics: &mut Diagnostics) -> Content {
        match &self.kind {
            Kind::Native(node) => native::content(&self.source, node.node(), asked, diagnostics),
            Kind::Json(node) => json::content(&self.source, node, asked, diagnostics),
            Kind::Assigned(assigned) => assigned.content(asked, diagnostics),
            Kind::Merged(bodies) => merged::content(bodies, asked, diagnostics),
            Kind::Dynamic(dynamic) => dynamic.content(asked, diagnostics),
        }
    }

    fn report_missing(&self, schema: &Schema, content: &Content, diagnostics: &mut Diagnostics) {
        let strays: HashSet<&str> = content.strays.iter().map(|block| block.name.as_str()).collect();
        let is_missing = |name: &&str| !content.attributes.contains_key(*name) && !strays.contains(*name);
        for name in schema.required().filter(is_missing) {
            let place = match self.kind {
                Kind::Assigned(_) => self.span(),
                _ => self.missing_span(),
            };
            let detail = format!("The argument \"{name}\" is required, but it is not set.");
            let diagnostic = Diagnostic::error("Missing required argument", detail).with_span(place);
            diagnostics.push(diagnostic.with_path([name]));
        }
    }

    /// Every argument of a body that has no blocks.
    pub fn just_attributes(&self) -> (Vec<Attribute>, Diagnostics) {
        let mut diagnostics = Diagnostics::new();
        let attributes = self.all_attributes(&mut diagnostics);
        (attributes, diagnostics)
    }

    pub(crate) fn all_attributes(&self, diagnostics: &mut Diagnostics) -> Vec<Attribute> {
        match &self.kind {
            Kind::Native(node) => native::attributes(&self.source, node.node(), diagnostics),
            Kind::Json(node) => json::attributes(&self.source, node, diagnostics),
            Kind::Assigned(assigned) => assigned.attributes.clone(),
            Kind::Merged(bodies) => merged::attributes(bodies, diagnostics),
            Kind::Dynamic(dynamic) => dynamic.attributes(diagnostics),
        }
    }

    /// Every argument and every block of a body, whatever they are called. A JSON body has no blocks this way.
    pub fn everything(&self) -> (Vec<Attribute>, Vec<Block>) {
        match &self.kind {
            Kind::Native(node) => native::everything(&self.source, node.node()),
            Kind::Merged(bodies) => {
                let (attributes, blocks): (Vec<_>, Vec<_>) = bodies.iter().map(Self::everything).unzip();
                (attributes.concat(), blocks.concat())
            }
            Kind::Dynamic(dynamic) => dynamic.everything(),
            Kind::Json(_) | Kind::Assigned(_) => (self.all_attributes(&mut Diagnostics::new()), Vec::new()),
        }
    }

    /// The text that the body is from; of merged bodies that of the first.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// How many bytes of text it is from.
    pub(crate) fn text_len(&self) -> usize {
        match &self.kind {
            Kind::Merged(bodies) => bodies.iter().map(Self::text_len).sum(),
            _ => self.source.text().len(),
        }
    }

    /// All of the body; of a block's body with its braces.
    pub fn span(&self) -> Span {
        self.at(match &self.kind {
            Kind::Native(node) => node.node().range,
            Kind::Json(node) => node.range,
            Kind::Assigned(assigned) => assigned.range,
            Kind::Merged(bodies) => return bodies.first().map_or_else(|| self.at(Range::default()), Self::span),
            Kind::Dynamic(dynamic) => return dynamic.inner().span(),
        })
    }

    /// What names the block that the body is of, as [`Block::header_span`]; of a file the same as
    /// [`missing_span`](Self::missing_span).
    pub fn header_span(&self) -> Span {
        self.header
            .map_or_else(|| self.missing_span(), |header| self.at(header))
    }

    /// The same, of a block.
    fn of_block(self, header: Range) -> Self {
        Self {
            header: Some(header),
            ..self
        }
    }

    /// Where something is missing that the body should have.
    pub fn missing_span(&self) -> Span {
        self.at(match &self.kind {
            Kind::Native(node) => Range::empty(node.node().range.start),
            Kind::Json(node) => json::missing_range(node),
            Kind::Assigned(assigned) => Range::empty(assigned.range.start),
            Kind::Merged(bodies) => {
                return bodies
                    .first()
                    .map_or_else(|| self.at(Range::default()), Self::missing_span);
            }
            Kind::Dynamic(dynamic) => return dynamic.inner().missing_span(),
        })
    }

    fn new(source: &Arc<Source>, kind: Kind) -> Self {
        Self {
            source: Arc::clone(source),
            kind,
            header: None,
        }
    }

    fn at(&self, range: Range) -> Span {
        Span::new(&self.source, range.into())
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Body").field(&self.span()).finish()
    }
}

impl Attribute {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Of the name.
    pub fn name_span(&self) -> Span {
        Span::new(self.value.source(), self.name_range.into())
    }

    /// From the name to the end of the value.
    pub fn span(&self) -> Span {
        let end = self.value.span().range().end;
        Span::new(self.value.source(), self.name_range.start as usize..end)
    }

    /// Its value.
    pub fn value(&self) -> &Expression {
        &self.value
    }
}

impl Block {
    /// Its type.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Of its type; in JSON of the property's name.
    pub fn name_span(&self) -> Span {
        self.body.at(self.name_range)
    }

    /// From its type to its last label; in JSON the bracket that opens it.
    pub fn header_span(&self) -> Span {
        self.body.at(self.header)
    }

    /// Its labels.
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// What it holds.
    pub fn body(&self) -> &Body {
        &self.body
    }
}

impl Label {
    /// Without quotes and escapes.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// With its quotes, if it has some.
    pub fn span(&self) -> Span {
        Span::new(&self.source, self.range.into())
    }
}
