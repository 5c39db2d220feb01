//! From blocks to specs.

use indexmap::IndexMap;

use super::{SpecFile, functions, types};
use crate::body::{Content, Schema};
use crate::spec::{Blocks, LabelledBlocks, Transform};
use crate::{Block, Body, Context, Diagnostic, Diagnostics, Expression, Label, Span, Spec, Type, Value};

/// The kinds of specs: blocks of these types are specs.
const KINDS: [&str; 15] = [
    "object",
    "array",
    "attr",
    "block",
    "block_list",
    "block_set",
    "block_tuple",
    "block_map",
    "block_object",
    "block_label",
    "block_attrs",
    "default",
    "transform",
    "literal",
    "expression",
];

/// How deep specs may be nested, alternatives of a `default` counted one by one.
const MAX_DEPTH: usize = 250;

/// The variable of a transform's expression.
pub(super) const NESTED: &str = "nested";

pub(super) fn file(body: &Body, diagnostics: &mut Diagnostics) -> Option<SpecFile> {
    let schema = Schema::new()
        .with_block("variables", [""; 0])
        .with_block("function", ["name"]);
    let (top, found) = body.content(&with_kinds(schema, &[]));
    let has_errors = found.has_errors();
    diagnostics.extend(found);
    let context = functions::spec_context();
    let mut variables = IndexMap::new();
    let mut functions = IndexMap::new();
    let mut specs = Vec::new();
    for block in top.blocks {
        match (block.name(), block.labels()) {
            ("variables", _) => read_variables(&block, &context, &mut variables, diagnostics),
            ("function", [name, ..]) => {
                let function = functions::read(block.body(), &context, diagnostics);
                functions.extend(function.map(|function| (name.text().to_owned(), function)));
            }
            _ => specs.push(block),
        }
    }
    let mut reader = Reader {
        context,
        diagnostics,
        depth: 0,
        incomplete: has_errors,
    };
    let spec = reader.only("A spec file", body, &specs)?;
    Some(SpecFile {
        spec,
        variables,
        functions,
    })
}

fn read_variables(
    block: &Block,
    context: &Context,
    variables: &mut IndexMap<String, Value>,
    diagnostics: &mut Diagnostics,
) {
    let (attributes, found) = block.body().just_attributes();
    diagnostics.extend(found);
    for attribute in attributes {
        let value = attribute.value().value(context, diagnostics);
        variables.insert(attribute.name().to_owned(), value);
    }
}

fn with_kinds(schema: Schema, labels: &[&str]) -> Schema {
    KINDS
        .iter()
        .fold(schema, |schema, kind| schema.with_block(kind, labels.iter().copied()))
}

struct Reader<'d> {
    /// For `literal` and `transform`: functions, no variables.
    context: Context,
    diagnostics: &'d mut Diagnostics,
    depth: usize,
    /// Whether something is wrong with the content that was read last.
    incomplete: bool,
}

