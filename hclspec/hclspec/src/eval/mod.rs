//! Expressions into values.
//!
//! Values are borrowed from the context and from the tree as far as possible: an index into a large map copies the one
//! element, not the map. Work is counted, so that a small text cannot ask for endless or boundless results. Where
//! there is an error, a diagnostic is noted and the value is unknown, so that the rest can be looked at too.

mod calls;
mod collections;
mod conditional;
mod index;
mod json;
mod loops;
mod operators;
mod references;
mod size;
mod splat;
mod start;
mod template;
mod traversal;

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::sync::Arc;

use encamp_hclspec_syntax::ast::{Expr, ExprKind};
use encamp_hclspec_syntax::{Range, json as tree};

pub(crate) use self::json::is_template;
pub use self::references::{Reference, ReferenceStep, ReferenceStepKind};
pub(crate) use self::references::{in_json, in_native, in_text};
use self::size::depth;
pub(crate) use self::size::size;
pub(crate) use self::start::is_constant_key;
use crate::cty::{ConvertError, convert, nfc};
use crate::{Context, Diagnostic, Diagnostics, Source, Span, Type, Value};

/// How much work an evaluation may do: a unit is about a byte of memory. That is enough for some 100,000 values.
const MAX_WORK: usize = 12 << 20;
/// How much more it may do for each byte of the source, so that a long text is no expensive one.
const WORK_PER_BYTE: usize = 64;
/// How much work may be done for a text of so many bytes.
pub(crate) const fn work_for(bytes: usize) -> usize {
    MAX_WORK.saturating_add(bytes.saturating_mul(WORK_PER_BYTE))
}

/// How deep lists and maps may be nested in a value.
const MAX_DEPTH: usize = 256;
/// How deep expressions may be nested. The parser allows fewer levels; this guards the stack against other trees.
const MAX_NESTING: usize = 512;
/// How many errors are noted before the evaluation is given up.
const MAX_ERRORS: usize = 1000;
/// What a step costs beside its memory, of which it may take none.
const STEP: usize = 8;
/// What an element of a list takes beside what it holds, and what one of an object.
const ELEMENT: usize = size_of::<Value>();
const ENTRY: usize = 2 * ELEMENT;

/// A value that is borrowed where it can be.
type Val<'s> = Cow<'s, Value>;

/// A variable of a `for` and those around it.
struct Local<'s> {
    name: &'s str,
    value: Val<'s>,
    outer: Option<&'s Local<'s>>,
}

/// Where an expression stands.
#[derive(Clone, Copy)]
struct Scope<'s> {
    locals: Option<&'s Local<'s>>,
    /// The element at hand in a splat.
    item: Option<&'s Value>,
    /// Whether unknown references may be kept as text here. Not where something is computed from them.
    keep: bool,
    nesting: usize,
}

impl Scope<'_> {
    const ROOT: Self = Self {
        locals: None,
        item: None,
        keep: true,
        nesting: 0,
    };

    fn operand(self) -> Self {
        Self { keep: false, ..self }
    }
}

/// How many errors there were at some point.
#[derive(Clone, Copy)]
struct Mark {
    noted: usize,
    failures: usize,
}

/// Errors that were taken back, for a while at least.
struct Taken {
    diagnostics: Vec<Diagnostic>,
    failures: usize,
}

/// Why the evaluation was given up, and where.
#[derive(Clone, Copy)]
enum GivenUp {
    Work(Range),
    Errors(Range),
    Nesting(Range),
}

/// What an evaluation came to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Evaluated {
    /// The value; unknown, as far as there are errors.
    pub value: Value,
    /// What is wrong.
    pub diagnostics: Diagnostics,
    /// Whether the value holds the text of references that were kept for a later stage.
    pub kept: bool,
}

pub(crate) struct Evaluator<'c> {
    source: &'c Arc<Source>,
    context: &'c Context,
    diagnostics: RefCell<Vec<Diagnostic>>,
    /// How many errors there were; of equal ones in a row, as for the elements of a list, one is noted.
    failures: Cell<usize>,
    given_up: Cell<Option<GivenUp>>,
    work: Cell<usize>,
    max_work: usize,
    /// How many references to variables were met whose text is to be kept.
    met: Cell<usize>,
    kept: Cell<bool>,
    /// Whether the text is JSON, in whose strings there are escapes.
    is_json: bool,
}

impl<'c> Evaluator<'c> {
    fn new(source: &'c Arc<Source>, context: &'c Context, is_json: bool) -> Self {
        Self {
            source,
            context,
            diagnostics: RefCell::default(),
            failures: Cell::default(),
            given_up: Cell::default(),
            work: Cell::default(),
            max_work: work_for(source.text().len()),
            met: Cell::default(),
            kept: Cell::default(),
            is_json,
        }
    }

    /// The value of an expression.
    pub(crate) fn native(source: &'c Arc<Source>, context: &'c Context, expr: &Expr) -> Evaluated {
        let evaluator = Self::new(source, context, false);
        let value = evaluator.keeping(expr, Scope::ROOT);
        let value = evaluator.own(value, expr.range);
        evaluator.finish(value, expr.range)
    }

