//! Blocks that are made for each element of a collection: `dynamic "x" { for_each = xs  content { .. } }`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use indexmap::IndexMap;

use super::{Asked, Attribute, Block, Body, Content, Kind, Label, Schema};
use crate::cty::convert;
use crate::{Context, Diagnostic, Diagnostics, Expression, Span, Spellings, Type, Value, did_you_mean};

const DYNAMIC: &str = "dynamic";
/// How many blocks a body may make, counted each time that they are asked for.
const MAX_BLOCKS: usize = 100_000;

/// A body with its dynamic blocks made out.
pub(crate) struct Dynamic {
    inner: Body,
    context: Arc<Context>,
    /// The variables of the dynamic blocks around.
    iterators: Option<Arc<IndexMap<String, Value>>>,
    /// How many blocks may still be made.
    left: Arc<AtomicUsize>,
}

/// What a dynamic block says.
struct Made<'b> {
    block: &'b Block,
    elements: Vec<(Value, Value)>,
    iterator: String,
    labels: Vec<Expression>,
    content: Block,
}

impl Dynamic {
    pub(super) fn new(inner: Body, context: &Context) -> Self {
        Self {
            inner,
            context: Arc::new(context.clone()),
            iterators: None,
            left: Arc::new(AtomicUsize::new(MAX_BLOCKS)),
        }
    }

    pub(super) fn inner(&self) -> &Body {
        &self.inner
    }

    pub(super) fn content(&self, asked: Asked<'_>, diagnostics: &mut Diagnostics) -> Content {
        let schema = asked.schema.with_dynamic(DYNAMIC, "block type");
        let mut content = self.inner.parts(Asked { schema, ..asked }, diagnostics);
        for attribute in content.attributes.values_mut().chain(&mut content.assigned) {
            attribute.value = self.bind(&attribute.value);
        }
        let mut blocks = Vec::with_capacity(content.blocks.len());
        for block in std::mem::take(&mut content.blocks) {
            if block.name != DYNAMIC {
                blocks.push(self.wrap(block));
                continue;
            }
            let Some(name) = block.labels.first() else { continue };
            let labels = asked.schema.labels(&name.text).map(<[String]>::len);
            let is_argument = asked.spellings != Spellings::Strict && asked.schema.has_attribute(&name.text);
            if labels.is_some() {
                blocks.extend(self.expand(&block, name, labels, diagnostics));
            } else if is_argument {
                content.strays.extend(self.expand(&block, name, labels, diagnostics));
            } else if !asked.partial {
                diagnostics.push(unsupported(name, asked.schema));
            }
        }
        content.blocks = blocks;
        content.strays = content.strays.into_iter().map(|block| self.wrap(block)).collect();
        content
    }

    pub(super) fn attributes(&self, diagnostics: &mut Diagnostics) -> Vec<Attribute> {
        let attributes = self.inner.all_attributes(diagnostics).into_iter();
        attributes.map(|attribute| self.bind_attribute(attribute)).collect()
    }

    pub(super) fn everything(&self) -> (Vec<Attribute>, Vec<Block>) {
        let (attributes, blocks) = self.inner.everything();
        let attributes = attributes.into_iter().map(|attribute| self.bind_attribute(attribute));
        let mut all = Vec::with_capacity(blocks.len());
        for block in blocks {
            match block.labels.first() {
                Some(name) if block.name == DYNAMIC => {
                    // What is wrong with it is found when it is asked for by a schema.
                    all.extend(self.expand(&block, name, None, &mut Diagnostics::new()));
                }
                _ => all.push(self.wrap(block)),
            }
        }
        (attributes.collect(), all)
    }

    fn bind_attribute(&self, attribute: Attribute) -> Attribute {
        Attribute {
            value: self.bind(&attribute.value),
            ..attribute
        }
    }

    fn bind(&self, expression: &Expression) -> Expression {
        expression.clone().with_iterators(self.iterators.as_ref())
    }

