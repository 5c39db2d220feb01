//! What expressions may refer to.

use std::fmt;

use indexmap::IndexMap;

use crate::Value;

/// The variables that expressions may refer to, and what becomes of references to others.
#[derive(Clone, Default)]
pub struct Context {
    variables: IndexMap<String, Value>,
    unknown: UnknownVariables,
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
            .finish()
    }
}
