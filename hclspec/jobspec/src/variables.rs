//! `variable` blocks and `locals`.

use std::collections::{BTreeMap, HashMap};

use encamp_hclspec::{
    Attribute, Block, Body, Context, Diagnostic, Expression, Source, Type, UnknownVariables, Value, did_you_mean,
};
use indexmap::IndexMap;

use crate::read::{Argument, Keys, Parts as _, Reader};

const VARIABLE: Keys = Keys {
    what: "variable",
    arguments: &[
        ("type", Argument::Text),
        ("default", Argument::Text),
        ("description", Argument::Text),
    ],
    blocks: &[],
    ignored: &[],
    later: &["validation", "sensitive", "nullable"],
};

/// How much the values of a job file may take together, in about bytes. Many small references to one large local are a
/// small file.
const BUDGET: usize = 128 << 20;

/// The names that a job file may refer to beside its own: the environment of its tasks and the node they run on.
pub(crate) fn is_runtime(name: &str) -> bool {
    name.starts_with("NOMAD_") || matches!(name, "env" | "attr" | "meta" | "node")
}

/// The context that a job file's expressions are evaluated in: its variables and locals.
pub(crate) fn context(body: &Body, given: &BTreeMap<String, String>, reader: &mut Reader<'_>) -> Context {
    let variables = variables(body, given, reader);
    let mut context = Context::new()
        .with_unknown(UnknownVariables::KeepMatching(is_runtime))
        .with_budget(BUDGET)
        .with_variable("var", Value::from(variables))
        .with_variable("local", Value::Object(Box::default()));
    locals(body, &mut context, reader);
    context
}

fn variables(body: &Body, given: &BTreeMap<String, String>, reader: &mut Reader<'_>) -> IndexMap<String, Value> {
    let mut values = IndexMap::new();
    let mut declared = HashMap::new();
    for block in body.blocks_of("variable") {
        let Some(name) = reader.label(&block).map(str::to_owned) else { continue };
        let name = name.as_str();
        if let Some(first) = declared.insert(name.to_owned(), block.clone()) {
            let detail = format!("The variable \"{name}\" is already declared.");
            let diagnostic = Diagnostic::error("Duplicate variable", detail);
            let diagnostic = diagnostic
                .with_span(block.header_span())
                .with_context(first.header_span());
            reader.diagnostics.push(diagnostic);
        }
        let value = variable(name, &block, given.get(name).map(String::as_str), reader);
        values.insert(name.to_owned(), value.unwrap_or_default());
    }
    for name in given.keys().filter(|name| !declared.contains_key(name.as_str())) {
        let mut detail =
            format!("A value is given for the variable \"{name}\", but the job file has no such variable.");
        if let Some(other) = did_you_mean(name, declared.keys().map(String::as_str)) {
            detail = format!("{detail} Did you mean \"{other}\"?");
        }
        let diagnostic = Diagnostic::error("Undefined variable", detail);
        reader.diagnostics.push(diagnostic);
    }
    values
}

fn variable(name: &str, block: &Block, given: Option<&str>, reader: &mut Reader<'_>) -> Option<Value> {
    let body = block.body();
    reader.check_names(&VARIABLE, body);
    let ty = body.attribute("type").map(|attribute| attribute.value().to_type());
    let ty = match ty.transpose() {
        Ok(ty) => ty,
        Err(diagnostics) => {
            reader.diagnostics.extend(diagnostics);
            return None;
        }
    };
    let nothing = Context::new();
    let default = body.attribute("default").map(|attribute| {
        let value = typed(attribute.value(), ty.as_ref().unwrap_or(&Type::Any), &nothing);
        value.map_err(|diagnostics| reader.diagnostics.extend(diagnostics))
    });
    if let Some(text) = given {
        // Without a type, a variable is of its default's type.
        let ty = ty.or_else(|| default.and_then(Result::ok).as_ref().map(type_of));
        return convert_given(name, text, ty, block, reader);
    }
    if default.is_none() {
        let detail = format!("The variable \"{name}\" has no default. Give it a value with --var {name}=..");
        reader.error("Missing variable value", detail, block.header_span());
    }
    default?.ok()
}

