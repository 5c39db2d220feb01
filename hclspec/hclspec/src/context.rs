//! What expressions may refer to.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use indexmap::IndexMap;

use crate::cty::{Function, functions};
use crate::{Value, eval};

type Functions = IndexMap<String, Function>;

/// Those of hcldec are made once.
static DEFAULT_FUNCTIONS: LazyLock<Arc<Functions>> = LazyLock::new(|| {
    let functions = functions::hcldec().iter();
    Arc::new(
        functions
            .map(|(name, function)| ((*name).to_owned(), function.clone()))
            .collect(),
    )
});

/// The variables and functions that expressions may use, and what becomes of references to others.
///
/// Clones are cheap and share the values.
#[derive(Clone)]
pub struct Context {
    variables: Arc<IndexMap<String, Value>>,
    functions: Option<Arc<Functions>>,
    parent: Option<Arc<Context>>,
    unknown: UnknownVariables,
    budget: Option<Arc<AtomicUsize>>,
    try_and_can: bool,
    json_templates: bool,
}

/// What becomes of a reference to a variable that the [`Context`] does not have.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub enum UnknownVariables {
    /// It is an error.
    #[default]
    Error,
    /// Its text is kept: `"${x}/y"` gives the string `${x}/y`, and `x` alone gives `${x}`.
    ///
    /// A value that holds such a text is not converted where the conversion would fail.
    KeepText,
    /// Its text is kept if the name satisfies the predicate, otherwise it is an error.
    KeepMatching(fn(&str) -> bool),
    /// Its value is unknown, and so is what is computed from it.
    Unknown,
}

/// What a name stands for.
pub(crate) enum Found<'c> {
    Value(&'c Value),
    Unknown,
    Kept,
    Nothing,
}

impl Context {
    /// A context without variables, where every reference is an error, and with the functions of hcldec.
    pub fn new() -> Self {
        Self {
            variables: Arc::default(),
            functions: Some(Arc::clone(&DEFAULT_FUNCTIONS)),
            parent: None,
            unknown: UnknownVariables::default(),
            budget: None,
            try_and_can: false,
            json_templates: true,
        }
    }

    /// A context in this one: what it does not have itself is looked up here.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            variables: Arc::default(),
            functions: None,
            parent: Some(Arc::new(self.clone())),
            unknown: self.unknown,
            budget: self.budget.clone(),
            try_and_can: self.try_and_can,
            json_templates: self.json_templates,
        }
    }

    /// A context in this one, with these variables.
    pub(crate) fn child_with(&self, variables: &Arc<IndexMap<String, Value>>) -> Self {
        Self {
            variables: Arc::clone(variables),
            ..self.child()
        }
    }

    /// The same context with one more variable.
    #[must_use]
    pub fn with_variable(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.set(name, value);
        self
    }

    /// The same context with one more function, in place of an earlier one of the same name.
    #[must_use]
    pub fn with_function(mut self, name: impl Into<String>, function: Function) -> Self {
        let functions = self.functions.get_or_insert_default();
        Arc::make_mut(functions).insert(name.into(), function);
        self
    }

    /// The same context with these functions and no others.
    #[must_use]
    pub fn with_functions<N: Into<String>>(mut self, functions: impl IntoIterator<Item = (N, Function)>) -> Self {
        let functions = functions.into_iter().map(|(name, function)| (name.into(), function));
        self.functions = Some(Arc::new(functions.collect()));
        self
    }

    /// The same context with `try(a, b, ..)`, the first argument that has a value, and `can(a)`, whether it has one.
    #[must_use]
    pub fn with_try_and_can(mut self) -> Self {
        self.try_and_can = true;
        self
    }

    /// The same context, in which the strings of the JSON syntax are just that text, and no templates.
    ///
    /// Upstream takes them so where there are neither variables nor functions.
    #[must_use]
    pub fn without_json_templates(mut self) -> Self {
        self.json_templates = false;
        self
    }

    /// The same context with another rule for unknown variables.
    #[must_use]
    pub fn with_unknown(mut self, unknown: UnknownVariables) -> Self {
        self.unknown = unknown;
        self
    }

    /// The same context with a limit to the work that all evaluations with it, its clones and its children may do
    /// together, in about the bytes that they copy. Without it, each evaluation has a limit of its own, and each decoding of
    /// a body one for all that is in it: 12 MiB, and 64 bytes more for each byte of the source.
    #[must_use]
    pub fn with_budget(mut self, units: usize) -> Self {
        self.budget = Some(Arc::new(AtomicUsize::new(units)));
        self
    }

    /// Sets a variable, in place of an earlier one of the same name.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        Arc::make_mut(&mut self.variables).insert(name.into(), value.into());
    }

    /// A variable.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.chain().find_map(|context| context.variables.get(name))
    }

    /// A variable of this context itself, to change it in place.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        Arc::make_mut(&mut self.variables).get_mut(name)
    }

    /// The names of the variables.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.chain()
            .flat_map(|context| context.variables.keys().map(String::as_str))
    }

    /// Whether the text of some references is kept for a later stage.
    pub fn keeps_text(&self) -> bool {
        matches!(
            self.unknown,
            UnknownVariables::KeepText | UnknownVariables::KeepMatching(_)
        )
    }

    /// Whether the strings of the JSON syntax are templates.
    pub(crate) fn has_json_templates(&self) -> bool {
        self.json_templates
    }

    pub(crate) fn find(&self, name: &str) -> Found<'_> {
        if let Some(value) = self.get(name) {
            return Found::Value(value);
        }
        match self.unknown {
            UnknownVariables::KeepText => Found::Kept,
            UnknownVariables::KeepMatching(keep) if keep(name) => Found::Kept,
            UnknownVariables::Unknown => Found::Unknown,
            _ => Found::Nothing,
        }
    }

    pub(crate) fn function(&self, name: &str) -> Option<&Function> {
        self.chain()
            .filter_map(|context| context.functions.as_ref())
            .find_map(|functions| functions.get(name))
    }

    /// The names of all functions.
    pub(crate) fn function_names(&self) -> impl Iterator<Item = &str> {
        let special: &[&str] = if self.try_and_can { &["try", "can"] } else { &[] };
        let functions = self.chain().filter_map(|context| context.functions.as_ref());
        let names = functions.flat_map(|functions| functions.keys().map(String::as_str));
        names.chain(special.iter().copied())
    }

    pub(crate) fn has_try_and_can(&self) -> bool {
        self.try_and_can
    }

    /// The same context, with a limit to the work for a text of so many bytes if it has none yet.
    pub(crate) fn bounded(&self, bytes: usize) -> Self {
        match self.budget {
            Some(_) => self.clone(),
            None => self.clone().with_budget(eval::work_for(bytes)),
        }
    }

    /// Takes units from the budget; whether there were as many.
    pub(crate) fn spend(&self, units: usize) -> bool {
        let Some(budget) = &self.budget else { return true };
        let left = |rest: usize| rest.checked_sub(units);
        budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok()
    }

    fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |context| context.parent.as_deref())
    }
}

/// [`Context::new`].
impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}

/// Names alone: the values may be secret.
impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("variables", &self.names().collect::<Vec<_>>())
            .field("functions", &self.function_names().collect::<Vec<_>>())
            .field("unknown", &self.unknown)
            .finish_non_exhaustive()
    }
}
