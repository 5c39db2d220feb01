//! Objects that are assigned where a block could stand: `x = { .. }` for `x { .. }`.

use std::sync::Arc;

use encamp_hclspec_syntax::Range;

use super::{Asked, Attribute, Body, Content, Kind};
use crate::{Diagnostic, Diagnostics, Source, did_you_mean};

/// An object's entries as arguments.
pub(crate) struct Assigned {
    pub(super) attributes: Vec<Attribute>,
    pub(super) range: Range,
}

impl Body {
    /// The body that an object is: its entries are the arguments, each with its own place.
    pub(crate) fn assigned(source: &Arc<Source>, attributes: Vec<Attribute>, range: Range) -> Self {
        Self::new(source, Kind::Assigned(Arc::new(Assigned { attributes, range })))
    }
}

impl Assigned {
    pub(super) fn content(&self, asked: Asked<'_>, diagnostics: &mut Diagnostics) -> Content {
        let mut content = Content::default();
        for attribute in &self.attributes {
            if asked.schema.has_attribute(&attribute.name) {
                content.attributes.insert(attribute.name.clone(), attribute.clone());
            } else if asked.schema.labels(&attribute.name).is_some() {
                content.assigned.push(attribute.clone());
            } else if !asked.partial {
                diagnostics.push(unsupported(attribute, asked));
            }
        }
        content
    }
}

fn unsupported(attribute: &Attribute, asked: Asked<'_>) -> Diagnostic {
    let name = &attribute.name;
    let known = asked.schema.attributes().chain(asked.schema.blocks());
    let hint = did_you_mean(name, known).map_or_else(String::new, |similar| format!(" Did you mean \"{similar}\"?"));
    let detail = format!("An argument named \"{name}\" is not expected here.{hint}");
    Diagnostic::error("Unsupported argument", detail)
        .with_span(attribute.name_span())
        .with_path([name.as_str()])
}
