//! Blocks.

use std::fmt::Write as _;

use super::place::Place;
use super::{Decoder, Spellings};
use crate::body::{Attribute, Block, Content, Schema};
use crate::cty::{Entries, convert, nfc_name, unify};
use crate::spec::{Blocks, LabelledBlocks};
use crate::{Body, Diagnostic, Diagnostics, Expression, Label, Spec, Type, Value, eval};

impl<'s> Decoder<'s, '_> {
    pub(super) fn block(&mut self, name: &str, required: bool, nested: &'s Spec, place: &Place<'_>) -> Value {
        match self.single(name, required, place) {
            Some(block) => self.under(name, |decoder| decoder.body(nested, &block.body, &block.labels, false)),
            None => Value::Null(self.implied_type(nested)),
        }
    }

    pub(super) fn block_attrs(&mut self, name: &str, ty: &Type, required: bool, place: &Place<'_>) -> Value {
        let mut all: Vec<&Block> = Vec::new();
        match self.spellings {
            Spellings::Strict | Spellings::Maps => all.extend(self.single(name, required, place)),
            Spellings::Every => all.extend(place.blocks_of(name)),
        }
        if all.is_empty() {
            if self.spellings == Spellings::Every && required {
                self.missing_block(name, place);
            }
            return Value::Null(Type::map(ty.clone()));
        }
        self.under(name, |decoder| {
            let mut entries = Entries::new();
            for block in all {
                let mut found = Diagnostics::new();
                let attributes = block.body.all_attributes(&mut found);
                decoder.report_all(found);
                for attribute in &attributes {
                    let value = decoder.under(&attribute.name, |decoder| {
                        decoder.typed_or(attribute, ty, "Invalid attribute value")
                    });
                    entries.insert(nfc_name(attribute.name.clone()), value);
                }
            }
            // The values are of the type already, unless it leaves open what they are.
            let wanted = Type::map(ty.clone());
            let value = decoder.collected(Value::Object(entries), &wanted);
            value.unwrap_or(Value::Unknown(wanted))
        })
    }

    pub(super) fn block_list(&mut self, blocks: &'s Blocks, place: &Place<'_>) -> Value {
        self.unified(blocks, place, Type::list)
    }

    pub(super) fn block_set(&mut self, blocks: &'s Blocks, place: &Place<'_>) -> Value {
        self.unified(blocks, place, Type::set)
    }

    /// The values of all blocks; looked at is whether they are of the type that is expected.
    pub(super) fn elements<'p>(
        &mut self,
        blocks: &'s Blocks,
        expected: Option<&Type>,
        place: &'p Place<'_>,
    ) -> Elements<'p> {
        let found: Vec<&Block> = place.blocks_of(&blocks.name).collect();
        self.check_count(blocks, &found, place);
        let mut fit = true;
        let values = self.under(blocks.name.as_str(), |decoder| {
            let values = found.iter().enumerate().map(|(index, block)| {
                let value = decoder.under(index, |decoder| {
                    decoder.body(&blocks.nested, &block.body, &block.labels, false)
                });
                fit = fit && expected.is_some_and(|ty| value.is_of_type(ty));
                value
            });
            values.collect()
        });
        Elements {
            values,
            blocks: found,
            fit,
        }
    }

    fn check_count(&mut self, blocks: &'s Blocks, found: &[&Block], place: &Place<'_>) {
        let Blocks { name, min, max, nested } = blocks;
        if found.len() < *min {
            let detail = format!(
                "At least {min} blocks of type \"{name}\" are required; there are {}.",
                found.len()
            );
            let diagnostic = Diagnostic::error(format!("Insufficient {name} blocks"), detail);
            self.report(
                diagnostic
                    .with_span(place.body.missing_span())
                    .with_path([name.as_str()]),
            );
        } else if let Some(max) = *max
            && let Some(extra) = found.get(max)
        {
            let detail = format!(
                "At most {max} blocks of type \"{name}\" are allowed; there are {}.",
                found.len()
            );
            let span = self.span_in(nested, extra);
            let diagnostic = Diagnostic::error(format!("Too many {name} blocks"), detail).with_span(span);
            self.report(diagnostic.with_context(extra.header_span()).with_path([name.as_str()]));
        }
    }

    /// A list or a set of the values of blocks, all converted to one type.
    fn unified(&mut self, blocks: &'s Blocks, place: &Place<'_>, wrap: fn(Type) -> Type) -> Value {
        let implied = self.implied_type(&blocks.nested);
        let expected = (!implied.has_any()).then_some(&implied);
        let Elements {
            values,
            blocks: found,
            fit,
        } = self.elements(blocks, expected, place);
        if values.is_empty() {
            let empty = wrap(implied);
            return convert(Value::Tuple(values), &empty).unwrap_or(Value::Unknown(empty));
        }
        if let Some(ty) = if fit { Some(implied) } else { type_of_first(&values) } {
            return match wrap(ty) {
                Type::Set(element) => Value::set(Type::clone(&element), values),
                wanted => Value::List(wanted.element_type().cloned().unwrap_or_default(), values),
            };
        }
        if self.kept {
            return Value::Tuple(values);
        }
        let types: Vec<Type> = values.iter().map(Value::ty).collect();
        let Some(ty) = unify(&types) else {
            let detail = "The arguments of all blocks of this type must be of the same types, block by block.";
            self.inconsistent(blocks, found.first().copied(), detail.to_owned());
            return Value::Unknown(Type::Any);
        };
        let mut converted = Vec::with_capacity(values.len());
        for (index, value) in values.into_iter().enumerate() {
            match convert(value, &ty) {
                Ok(value) => converted.push(value),
                Err(error) => {
                    let detail = format!("The arguments of this block are of other types than the others': {error}.");
                    self.inconsistent(blocks, found.get(index).copied(), detail);
                    return Value::Unknown(Type::Any);
                }
            }
        }
        let wanted = wrap(ty);
        convert(Value::Tuple(converted), &wanted).unwrap_or(Value::Unknown(wanted))
    }

    fn inconsistent(&mut self, blocks: &'s Blocks, block: Option<&Block>, detail: String) {
        let Some(block) = block else { return };
        let span = self.span_in(&blocks.nested, block);
        let diagnostic = Diagnostic::error(format!("Inconsistent argument types in {} blocks", blocks.name), detail);
        self.report(diagnostic.with_span(span).with_path([blocks.name.as_str()]));
    }

    pub(super) fn block_map(&mut self, blocks: &'s LabelledBlocks, place: &Place<'_>) -> Value {
        let implied = self.implied_type(&blocks.nested);
        let expected = (!implied.has_any()).then_some(&implied);
        let (entries, fit) = self.labelled(blocks, expected, place);
        let depth = blocks.labels.len();
        if fit && !entries.is_empty() {
            return map_of(Value::Object(entries), &implied, depth);
        }
        let wanted = (0..depth).fold(implied, |ty, _| Type::map(ty));
        if entries.is_empty() {
            return convert(Value::Object(Entries::new()), &wanted).unwrap_or(Value::Unknown(wanted));
        }
        // Where the type leaves something open, the blocks have to agree on it.
        let value = self.collected(Value::Object(entries), &wanted);
        value.unwrap_or_else(|error| {
            let first = place.blocks_of(&blocks.name).next();
            let span = first.map_or_else(
                || place.body.missing_span(),
                |block| self.span_in(&blocks.nested, block),
            );
            let detail = format!("The arguments of all blocks of this type must be of the same types: {error}.");
            let summary = format!("Inconsistent argument types in {} blocks", blocks.name);
            let diagnostic = Diagnostic::error(summary, detail).with_span(span);
            self.report(diagnostic.with_path([blocks.name.as_str()]));
            Value::Unknown(wanted)
        })
    }

    pub(super) fn block_object(&mut self, blocks: &'s LabelledBlocks, place: &Place<'_>) -> Value {
        Value::Object(self.labelled(blocks, None, place).0)
    }

    /// The values of blocks under their labels, an object for each label but the last; and whether they are of the
    /// type that is expected, and the labels as they are in maps.
    fn labelled(&mut self, blocks: &'s LabelledBlocks, expected: Option<&Type>, place: &Place<'_>) -> (Entries, bool) {
        let mut entries = Entries::new();
        let mut fit = true;
        for block in place.blocks_of(&blocks.name) {
            let count = blocks.labels.len().min(block.labels.len());
            let (outer, rest) = block.labels.split_at(count);
            let depth = self.path.len();
            self.path.push(blocks.name.as_str().into());
            self.path.extend(outer.iter().map(|label| (&label.text).into()));
            let value = self.body(&blocks.nested, &block.body, rest, false);
            fit = fit
                && outer.iter().all(|label| label.text.is_ascii())
                && expected.is_some_and(|ty| value.is_of_type(ty));
            if !insert(&mut entries, outer, value) {
                let labels = outer.iter().fold(String::new(), |mut text, label| {
                    let _ = write!(text, " \"{}\"", label.text);
                    text
                });
                let detail = format!(
                    "A {}{labels} block was already defined. Its labels must be unique.",
                    blocks.name
                );
                self.error(format!("Duplicate {} block", blocks.name), detail, block.header_span());
            }
            self.path.truncate(depth);
        }
        (entries, fit)
    }

    /// The one block of a name.
    fn single<'p>(&mut self, name: &str, required: bool, place: &'p Place<'_>) -> Option<&'p Block> {
        let mut found = place.blocks_of(name);
        let first = found.next();
        if first.is_none() && required {
            self.missing_block(name, place);
        }
        if let (Some(first), Some(second)) = (first, found.next()) {
            let detail = format!(
                "Only one block of type \"{name}\" is allowed here. The first one is at {}.",
                first.header_span()
            );
            let diagnostic = Diagnostic::error(format!("Duplicate {name} block"), detail)
                .with_span(second.header_span())
                .with_context(first.header_span());
            self.report(diagnostic.with_path([name]));
        }
        first
    }

    fn missing_block(&mut self, name: &str, place: &Place<'_>) {
        let detail = format!("A block of type \"{name}\" is required here.");
        let diagnostic = Diagnostic::error(format!("Missing {name} block"), detail);
        self.report(diagnostic.with_span(place.body.missing_span()).with_path([name]));
    }

    /// The content with objects that are assigned as the blocks that they stand for.
    pub(super) fn expand(&mut self, mut content: Content, schema: &Schema) -> Content {
        if self.spellings == Spellings::Strict || content.assigned.is_empty() {
            return content;
        }
        let mut blocks = Vec::new();
        for attribute in std::mem::take(&mut content.assigned) {
            let depth = schema.labels(&attribute.name).map_or(0, <[String]>::len);
            let mut assigned = Assigned {
                attribute: &attribute,
                labels: Vec::new(),
                blocks: &mut blocks,
            };
            self.under(&attribute.name, |decoder| {
                decoder.assigned(&attribute.value, depth, &mut assigned);
            });
        }
        blocks.append(&mut content.blocks);
        let source = blocks.first().map(|block| std::sync::Arc::clone(block.body.source()));
        if source.is_some_and(|source| {
            blocks
                .iter()
                .all(|block| std::sync::Arc::ptr_eq(block.body.source(), &source))
        }) {
            blocks.sort_by_key(|block| block.name_range.start);
        }
        content.blocks = blocks;
        content
    }

    /// The blocks that an expression is: an object, a list of objects, or null; under one level for each label.
    fn assigned(&mut self, expression: &Expression, depth: usize, assigned: &mut Assigned<'_>) {
        if let Some(elements) = expression.elements() {
            for element in &elements {
                self.assigned(element, depth, assigned);
            }
            return;
        }
        let source = expression.source();
        let range = expression.range();
        let entries = if let Some(entries) = expression.attributes(self.context) {
            entries
        } else {
            let Some((value, kept)) = self.assigned_value(expression) else {
                return;
            };
            let computed = |value: &Value| Expression::computed(source, value.clone(), range, kept);
            if let Some(elements) = value.as_list() {
                for element in elements {
                    self.assigned(&computed(element), depth, assigned);
                }
                return;
            }
            let Some(entries) = value.as_map() else {
                let detail = format!("A block or an object is required here, but this is a {}.", value.kind());
                self.error("Incorrect value type", detail, expression.span());
                return;
            };
            let entries = entries.iter().map(|(name, value)| Attribute {
                name: name.as_str().into(),
                name_range: range,
                value: computed(value),
            });
            entries.collect()
        };
        if depth == 0 {
            assigned.push(Body::assigned(source, entries, range));
            return;
        }
        for entry in entries {
            assigned.labels.push(Label {
                text: entry.name.clone(),
                source: std::sync::Arc::clone(source),
                range: entry.name_range,
            });
            self.assigned(&entry.value, depth - 1, assigned);
            assigned.labels.pop();
        }
    }

    /// The value of what is assigned and is no written-out object; none where it stands for no block. Also whether text
    /// was kept in it.
    fn assigned_value(&mut self, expression: &Expression) -> Option<(Value, bool)> {
        let evaluated = expression.evaluate_partly(self.context);
        let has_errors = evaluated.diagnostics.has_errors();
        self.report_all(evaluated.diagnostics);
        let value = evaluated.value;
        // Each level of it is copied where a block is made of it.
        if !self.context.spend(COPIES.saturating_mul(eval::size(&value))) {
            let detail = "The value is too large to be taken for blocks.";
            self.error("Expression too expensive", detail, expression.span());
            return None;
        }
        let is_there = !has_errors && !value.is_null() && value.is_known();
        is_there.then_some((value, evaluated.kept))
    }
}

