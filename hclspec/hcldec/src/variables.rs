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
            Body::parse_json(Source::new(format!("<vars argument {index}>"), text.clone()))
        } else {
            input::read(Path::new(text)).and_then(Body::read)
        };
        match body {
            Ok(body) => set(&body, &mut context, errors),
            Err(found) => errors.extend(found),
        }
    }
    context
}

/// The variables' values are constants: there is nothing that they could refer to.
fn set(body: &Body, context: &mut Context, errors: &mut Diagnostics) {
    let (attributes, found) = body.just_attributes();
    errors.extend(found);
    let nothing = Context::new().with_functions(std::iter::empty::<(String, Function)>());
    for attribute in attributes {
        match attribute.value().evaluate(&nothing) {
            Ok(value) => context.set(attribute.name(), value),
            Err(found) => errors.extend(found),
        }
    }
}
