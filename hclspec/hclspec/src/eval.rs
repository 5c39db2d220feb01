//! Expressions into values.
//!
//! Values are borrowed from the context and from the tree as far as possible: an index into a large map copies the one
//! element, not the map. Work is counted, so that a small text cannot ask for endless or boundless results.

mod functions;
mod json;
mod operators;
mod template;
mod traversal;
mod variables;

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::ast::{Expr, For, Kind};
use crate::convert::convert;
use crate::{Context, Diagnostic, Diagnostics, Source, Span, Type, Value, suggest};

pub(crate) use variables::{references, variables};

/// How much work an evaluation may do: a unit is about a byte that is copied.
const MAX_WORK: usize = 64 << 20;
/// How deep lists and maps may be nested in a value.
const MAX_DEPTH: usize = 128;
/// What a step costs beside its bytes.
const STEP: usize = 8;

/// Why an expression has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// A diagnostic was made.
    Failed,
    /// It refers to a variable whose text is to be kept.
    Unknown,
}

type Outcome<'s> = Result<Cow<'s, Value>, Stop>;

/// A variable of a `for` and those around it.
pub(crate) struct Local<'s> {
    name: &'s str,
    value: Value,
    outer: Option<&'s Local<'s>>,
}

/// Where an expression stands.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'s> {
    locals: Option<&'s Local<'s>>,
    /// Whether unknown references may be kept as text here. Not where something is computed from them.
    keep: bool,
}

impl Scope<'_> {
    pub(crate) const fn root() -> Self {
        Self {
            locals: None,
            keep: true,
        }
    }

    fn operand(self) -> Self {
        Self { keep: false, ..self }
    }
}

pub(crate) struct Evaluator<'c> {
    source: &'c Arc<Source>,
    context: &'c Context,
    diagnostics: RefCell<Diagnostics>,
    work: Cell<usize>,
    kept: Cell<bool>,
}

impl<'c> Evaluator<'c> {
    pub(crate) fn new(source: &'c Arc<Source>, context: &'c Context) -> Self {
        Self {
            source,
            context,
            diagnostics: RefCell::default(),
            work: Cell::new(0),
            kept: Cell::new(false),
        }
    }

    /// The value of a whole expression, or none where there are diagnostics. Unknown references are kept as text.
    pub(crate) fn value(&self, expr: &Expr) -> Option<Value> {
        let value = self.kept_or(expr, Scope::root());
        let value = value.and_then(|value| self.own(value, &expr.range)).ok()?;
        // A value that is part of the next one, and so on, may not get so deep that dropping it takes all the stack.
        if depth(&value) > MAX_DEPTH {
            let detail = format!("Values may be nested at most {MAX_DEPTH} levels deep.");
            return self.fail("Value nested too deep", detail, &expr.range).ok();
        }
        Some(value)
    }

    /// The diagnostics so far.
    pub(crate) fn take_diagnostics(&self) -> Diagnostics {
        self.diagnostics.take()
    }

    /// Whether the text of an unknown reference was kept since this was last asked.
    pub(crate) fn take_kept(&self) -> bool {
        self.kept.take()
    }

    fn fail<T>(&self, summary: &str, detail: impl Into<String>, range: &Range<usize>) -> Result<T, Stop> {
        let span = Span::new(self.source, range.clone());
        let diagnostic = Diagnostic::error(summary, detail).with_span(span);
        self.diagnostics.borrow_mut().push(diagnostic);
        Err(Stop::Failed)
    }

    fn charge(&self, work: usize, range: &Range<usize>) -> Result<(), Stop> {
        let total = self.work.get().saturating_add(work);
        self.work.set(total);
        if total <= MAX_WORK && self.context.spend(work) {
            return Ok(());
        }
        self.fail(
            "Expression too expensive",
            "The value is too large, or takes too long to compute.",
            range,
        )
    }

    fn own(&self, value: Cow<'_, Value>, range: &Range<usize>) -> Result<Value, Stop> {
        if let Cow::Borrowed(value) = &value {
            self.charge(size(value), range)?;
        }
        Ok(value.into_owned())
    }

