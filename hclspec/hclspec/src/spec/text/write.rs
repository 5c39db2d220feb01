//! From specs to hcldec text.

use std::fmt::{self, Write};

use crate::cty::Entries;
use crate::spec::{Blocks, LabelledBlocks, Transform};
use crate::{Number, Spec, Type, Value};

/// The spec as hcldec text, which reads back as an equal spec.
///
/// What code does cannot be written: of [`Spec::Validate`] and of [`Transform::Function`] only the nested spec is, with
/// a comment. A literal that is unknown is written as null.
impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Writer { out: f, indent: 0 }.spec(self, None)
    }
}

impl Spec {
    /// The expression that has this value, as far as an expression can tell the types of collections.
    pub(crate) fn literal_text(value: &Value) -> String {
        value_text(value)
    }
}

struct Writer<'a, 'f> {
    out: &'a mut fmt::Formatter<'f>,
    indent: usize,
}

/// The arguments of a block.
type Arguments = Vec<(&'static str, String)>;

impl Writer<'_, '_> {
    /// A spec; the key is its name in the object around it.
    fn spec(&mut self, spec: &Spec, key: Option<&str>) -> fmt::Result {
        match spec {
            Spec::Object(parts) => {
                let parts = parts.iter().map(|(key, part)| (Some(key.as_str()), part));
                self.block("object", key, &[], parts)
            }
            Spec::Array(parts) => self.block("array", key, &[], parts.iter().map(|part| (None, part))),
            Spec::Attr { name, ty, required } => {
                let mut arguments = named("name", name, key);
                arguments.push(("type", ty.to_string()));
                self.leaf("attr", key, &with_required(arguments, *required))
            }
            Spec::Block { name, required, nested } => {
                let arguments = with_required(named("block_type", name, key), *required);
                self.around("block", key, &arguments, nested)
            }
            Spec::BlockList(blocks) => self.blocks("block_list", key, blocks),
            Spec::BlockSet(blocks) => self.blocks("block_set", key, blocks),
            Spec::BlockTuple(blocks) => self.blocks("block_tuple", key, blocks),
            Spec::BlockMap(blocks) => self.labelled("block_map", key, blocks),
            Spec::BlockObject(blocks) => self.labelled("block_object", key, blocks),
            Spec::BlockLabel { index, name } => {
                let mut arguments = named("name", name, key);
                arguments.push(("index", index.to_string()));
                self.leaf("block_label", key, &arguments)
            }
            Spec::BlockPlace => self.line("# The place of the block."),
            Spec::BlockAttrs { name, ty, required } => {
                let mut arguments = named("block_type", name, key);
                arguments.push(("element_type", ty.to_string()));
                self.leaf("block_attrs", key, &with_required(arguments, *required))
            }
            Spec::Default { .. } => {
                let alternatives = alternatives(spec);
                self.block("default", key, &[], alternatives.into_iter().map(|part| (None, part)))
            }
            Spec::Literal(value) => self.leaf("literal", key, &literal(value)),
            Spec::Expression(expression) => {
                let text = expression.span().text().to_owned();
                self.leaf("expression", key, &[("value", text)])
            }
            Spec::Transform { nested, with } => match with {
                Transform::Expression { expression, .. } => {
                    let text = expression.span().text().to_owned();
                    self.around("transform", key, &[("result", text)], nested)
                }
                Transform::Function(_) => {
                    self.line("# The value is changed by a function of the program.")?;
                    self.spec(nested, key)
                }
            },
            Spec::Validate { nested, .. } => {
                self.line("# The value is checked by a function of the program.")?;
                self.spec(nested, key)
            }
            Spec::Described { nested, text } => {
                for line in text.split('\n') {
                    let space = if line.is_empty() { "" } else { " " };
                    self.line(&format!("##{space}{line}"))?;
                }
                self.spec(nested, key)
            }
        }
    }

    fn blocks(&mut self, kind: &str, key: Option<&str>, blocks: &Blocks) -> fmt::Result {
        let mut arguments = named("block_type", &blocks.name, key);
        if blocks.min > 0 {
            arguments.push(("min_items", blocks.min.to_string()));
        }
        if let Some(max) = blocks.max {
            arguments.push(("max_items", max.to_string()));
        }
        self.around(kind, key, &arguments, &blocks.nested)
    }

    fn labelled(&mut self, kind: &str, key: Option<&str>, blocks: &LabelledBlocks) -> fmt::Result {
        let mut arguments = named("block_type", &blocks.name, key);
        let labels: Vec<_> = blocks.labels.iter().map(|label| quote(label)).collect();
        arguments.push(("labels", format!("[{}]", labels.join(", "))));
        self.around(kind, key, &arguments, &blocks.nested)
    }

    fn leaf(&mut self, kind: &str, key: Option<&str>, arguments: &[(&str, String)]) -> fmt::Result {
        self.block(kind, key, arguments, std::iter::empty())
    }

    fn around(&mut self, kind: &str, key: Option<&str>, arguments: &[(&str, String)], nested: &Spec) -> fmt::Result {
        self.block(kind, key, arguments, std::iter::once((None, nested)))
    }

    fn block<'s>(
        &mut self,
        kind: &str,
        key: Option<&str>,
        arguments: &[(&str, String)],
        parts: impl Iterator<Item = (Option<&'s str>, &'s Spec)>,
    ) -> fmt::Result {
        let mut parts = parts.peekable();
        let label = key.map_or_else(String::new, |key| format!(" {}", quote(key)));
        if arguments.is_empty() && parts.peek().is_none() {
            return self.line(&format!("{kind}{label} {{}}"));
        }
        self.line(&format!("{kind}{label} {{"))?;
        self.indent += 1;
        let width = arguments.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in arguments {
            self.line(&format!("{name:width$} = {value}"))?;
        }
        if !arguments.is_empty() && parts.peek().is_some() {
            self.out.write_str("\n")?;
        }
        for (key, part) in parts {
            self.spec(part, key)?;
        }
        self.indent -= 1;
        self.line("}")
    }

    fn line(&mut self, text: &str) -> fmt::Result {
        writeln!(self.out, "{:indent$}{text}", "", indent = self.indent * 2)
    }
}

