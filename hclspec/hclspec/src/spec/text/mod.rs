//! Spec files: the schema as hcldec text.
//!
//! Everything of upstream's spec language is read: `object`, `array`, `attr`, `block`, `block_list`, `block_set`,
//! `block_map`, `block_attrs`, `default`, `transform`, `literal`, and the `variables` and `function`s that a spec file
//! gives to its input. Beyond it there is what [`Spec`] has and that language does not:
//!
//! - `block_tuple` like `block_list`, `block_object` like `block_map`;
//! - `block_label { index = 0 }`, with an optional `name`;
//! - `expression { value = upper(env) }`, evaluated with the input's variables;
//! - `literal` with a `type`, which its value is converted to;
//! - lines that begin with `##` straight above a spec are its [description](Spec::Described).

mod functions;
mod read;
#[cfg(test)]
mod tests;
mod types;
mod write;

use std::sync::Arc;

use indexmap::IndexMap;

pub use self::types::parse_type;
pub(crate) use self::types::type_of;
use crate::cty::Function;
use crate::{Body, Context, Diagnostics, Source, Spec, Value};

/// A spec file: a spec, and what the input that it is for may refer to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SpecFile {
    /// The spec.
    pub spec: Spec,
    /// What the input's expressions may refer to.
    pub variables: IndexMap<String, Value>,
    /// What the input's expressions may call.
    pub functions: IndexMap<String, Function>,
}

impl SpecFile {
    /// Reads a spec file.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the text.
    pub fn parse(source: &Arc<Source>) -> Result<Self, Diagnostics> {
        let (file, diagnostics) = Self::parse_with_warnings(source);
        file.ok_or(diagnostics)
    }

    /// Reads a spec file, and gives the warnings too. There is no file where one of the diagnostics is an error.
    pub fn parse_with_warnings(source: &Arc<Source>) -> (Option<Self>, Diagnostics) {
        let (body, mut diagnostics) = Body::parse_lossy(source);
        if diagnostics.has_errors() {
            return (None, diagnostics);
        }
        let file = read::file(&body, &mut diagnostics);
        diagnostics.sort();
        let file = file.filter(|_| !diagnostics.has_errors());
        (file, diagnostics)
    }

    /// The file's variables and functions, to decode its input with.
    pub fn context(&self) -> Context {
        let mut context = Context::new();
        for (name, value) in &self.variables {
            context.set(name.as_str(), value.clone());
        }
        context.with_functions(
            self.functions
                .iter()
                .map(|(name, function)| (name.as_str(), function.clone())),
        )
    }
}

/// The spec of a spec file.
///
/// # Errors
///
/// Everything that is wrong with the text.
///
/// ```
/// use encamp_hclspec::{Source, Spec, Type, spec};
///
/// let text = "object {\n  attr \"image\" {\n    type     = string\n    required = true\n  }\n}\n";
/// let spec = spec::text::parse(&Source::new("x.hcldec", text.to_owned()))?;
/// assert_eq!(spec, Spec::object([("image", Spec::attr("image", Type::String).required())]));
/// assert_eq!(spec.to_string(), text);
/// # Ok::<_, encamp_hclspec::Diagnostics>(())
/// ```
pub fn parse(source: &Arc<Source>) -> Result<Spec, Diagnostics> {
    SpecFile::parse(source).map(|file| file.spec)
}
