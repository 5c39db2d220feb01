//! `variable` blocks, and the scope that a job file's expressions are evaluated in.

use std::collections::HashMap;

use encamp_hclspec::body::{Content, Schema};
use encamp_hclspec::cty::convert;
use encamp_hclspec::{
    Attribute, Block, Context, Diagnostic, Diagnostics, Expression, Source, Span, Type, UnknownVariables, Value,
    did_you_mean,
};
use indexmap::IndexMap;

use crate::read::Reader;
use crate::{Options, functions, locals};

/// How much the values of a job file may take together, in about bytes. Many small references to one large local are a
/// small file.
const BUDGET: usize = 128 << 20;

/// The names that a job file may refer to beside its own: the environment of its tasks and the node they run on.
pub(crate) fn is_runtime(name: &str) -> bool {
    name.starts_with("NOMAD_") || matches!(name, "env" | "attr" | "meta" | "node" | "device")
}

/// The scope of what may refer to nothing: functions alone.
pub(crate) fn base(options: &Options) -> Context {
    Context::new()
        .with_functions(functions::all(options.directory.as_deref()))
        .with_try_and_can()
        .with_budget(BUDGET)
}

/// The scope that a job file's expressions are evaluated in: its variables and locals.
pub(crate) fn context(file: &Content, base: &Context, reader: &mut Reader<'_>) -> Context {
    let variables = variables(file, reader);
    let mut context = base
        .clone()
        .with_unknown(UnknownVariables::KeepMatching(is_runtime))
        .with_variable("var", Value::object(variables))
        .with_variable("local", Value::object(Vec::<(String, Value)>::new()));
    validate(file, &context, reader);
    locals::evaluate(file, &mut context, reader);
    context
}

/// A variable as it is declared.
struct Declared {
    name: String,
    span: Span,
}

fn variables(file: &Content, reader: &mut Reader<'_>) -> IndexMap<String, Value> {
    let mut values = IndexMap::new();
    let mut declared: HashMap<String, Span> = HashMap::new();
    for block in &file.blocks {
        match block.name() {
            "variable" => {
                let Some(label) = block.labels().first() else { continue };
                let variable = Declared {
                    name: label.text().to_owned(),
                    span: block.header_span(),
                };
                declare(&variable, &mut declared, reader);
                let value = of_block(&variable, block, reader);
                values.insert(variable.name, value.unwrap_or(Value::Unknown(Type::Any)));
            }
            "variables" => {
                let (attributes, found) = block.body().just_attributes();
                reader.diagnostics.extend(found);
                for attribute in attributes {
                    let variable = Declared {
                        name: attribute.name().to_owned(),
                        span: attribute.name_span(),
                    };
                    declare(&variable, &mut declared, reader);
                    let default = evaluated(attribute.value(), &Type::Any, &Context::new(), reader);
                    let default = default.unwrap_or(Value::Unknown(Type::Any));
                    let value = value_of(&variable, None, Some(default), reader);
                    values.insert(variable.name, value.unwrap_or(Value::Unknown(Type::Any)));
                }
            }
            _ => {}
        }
    }
    let given = reader.options.variables.keys();
    for name in given.filter(|name| !declared.contains_key(name.as_str())) {
        let mut detail =
            format!("A value is given for the variable \"{name}\", but the job file has no such variable.");
        if let Some(other) = did_you_mean(name, declared.keys().map(String::as_str)) {
            detail = format!("{detail} Did you mean \"{other}\"?");
        }
        reader.diagnostics.push(Diagnostic::error("Undefined variable", detail));
    }
    values
}

fn declare(variable: &Declared, declared: &mut HashMap<String, Span>, reader: &mut Reader<'_>) {
    let name = &variable.name;
    if let Some(first) = declared.insert(name.clone(), variable.span.clone()) {
        let detail = format!("The variable \"{name}\" is already declared.");
        let diagnostic = Diagnostic::error("Duplicate variable", detail).with_span(variable.span.clone());
        reader.diagnostics.push(diagnostic.with_context(first));
    }
}

fn of_block(variable: &Declared, block: &Block, reader: &mut Reader<'_>) -> Option<Value> {
    let schema = ["type", "default", "description", "sensitive", "nullable"]
        .iter()
        .fold(Schema::new(), |schema, name| schema.with_attribute(name))
        .with_block("validation", Vec::<String>::new());
    let (content, found) = block.body().content(&schema);
    reader.diagnostics.extend(found);
    let nothing = Context::new();
    for (name, ty) in [
        ("description", Type::String),
        ("sensitive", Type::Bool),
        ("nullable", Type::Bool),
    ] {
        if let Some(attribute) = content.attributes.get(name) {
            evaluated(attribute.value(), &ty, &nothing, reader);
        }
    }
    let ty = match content.attributes.get("type").map(type_of_attribute).transpose() {
        Ok(ty) => ty,
        Err(found) => {
            reader.diagnostics.extend(found);
            return None;
        }
    };
    let default = content.attributes.get("default");
    let default = default.map(|default| {
        let wanted = ty.as_ref().unwrap_or(&Type::Any);
        evaluated(default.value(), wanted, &nothing, reader).unwrap_or(Value::Unknown(Type::Any))
    });
    value_of(variable, ty, default, reader)
}

