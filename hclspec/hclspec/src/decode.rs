//! Bodies into values, by a schema.

mod blocks;
mod typed;

use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::eval::Evaluator;
use crate::{Body, Context, Diagnostic, Diagnostics, Expression, Source, Span, Spec, Type, Value, suggest};

/// Decodes a body by a schema.
///
/// ```
/// use encamp_hclspec::{Body, Context, Source, Spec, Type, decode};
///
/// let spec = Spec::object([
///     ("image", Spec::attr("image", Type::String).required()),
///     ("args", Spec::attr("args", Type::list(Type::String))),
/// ]);
/// let source = Source::new("task.hcl", "image = \"busybox:${tag}\"".to_owned());
/// let context = Context::new().with_variable("tag", "1.36");
/// let value = decode(&spec, &Body::parse(source)?, &context)?;
/// assert_eq!(value.get("image").and_then(|image| image.as_str()), Some("busybox:1.36"));
/// # Ok::<(), encamp_hclspec::Diagnostics>(())
/// ```
///
/// # Errors
/// Every problem of the body, each with its place.
pub fn decode(spec: &Spec, body: &Body, context: &Context) -> Result<Value, Diagnostics> {
    let mut decoder = Decoder::new(&body.source, context);
    let value = decoder.body(spec, body);
    decoder.finish(value)
}

/// Decodes what a schema names of a body, and leaves the body's other arguments and blocks alone.
///
/// # Errors
/// As of [`decode`], without those for names that the schema does not have at its top level.
pub fn decode_part(spec: &Spec, body: &Body, context: &Context) -> Result<Value, Diagnostics> {
    let mut decoder = Decoder::new(&body.source, context);
    let value = decoder.part(spec, body);
    decoder.finish(value)
}

pub(crate) fn expression(expression: &Expression, ty: &Type, context: &Context) -> Result<Value, Diagnostics> {
    let mut decoder = Decoder::new(&expression.source, context);
    let value = decoder.typed(&expression.node, ty).unwrap_or_default();
    decoder.finish(value)
}

struct Decoder<'c> {
    source: &'c Arc<Source>,
    evaluator: Evaluator<'c>,
    diagnostics: Diagnostics,
    path: Vec<String>,
}

impl<'c> Decoder<'c> {
    fn new(source: &'c Arc<Source>, context: &'c Context) -> Self {
        Self {
            source,
            evaluator: Evaluator::new(source, context),
            diagnostics: Diagnostics::new(),
            path: Vec::new(),
        }
    }

    fn finish(mut self, value: Value) -> Result<Value, Diagnostics> {
        self.diagnostics.sort();
        self.diagnostics.into_result(value)
    }

    fn error(&mut self, summary: impl Into<String>, detail: impl Into<String>, range: &Range<usize>) {
        self.report(Diagnostic::error(summary, detail), range);
    }

    fn report(&mut self, diagnostic: Diagnostic, range: &Range<usize>) {
        let span = Span::new(self.source, range.clone());
        self.diagnostics
            .push(diagnostic.with_span(span).with_path(self.path.clone()));
    }

    /// Runs `work` with a name added to the path.
    fn under<T>(&mut self, name: impl Into<String>, work: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(name.into());
        let result = work(self);
        self.path.pop();
        result
    }

    fn body(&mut self, spec: &Spec, body: &Body) -> Value {
        let mut schema = Vec::new();
        collect(spec, &mut schema);
        self.check_names(&schema, body);
        self.part(spec, body)
    }