    /// The block, its body with dynamic blocks too.
    fn wrap(&self, block: Block) -> Block {
        if matches!(block.body.kind, Kind::Dynamic(_)) {
            return block;
        }
        self.wrap_in(block, self.iterators.clone())
    }

    fn wrap_in(&self, block: Block, iterators: Option<Arc<IndexMap<String, Value>>>) -> Block {
        let source = Arc::clone(&block.body.source);
        let dynamic = Self {
            inner: block.body,
            context: Arc::clone(&self.context),
            iterators,
            left: Arc::clone(&self.left),
        };
        Block {
            body: Body::new(&source, Kind::Dynamic(Arc::new(dynamic))).of_block(block.header),
            ..block
        }
    }

    /// The blocks that a dynamic block makes; `labels` is how many labels they have, where that is known.
    fn expand(&self, block: &Block, name: &Label, labels: Option<usize>, diagnostics: &mut Diagnostics) -> Vec<Block> {
        let Some(made) = self.read(block, name, diagnostics) else {
            return Vec::new();
        };
        if let Some(wanted) = labels
            && wanted != made.labels.len()
        {
            let detail = format!(
                "Blocks of type \"{}\" have {wanted} labels, and this dynamic block gives {}: set `labels`.",
                name.text,
                made.labels.len()
            );
            let span = made
                .labels
                .first()
                .map_or_else(|| block.header_span(), Expression::span);
            let problem = Diagnostic::error("Wrong number of dynamic block labels", detail).with_span(span);
            diagnostics.push(problem.with_context(block.header_span()));
            return Vec::new();
        }
        let count = made.elements.len();
        let take = |left: usize| left.checked_sub(count);
        if self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_err()
        {
            let detail = format!("The dynamic blocks of a text make {MAX_BLOCKS} blocks at most.");
            diagnostics.push(Diagnostic::error("Too many dynamic blocks", detail).with_span(block.header_span()));
            return Vec::new();
        }
        let elements = made.elements.iter();
        elements
            .filter_map(|element| self.make(&made, name, element, diagnostics))
            .collect()
    }

