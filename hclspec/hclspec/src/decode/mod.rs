//! Bodies into values, by a schema.

mod attribute;
mod blocks;
mod path;
mod place;
mod spellings;

use std::collections::HashMap;
use std::rc::Rc;

use self::path::Step;
use self::place::Place;
use crate::body::{Asked, Schema};
use crate::cty::{ConvertError, convert};
use crate::spec::Transform;
use crate::{Body, Context, Diagnostic, Diagnostics, Expression, Label, Span, Spec, Type, Value, eval};

/// Which spellings of blocks and maps a body may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spellings {
    /// HCL's own: a block is `x { .. }`, an argument is `x = ..`.
    #[default]
    Strict,
    /// Also `x { .. }` for an argument that is a map, once or repeated, and a list of maps for one map: then later keys
    /// win.
    Maps,
    /// Also those that grew up around plugin configurations, where one stands for the other:
    ///
    /// - `x = { .. }` and `x = [{ .. }, { .. }]` for blocks;
    /// - `x { .. }`, once or repeated, for arguments that are maps, objects, or lists of them;
    /// - one map for a list of maps, and a list of maps for one map: then later keys win;
    /// - several blocks of arguments with any names, as one: then later keys win.
    Every,
}

/// The value of a body by a spec.
///
/// # Errors
///
/// Everything that is wrong with the body, in source order.
pub fn decode(spec: &Spec, body: &Body, context: &Context) -> Result<Value, Diagnostics> {
    decode_with(spec, body, context, Spellings::Strict)
}

/// The same, with a choice of spellings.
///
/// # Errors
///
/// Everything that is wrong with the body, in source order.
pub fn decode_with(spec: &Spec, body: &Body, context: &Context, spellings: Spellings) -> Result<Value, Diagnostics> {
    let context = context.bounded(body.text_len());
    let mut decoder = Decoder::new(&context, spellings);
    let value = decoder.body(spec, body, &[], false);
    decoder.finish(value)
}

/// The value of that part of a body that the spec names; whatever else the body holds is passed over.
///
/// # Errors
///
/// Everything that is wrong with the part, in source order.
pub fn decode_partial(spec: &Spec, body: &Body, context: &Context, spellings: Spellings) -> Result<Value, Diagnostics> {
    let context = context.bounded(body.text_len());
    let mut decoder = Decoder::new(&context, spellings);
    let value = decoder.body(spec, body, &[], true);
    decoder.finish(value)
}

struct Decoder<'s, 'c> {
    context: &'c Context,
    spellings: Spellings,
    diagnostics: Diagnostics,
    /// Names, labels and `[index]`es down to the value at hand.
    path: Vec<Step>,
    /// Whether a value holds text that was kept for a later stage, and so is not of its type.
    kept: bool,
    /// A schema is made once for each spec, not once for each body.
    schemas: HashMap<*const Spec, Rc<Schema>>,
    /// So is a type.
    types: HashMap<*const Spec, Type>,
    specs: std::marker::PhantomData<&'s Spec>,
}

impl<'s, 'c> Decoder<'s, 'c> {
    fn new(context: &'c Context, spellings: Spellings) -> Self {
        Self {
            context,
            spellings,
            diagnostics: Diagnostics::new(),
            path: Vec::new(),
            kept: false,
            schemas: HashMap::new(),
            types: HashMap::new(),
            specs: std::marker::PhantomData,
        }
    }

    fn finish(mut self, value: Value) -> Result<Value, Diagnostics> {
        self.diagnostics.sort();
        self.diagnostics.into_result(value)
    }

    fn report(&mut self, mut diagnostic: Diagnostic) {
        if !self.path.is_empty() {
            let path = self
                .path
                .iter()
                .map(Step::to_string)
                .chain(std::mem::take(&mut diagnostic.path));
            diagnostic.path = path.collect();
        }
        self.diagnostics.push(diagnostic);
    }

    fn report_all(&mut self, diagnostics: Diagnostics) {
        for diagnostic in diagnostics {
            self.report(diagnostic);
        }
    }

    fn error(&mut self, summary: impl Into<String>, detail: impl Into<String>, span: Span) {
        self.report(Diagnostic::error(summary, detail).with_span(span));
    }