/// The type that a `type` argument names; in JSON it is in a string.
fn type_of_attribute(attribute: &Attribute) -> Result<Type, Diagnostics> {
    match attribute.value().to_type() {
        Ok(ty) => Ok(ty),
        Err(found) => {
            let text = attribute.value().evaluate(&Context::new()).ok();
            match text.as_ref().and_then(Value::as_str) {
                // Also as old job files have it, type = "string".
                Some(text) => {
                    let source = Source::new(attribute.value().source().name(), text.to_owned());
                    let at_attribute = |diagnostic: Diagnostic| {
                        Diagnostic::error(diagnostic.summary, diagnostic.detail).with_span(attribute.value().span())
                    };
                    encamp_hclspec::spec::text::parse_type(source)
                        .map_err(|found| found.into_iter().map(at_attribute).collect())
                }
                None => Err(found),
            }
        }
    }
}

/// The value that is given, else the default.
fn value_of(variable: &Declared, ty: Option<Type>, default: Option<Value>, reader: &mut Reader<'_>) -> Option<Value> {
    let name = &variable.name;
    if let Some(text) = reader.options.variables.get(name) {
        // Without a type, a variable is of its default's type.
        let ty = ty.or_else(|| default.as_ref().map(simple_type));
        return convert_given(variable, text, ty, reader);
    }
    if default.is_none() {
        let detail = format!("The variable \"{name}\" has no default. Give it a value with --var {name}=..");
        reader.error("Missing variable value", detail, variable.span.clone());
    }
    default
}

/// An expression's value, converted to a type; none where there are errors, which are reported.
fn evaluated(expression: &Expression, ty: &Type, context: &Context, reader: &mut Reader<'_>) -> Option<Value> {
    match typed(expression, ty, context) {
        Ok(value) => Some(value),
        Err(found) => {
            reader.diagnostics.extend(found);
            None
        }
    }
}

fn typed(expression: &Expression, ty: &Type, context: &Context) -> Result<Value, Diagnostics> {
    let value = expression.evaluate(context)?;
    convert(value, ty).map_err(|error| {
        let diagnostic = Diagnostic::error("Incorrect value type", format!("Inappropriate value: {error}."));
        diagnostic.with_span(expression.span()).into()
    })
}

fn simple_type(value: &Value) -> Type {
    match value {
        Value::String(_) => Type::String,
        Value::Number(_) => Type::Number,
        Value::Bool(_) => Type::Bool,
        _ => Type::Any,
    }
}

/// The value that was given on the command line. It may be secret, so it is not repeated in diagnostics.
fn convert_given(variable: &Declared, text: &str, ty: Option<Type>, reader: &mut Reader<'_>) -> Option<Value> {
    let name = &variable.name;
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
            let reason = diagnostics.iter().next();
            let reason = reason.map_or("no value", |first| first.summary.as_str()).to_lowercase();
            let detail = format!("The value given for the variable \"{name}\" is not of its type, {ty}: {reason}.");
            reader.error("Invalid variable value", detail, variable.span.clone());
            None
        }
    }
}

/// Runs the `validation` blocks of variables, each of which sees its own variable alone.
fn validate(file: &Content, context: &Context, reader: &mut Reader<'_>) {
    let schema = Schema::new().with_block("validation", Vec::<String>::new());
    for block in file.blocks.iter().filter(|block| block.name() == "variable") {
        let Some(name) = block.labels().first().map(encamp_hclspec::Label::text) else {
            continue;
        };
        let (inner, _) = block.body().partial_content(&schema);
        let value = context.get("var").and_then(|variables| variables.get(name)).cloned();
        let value = value.unwrap_or(Value::Unknown(Type::Any));
        let scope = context
            .clone()
            .with_unknown(UnknownVariables::Error)
            .with_variable("var", Value::object([(name, value)]));
        for validation in &inner.blocks {
            run(validation, &scope, reader);
        }
    }
}

fn run(validation: &Block, scope: &Context, reader: &mut Reader<'_>) {
    let schema = Schema::new()
        .with_required_attribute("condition")
        .with_required_attribute("error_message");
    let (content, found) = validation.body().content(&schema);
    reader.diagnostics.extend(found);
    let (Some(condition), Some(message)) = (
        content.attributes.get("condition"),
        content.attributes.get("error_message"),
    ) else {
        return;
    };
    let message = evaluated(message.value(), &Type::String, scope, reader);
    match evaluated(condition.value(), &Type::Bool, scope, reader) {
        Some(Value::Bool(false)) => {
            let detail = message.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
            let diagnostic = Diagnostic::error("Invalid value for variable", detail);
            let diagnostic = diagnostic.with_span(condition.value().span());
            reader
                .diagnostics
                .push(diagnostic.with_context(validation.header_span()));
        }
        Some(Value::Null(_)) => {
            let detail = "The condition is true or false, and not null.";
            reader.error("Invalid variable validation result", detail, condition.value().span());
        }
        _ => {}
    }
}