    /// The value of the key of an object that must not be taken for an expression: a bare traversal.
    pub(crate) fn ambiguous_key(source: &'c Arc<Source>, context: &'c Context, range: Range) -> Evaluated {
        let evaluator = Self::new(source, context, false);
        let value = evaluator.ambiguous(range).into_owned();
        evaluator.finish(value, range)
    }

    /// The value of a JSON value.
    pub(crate) fn json(source: &'c Arc<Source>, context: &'c Context, node: &tree::Node) -> Evaluated {
        let evaluator = Self::new(source, context, true);
        let value = evaluator.node(node, 0);
        evaluator.finish(value, node.range)
    }

    /// The value of the name of a JSON property.
    pub(crate) fn json_name(
        source: &'c Arc<Source>,
        context: &'c Context,
        text: &tree::Text,
        range: Range,
    ) -> Evaluated {
        let evaluator = Self::new(source, context, true);
        let value = evaluator.text(text, range);
        evaluator.finish(value, range)
    }

    fn finish(self, value: Value, range: Range) -> Evaluated {
        // It is tried whether such a value can be converted.
        if self.kept.get() {
            self.charge(size(&value), range);
        }
        // A value that is part of the next one, and so on, may not get so deep that dropping it takes all the stack.
        if depth(&value) > MAX_DEPTH {
            let detail = format!("Values may be nested at most {MAX_DEPTH} levels deep.");
            self.fail("Value nested too deep", detail, range);
        }
        let too_much = self.given_up.get().map(|reason| match reason {
            GivenUp::Work(range) => {
                let detail = "The value is too large, or takes too long to compute.";
                self.error("Expression too expensive", detail, range)
            }
            GivenUp::Errors(range) => self.error("Too many errors", "Further errors here are left out.", range),
            GivenUp::Nesting(range) => self.error(
                "Nesting too deep",
                "The expression is nested too deep to be evaluated.",
                range,
            ),
        });
        let mut diagnostics = self.diagnostics.into_inner();
        diagnostics.extend(too_much);
        let is_good = diagnostics.is_empty();
        Evaluated {
            value: if too_deep_to_show(is_good, &value) {
                Value::Unknown(Type::Any)
            } else {
                value
            },
            diagnostics: once(diagnostics),
            kept: self.kept.get(),
        }
    }

    fn error(&self, summary: &str, detail: impl Into<String>, range: Range) -> Diagnostic {
        Diagnostic::error(summary, detail).with_span(Span::new(self.source, range.into()))
    }

    fn push(&self, diagnostic: Diagnostic, range: Range) {
        self.failures.set(self.failures.get() + 1);
        let mut diagnostics = self.diagnostics.borrow_mut();
        if diagnostics.last() == Some(&diagnostic) {
            return;
        }
        if diagnostics.len() >= MAX_ERRORS {
            self.give_up(GivenUp::Errors(range));
            return;
        }
        diagnostics.push(diagnostic);
    }

    /// Notes an error; the value is unknown.
    fn fail<'s>(&self, summary: &str, detail: impl Into<String>, range: Range) -> Val<'s> {
        self.push(self.error(summary, detail, range), range);
        UNKNOWN
    }

    /// Notes an error within a wider place that explains it.
    fn fail_in<'s>(&self, summary: &str, detail: impl Into<String>, range: Range, context: Range) -> Val<'s> {
        let context = Span::new(self.source, context.into());
        self.push(self.error(summary, detail, range).with_context(context), range);
        UNKNOWN
    }

    fn mark(&self) -> Mark {
        Mark {
            noted: self.diagnostics.borrow().len(),
            failures: self.failures.get(),
        }
    }

    fn has_failed_since(&self, mark: Mark) -> bool {
        self.failures.get() > mark.failures || self.has_given_up()
    }

    /// Takes back the errors since the mark.
    fn take_since(&self, mark: Mark) -> Taken {
        let mut diagnostics = self.diagnostics.borrow_mut();
        let noted = mark.noted.min(diagnostics.len());
        Taken {
            diagnostics: diagnostics.split_off(noted),
            failures: self.failures.replace(mark.failures) - mark.failures,
        }
    }

    fn put_back(&self, taken: Taken) {
        self.diagnostics.borrow_mut().extend(taken.diagnostics);
        self.failures.set(self.failures.get() + taken.failures);
    }

    fn give_up(&self, reason: GivenUp) {
        if self.given_up.get().is_none() {
            self.given_up.set(Some(reason));
        }
    }

    fn has_given_up(&self) -> bool {
        self.given_up.get().is_some()
    }

    /// Counts work; whether there may be more.
    fn charge(&self, work: usize, range: Range) -> bool {
        if self.has_given_up() {
            return false;
        }
        let total = self.work.get().saturating_add(work);
        self.work.set(total);
        if total <= self.max_work && self.context.spend(work) {
            return true;
        }
        self.give_up(GivenUp::Work(range));
        false
    }

