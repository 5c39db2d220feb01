//! Expressions of a type.

use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;

use super::Decoder;
use crate::ast::{Expr, Kind};
use crate::convert::{Mismatch, convert, unique};
use crate::eval::Scope;
use crate::{Body, Type, Value};

impl Decoder<'_> {
    /// The value of an expression, converted to a type; none where there are diagnostics.
    ///
    /// Lists and objects that are written out are decoded element by element, so that each problem has its own place.
    pub(super) fn typed(&mut self, expr: &Arc<Expr>, ty: &Type) -> Option<Value> {
        match (&expr.kind, ty) {
            (Kind::List(values), Type::List(element)) => self.elements(values, element).map(Value::List),
            (Kind::List(values), Type::Set(element)) => {
                self.elements(values, element).map(|values| Value::List(unique(values)))
            }
            (Kind::Map(entries), Type::Map(element)) => self.entries(entries, element),
            (Kind::Map(entries), Type::Object(fields)) => self.fields(entries, fields, &expr.range),
            _ => self.converted(expr, ty),
        }
    }

    fn elements(&mut self, values: &[Arc<Expr>], ty: &Type) -> Option<Vec<Value>> {
        let mut decoded = Vec::with_capacity(values.len());
        for (index, value) in values.iter().enumerate() {
            decoded.push(self.under(format!("[{index}]"), |decoder| decoder.typed(value, ty)));
        }
        decoded.into_iter().collect()
    }

    fn entries(&mut self, entries: &[(Expr, Arc<Expr>)], ty: &Type) -> Option<Value> {
        let mut map = IndexMap::with_capacity(entries.len());
        let mut is_complete = true;
        for (key, value) in entries {
            let name = self.key(key);
            let label = name.clone().unwrap_or_else(|| "?".to_owned());
            let value = self.under(label, |decoder| decoder.typed(value, ty));
            match (name, value) {
                (Some(name), Some(value)) => is_complete &= self.insert(&mut map, name, value, &key.range),
                _ => is_complete = false,
            }
        }
        is_complete.then_some(Value::Map(map))
    }

    fn fields(
        &mut self,
        entries: &[(Expr, Arc<Expr>)],
        fields: &IndexMap<String, Type>,
        range: &Range<usize>,
    ) -> Option<Value> {
        let mut map = IndexMap::with_capacity(fields.len());
        let mut is_complete = true;
        for (key, value) in entries {
            let Some(name) = self.key(key) else {
                is_complete = false;
                continue;
            };
            // Other attributes than those of the type are dropped.
            let Some(ty) = fields.get(&name) else { continue };
            match self.under(name.clone(), |decoder| decoder.typed(value, ty)) {
                Some(value) => is_complete &= self.insert(&mut map, name, value, &key.range),
                None => is_complete = false,
            }
        }
        if is_complete && let Some(name) = fields.keys().find(|name| !map.contains_key(*name)) {
            let detail = format!("The attribute \"{name}\" is required here, but it is not set.");
            self.error("Incorrect attribute value type", detail, range);
            return None;
        }
        is_complete.then_some(Value::Map(map))
    }

    fn insert(&mut self, map: &mut IndexMap<String, Value>, name: String, value: Value, range: &Range<usize>) -> bool {
        let is_new = map.insert(name, value).is_none();
        if !is_new {
            let detail = "This key was already set. Each key of an object may be set once.";
            self.error("Duplicate object key", detail, range);
        }
        is_new
    }

    pub(super) fn key(&mut self, key: &Expr) -> Option<String> {
        let name = self.evaluator.key(key, Scope::root());
        self.take_diagnostics();
        name.ok()
    }

    fn converted(&mut self, expr: &Expr, ty: &Type) -> Option<Value> {
        let value = self.evaluator.value(expr);
        let has_kept = self.evaluator.take_kept();
        self.take_diagnostics();
        let value = value?;
        // A text that stands for a value that is not known yet may well be of the right type in the end.
        let unconverted = has_kept.then(|| value.clone());
        match convert(value, ty) {
            Ok(value) => Some(value),
            Err(_) if has_kept => unconverted,
            Err(mismatch) => {
                self.mismatch(mismatch, &expr.range);
                None
            }
        }
    }

    pub(super) fn mismatch(&mut self, mismatch: Mismatch, range: &Range<usize>) {
        let depth = self.path.len();
        self.path.extend(mismatch.path);
        let detail = match self.path_text() {
            Some(path) => format!("Inappropriate value for \"{path}\": {}.", mismatch.message),
            None => format!("Inappropriate value: {}.", mismatch.message),
        };
        self.error("Incorrect attribute value type", detail, range);
        self.path.truncate(depth);
    }

    fn path_text(&self) -> Option<String> {
        (!self.path.is_empty()).then(|| self.path.join(".").replace(".[", "["))
    }

    fn take_diagnostics(&mut self) {
        for diagnostic in self.evaluator.take_diagnostics() {
            self.diagnostics.push(diagnostic.with_path(self.path.clone()));
        }
    }

    /// A map, an object or a list of them: from arguments and blocks in all their spellings.
    pub(super) fn map_like(&mut self, name: &str, ty: &Type, body: &Body) -> Value {
        let mut values = Vec::new();
        let attribute = body.attribute(name);
        let has_blocks = body.blocks_of(name).next().is_some();
        if let Some(attribute) = attribute {
            let expr = &attribute.value.node;
            let value = match (ty, &expr.kind) {
                (Type::Any, _) if !has_blocks => return self.typed(expr, ty).unwrap_or_default(),
                // What is a list where one map is wanted, and the other way round.
                (Type::List(element), Kind::Map(_)) => self.typed(expr, element),
                (Type::List(_) | Type::Any, _) => self.lenient(expr, ty),
                (_, Kind::List(_)) => self.typed(expr, &Type::list(ty.clone())),
                _ => self.lenient(expr, ty),
            };
            match value {
                Some(Value::List(elements)) => values.extend(elements),
                Some(Value::Null) if !has_blocks => return Value::Null,
                Some(value) => values.push(value),
                None => return Value::Null,
            }
        }
        let element = match ty {
            Type::List(element) => element,
            other => other,
        };
        for block in body.blocks_of(name) {
            self.check_no_labels(block);
            values.push(self.body_as(&block.body, element));
        }
        match ty {
            Type::List(_) => Value::List(values),
            Type::Any if values.len() > 1 => Value::List(values),
            _ => merge(values),
        }
    }

    /// The value of an expression that may be a list of one map where a map is wanted, or a map for a list of maps.
    fn lenient(&mut self, expr: &Arc<Expr>, ty: &Type) -> Option<Value> {
        if matches!(expr.kind, Kind::List(_) | Kind::Map(_)) {
            return self.typed(expr, ty);
        }
        let any = self.converted(expr, &Type::Any)?;
        let wanted = match (ty, &any) {
            (Type::List(element), Value::Map(_)) => (**element).clone(),
            (Type::Map(_) | Type::Object(_), Value::List(_)) => Type::list(ty.clone()),
            _ => ty.clone(),
        };
        match convert(any, &wanted) {
            Ok(value) => Some(value),
            Err(mismatch) => {
                self.mismatch(mismatch, &expr.range);
                None
            }
        }
    }

    /// A block's body as a map or an object.
    fn body_as(&mut self, body: &Body, ty: &Type) -> Value {
        let mut map = IndexMap::new();
        for attribute in body.attributes() {
            let ty = match ty {
                Type::Map(element) => element,
                Type::Object(fields) => fields.get(&attribute.name).unwrap_or(&Type::Any),
                _ => &Type::Any,
            };
            let value = self.under(attribute.name.clone(), |decoder| {
                decoder.typed(&attribute.value.node, ty)
            });
            map.insert(attribute.name.clone(), value.unwrap_or_default());
        }
        for block in body.blocks() {
            let inner = match ty {
                Type::Map(element) => Some(&**element),
                Type::Object(fields) => fields.get(&block.name),
                _ => Some(&Type::Any),
            };
            let Some(inner) = inner.filter(|ty| super::takes_blocks(ty)) else {
                let detail = "Only arguments (`name = value`) are expected here, no blocks.";
                self.error("Unexpected block", detail, &block.name_range);
                continue;
            };
            if !map.contains_key(&block.name) {
                let value = self.under(block.name.clone(), |decoder| decoder.map_like(&block.name, inner, body));
                map.insert(block.name.clone(), value);
            }
        }
        let Type::Object(fields) = ty else {
            return Value::Map(map);
        };
        if let Some(name) = fields.keys().find(|name| !map.contains_key(*name)) {
            self.missing("argument", name, body);
        }
        map.retain(|name, _| fields.contains_key(name));
        Value::Map(map)
    }
}

fn merge(values: Vec<Value>) -> Value {
    let mut merged = IndexMap::new();
    for value in values {
        match value {
            Value::Map(entries) => merged.extend(entries),
            Value::Null => {}
            other => return other,
        }
    }
    Value::Map(merged)
}