    /// The value, or the text of the expression as an interpolation where it is to be kept.
    fn kept_or<'s>(&'s self, expr: &'s Expr, scope: Scope<'s>) -> Outcome<'s> {
        match self.eval(expr, scope) {
            Err(Stop::Unknown) if scope.keep => {
                self.kept.set(true);
                let text = self.source.text().get(expr.range.clone()).unwrap_or_default();
                Ok(Cow::Owned(Value::String(format!("${{{text}}}"))))
            }
            other => other,
        }
    }

    fn eval<'s>(&'s self, expr: &'s Expr, scope: Scope<'s>) -> Outcome<'s> {
        self.charge(STEP, &expr.range)?;
        match &expr.kind {
            Kind::Literal(value) => Ok(Cow::Borrowed(value)),
            Kind::Template(parts) => self.template(parts, scope),
            Kind::List(values) => self.list(values, scope),
            Kind::Map(entries) => self.map(entries, scope),
            Kind::Variable(name) => self.variable(name, &expr.range, scope),
            Kind::Traversal(base, steps) => self.traversal(base, steps, scope.operand()),
            Kind::Call(call) => self.call(call, &expr.range, scope.operand()),
            Kind::Conditional(parts) => self.conditional(parts, scope),
            Kind::Unary(operator, operand) => self.unary(*operator, operand, scope.operand()),
            Kind::Binary(operator, operands) => self.binary(*operator, operands, &expr.range, scope.operand()),
            Kind::For(tree) => self.for_expr(tree, scope.operand()),
        }
    }

    fn variable<'s>(&'s self, name: &str, range: &Range<usize>, scope: Scope<'s>) -> Outcome<'s> {
        let mut locals = scope.locals;
        while let Some(local) = locals {
            if local.name == name {
                return Ok(Cow::Borrowed(&local.value));
            }
            locals = local.outer;
        }
        if let Some(value) = self.context.get(name) {
            return Ok(Cow::Borrowed(value));
        }
        if self.context.keeps(name) {
            return Err(Stop::Unknown);
        }
        if self.context.names().next().is_none() {
            let detail = format!("There are no variables here, so \"{name}\" cannot be one. A text is put in quotes.");
            return self.fail("Variables not allowed", detail, range);
        }
        let hint = suggest::hint(name, self.context.names());
        let detail = format!("There is no variable named \"{name}\".{hint}");
        self.fail("Unknown variable", detail, range)
    }

    fn list<'s>(&'s self, values: &'s [Arc<Expr>], scope: Scope<'s>) -> Outcome<'s> {
        let outcomes = values.iter().map(|expr| {
            let value = self.kept_or(expr, scope)?;
            self.own(value, &expr.range)
        });
        all(outcomes).map(|values| Cow::Owned(Value::List(values)))
    }

    fn map<'s>(&'s self, entries: &'s [(Expr, Arc<Expr>)], scope: Scope<'s>) -> Outcome<'s> {
        let mut map = IndexMap::with_capacity(entries.len());
        let mut stop = None;
        for (key, expr) in entries {
            let name = self.key(key, scope);
            let value = self.kept_or(expr, scope).and_then(|value| self.own(value, &expr.range));
            match (name, value) {
                (Ok(name), Ok(value)) => {
                    if map.insert(name, value).is_some() {
                        let detail = "This key was already set. Each key of an object may be set once.";
                        stop = self.fail::<()>("Duplicate object key", detail, &key.range).err();
                    }
                }
                (Err(error), _) | (_, Err(error)) => stop = stop.or(Some(error)),
            }
        }
        stop.map_or(Ok(Cow::Owned(Value::Map(map))), Err)
    }

    /// A key of an object: whatever converts to a string.
    pub(crate) fn key<'s>(&'s self, key: &'s Expr, scope: Scope<'s>) -> Result<String, Stop> {
        let value = self.kept_or(key, scope)?;
        self.string(value, "An object key", &key.range)
    }

    fn string(&self, value: Cow<'_, Value>, what: &str, range: &Range<usize>) -> Result<String, Stop> {
        let kind = value.kind();
        match convert(self.own(value, range)?, &Type::String) {
            Ok(Value::String(text)) => Ok(text),
            _ => self.fail(
                "Invalid value",
                format!("{what} must be a string, but this is a {kind}."),
                range,
            ),
        }
    }

    fn truth<'s>(&'s self, expr: &'s Expr, what: &str, scope: Scope<'s>) -> Result<bool, Stop> {
        let value = self.eval(expr, scope.operand())?;
        let kind = value.kind();
        match convert(self.own(value, &expr.range)?, &Type::Bool) {
            Ok(Value::Bool(truth)) => Ok(truth),
            _ => self.fail(
                "Incorrect condition type",
                format!("{what} must be a bool, but this is a {kind}."),
                &expr.range,
            ),
        }
    }

    fn conditional<'s>(&'s self, [condition, yes, no]: &'s [Expr; 3], scope: Scope<'s>) -> Outcome<'s> {
        let truth = self.truth(condition, "A condition", scope)?;
        self.eval(if truth { yes } else { no }, scope)
    }

    fn for_expr<'s>(&'s self, tree: &'s For, scope: Scope<'s>) -> Outcome<'s> {
        let mut list = Vec::new();
        let mut map: IndexMap<String, Value> = IndexMap::new();
        self.each(
            &tree.collection,
            (tree.key_name.as_deref(), &tree.value_name),
            scope,
            |scope| {
                if let Some(condition) = &tree.condition
                    && !self.truth(condition, "The condition of a `for`", scope)?
                {
                    return Ok(());
                }
                let value = self.eval(&tree.value, scope)?;
                let value = self.own(value, &tree.value.range)?;
                let Some(key) = &tree.key else {
                    list.push(value);
                    return Ok(());
                };
                let name = self.key(key, scope)?;
                if tree.grouping {
                    let group = map.entry(name).or_insert_with(|| Value::List(Vec::new()));
                    if let Value::List(values) = group {
                        values.push(value);
                    }
                } else if map.insert(name, value).is_some() {
                    let detail =
                        "Two elements have this key. Add `...` after the value to collect all values of a key.";
                    return self.fail("Duplicate object key", detail, &key.range);
                }
                Ok(())
            },
        )?;
        Ok(Cow::Owned(if tree.key.is_some() {
            Value::Map(map)
        } else {
            Value::List(list)
        }))
    }

    /// Runs a body for each element of a collection.
    fn each<'s>(
        &'s self,
        collection: &'s Expr,
        (key_name, value_name): (Option<&str>, &str),
        scope: Scope<'s>,
        mut body: impl for<'l> FnMut(Scope<'l>) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let value = self.eval(collection, scope.operand())?;
        let mut run = |key: Value, value: Value| {
            self.charge(STEP + size(&value), &collection.range)?;
            let key = Local {
                name: key_name.unwrap_or_default(),
                value: key,
                outer: scope.locals,
            };
            let value = Local {
                name: value_name,
                value,
                outer: Some(&key),
            };
            body(Scope {
                locals: Some(&value),
                ..scope
            })
        };
        match &*value {
            Value::List(values) => {
                for (index, value) in values.iter().enumerate() {
                    run(Value::from(index as u64), value.clone())?;
                }
                Ok(())
            }
            Value::Map(entries) => {
                for (name, value) in entries {
                    run(Value::from(name.as_str()), value.clone())?;
                }
                Ok(())
            }
            other => {
                let detail = format!("A `for` needs a list or a map, but this is a {}.", other.kind());
                self.fail("Iteration over a value that has no elements", detail, &collection.range)
            }
        }
    }
}

/// About how many bytes a value takes.
fn size(value: &Value) -> usize {
    STEP + match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::List(values) => values.iter().map(size).sum(),
        Value::Map(entries) => entries.iter().map(|(name, value)| name.len() + size(value)).sum(),
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::List(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Value::Map(entries) => 1 + entries.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// All values, after every one has been tried, so that all diagnostics are made.
fn all<T>(outcomes: impl Iterator<Item = Result<T, Stop>>) -> Result<Vec<T>, Stop> {
    let mut values = Vec::with_capacity(outcomes.size_hint().0);
    let mut stop = None;
    for outcome in outcomes {
        match outcome {
            Ok(value) => values.push(value),
            Err(Stop::Failed) => stop = Some(Stop::Failed),
            Err(Stop::Unknown) => stop = stop.or(Some(Stop::Unknown)),
        }
    }
    stop.map_or(Ok(values), Err)
}
