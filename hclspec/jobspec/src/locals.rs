//! `locals` blocks.

use std::collections::BTreeSet;

use encamp_hclspec::body::Content;
use encamp_hclspec::{Attribute, Context, Diagnostic, ReferenceStepKind, Type, Value};
use indexmap::IndexMap;

use crate::read::Reader;

/// Evaluates the locals, each after those that it refers to.
pub(crate) fn evaluate(file: &Content, context: &mut Context, reader: &mut Reader<'_>) {
    let mut pending: IndexMap<String, Attribute> = IndexMap::new();
    for block in file.blocks.iter().filter(|block| block.name() == "locals") {
        let (attributes, found) = block.body().just_attributes();
        reader.diagnostics.extend(found);
        for attribute in attributes {
            if let Some(first) = pending.insert(attribute.name().to_owned(), attribute.clone()) {
                let detail = format!("The local \"{}\" is already set.", attribute.name());
                let diagnostic = Diagnostic::error("Duplicate local", detail).with_span(attribute.name_span());
                reader.diagnostics.push(diagnostic.with_context(first.name_span()));
            }
        }
    }
    for name in order(&pending, reader) {
        let Some(attribute) = pending.get(&name) else { continue };
        let value = attribute.value().evaluate(context).unwrap_or_else(|diagnostics| {
            reader.diagnostics.extend(diagnostics);
            Value::Unknown(Type::Any)
        });
        if let Some(Value::Object(known)) = context.get_mut("local") {
            known.insert(name, value);
        }
    }
}

/// What each local waits for. Where it does not say which others, as in `keys(local)`, that is all before it in the text:
/// those are nodes of their own, so that there are not as many edges as pairs.
fn dependencies(locals: &IndexMap<String, Attribute>) -> Vec<BTreeSet<usize>> {
    let count = locals.len();
    let attributes = locals.values().enumerate();
    let mut all: Vec<_> = attributes
        .map(|(index, attribute)| references(locals, index, attribute))
        .collect();
    for index in 0..count {
        let before = index.checked_sub(1).map(|before| count + before);
        all.push(before.into_iter().chain([index]).collect());
    }
    all
}

/// The locals that one refers to.
fn references(locals: &IndexMap<String, Attribute>, index: usize, attribute: &Attribute) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let variables = attribute.value().variables();
    for reference in variables.iter().filter(|reference| reference.root == "local") {
        let name = match reference.steps.first().map(|step| &step.kind) {
            Some(ReferenceStepKind::Attribute(name)) => Some(name.as_str()),
            Some(ReferenceStepKind::Index(Value::String(name))) => Some(name.as_str()),
            _ => None,
        };
        match name {
            Some(name) => found.extend(locals.get_index_of(name)),
            None => found.extend(index.checked_sub(1).map(|before| locals.len() + before)),
        }
    }
    found
}

/// The names in an order where each comes after those that it refers to. Circles are reported and left out.
fn order(locals: &IndexMap<String, Attribute>, reader: &mut Reader<'_>) -> Vec<String> {
    let dependencies = dependencies(locals);
    let mut waiting: Vec<usize> = Vec::with_capacity(dependencies.len());
    let mut dependents: Vec<Vec<usize>> = vec![Vec::new(); dependencies.len()];
    for (index, known) in dependencies.into_iter().enumerate() {
        waiting.push(known.len());
        for dependency in known {
            if let Some(list) = dependents.get_mut(dependency) {
                list.push(index);
            }
        }
    }
    let mut ready: Vec<usize> = (0..waiting.len())
        .filter(|index| waiting.get(*index) == Some(&0))
        .collect();
    let mut done = 0;
    while let Some(index) = ready.get(done).copied() {
        done += 1;
        for dependent in dependents.get(index).into_iter().flatten() {
            if let Some(count) = waiting.get_mut(*dependent) {
                *count -= 1;
                if *count == 0 {
                    ready.push(*dependent);
                }
            }
        }
    }
    let is_ready: BTreeSet<usize> = ready.iter().copied().collect();
    for (index, (name, attribute)) in locals.iter().enumerate() {
        if !is_ready.contains(&index) {
            let detail = format!("The local \"{name}\" refers to itself, if only by way of others.");
            reader.error("Circular local", detail, attribute.name_span());
        }
    }
    let names = ready.into_iter().filter_map(|index| locals.get_index(index));
    names.map(|(name, _)| name.clone()).collect()
}
