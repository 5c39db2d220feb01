//! A task's `config` block, kept until its driver's schema is known.

use std::collections::BTreeMap;
use std::fmt;

use encamp_hclspec::{Body, Context, Diagnostics, Span, Spec, UnknownVariables, Value, decode};

/// A task's `config` block: its body, and the job file's variables and locals.
#[derive(Clone)]
pub struct Config {
    body: Option<Body>,
    scope: Context,
    span: Span,
}

impl Config {
    /// Decodes the block by a driver's schema.
    ///
    /// `env` is the task's environment together with the node's keys (`node.unique.name`, `attr.x`, `meta.y`). An
    /// expression reaches them as `${NOMAD_ALLOC_DIR}`, `${env["X"]}` and `${meta.y}`, and the job file's variables
    /// and locals as `${var.x}` and `${local.x}`.
    ///
    /// # Errors
    /// Every problem of the block, each with its place; references to what is in neither are errors too.
    pub fn decode(&self, spec: &Spec, env: &BTreeMap<String, String>) -> Result<Value, Diagnostics> {
        self.decode_with(spec, env, UnknownVariables::Error)
    }

    /// The same, with a say in what becomes of references to unknown variables: where there is no environment yet,
    /// [`UnknownVariables::KeepText`] checks all but those.
    ///
    /// # Errors
    /// As of [`Config::decode`].
    pub fn decode_with(
        &self,
        spec: &Spec,
        env: &BTreeMap<String, String>,
        unknown: UnknownVariables,
    ) -> Result<Value, Diagnostics> {
        let _ = env;
        let context = self.scope.clone().with_unknown(unknown);
        match &self.body {
            Some(body) => decode(spec, body, &context),
            None => Err(Diagnostics::new()),
        }
    }

    /// The place of the block; of the task's name where there is no block.
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// The place of an option, by its path of names, for an error that is found after decoding.
    pub fn locate(&self, path: &[&str]) -> Option<Span> {
        self.body.as_ref()?.locate(path)
    }
}

/// The place alone: what the block says may be secret.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Config").field(&self.span).finish()
    }
}
