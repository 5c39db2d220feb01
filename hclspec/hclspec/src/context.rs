//! What expressions may refer to.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use indexmap::IndexMap;

use crate::Value;

/// The variables that expressions may refer to, and what becomes of references to others.
#[derive(Clone, Default)]
pub struct Context {
    variables: IndexMap<String, Value>,
    unknown: UnknownVariables,
    budget: Option<Arc<AtomicUsize>>,
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
}

impl Context {
    /// A context without variables, where every reference is an error.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same context with one more variable.
    #[must_use]
    pub fn with_variable(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.set(name, value);
        self
    }

    /// The same context with another rule for unknown variables.
    #[must_use]
    pub fn with_unknown(mut self, unknown: UnknownVariables) -> Self {
        self.unknown = unknown;
        self
    }

    /// The same context with a limit to the work that all evaluations with it and its clones may do together, in
    /// about the bytes that they copy. Each alone has a limit in any case.
    ///
    /// Set it where one untrusted text holds many expressions.
    #[must_use]
    pub fn with_budget(mut self, units: usize) -> Self {
        self.budget = Some(Arc::new(AtomicUsize::new(units)));
        self
    }

    /// Sets a variable, in place of an earlier one of the same name.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.variables.insert(name.into(), value.into());
    }

    /// A variable.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.variables.get(name)
    }

    /// A variable, to change it in place.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.variables.get_mut(name)
    }

    /// The names of the variables.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }

    /// Takes units from the budget; whether there were as many.
    pub(crate) fn spend(&self, units: usize) -> bool {
        let Some(budget) = &self.budget else { return true };
        let left = |rest: usize| rest.checked_sub(units);
        budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok()
    }

    pub(crate) fn keeps(&self, name: &str) -> bool {
        match self.unknown {
            UnknownVariables::Error => false,
            UnknownVariables::KeepText => true,
            UnknownVariables::KeepMatching(keep) => keep(name),
        }
    }
}

/// Names alone: the values may be secret.
impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("variables", &self.variables.keys())
            .field("unknown", &self.unknown)
            .finish_non_exhaustive()
    }
}
