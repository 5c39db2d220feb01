//! `--var-refs`: what the input refers to.

use encamp_hclspec::cty::json;
use encamp_hclspec::{Body, Context, Reference, ReferenceStepKind, Spec, Value, references};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::report::Place;

/// A JSON array of the references.
pub(crate) fn describe(spec: &Spec, body: &Body, context: &Context) -> String {
    let references = references(spec, body);
    let described: Vec<_> = references
        .iter()
        .map(|reference| Described::of(reference, context))
        .collect();
    // Nothing in it can fail to be JSON.
    serde_json::to_string_pretty(&described).unwrap_or_default()
}

#[derive(Serialize)]
struct Described<'r> {
    root_name: &'r str,
    /// As far as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Box<RawValue>>,
    steps: Vec<Step<'r>>,
    range: Place,
}

#[derive(Serialize)]
struct Step<'r> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Box<RawValue>>,
    range: Place,
}

impl<'r> Described<'r> {
    fn of(reference: &'r Reference, context: &Context) -> Self {
        let root = Step {
            kind: "root",
            name: Some(&reference.root),
            key: None,
            range: Place::of(&reference.root_span),
        };
        let steps = reference.steps.iter().map(|step| {
            let (kind, name, key) = match &step.kind {
                ReferenceStepKind::Attribute(name) => ("attr", Some(name.as_str()), None),
                ReferenceStepKind::Index(key) => ("index", None, raw(key)),
                _ => ("(unknown)", None, None),
            };
            Step {
                kind,
                name,
                key,
                range: Place::of(&step.span),
            }
        });
        Self {
            root_name: &reference.root,
            value: current(reference, context).and_then(raw),
            steps: std::iter::once(root).chain(steps).collect(),
            range: Place::of(&reference.span),
        }
    }
}

/// A value as JSON, with its numbers as exact as they are. None for what JSON cannot hold.
fn raw(value: &Value) -> Option<Box<RawValue>> {
    let text = json::to_plain_string(value).ok()?;
    RawValue::from_string(text).ok()
}

/// What it refers to, if there is such a variable.
fn current<'c>(reference: &Reference, context: &'c Context) -> Option<&'c Value> {
    let variable = context.get(&reference.root)?;
    reference
        .steps
        .iter()
        .try_fold(variable, |value, step| match &step.kind {
            ReferenceStepKind::Attribute(name) => value.get(name),
            ReferenceStepKind::Index(Value::String(name)) => value.get(name),
            ReferenceStepKind::Index(Value::Number(index)) => match value {
                Value::List(..) | Value::Tuple(_) => {
                    let index = usize::try_from(index.as_u64()?).ok()?;
                    value.as_list()?.get(index)
                }
                _ => value.get(&index.to_string()),
            },
            _ => None,
        })
}