    fn under<T>(&mut self, step: impl Into<Step>, work: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step.into());
        let result = work(self);
        self.path.pop();
        result
    }

    fn schema(&mut self, spec: &'s Spec) -> Rc<Schema> {
        let schema = self.schemas.entry(std::ptr::from_ref(spec));
        Rc::clone(schema.or_insert_with(|| Rc::new(spec.implied_schema())))
    }

    fn implied_type(&mut self, spec: &'s Spec) -> Type {
        let ty = self.types.entry(std::ptr::from_ref(spec));
        ty.or_insert_with(|| spec.implied_type()).clone()
    }

    /// The value of all of a body, which may hold nothing else, unless it is asked for in part.
    fn body(&mut self, spec: &'s Spec, body: &Body, labels: &[Label], partial: bool) -> Value {
        let schema = self.schema(spec);
        let asked = Asked {
            schema: &schema,
            spellings: self.spellings,
            partial,
        };
        let mut found = Diagnostics::new();
        let content = body.answer(asked, &mut found);
        self.report_all(found);
        let content = self.expand(content, &schema);
        self.part(spec, &Place::new(body, content, labels, &schema))
    }

    fn part(&mut self, spec: &'s Spec, place: &Place<'_>) -> Value {
        match spec {
            Spec::Object(parts) => {
                let parts = parts.iter().map(|(name, part)| (name.as_str(), self.part(part, place)));
                Value::Object(parts.collect())
            }
            Spec::Array(parts) => Value::Tuple(parts.iter().map(|part| self.part(part, place)).collect()),
            Spec::Attr { name, ty, .. } => self.attribute(name, ty, place),
            Spec::Block { name, required, nested } => self.block(name, *required, nested, place),
            Spec::BlockList(blocks) => self.block_list(blocks, place),
            Spec::BlockSet(blocks) => self.block_set(blocks, place),
            Spec::BlockTuple(blocks) => Value::Tuple(self.elements(blocks, None, place).values),
            Spec::BlockMap(blocks) => self.block_map(blocks, place),
            Spec::BlockObject(blocks) => self.block_object(blocks, place),
            Spec::BlockLabel { index, name } => self.label(*index, name, place),
            Spec::BlockPlace => {
                let range = place.body.header_span().range();
                Value::list(Type::Number, [range.start, range.end])
            }
            Spec::BlockAttrs { name, ty, required } => self.block_attrs(name, ty, *required, place),
            Spec::Default { primary, default } => {
                let value = self.part(primary, place);
                if value.is_null() {
                    self.part(default, place)
                } else {
                    value
                }
            }
            Spec::Literal(value) => value.clone(),
            Spec::Expression(expression) => self.evaluate(expression, self.context),
            Spec::Transform { nested, with } => self.transform(spec, nested, with, place),
            Spec::Validate { nested, check } => {
                let (value, is_good) = self.counted(nested, place);
                if !is_good {
                    return Value::Unknown(self.implied_type(nested));
                }
                for mut diagnostic in check.run(&value) {
                    let span = diagnostic.span.take();
                    // A look at a whole block may be about one of its arguments.
                    if diagnostic.path.is_empty() {
                        diagnostic.path.extend(nested.argument().map(str::to_owned));
                    }
                    let argument = diagnostic
                        .path
                        .first()
                        .and_then(|name| place.content.attributes.get(name.as_str()));
                    let span = span.or_else(|| argument.map(|argument| argument.value.span()));
                    let span = span.unwrap_or_else(|| self.span_of(nested, place));
                    self.report(diagnostic.with_span(span));
                }
                value
            }
            Spec::Described { nested, .. } => self.part(nested, place),
        }
    }

    fn evaluate(&mut self, expression: &Expression, context: &Context) -> Value {
        let mut found = Diagnostics::new();
        let value = expression.value(context, &mut found);
        self.report_all(found);
        value
    }

    /// A part's value, and whether it was decoded without errors.
    fn counted(&mut self, spec: &'s Spec, place: &Place<'_>) -> (Value, bool) {
        let before = self.diagnostics.error_count();
        let value = self.part(spec, place);
        (value, self.diagnostics.error_count() == before)
    }

    fn transform(&mut self, spec: &'s Spec, nested: &'s Spec, with: &Transform, place: &Place<'_>) -> Value {
        let (value, is_good) = self.counted(nested, place);
        if !is_good {
            return Value::Unknown(self.implied_type(spec));
        }
        match with {
            Transform::Expression {
                variable,
                expression,
                context,
            } => {
                let context = context.child().with_variable(variable.as_str(), value);
                self.evaluate(expression, &context)
            }
            Transform::Function(function) => match function.call(&[value]) {
                Ok(value) => value,
                Err(error) => {
                    let span = self.span_of(nested, place);
                    let detail = format!("The value cannot be transformed: {error}.");
                    self.error("Transform function failed", detail, span);
                    Value::Unknown(self.implied_type(spec))
                }
            },
        }
    }

    /// A collection of a type, of parts that are converted already. With kept text among them it stays as it is.
    fn collected(&self, value: Value, ty: &Type) -> Result<Value, ConvertError> {
        if !self.kept {
            return convert(value, ty);
        }
        // Where there is no memory for a copy to try it with, it stays as it is too.
        if !self.context.spend(eval::size(&value)) {
            return Ok(value);
        }
        Ok(convert(value.clone(), ty).unwrap_or(value))
    }

    fn label(&mut self, index: usize, name: &str, place: &Place<'_>) -> Value {
        let Some(label) = place.labels.get(index) else {
            let detail = format!("There is no label here that could be the {name}: this is not in a block.");
            self.error(format!("Missing {name} label"), detail, place.body.missing_span());
            return Value::Unknown(Type::String);
        };
        Value::from(label.text())
    }
}
