//! Several bodies as one.

use std::collections::HashMap;

use encamp_hclspec_syntax::SmolStr;

use super::{Asked, Attribute, Body, Content};
use crate::{Diagnostic, Diagnostics, Span};

pub(super) fn content(bodies: &[Body], asked: Asked<'_>, diagnostics: &mut Diagnostics) -> Content {
    let mut merged = Content::default();
    for body in bodies {
        // Any of the bodies may have what is required.
        let content = body.parts(asked, diagnostics);
        for (name, attribute) in content.attributes {
            if let Some(first) = merged.attributes.get(&name) {
                diagnostics.push(duplicate(&attribute, first.name_span()));
                continue;
            }
            merged.attributes.insert(name, attribute);
        }
        merged.blocks.extend(content.blocks);
        merged.assigned.extend(content.assigned);
        merged.strays.extend(content.strays);
    }
    merged
}

pub(super) fn attributes(bodies: &[Body], diagnostics: &mut Diagnostics) -> Vec<Attribute> {
    let mut seen: HashMap<SmolStr, Span> = HashMap::new();
    let mut all = Vec::new();
    let each: Vec<Vec<Attribute>> = bodies.iter().map(|body| body.all_attributes(diagnostics)).collect();
    for attribute in each.into_iter().flatten() {
        if let Some(first) = seen.get(&attribute.name) {
            diagnostics.push(duplicate(&attribute, first.clone()));
            continue;
        }
        seen.insert(attribute.name.clone(), attribute.name_span());
        all.push(attribute);
    }
    all
}

fn duplicate(attribute: &Attribute, first: Span) -> Diagnostic {
    let detail = format!("The argument \"{}\" was already set at {first}.", attribute.name);
    Diagnostic::error("Duplicate argument", detail)
        .with_span(attribute.name_span())
        .with_context(first)
        .with_path([attribute.name.as_str()])
}