    fn read<'b>(&self, block: &'b Block, name: &Label, diagnostics: &mut Diagnostics) -> Option<Made<'b>> {
        let schema = Schema::new()
            .with_required_attribute("for_each")
            .with_attribute("iterator")
            .with_attribute("labels")
            .with_block("content", Vec::<String>::new());
        let (content, found) = block.body.content(&schema);
        let is_wrong = found.has_errors();
        diagnostics.extend(found);
        if is_wrong {
            return None;
        }
        let mut bodies = content.blocks.into_iter();
        let Some(body) = bodies.next() else {
            let detail = "A dynamic block has a nested block of type \"content\": what each of the blocks holds.";
            let problem = Diagnostic::error("Insufficient content blocks", detail);
            diagnostics.push(problem.with_span(block.body.missing_span()));
            return None;
        };
        if let Some(second) = bodies.next() {
            let detail = "A dynamic block has one block of type \"content\".";
            diagnostics.push(Diagnostic::error("Too many content blocks", detail).with_span(second.header_span()));
            return None;
        }
        let iterator = match content.attributes.get("iterator") {
            None => name.text.to_string(),
            Some(attribute) => iterator_name(&attribute.value, diagnostics)?,
        };
        let labels = match content.attributes.get("labels") {
            None => Vec::new(),
            Some(attribute) => self.bind(&attribute.value).elements().or_else(|| {
                let detail = "The labels are a list of texts, written out: labels = [\"..\"].";
                let problem = Diagnostic::error("Invalid dynamic block labels", detail);
                diagnostics.push(problem.with_span(attribute.value.span()));
                None
            })?,
        };
        let for_each = self.bind(&content.attributes.get("for_each")?.value);
        Some(Made {
            block,
            elements: self.elements(&for_each, diagnostics)?,
            iterator,
            labels,
            content: body,
        })
    }

    /// The keys and values of what is iterated over.
    fn elements(&self, for_each: &Expression, diagnostics: &mut Diagnostics) -> Option<Vec<(Value, Value)>> {
        let evaluated = for_each.evaluate_partly(&self.context);
        let is_wrong = evaluated.diagnostics.has_errors();
        diagnostics.extend(evaluated.diagnostics);
        if is_wrong {
            return None;
        }
        let refuse = |detail: String, diagnostics: &mut Diagnostics| {
            let problem = Diagnostic::error("Invalid dynamic for_each value", detail);
            diagnostics.push(problem.with_span(for_each.span()));
            None
        };
        match evaluated.value {
            Value::Set(_, values) => Some(values.into_iter().map(|value| (value.clone(), value)).collect()),
            Value::List(_, values) | Value::Tuple(values) => {
                let keyed = values.into_iter().enumerate();
                Some(keyed.map(|(index, value)| (Value::from(index), value)).collect())
            }
            value @ (Value::Map(..) | Value::Object(_)) => {
                let entries = value.sorted_entries().into_iter();
                Some(
                    entries
                        .map(|(name, value)| (Value::from(name), value.clone()))
                        .collect(),
                )
            }
            Value::Null(_) => refuse("Null cannot be iterated over.".to_owned(), diagnostics),
            Value::Unknown(_) => refuse("The value is not known yet.".to_owned(), diagnostics),
            other => {
                let kind = other.kind();
                refuse(
                    format!("A {kind} cannot be iterated over: a list, a set or a map is needed."),
                    diagnostics,
                )
            }
        }
    }

    fn make(
        &self,
        made: &Made<'_>,
        name: &Label,
        (key, value): &(Value, Value),
        diagnostics: &mut Diagnostics,
    ) -> Option<Block> {
        let variable = Value::object([("key", key.clone()), ("value", value.clone())]);
        let mut iterators = self.iterators.as_deref().cloned().unwrap_or_default();
        iterators.insert(made.iterator.clone(), variable);
        let iterators = Arc::new(iterators);
        let mut labels = Vec::with_capacity(made.labels.len());
        for label in &made.labels {
            let evaluated = label
                .clone()
                .with_iterators(Some(&iterators))
                .evaluate_partly(&self.context);
            let is_wrong = evaluated.diagnostics.has_errors();
            diagnostics.extend(evaluated.diagnostics);
            if is_wrong {
                return None;
            }
            let Ok(Value::String(text)) = convert(evaluated.value, &Type::String) else {
                let detail = "A label is a text, and not null.";
                diagnostics.push(Diagnostic::error("Invalid dynamic block label", detail).with_span(label.span()));
                return None;
            };
            labels.push(Label {
                text: text.into(),
                source: Arc::clone(label.source()),
                range: label.range(),
            });
        }
        let block = Block {
            name: name.text.clone(),
            name_range: name.range,
            header: made.block.header,
            labels,
            body: made.content.body.clone(),
        };
        Some(self.wrap_in(block, Some(iterators)))
    }
}

fn iterator_name(expression: &Expression, diagnostics: &mut Diagnostics) -> Option<String> {
    let variables = expression.variables();
    let name = match variables.as_slice() {
        [only] if only.steps.is_empty() && only.span == expression.span() => Some(only.root.to_string()),
        _ => expression.json_name(),
    };
    if name.is_none() {
        let detail = "The iterator is a bare name, the variable that holds each element: iterator = item.";
        let problem = Diagnostic::error("Invalid dynamic iterator name", detail);
        diagnostics.push(problem.with_span(expression.span()));
    }
    name
}

fn unsupported(name: &Label, schema: &Schema) -> Diagnostic {
    let hint = did_you_mean(&name.text, schema.blocks())
        .map_or_else(String::new, |similar| format!(" Did you mean \"{similar}\"?"));
    let detail = format!("Blocks of type \"{}\" are not expected here.{hint}", name.text);
    let span: Span = name.span();
    Diagnostic::error("Unsupported block type", detail).with_span(span)
}