/// An expression's value, converted to a type.
fn typed(expression: &Expression, ty: &Type, context: &Context) -> Result<Value, encamp_hclspec::Diagnostics> {
    let value = expression.evaluate(context)?;
    encamp_hclspec::cty::convert(value, ty).map_err(|error| {
        let detail = format!("{error}.");
        Diagnostic::error("Incorrect value type", detail)
            .with_span(expression.span())
            .into()
    })
}

fn type_of(value: &Value) -> Type {
    match value {
        Value::String(_) => Type::String,
        Value::Number(_) => Type::Number,
        Value::Bool(_) => Type::Bool,
        _ => Type::Any,
    }
}

/// The value that was given on the command line. It may be secret, so it is not repeated in diagnostics.
fn convert_given(name: &str, text: &str, ty: Option<Type>, block: &Block, reader: &mut Reader<'_>) -> Option<Value> {
    if ty == Some(Type::String) {
        return Some(Value::from(text));
    }
    let expression = Expression::parse(Source::new(format!("--var {name}"), text.trim_start().to_owned()));
    let wanted = ty.clone().unwrap_or(Type::Any);
    let value = expression.and_then(|expression| typed(&expression, &wanted, &Context::new()));
    match (value, ty) {
        (Ok(value), _) => Some(value),
        // Nothing is known of the variable at all: then whatever is no expression is a text.
        (Err(_), None) => Some(Value::from(text)),
        (Err(diagnostics), Some(ty)) => {
            let reason = diagnostics
                .iter()
                .next()
                .map_or("no value", |first| first.summary.as_str());
            let detail = format!(
                "The value given for the variable \"{name}\" is not of its type, {ty}: {}.",
                reason.to_lowercase()
            );
            reader.error("Invalid variable value", detail, block.header_span());
            None
        }
    }
}

/// Evaluates the locals, each after those that it refers to.
fn locals(body: &Body, context: &mut Context, reader: &mut Reader<'_>) {
    let mut pending: IndexMap<String, Attribute> = IndexMap::new();
    for block in body.blocks_of("locals") {
        for inner in block.body().blocks() {
            let detail = "A locals block holds arguments only: name = value.";
            reader.error("Unexpected block", detail, inner.name_span());
        }
        for attribute in block.body().attributes() {
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
            Value::NULL
        });
        if let Some(Value::Object(known)) = context.get_mut("local") {
            known.insert(name.to_owned(), value);
        }
    }
}

/// The names in an order where each comes after those that it refers to. Circles are reported and left out.
fn order(locals: &IndexMap<String, Attribute>, reader: &mut Reader<'_>) -> Vec<String> {
    let mut waiting: Vec<usize> = Vec::with_capacity(locals.len());
    let mut dependents: Vec<Vec<usize>> = vec![Vec::new(); locals.len()];
    for (index, attribute) in locals.values().enumerate() {
        let mut names: Vec<String> = attribute
            .value()
            .references("local")
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        names.sort();
        names.dedup();
        let known: Vec<usize> = names
            .iter()
            .filter_map(|name| locals.get_index_of(name.as_str()))
            .collect();
        waiting.push(known.len());
        for dependency in known {
            if let Some(list) = dependents.get_mut(dependency) {
                list.push(index);
            }
        }
    }
    let mut ready: Vec<usize> = (0..locals.len())
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
    for (name, attribute) in locals
        .iter()
        .enumerate()
        .filter(|(index, _)| !ready.contains(index))
        .map(|(_, local)| local)
    {
        let detail = format!("The local \"{name}\" refers to itself, if only by way of others.");
        reader.error("Circular local", detail, attribute.name_span());
    }
    ready
        .into_iter()
        .filter_map(|index| locals.get_index(index).map(|(name, _)| name.clone()))
        .collect()
}