    /// The value itself. Copies are counted.
    fn own(&self, value: Val<'_>, range: Range) -> Value {
        match value {
            Cow::Owned(value) => value,
            Cow::Borrowed(value) => {
                // What the value is put into has a place for it.
                if self.charge(size(value) - ELEMENT, range) {
                    value.clone()
                } else {
                    Value::Unknown(Type::Any)
                }
            }
        }
    }

    /// The value as one of a type.
    fn to<'s>(&self, value: Val<'s>, ty: &Type, range: Range) -> Result<Val<'s>, ConvertError> {
        if value.is_of_type(ty) {
            return Ok(value);
        }
        convert(self.own(value, range), ty).map(Cow::Owned)
    }

    /// The value, or the text of the expression as an interpolation where it is to be kept.
    fn keeping<'s>(&'s self, expr: &'s Expr, scope: Scope<'s>) -> Val<'s> {
        let (met, mark) = (self.met.get(), self.mark());
        let value = self.eval(expr, scope);
        if !scope.keep || !self.is_kept(&value, met, mark) {
            return value;
        }
        Cow::Owned(Value::String(nfc(format!("${{{}}}", self.written(expr.range)))))
    }

    /// Whether a value is unknown because of a reference whose text is to be kept; then it is noted that one was.
    fn is_kept(&self, value: &Value, met: usize, mark: Mark) -> bool {
        let kept = self.met.get() > met && !self.has_failed_since(mark) && value.contains_unknown();
        self.kept.set(self.kept.get() || kept);
        kept
    }

    /// The text in the source, as it is after JSON's escapes.
    fn written(&self, range: Range) -> Cow<'c, str> {
        let text = self.source.text().get(range.start as usize..range.end as usize);
        let text = text.unwrap_or_default();
        if !self.is_json || !text.contains('\\') {
            return Cow::Borrowed(text);
        }
        serde_json::from_str(&format!("\"{text}\"")).map_or(Cow::Borrowed(text), Cow::Owned)
    }

    fn eval<'s>(&'s self, expr: &'s Expr, scope: Scope<'s>) -> Val<'s> {
        if !self.charge(STEP, expr.range) {
            return UNKNOWN;
        }
        if scope.nesting > MAX_NESTING {
            self.give_up(GivenUp::Nesting(expr.range));
            return UNKNOWN;
        }
        let scope = Scope {
            nesting: scope.nesting + 1,
            ..scope
        };
        match &expr.kind {
            ExprKind::Null => Cow::Owned(Value::NULL),
            ExprKind::Bool(truth) => Cow::Owned(Value::Bool(*truth)),
            ExprKind::Number(text) => self.number(text, expr.range),
            ExprKind::String(text) => self.string(text, expr.range),
            ExprKind::Template(template) => self.template(&template.parts, expr.range, scope),
            ExprKind::Parentheses(inner) => self.eval(inner, scope),
            ExprKind::Tuple(elements) => self.tuple(elements, scope),
            ExprKind::Object(items) => self.object(items, scope),
            ExprKind::Variable(name) => self.variable(name, expr.range, scope),
            ExprKind::Traversal(path) => self.traversal(&path.base, &path.steps, scope.operand()),
            ExprKind::Splat(splat) => self.splat(splat, scope.operand()),
            ExprKind::SplatItem => scope.item.map_or(UNKNOWN, Cow::Borrowed),
            ExprKind::Call(call) => self.call(call, scope.operand()),
            ExprKind::Conditional(parts) => self.conditional(parts, expr.range, scope),
            ExprKind::Unary(operator, operand) => self.unary(*operator, operand, expr.range, scope.operand()),
            ExprKind::Binary(chain) => self.binary(&chain.first, &chain.operations, scope.operand()),
            ExprKind::For(tree) => self.for_expr(tree, expr.range, scope.operand()),
            ExprKind::Invalid => UNKNOWN,
        }
    }

    fn number<'s>(&self, text: &str, range: Range) -> Val<'s> {
        if !self.charge(size::of_number(text), range) {
            return UNKNOWN;
        }
        if let Ok(number) = text.parse() {
            return Cow::Owned(Value::Number(number));
        }
        self.fail("Invalid number literal", "This number is out of range.", range);
        Cow::Owned(Value::Unknown(Type::Number))
    }

    fn string<'s>(&self, text: &str, range: Range) -> Val<'s> {
        if !self.charge(text.len(), range) {
            return UNKNOWN;
        }
        Cow::Owned(Value::from(text))
    }
}

/// The diagnostics, each once: what goes wrong for every element of a list is one error.
fn once(diagnostics: Vec<Diagnostic>) -> Diagnostics {
    if diagnostics.len() < 2 {
        return diagnostics.into();
    }
    let mut seen = HashSet::new();
    let is_new = |found: &Diagnostic| {
        let place = found.span.as_ref().map(Span::range);
        seen.insert((place, found.summary.clone(), found.detail.clone()))
    };
    diagnostics.into_iter().filter(is_new).collect()
}

/// What is not known at all.
const UNKNOWN: Val<'static> = Cow::Owned(Value::Unknown(Type::Any));

fn too_deep_to_show(is_good: bool, value: &Value) -> bool {
    !is_good && depth(value) > MAX_DEPTH
}
