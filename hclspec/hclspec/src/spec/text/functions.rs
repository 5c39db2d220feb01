//! The functions of spec files: those that their expressions may call, and those that they define for their input.

use crate::body::Schema;
use crate::cty::{Function, FunctionError, Parameter};
use crate::{Body, Context, Diagnostic, Diagnostics, Expression, Type, Value};

/// What the expressions in a spec file may refer to: functions, no variables.
pub(super) fn spec_context() -> Context {
    Context::new()
}

/// The function that a `function` block defines.
pub(super) fn read(body: &Body, context: &Context, diagnostics: &mut Diagnostics) -> Option<Function> {
    let schema = Schema::new()
        .with_required_attribute("params")
        .with_attribute("variadic_param")
        .with_required_attribute("result");
    let (arguments, found) = body.content(&schema);
    let has_errors = found.has_errors();
    diagnostics.extend(found);
    if has_errors {
        return None;
    }
    let names = parameters(arguments.attributes.get("params")?.value(), diagnostics)?;
    let variadic = match arguments.attributes.get("variadic_param") {
        Some(attribute) => {
            let detail = "The variadic parameter must be a name, without quotes.";
            Some(keyword(
                attribute.value(),
                "Invalid variadic_param",
                detail,
                diagnostics,
            )?)
        }
        None => None,
    };
    let result = arguments.attributes.get("result")?.value().clone();
    Some(function(names, variadic, result, context.clone()))
}

fn parameters(list: &Expression, diagnostics: &mut Diagnostics) -> Option<Vec<String>> {
    let Some(elements) = list.elements() else {
        let detail = "The parameters must be given as a list of names: [a, b].";
        diagnostics.push(Diagnostic::error("Invalid expression", detail).with_span(list.span()));
        return None;
    };
    let detail = "Each parameter must be a name, without quotes.";
    elements
        .iter()
        .map(|element| keyword(element, "Invalid param element", detail, diagnostics))
        .collect()
}

fn keyword(expression: &Expression, summary: &str, detail: &str, diagnostics: &mut Diagnostics) -> Option<String> {
    use encamp_hclspec_syntax::ast::ExprKind;
    if let Some(ExprKind::Variable(name)) = expression.native_node().map(|node| &node.kind) {
        return Some(name.to_string());
    }
    diagnostics.push(Diagnostic::error(summary, detail).with_span(expression.span()));
    None
}

fn function(names: Vec<String>, variadic: Option<String>, result: Expression, context: Context) -> Function {
    let parameter = |name: &String| Parameter::new(name.as_str(), Type::Any);
    let parameters: Vec<_> = names.iter().map(parameter).collect();
    let rest = variadic.as_ref().map(parameter);
    let function = Function::new(parameters, Type::Any, move |arguments, _| {
        let mut context = context.child();
        let mut arguments = arguments.into_iter();
        for (name, argument) in names.iter().zip(&mut arguments) {
            context.set(name.as_str(), argument);
        }
        if let Some(name) = &variadic {
            context.set(name.as_str(), Value::tuple(arguments));
        }
        let mut found = Diagnostics::new();
        let value = result.value(&context, &mut found);
        match found.iter().next() {
            Some(error) if found.has_errors() => Err(FunctionError::new(format!("{error}"))),
            _ => Ok(value),
        }
    });
    match rest {
        Some(rest) => function.variadic(rest),
        None => function,
    }
}

/// For arguments that are constants: nothing to refer to.
pub(super) fn bare_context() -> Context {
    Context::new().with_functions(std::iter::empty::<(String, Function)>())
}

/// For what is no type within a type expression: where the constructors of types are the only functions, as upstream
/// has it, another one is unknown and not forbidden.
pub(super) fn type_context(constructors: &[&str]) -> Context {
    let constructor = |name: &&str| {
        let parameter = Parameter::new("type", Type::Any).allow_null();
        let function = Function::new([parameter], Type::Any, |_, _| {
            Err(FunctionError::new("a type is no value here"))
        });
        ((*name).to_owned(), function)
    };
    Context::new().with_functions(constructors.iter().map(constructor))
}
