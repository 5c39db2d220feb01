//! Arguments.

use std::sync::Arc;

use indexmap::IndexMap;

use super::place::Place;
use super::spellings::{is_map_like, reshape};
use super::{Decoder, Spellings};
use crate::body::{Attribute, Block};
use crate::cty::{ConvertError, Entries, convert};
use crate::{Diagnostic, Diagnostics, Evaluated, Expression, Type, Value};

impl Decoder<'_, '_> {
    pub(super) fn attribute(&mut self, name: &str, ty: &Type, place: &Place<'_>) -> Value {
        let attribute = place.content.attributes.get(name);
        let strays: Vec<&Block> = place.strays_of(name).collect();
        if strays.is_empty() {
            // That a required one is missing was said when the body was asked.
            return attribute.map_or_else(
                || Value::Null(ty.clone()),
                |attribute| self.under(name, |decoder| decoder.typed(attribute, ty)),
            );
        }
        self.under(name, |decoder| decoder.of_blocks(attribute, &strays, ty))
    }

    /// The value of an argument, converted to a type; unknown where there are diagnostics.
    pub(super) fn typed(&mut self, attribute: &Attribute, ty: &Type) -> Value {
        self.typed_or(attribute, ty, "Incorrect attribute value type")
    }

    /// The same; the summary is that of a value which is of another type.
    pub(super) fn typed_or(&mut self, attribute: &Attribute, ty: &Type, summary: &str) -> Value {
        let Evaluated {
            value,
            diagnostics,
            kept,
            ..
        } = attribute.value.evaluate_partly(self.context);
        let has_errors = diagnostics.has_errors();
        self.report_all(diagnostics);
        let value = match self.spellings {
            Spellings::Strict => value,
            Spellings::Maps | Spellings::Every => reshape(value, ty),
        };
        if kept {
            // A text that stands for a value that is not known yet may well be of the right type in the end.
            return convert(value.clone(), ty).unwrap_or_else(|_| {
                self.kept = true;
                value
            });
        }
        match convert(value, ty) {
            Ok(value) => value,
            Err(error) => {
                if !has_errors {
                    self.mismatch(attribute, ty, &error, summary);
                }
                Value::Unknown(ty.clone())
            }
        }
    }

    fn mismatch(&mut self, attribute: &Attribute, ty: &Type, error: &ConvertError, summary: &str) {
        let context = attribute.span();
        if self.spellings != Spellings::Strict && self.explain(&attribute.value, ty) {
            return;
        }
        let detail = format!("Inappropriate value for \"{}\": {error}.", self.path_text());
        let diagnostic = Diagnostic::error(summary, detail)
            .with_span(attribute.value.span())
            .with_context(context);
        self.report(diagnostic);
    }

    fn path_text(&self) -> String {
        let path: Vec<String> = self.path.iter().map(ToString::to_string).collect();
        path.join(".").replace(".[", "[")
    }

    /// Reports each part of a written-out list or object that cannot be converted, at its own place; whether there was
    /// one.
    fn explain(&mut self, expression: &Expression, ty: &Type) -> bool {
        let before = self.diagnostics.error_count();
        if let Some(elements) = expression.elements() {
            for (index, element) in elements.iter().enumerate() {
                let inner = match ty {
                    Type::List(inner) | Type::Set(inner) => inner,
                    Type::Map(_) | Type::Object(_) => ty,
                    _ => return false,
                };
                self.under(index, |decoder| decoder.check_part(element, inner));
            }
        } else if let Some(entries) = expression.entries() {
            for (name, value) in &entries {
                let inner = match element_of_list(ty).unwrap_or(ty) {
                    Type::Map(inner) => Some(&**inner),
                    Type::Object(fields) => fields.get(name.as_str()),
                    _ => return false,
                };
                if let Some(inner) = inner {
                    self.under(name.as_str(), |decoder| decoder.check_part(value, inner));
                }
            }
        }
        self.diagnostics.error_count() > before
    }

    fn check_part(&mut self, expression: &Expression, ty: &Type) {
        // Its own errors were reported with the whole.
        let value = expression.value(self.context, &mut Diagnostics::new());
        let Err(error) = convert(reshape(value, ty), ty) else {
            return;
        };
        if !self.explain(expression, ty) {
            let detail = format!("Inappropriate value for \"{}\": {error}.", self.path_text());
            self.error("Incorrect attribute value type", detail, expression.span());
        }
    }

