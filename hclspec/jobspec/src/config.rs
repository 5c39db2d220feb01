//! A task's `config` block, kept until its driver's schema is known.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use encamp_hclspec::cty::Entries;
use encamp_hclspec::{
    Body, Context, Diagnostics, Source, Span, Spec, Spellings, Type, UnknownVariables, Value, decode_with,
};

/// How much the values of a block may take together, in about bytes.
const BUDGET: usize = 128 << 20;

/// A task's `config` block: its body, and the job file's variables and locals.
#[derive(Clone)]
pub struct Config {
    body: Option<Body>,
    scope: Arc<Context>,
    span: Span,
}

impl Config {
    /// A block's body, or none where the task has no such block.
    pub(crate) fn new(body: Option<Body>, scope: Arc<Context>, span: Span) -> Self {
        Self { body, scope, span }
    }

    /// Decodes the block by a driver's schema.
    ///
    /// `env` is the task's environment together with the node's keys (`node.unique.name`, `attr.x`, `meta.y`). An
    /// expression reaches them as `${NOMAD_ALLOC_DIR}`, `${env["X"]}` and `${meta.y}`, and the job file's variables
    /// and locals as `${var.x}` and `${local.x}`. Where one name is the beginning of another (`a` and `a.b`), the
    /// longer one is found at its path and the shorter one in `env` only.
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
        let context = self.context(env, unknown);
        if let Some(body) = &self.body {
            return decode_with(spec, body, &context, Spellings::Every);
        }
        let nothing = Body::parse(Source::new(self.span.source().name(), String::new()))?;
        decode_with(spec, &nothing, &context, Spellings::Every).map_err(|diagnostics| {
            let at_task = |diagnostic: encamp_hclspec::Diagnostic| {
                let path = diagnostic.path.clone();
                let summary = encamp_hclspec::Diagnostic::error(diagnostic.summary, diagnostic.detail);
                summary.with_span(self.span.clone()).with_path(path)
            };
            diagnostics.into_iter().map(at_task).collect()
        })
    }

    fn context(&self, env: &BTreeMap<String, String>, unknown: UnknownVariables) -> Context {
        let mut context = self.scope.child().with_unknown(unknown).with_budget(BUDGET);
        // A variable of the environment does not hide those of the job file.
        for (name, value) in tree(env).into_iter().filter(|(name, _)| self.scope.get(name).is_none()) {
            context.set(name, value);
        }
        // Where nothing is known of the environment, `env["X"]` is unknown too, not missing.
        if !env.is_empty() || matches!(unknown, UnknownVariables::Error) {
            context.set(
                "env",
                Value::map(
                    Type::String,
                    env.iter().map(|(name, value)| (name.as_str(), value.as_str())),
                ),
            );
        }
        context
    }

    /// The place of the block's name; of the task's header where there is no block.
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

/// The names with dots as nested maps. Names with empty parts have no path.
fn tree(env: &BTreeMap<String, String>) -> Entries {
    let mut root = Entries::new();
    for (name, value) in env {
        let parts: Vec<&str> = name.split('.').collect();
        if let Some((last, outer)) = parts.split_last()
            && parts.iter().all(|part| !part.is_empty())
        {
            insert(&mut root, outer, last, value);
        }
    }
    root
}

fn insert(root: &mut Entries, outer: &[&str], last: &str, value: &str) {
    let mut map = root;
    for part in outer {
        if map.get(part).and_then(Value::as_map).is_none() {
            map.insert(*part, Value::Object(Entries::new()));
        }
        let Some(Value::Object(inner)) = map.get_mut(part) else {
            return;
        };
        map = inner;
    }
    let is_map = map.get(last).is_some_and(|known| known.as_map().is_some());
    if !is_map {
        map.insert(last, value.into());
    }
}