/// The name argument, unless it is the same as the key.
fn named(argument: &'static str, name: &str, key: Option<&str>) -> Arguments {
    if key == Some(name) {
        return Vec::new();
    }
    vec![(argument, quote(name))]
}

fn with_required(mut arguments: Arguments, required: bool) -> Arguments {
    if required {
        arguments.push(("required", "true".to_owned()));
    }
    arguments
}

/// `default` takes any number of alternatives, and its first ones end up innermost.
fn alternatives(spec: &Spec) -> Vec<&Spec> {
    let mut alternatives = Vec::new();
    let mut rest = spec;
    while let Spec::Default { primary, default } = rest {
        alternatives.push(default.as_ref());
        rest = primary;
    }
    alternatives.push(rest);
    alternatives.reverse();
    alternatives
}

fn literal(value: &Value) -> Arguments {
    let mut arguments = vec![("value", value_text(value))];
    if as_written(value) != *value {
        arguments.push(("type", value.ty().to_string()));
    }
    arguments
}

/// The value that the text of a value has, which cannot tell a list from a tuple or a null from another.
fn as_written(value: &Value) -> Value {
    match value {
        Value::Null(_) | Value::Unknown(_) => Value::Null(Type::Any),
        Value::List(_, elements) | Value::Set(_, elements) | Value::Tuple(elements) => {
            Value::Tuple(elements.iter().map(as_written).collect())
        }
        Value::Map(_, entries) | Value::Object(entries) => object_as_written(entries),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn object_as_written(entries: &Entries) -> Value {
    let entries = entries.iter().map(|(name, value)| (name.clone(), as_written(value)));
    Value::Object(entries.collect())
}

fn value_text(value: &Value) -> String {
    match value {
        Value::Null(_) | Value::Unknown(_) => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => match number {
            number if *number == Number::INFINITY => "1 / 0".to_owned(),
            number if *number == Number::NEG_INFINITY => "-1 / 0".to_owned(),
            number => number.to_string(),
        },
        Value::String(text) => quote(text),
        Value::List(_, elements) | Value::Set(_, elements) | Value::Tuple(elements) => {
            let elements: Vec<_> = elements.iter().map(value_text).collect();
            format!("[{}]", elements.join(", "))
        }
        Value::Map(_, entries) | Value::Object(entries) => object_text(entries),
    }
}

fn object_text(entries: &Entries) -> String {
    if entries.is_empty() {
        return "{}".to_owned();
    }
    let entries = entries.iter();
    let entries: Vec<_> = entries
        .map(|(name, value)| format!("{} = {}", quote(name), value_text(value)))
        .collect();
    format!("{{ {} }}", entries.join(", "))
}

/// A text in quotes that is nothing but that text: what would begin a template or an escape is escaped.
fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' | '%' if rest.peek() == Some(&'{') && !out.ends_with(char) => {
                out.push(char);
                out.push(char);
            }
            // After another one, doubling it would be read in another way.
            '$' | '%' if rest.peek() == Some(&'{') => escape(char, &mut out),
            char if char.is_control() => escape(char, &mut out),
            char => out.push(char),
        }
    }
    out.push('"');
    out
}

fn escape(char: char, out: &mut String) {
    // Writing to a string cannot fail.
    let _infallible = write!(out, "\\u{:04x}", u32::from(char));
}