    /// A map, an object or a list of them, from blocks and what is assigned, in the order of the text.
    fn of_blocks(&mut self, attribute: Option<&Attribute>, blocks: &[&Block], ty: &Type) -> Value {
        if !is_map_like(ty) {
            for block in blocks {
                let detail = format!("\"{0}\" is an argument here, not a block. Write {0} = ..", block.name);
                self.error("Unsupported block type", detail, block.name_span());
            }
            return Value::Unknown(ty.clone());
        }
        let element = element_of_list(ty).unwrap_or(ty);
        let mut values = Vec::with_capacity(blocks.len() + 1);
        for (index, block) in blocks.iter().enumerate() {
            let value = if blocks.len() == 1 {
                self.block_value(block, element)
            } else {
                self.under(index, |decoder| decoder.block_value(block, element))
            };
            values.push(value);
        }
        if let Some(attribute) = attribute {
            let every = match element_of_list(ty) {
                Some(_) => ty.clone(),
                None => Type::list(ty.clone()),
            };
            let place = blocks.iter().take_while(|block| is_before(block, attribute)).count();
            match self.typed(attribute, &every) {
                Value::List(_, elements) | Value::Set(_, elements) | Value::Tuple(elements) => {
                    values.splice(place..place, elements);
                }
                Value::Null(_) => {}
                other if self.kept => values.insert(place, other),
                _ => return Value::Unknown(ty.clone()),
            }
        }
        let value = reshape(Value::Tuple(values), ty);
        // Each part is converted already, or reported.
        self.collected(value, ty).unwrap_or_else(|_| Value::Unknown(ty.clone()))
    }

    /// A block as a map or an object.
    fn block_value(&mut self, block: &Block, ty: &Type) -> Value {
        // Where anything goes, labels are levels of objects.
        if let Some(label) = block.labels.first()
            && *ty != Type::Any
        {
            let detail = format!("Blocks of type \"{}\" have no labels.", block.name);
            self.error(format!("Extraneous label for {}", block.name), detail, label.span());
        }
        let (attributes, blocks) = block.body.everything();
        let mut entries = Entries::with_capacity(attributes.len());
        for attribute in &attributes {
            let inner = field(ty, &attribute.name).unwrap_or(Type::Any);
            let value = self.under(&attribute.name, |decoder| decoder.typed(attribute, &inner));
            entries.insert(attribute.name.clone(), value);
        }
        let mut groups: IndexMap<&str, Vec<&Block>> = IndexMap::new();
        for nested in blocks
            .iter()
            .filter(|nested| !entries.contains_key(nested.name.as_str()))
        {
            groups.entry(nested.name.as_str()).or_default().push(nested);
        }
        for (name, group) in groups {
            let Some(inner) = field(ty, name).filter(is_map_like) else {
                let detail = "Only arguments (`name = value`) are expected here, no blocks.";
                for nested in group {
                    self.error("Unsupported block type", detail, nested.name_span());
                }
                continue;
            };
            let value = self.under(name, |decoder| decoder.of_blocks(None, &group, &inner));
            entries.insert(name, value);
        }
        if let Type::Object(fields) = ty {
            for name in fields.keys().filter(|name| !entries.contains_key(name)) {
                let detail = format!("The argument \"{name}\" is required, but it is not set.");
                let diagnostic =
                    Diagnostic::error("Missing required argument", detail).with_span(block.body.missing_span());
                self.report(diagnostic.with_path([name.as_str()]));
            }
        }
        let value = Value::Object(entries);
        let labels = block.labels.iter().rev();
        labels.fold(value, |value, label| Value::object([(label.text.as_str(), value)]))
    }
}

/// Whether a block is written before an argument, as far as they are in one text.
fn is_before(block: &Block, attribute: &Attribute) -> bool {
    Arc::ptr_eq(block.body.source(), attribute.value.source()) && block.name_range.start < attribute.name_range.start
}

fn element_of_list(ty: &Type) -> Option<&Type> {
    match ty {
        Type::List(element) | Type::Set(element) => Some(element),
        _ => None,
    }
}

/// The type of an entry of a map or an object; none where an object has no such attribute.
fn field(ty: &Type, name: &str) -> Option<Type> {
    match ty {
        Type::Map(element) => Some((**element).clone()),
        Type::Object(fields) => fields.get(name).cloned(),
        _ => Some(Type::Any),
    }
}
