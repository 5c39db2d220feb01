//! Reading a block by its schema.

use std::collections::HashSet;

use encamp_hclspec::body::{Content, Schema};
use encamp_hclspec::cty::Entries;
use encamp_hclspec::{Body, Context, Diagnostic, Diagnostics, Span, Spec, Spellings, Type, Value, decode_partial};
use serde::de::DeserializeOwned;

use crate::{Options, check};

/// How many values of a block that do not fit are reported.
const MAX_MISFITS: usize = 20;

/// What is read with: the scope of expressions, and the diagnostics so far.
pub(crate) struct Reader<'c> {
    pub(crate) context: &'c Context,
    pub(crate) options: &'c Options,
    pub(crate) diagnostics: Diagnostics,
}

/// A block's schema, and what is read one level further down.
pub(crate) struct Level {
    /// The arguments.
    arguments: Spec,
    /// The blocks, each alone: most are in few bodies, and the type of one that is missing is long to tell.
    blocks: Vec<(String, Spec)>,
    /// All names; nothing is required.
    schema: Schema,
}

impl Level {
    /// `blocks` are those that are read on their own, with their labels.
    pub(crate) fn new(spec: &'static Spec, blocks: &[(&str, &[&str])]) -> Self {
        let implied = spec.implied_schema();
        let mut schema = Schema::new();
        for name in implied.attributes() {
            schema = schema.with_attribute(name);
        }
        for name in implied.blocks() {
            schema = schema.with_block(name, implied.labels(name).unwrap_or_default().iter().cloned());
        }
        for name in maps(spec) {
            schema = schema.with_block(name, Vec::<String>::new());
        }
        for (name, labels) in blocks {
            schema = schema.with_block(name, labels.iter().copied());
        }
        let parts = match spec {
            Spec::Object(parts) => parts.clone().into_iter().collect(),
            _ => Vec::new(),
        };
        let (arguments, blocks): (Vec<_>, Vec<_>) = parts
            .into_iter()
            .partition(|(_, part)| matches!(bare(part), Spec::Attr { .. }));
        let alone = |(name, part): (String, Spec)| (name.clone(), Spec::object([(name, part)]));
        Self {
            arguments: Spec::object(arguments),
            blocks: blocks.into_iter().map(alone).collect(),
            schema,
        }
    }
}

/// The arguments that may be written as blocks.
fn maps(spec: &Spec) -> Vec<&str> {
    let is_map = |part: &Spec| {
        matches!(
            part,
            Spec::Attr {
                ty: Type::Map(_) | Type::Any,
                ..
            }
        )
    };
    match spec {
        Spec::Object(parts) => parts
            .iter()
            .filter(|(_, part)| is_map(bare(part)))
            .map(|(name, _)| name.as_str())
            .collect(),
        _ => Vec::new(),
    }
}

fn bare(spec: &Spec) -> &Spec {
    match spec {
        Spec::Described { nested, .. } | Spec::Validate { nested, .. } => bare(nested),
        Spec::Default { primary, .. } => bare(primary),
        other => other,
    }
}

impl Reader<'_> {
    pub(crate) fn error(&mut self, summary: impl Into<String>, detail: impl Into<String>, span: Span) {
        self.diagnostics
            .push(Diagnostic::error(summary, detail).with_span(span));
    }

    /// What a body holds, and its value by the level's schema; none where that has errors, which are reported.
    pub(crate) fn level<T: DeserializeOwned>(&mut self, level: &Level, body: &Body) -> (Option<T>, Content) {
        let (content, found) = body.content(&level.schema);
        self.diagnostics.extend(found);
        let names: HashSet<&str> = content.blocks.iter().map(encamp_hclspec::Block::name).collect();
        let blocks = level.blocks.iter().filter(|(name, _)| names.contains(name.as_str()));
        let mut entries = Some(Entries::new());
        for spec in std::iter::once(&level.arguments).chain(blocks.map(|(_, spec)| spec)) {
            match decode_partial(spec, body, self.context, Spellings::Maps) {
                Ok(Value::Object(parts)) => {
                    if let Some(entries) = &mut entries {
                        entries.extend(parts);
                    }
                }
                Ok(_) => {}
                Err(found) => {
                    self.diagnostics.extend(check::named(found));
                    entries = None;
                }
            }
        }
        let value = entries.and_then(|entries| self.typed(Value::Object(entries), body));
        (value, content)
    }

    /// The value as a Rust type. Parts that do not fit are reported one by one.
    fn typed<T: DeserializeOwned>(&mut self, mut value: Value, body: &Body) -> Option<T> {
        let mut is_good = true;
        for _ in 0..MAX_MISFITS {
            let error = match encamp_hclspec::from_value::<T>(value.clone()) {
                Ok(typed) => return is_good.then_some(typed),
                Err(error) => error,
            };
            is_good = false;
            let path: Vec<&str> = error.path().iter().map(String::as_str).collect();
            let span = body.locate(&path).unwrap_or_else(|| body.header_span());
            let detail = format!("{error}.");
            let problem = Diagnostic::error("Incorrect attribute value type", detail).with_span(span);
            self.diagnostics.push(problem.with_path(path.iter().copied()));
            // The next part that does not fit comes to light without this one.
            if path.is_empty() || !forget(&mut value, &path) {
                break;
            }
        }
        None
    }

    /// The diagnostics, in the order of the text, each once.
    pub(crate) fn finish(self) -> Diagnostics {
        let mut seen = HashSet::new();
        let mut diagnostics: Diagnostics = self
            .diagnostics
            .into_iter()
            .filter(|diagnostic| {
                let place = diagnostic
                    .span
                    .as_ref()
                    .map(|span| (span.range().start, span.range().end));
                // A name that is in the wrong form is found more than once, in other words.
                let is_name = diagnostic.summary.starts_with("Unsupported");
                let detail = if is_name { "" } else { diagnostic.detail.as_str() };
                seen.insert((place, diagnostic.summary.clone(), detail.to_owned()))
            })
            .collect();
        diagnostics.sort();
        diagnostics
    }
}

/// Makes the value at a path null; whether it was another before.
fn forget(value: &mut Value, path: &[&str]) -> bool {
    let Some((first, rest)) = path.split_first() else {
        let was_null = value.is_null();
        *value = Value::NULL;
        return !was_null;
    };
    let inner = match value {
        Value::Object(entries) | Value::Map(_, entries) => entries.get_mut(first),
        Value::List(_, values) | Value::Set(_, values) | Value::Tuple(values) => {
            let index = first
                .strip_prefix('[')
                .and_then(|part| part.strip_suffix(']')?.parse::<usize>().ok());
            index.and_then(|index| values.get_mut(index))
        }
        _ => None,
    };
    inner.is_some_and(|inner| forget(inner, rest))
}
