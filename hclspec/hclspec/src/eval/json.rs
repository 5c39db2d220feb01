//! Values of the JSON syntax, in which every string is a template.

use encamp_hclspec_syntax::json::{Node, NodeKind, Property, Text};
use encamp_hclspec_syntax::{Range, parse_json_template};

use super::{ELEMENT, Evaluator, GivenUp, MAX_NESTING, Scope, UNKNOWN};
use crate::cty::{Entries, convert};
use crate::{Type, Value};

const INVALID_KEY: &str = "Invalid object key expression";

/// Whether there may be something to fill in.
pub(crate) fn is_template(text: &str) -> bool {
    text.contains("${") || text.contains("%{")
}

impl Evaluator<'_> {
    pub(super) fn node(&self, node: &Node, nesting: usize) -> Value {
        if nesting > MAX_NESTING {
            self.give_up(GivenUp::Nesting(node.range));
        }
        if !self.charge(ELEMENT, node.range) {
            return UNKNOWN.into_owned();
        }
        match &node.kind {
            NodeKind::Null => Value::NULL,
            NodeKind::Bool(truth) => Value::Bool(*truth),
            NodeKind::Number(text) => self.number(text, node.range).into_owned(),
            NodeKind::String(text) => self.text(text, node.range),
            NodeKind::Array(elements) => {
                Value::Tuple(elements.iter().map(|element| self.node(element, nesting + 1)).collect())
            }
            NodeKind::Object(properties) => self.properties(properties, nesting),
            NodeKind::Invalid => UNKNOWN.into_owned(),
        }
    }

    /// A string, whose range is that with its quotes.
    pub(super) fn text(&self, text: &Text, range: Range) -> Value {
        if !is_template(&text.text) || !self.context.has_json_templates() {
            return self.string(&text.text, range).into_owned();
        }
        if !self.charge(text.text.len(), range) {
            return UNKNOWN.into_owned();
        }
        let (expr, diagnostics) = parse_json_template(self.source, range);
        let has_errors = diagnostics.has_errors();
        for diagnostic in diagnostics {
            self.push(diagnostic, range);
        }
        if has_errors {
            return UNKNOWN.into_owned();
        }
        let value = self.keeping(&expr, Scope::ROOT);
        self.own(value, range)
    }

    fn properties(&self, properties: &[Property], nesting: usize) -> Value {
        let mut object = Entries::with_capacity(properties.len());
        let mut is_known = true;
        for property in properties {
            // The value is counted where it is made.
            self.charge(ELEMENT, property.name_range);
            let name = self.text(&property.name, property.name_range);
            let value = self.node(&property.value, nesting + 1);
            let kind = name.kind();
            match convert(name, &Type::String) {
                Ok(Value::String(name)) => {
                    if object.contains_key(&name) {
                        let detail = "The object has an attribute with this name already.";
                        self.fail("Duplicate object attribute", detail, property.name_range);
                    } else {
                        object.insert(name, value);
                    }
                }
                Ok(Value::Null(_)) => {
                    self.fail(INVALID_KEY, "A key must not be null.", property.name_range);
                }
                Ok(_) => is_known = false,
                Err(error) => {
                    let detail = format!("This {kind} cannot be a key: {}.", error.message);
                    self.fail(INVALID_KEY, detail, property.name_range);
                }
            }
        }
        if is_known {
            Value::Object(object)
        } else {
            UNKNOWN.into_owned()
        }
    }
}