/// How often a value is copied that becomes blocks.
const COPIES: usize = 3;

/// Blocks that are written as an argument.
struct Assigned<'a> {
    attribute: &'a Attribute,
    /// Those down to the block at hand.
    labels: Vec<Label>,
    blocks: &'a mut Vec<Block>,
}

impl Assigned<'_> {
    fn push(&mut self, body: Body) {
        self.blocks.push(Block {
            name: self.attribute.name.clone(),
            name_range: self.attribute.name_range,
            header: self.attribute.name_range,
            labels: self.labels.clone(),
            body,
        });
    }
}

/// The values of blocks. Very many are looked at once only, as soon as each is made.
pub(super) struct Elements<'p> {
    pub(super) values: Vec<Value>,
    blocks: Vec<&'p Block>,
    /// Whether all are of the type that was expected.
    fit: bool,
}

/// The type of the first of the values, where all are of it and it leaves nothing open.
fn type_of_first(values: &[Value]) -> Option<Type> {
    let fits = |ty: &Type| !ty.has_any() && values.iter().all(|value| value.is_of_type(ty));
    values.first().map(Value::ty).filter(fits)
}

/// Objects of so many levels around values of a type as maps.
fn map_of(value: Value, inner: &Type, depth: usize) -> Value {
    let Value::Object(mut entries) = value else {
        return value;
    };
    let Some(depth) = depth.checked_sub(1) else {
        return Value::Object(entries);
    };
    if depth > 0 {
        for entry in entries.values_mut() {
            *entry = map_of(std::mem::take(entry), inner, depth);
        }
    }
    let element = (0..depth).fold(inner.clone(), |ty, _| Type::map(ty));
    Value::Map(element, entries)
}

/// Inserts under the labels; whether there was nothing there before.
fn insert(entries: &mut Entries, labels: &[Label], value: Value) -> bool {
    let Some((last, outer)) = labels.split_last() else {
        return false;
    };
    let mut level = entries;
    for label in outer {
        if !level.contains_key(&label.text) {
            level.insert(label.text.clone(), Value::Object(Entries::new()));
        }
        let Some(Value::Object(inner)) = level.get_mut(&label.text) else {
            return false;
        };
        level = inner;
    }
    let is_new = !level.contains_key(&last.text);
    if is_new {
        level.insert(last.text.clone(), value);
    }
    is_new
}