impl Reader<'_> {
    fn spec(&mut self, block: &Block) -> Option<Spec> {
        if self.depth >= MAX_DEPTH {
            let detail = format!("Specs can be nested in each other up to {MAX_DEPTH} levels.");
            return self.error("Nesting too deep", detail, block.header_span());
        }
        self.depth += 1;
        let spec = self.kind(block);
        self.depth -= 1;
        let text = description(block);
        spec.map(|spec| if text.is_empty() { spec } else { spec.described(text) })
    }

    fn kind(&mut self, block: &Block) -> Option<Spec> {
        let name = block.labels().first().map(Label::text);
        let body = block.body();
        match block.name() {
            "object" => self.object(body),
            "array" => self.array(body),
            "attr" => self.attr(body, name),
            "block" => self.block(body, name),
            "block_list" => self.blocks("block_list", body, name).map(Spec::BlockList),
            "block_set" => self.blocks("block_set", body, name).map(Spec::BlockSet),
            "block_tuple" => self.blocks("block_tuple", body, name).map(Spec::BlockTuple),
            "block_map" => self.block_map(body, name),
            "block_object" => self.labelled("block_object", body, name).map(Spec::BlockObject),
            "block_label" => self.label(body, name),
            "block_attrs" => self.block_attrs(body, name),
            "default" => self.default(body),
            "transform" => self.transform(body),
            "literal" => self.literal(body),
            "expression" => {
                let content = self.content(body, &Schema::new().with_required_attribute("value"));
                let value = content.attributes.get("value")?;
                Some(Spec::Expression(value.value().clone()))
            }
            other => {
                let detail = format!("Blocks of type \"{other}\" are not expected here.");
                self.error("Invalid spec block", detail, block.name_span())
            }
        }
    }

    fn object(&mut self, body: &Body) -> Option<Spec> {
        let content = self.content(body, &with_kinds(Schema::new(), &["key"]));
        let mut parts = IndexMap::new();
        let mut all = true;
        for block in &content.blocks {
            match (self.spec(block), block.labels().first()) {
                (Some(spec), Some(key)) => {
                    parts.insert(crate::cty::nfc(key.text().to_owned()), spec);
                }
                _ => all = false,
            }
        }
        all.then_some(Spec::Object(parts))
    }

    fn array(&mut self, body: &Body) -> Option<Spec> {
        let content = self.content(body, &with_kinds(Schema::new(), &[]));
        let parts: Vec<_> = content.blocks.iter().map(|block| self.spec(block)).collect();
        parts.into_iter().collect::<Option<_>>().map(Spec::Array)
    }

    fn attr(&mut self, body: &Body, implied: Option<&str>) -> Option<Spec> {
        let content = self.content(body, &schema(&["name", "type", "required"]));
        let ty = self.ty(&content, "type");
        let required = self.flag(&content, "required");
        let name = self.text(&content, "name")?;
        let name = name.or_else(|| implied.map(str::to_owned));
        let name = self.name(name, body, "Missing name in attribute spec", "name");
        Some(Spec::Attr {
            name: name?,
            ty: ty?,
            required: required?,
        })
    }

    fn block(&mut self, body: &Body, implied: Option<&str>) -> Option<Spec> {
        let content = self.content(body, &with_kinds(schema(&["block_type", "required"]), &[]));
        let required = self.flag(&content, "required");
        let name = self.block_type("block", &content, body, implied);
        let nested = self.nested(body, &content);
        Some(Spec::Block {
            name: name?,
            required: required?,
            nested: nested?,
        })
    }

    fn blocks(&mut self, kind: &str, body: &Body, implied: Option<&str>) -> Option<Blocks> {
        let schema = schema(&["block_type", "min_items", "max_items"]);
        let content = self.content(body, &with_kinds(schema, &[]));
        let min = self.count(&content, "min_items");
        let max = self.count(&content, "max_items");
        let name = self.block_type(kind, &content, body, implied);
        let nested = self.nested(body, &content);
        Some(Blocks {
            name: name?,
            min: min?.unwrap_or(0),
            max: max?,
            nested: nested?,
        })
    }

    fn block_map(&mut self, body: &Body, implied: Option<&str>) -> Option<Spec> {
        let blocks = self.labelled("block_map", body, implied)?;
        if blocks.nested.implied_type().has_any() {
            let detail =
                "All blocks of a block_map have one type, so it cannot have parts of type any. A block_object can.";
            return self.error("Invalid block_map spec", detail, body.missing_span());
        }
        Some(Spec::BlockMap(blocks))
    }

    fn labelled(&mut self, kind: &str, body: &Body, implied: Option<&str>) -> Option<LabelledBlocks> {
        let schema = schema(&["block_type"]).with_required_attribute("labels");
        let content = self.content(body, &with_kinds(schema, &[]));
        let labels = self.labels(&content, body);
        let name = self.block_type(kind, &content, body, implied);
        let nested = self.nested(body, &content);
        Some(LabelledBlocks {
            name: name?,
            labels: labels?,
            nested: nested?,
        })
    }

    fn labels(&mut self, content: &Content, body: &Body) -> Option<Vec<String>> {
        content.attributes.get("labels")?;
        let value = self.argument(content, "labels", &Type::list(Type::String))?;
        let labels = value.as_list().unwrap_or_default();
        if labels.is_empty() {
            let detail = "Blocks that are told apart by labels have one label at least.";
            return self.error("Invalid block label name list", detail, body.missing_span());
        }
        let names = labels.iter().map(|label| label.as_str().map(str::to_owned));
        names.collect::<Option<_>>().or_else(|| {
            let place = content
                .attributes
                .get("labels")
                .map_or_else(|| body.missing_span(), |labels| labels.value().span());
            self.error("Unsuitable value type", "The name of a label must not be null.", place)
        })
    }

    fn label(&mut self, body: &Body, implied: Option<&str>) -> Option<Spec> {
        let content = self.content(body, &schema(&["name"]).with_required_attribute("index"));
        let index = self.count(&content, "index");
        let name = self.text(&content, "name")?;
        let name = name.or_else(|| implied.map(str::to_owned));
        Some(Spec::BlockLabel {
            index: index?.unwrap_or(0),
            name: name.unwrap_or_else(|| "label".to_owned()),
        })
    }

    fn block_attrs(&mut self, body: &Body, implied: Option<&str>) -> Option<Spec> {
        let content = self.content(body, &schema(&["block_type", "element_type", "required"]));
        let ty = self.ty(&content, "element_type");
        let required = self.flag(&content, "required");
        let name = self.block_type("block_attrs", &content, body, implied);
        Some(Spec::BlockAttrs {
            name: name?,
            ty: ty?,
            required: required?,
        })
    }

    fn default(&mut self, body: &Body) -> Option<Spec> {
        let content = self.content(body, &with_kinds(Schema::new(), &[]));
        if let [only] = content.blocks.as_slice() {
            let detail = "A default of only one spec is the same as that spec.";
            let warning = Diagnostic::warning("Useless default block", detail).with_span(only.header_span());
            self.diagnostics.push(warning);
        }
        if content.blocks.is_empty() && self.incomplete {
            return None;
        }
        if content.blocks.is_empty() {
            let detail = "A default needs at least one nested spec; the first whose value is not null counts.";
            return self.error("Missing spec block", detail, body.missing_span());
        }
        // The first of many ends up deepest.
        let depth = self.depth;
        self.depth += content.blocks.len();
        if self.depth > MAX_DEPTH {
            self.depth = depth;
            let detail = format!(
                "Specs can be nested in each other up to {MAX_DEPTH} levels, and each spec in a default counts as one."
            );
            return self.error("Nesting too deep", detail, body.missing_span());
        }
        let specs: Vec<_> = content.blocks.iter().map(|block| self.spec(block)).collect();
        self.depth = depth;
        specs
            .into_iter()
            .collect::<Option<Vec<_>>>()?
            .into_iter()
            .reduce(Spec::default)
    }

    fn transform(&mut self, body: &Body) -> Option<Spec> {
        let schema = Schema::new().with_required_attribute("result");
        let content = self.content(body, &with_kinds(schema, &[]));
        let nested = self.nested(body, &content)?;
        let result = content.attributes.get("result")?;
        Some(Spec::Transform {
            nested,
            with: Transform::Expression {
                variable: NESTED.to_owned(),
                expression: result.value().clone(),
                context: std::sync::Arc::new(self.context.clone()),
            },
        })
    }

    fn literal(&mut self, body: &Body) -> Option<Spec> {
        let schema = schema(&["type"]).with_required_attribute("value");
        let content = self.content(body, &schema);
        let expression = content.attributes.get("value")?.value();
        let before = self.diagnostics.error_count();
        let value = expression.value(&self.context, self.diagnostics);
        let ty = self.ty(&content, "type")?;
        if self.diagnostics.error_count() > before {
            return None;
        }
        self.convert(value, &ty, expression).map(Spec::Literal)
    }

    /// The only spec in a block.
    fn nested(&mut self, body: &Body, content: &Content) -> Option<Box<Spec>> {
        self.only("A spec of blocks", body, &content.blocks).map(Box::new)
    }

    fn only(&mut self, what: &str, body: &Body, blocks: &[Block]) -> Option<Spec> {
        match blocks {
            [only] => self.spec(only),
            // An error above is why there is none.
            [] if self.incomplete => None,
            [] => {
                let detail = format!("{what} must have exactly one spec in it: an object, an attr, or any other.");
                self.error("Missing spec block", detail, body.missing_span())
            }
            [_, second, ..] => {
                let detail = format!("{what} must have exactly one spec in it. Several make up an object or an array.");
                self.error("Extraneous spec block", detail, second.header_span())
            }
        }
    }

    fn content(&mut self, body: &Body, schema: &Schema) -> Content {
        let (content, found) = body.content(schema);
        self.incomplete = found.has_errors();
        self.diagnostics.extend(found);
        content
    }

    fn block_type(&mut self, kind: &str, content: &Content, body: &Body, implied: Option<&str>) -> Option<String> {
        let name = self.text(content, "block_type")?;
        let summary = format!("Missing block_type in {kind} spec");
        let name = name.or_else(|| implied.map(str::to_owned));
        self.name(name, body, &summary, "block_type")
    }

    fn name(&mut self, name: Option<String>, body: &Body, summary: &str, argument: &str) -> Option<String> {
        let name = name.unwrap_or_default();
        if name.is_empty() && self.incomplete {
            // Most likely it is misspelt, and that is said already.
            return None;
        }
        if name.is_empty() {
            let detail = format!("The {argument} must be given: it is the name that is looked for in the input.");
            return self.error(summary, detail, body.missing_span());
        }
        Some(name)
    }

    /// A type, any where it is missing; nothing where there is an error.
    fn ty(&mut self, content: &Content, name: &str) -> Option<Type> {
        let Some(attribute) = content.attributes.get(name) else {
            return Some(Type::Any);
        };
        types::type_of(attribute.value(), self.diagnostics)
    }

    fn flag(&mut self, content: &Content, name: &str) -> Option<bool> {
        let value = self.argument(content, name, &Type::Bool)?;
        Some(value.as_bool().unwrap_or(false))
    }

    #[expect(clippy::option_option, reason = "an error is not the same as a missing argument")]
    fn text(&mut self, content: &Content, name: &str) -> Option<Option<String>> {
        let value = self.argument(content, name, &Type::String)?;
        Some(value.as_str().map(str::to_owned))
    }

    /// A count; none where it is missing or not positive, which means the same.
    #[expect(clippy::option_option, reason = "an error is not the same as a missing argument")]
    fn count(&mut self, content: &Content, name: &str) -> Option<Option<usize>> {
        let value = self.argument(content, name, &Type::Number)?;
        if value.is_null() {
            return Some(None);
        }
        if let Some(count) = value.as_i64() {
            return Some(usize::try_from(count).ok().filter(|count| *count > 0));
        }
        let place = content.attributes.get(name)?.value().span();
        let detail = format!("The {name} must be a whole number.");
        self.error("Unsuitable value type", detail, place)
    }

    /// The value of an optional argument, null where it is missing; nothing where there is an error.
    fn argument(&mut self, content: &Content, name: &str, ty: &Type) -> Option<Value> {
        let Some(attribute) = content.attributes.get(name) else {
            return Some(Value::Null(ty.clone()));
        };
        let before = self.diagnostics.error_count();
        let value = attribute.value().value(&functions::bare_context(), self.diagnostics);
        if self.diagnostics.error_count() > before {
            return None;
        }
        self.convert(value, ty, attribute.value())
    }

    fn convert(&mut self, value: Value, ty: &Type, expression: &Expression) -> Option<Value> {
        match crate::cty::convert(value, ty) {
            Ok(value) => Some(value),
            Err(error) => {
                let detail = format!("Unsuitable value: {}.", error.message);
                self.error("Unsuitable value type", detail, types::start_of(expression))
            }
        }
    }

    fn error<T>(&mut self, summary: impl Into<String>, detail: impl Into<String>, place: Span) -> Option<T> {
        self.diagnostics
            .push(Diagnostic::error(summary, detail).with_span(place));
        None
    }
}

fn schema(attributes: &[&str]) -> Schema {
    attributes
        .iter()
        .fold(Schema::new(), |schema, name| schema.with_attribute(name))
}

/// The lines straight above a block that begin with `##`.
fn description(block: &Block) -> String {
    let span = block.name_span();
    let text = span.source().text();
    let above = text.get(..span.range().start).unwrap_or_default();
    // What is before the block in its own line is not above it.
    let above = above.rfind('\n').and_then(|end| above.get(..end)).unwrap_or_default();
    let mut lines: Vec<&str> = above
        .rsplit('\n')
        .map_while(|line| line.trim_start().strip_prefix("##"))
        .map(|line| line.strip_suffix('\r').unwrap_or(line))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    lines.reverse();
    lines.join("\n")
}
