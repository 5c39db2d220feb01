//! What the input may refer to: the spec file's variables and functions, and the variables of the command line.

use std::path::Path;

use encamp_hclspec::cty::Function;
use encamp_hclspec::spec::text::SpecFile;
use encamp_hclspec::{Body, Context, Diagnostics, Source};

use crate::input;

pub(crate) fn context(file: &SpecFile, vars: &[String], errors: &mut Diagnostics) -> Context {
    let mut context = file.context();
    for (index, text) in vars.iter().enumerate() {
        let body = if text.trim_start().starts_with('{') {
            Body::parse_json_lossy(&Source::new(format!("<vars argument {index}>"), text.clone()))
        } else {
            let path = Path::new(text);
            match input::read(path) {
                Ok(source) if path.extension().is_some_and(|end| end == "json") => Body::parse_json_lossy(&source),
                Ok(source) => Body::parse_lossy(&source),
                Err(found) => {
                    errors.extend(found);
                    continue;
                }
            }
        };
        errors.extend(body.1);
        set(&body.0, &mut context, errors);
    }
    let has_names = context.names().next().is_some() || !file.functions.is_empty();
    // As upstream has it: where there is nothing to fill in, strings in JSON are no templates.
    if has_names {
        context
    } else {
        context.without_json_templates()
    }
}

/// The variables' values are constants: there is nothing that they could refer to.
fn set(body: &Body, context: &mut Context, errors: &mut Diagnostics) {
    let (attributes, found) = body.just_attributes();
    errors.extend(found);
    let nothing = Context::new()
        .with_functions(std::iter::empty::<(String, Function)>())
        .without_json_templates();
    for attribute in attributes {
        match attribute.value().evaluate(&nothing) {
            Ok(value) => context.set(attribute.name(), value),
            Err(found) => errors.extend(found),
        }
    }
}