    /// Reports every argument and block that the schema does not have.
    fn check_names(&mut self, schema: &[Known<'_>], body: &Body) {
        for attribute in body.attributes() {
            let Some(known) = schema.iter().find(|known| known.name == attribute.name) else {
                let hint = suggest::hint(&attribute.name, schema.iter().map(|known| known.name));
                let detail = format!("An argument named \"{}\" is not expected here.{hint}", attribute.name);
                let name = attribute.name.clone();
                self.under(name, |decoder| {
                    decoder.error("Unsupported argument", detail, &attribute.name_range);
                });
                continue;
            };
            if !known.as_argument {
                let detail = format!(
                    "\"{0}\" is a block with labels here, not an argument. Write {0} \"label\" {{ .. }}.",
                    attribute.name
                );
                self.error("Unsupported argument", detail, &attribute.name_range);
            }
        }
        for block in body.blocks() {
            let Some(known) = schema.iter().find(|known| known.name == block.name) else {
                let hint = suggest::hint(&block.name, schema.iter().map(|known| known.name));
                let detail = format!("Blocks of type \"{}\" are not expected here.{hint}", block.name);
                let name = block.name.clone();
                self.under(name, |decoder| {
                    decoder.error("Unsupported block type", detail, &block.name_range);
                });
                continue;
            };
            if !known.as_block {
                let detail = format!("\"{0}\" is an argument here, not a block. Write {0} = ..", block.name);
                self.error("Unsupported block type", detail, &block.name_range);
            }
        }
    }

    fn part(&mut self, spec: &Spec, body: &Body) -> Value {
        match spec {
            Spec::Object(parts) => {
                let parts = parts.iter().map(|(name, spec)| (name.clone(), self.part(spec, body)));
                Value::Map(parts.collect::<IndexMap<_, _>>())
            }
            Spec::Attr { name, ty, required } => self.attribute(name, ty, *required, body),
            Spec::Block { name, required, nested } => self.block(name, *required, nested, body),
            Spec::BlockList { name, min, max, nested } => self.block_list(name, (*min, *max), nested, body),
            Spec::BlockMap { name, labels, nested } => self.block_map(name, labels, nested, body),
            Spec::BlockAttrs { name, ty, required } => self.block_attrs(name, ty, *required, body),
            Spec::Default { primary, default } => match self.part(primary, body) {
                Value::Null => self.part(default, body),
                value => value,
            },
            Spec::Literal(value) => value.clone(),
        }
    }

    fn attribute(&mut self, name: &str, ty: &Type, required: bool, body: &Body) -> Value {
        let attribute = body.attribute(name);
        let has_blocks = takes_blocks(ty) && body.blocks_of(name).next().is_some();
        if attribute.is_none() && !has_blocks {
            if required {
                self.missing("argument", name, body);
            }
            return Value::Null;
        }
        self.under(name, |decoder| {
            if takes_blocks(ty) {
                return decoder.map_like(name, ty, body);
            }
            let value = attribute.and_then(|attribute| decoder.typed(&attribute.value.node, ty));
            value.unwrap_or_default()
        })
    }

    fn missing(&mut self, what: &str, name: &str, body: &Body) {
        let detail = format!("The {what} \"{name}\" is required, but it is not set.");
        let summary = format!("Missing required {what}");
        // At the end of a block, where it would be added.
        let end = body.node.range.end;
        let has_brace = body.node.range != (0..self.source.text().len());
        let at = if has_brace {
            end.saturating_sub(1)..end
        } else {
            end..end
        };
        let context = Span::new(self.source, body.node.range.clone());
        self.under(name, |decoder| {
            decoder.report(Diagnostic::error(summary, detail).with_context(context), &at);
        });
    }
}

/// A name that a body may have.
struct Known<'s> {
    name: &'s str,
    as_argument: bool,
    as_block: bool,
}

fn collect<'s>(spec: &'s Spec, names: &mut Vec<Known<'s>>) {
    let (name, as_argument, as_block) = match spec {
        Spec::Object(parts) => return parts.values().for_each(|part| collect(part, names)),
        Spec::Default { primary, default } => {
            collect(primary, names);
            return collect(default, names);
        }
        Spec::Literal(_) => return,
        Spec::Attr { name, ty, .. } => (name, true, takes_blocks(ty)),
        Spec::Block { name, .. } | Spec::BlockList { name, .. } | Spec::BlockAttrs { name, .. } => (name, true, true),
        Spec::BlockMap { name, .. } => (name, false, true),
    };
    match names.iter_mut().find(|known| known.name == name) {
        Some(known) => {
            known.as_argument |= as_argument;
            known.as_block |= as_block;
        }
        None => names.push(Known {
            name,
            as_argument,
            as_block,
        }),
    }
}

/// Whether arguments of this type may be written as blocks.
fn takes_blocks(ty: &Type) -> bool {
    match ty {
        Type::Map(_) | Type::Object(_) | Type::Any => true,
        Type::List(element) => matches!(**element, Type::Map(_) | Type::Object(_)),
        Type::String | Type::Number | Type::Bool | Type::Set(_) => false,
    }
}
