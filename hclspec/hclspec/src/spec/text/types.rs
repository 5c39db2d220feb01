//! Type expressions: `string`, `list(number)`, `object({ name = string })`.

use std::sync::Arc;

use encamp_hclspec_syntax::ast::{Call, Expr, ExprKind, ObjectItem, PartKind};
use encamp_hclspec_syntax::{Range, hint};

use super::functions;
use crate::{Diagnostic, Diagnostics, Expression, Source, Span, Type, Value};

const NAMES: [&str; 4] = ["string", "number", "bool", "any"];
const CONSTRUCTORS: [&str; 5] = ["list", "set", "map", "tuple", "object"];

/// The type that a text names: `string`, `number`, `bool`, `any`, `list(..)`, `set(..)`, `map(..)`, `tuple([..])` and
/// `object({ name = .. })`. `null` is any type.
///
/// # Errors
///
/// Everything that is wrong with the text.
pub fn parse_type(source: Arc<Source>) -> Result<Type, Diagnostics> {
    let expression = Expression::parse(source)?;
    let mut diagnostics = Diagnostics::new();
    type_of(&expression, &mut diagnostics).ok_or(diagnostics)
}

/// The type that an expression names; none where there is an error.
pub(crate) fn type_of(expression: &Expression, diagnostics: &mut Diagnostics) -> Option<Type> {
    let mut reader = Reader {
        source: expression.source(),
        diagnostics,
    };
    let Some(node) = expression.native_node() else {
        let place = expression.range();
        return reader.error(
            "Invalid type expression",
            "A type is written in native HCL.".to_owned(),
            place,
        );
    };
    if matches!(node.kind, ExprKind::Null) {
        return Some(Type::Any);
    }
    reader.ty(node)
}

struct Reader<'a> {
    source: &'a Arc<Source>,
    diagnostics: &'a mut Diagnostics,
}

impl Reader<'_> {
    fn ty(&mut self, expr: &Expr) -> Option<Type> {
        match &expr.kind {
            ExprKind::Variable(name) => match name.as_str() {
                "string" => Some(Type::String),
                "number" => Some(Type::Number),
                "bool" => Some(Type::Bool),
                "any" => Some(Type::Any),
                "object" => self.unknown(
                    "An object type is written with its attributes: object({ name = string }).",
                    expr.range,
                ),
                "tuple" => self.unknown(
                    "A tuple type is written with its elements: tuple([string]).",
                    expr.range,
                ),
                constructor if CONSTRUCTORS.contains(&constructor) => {
                    let detail = format!("A {name} type is written with the type of its elements: {name}(string).");
                    self.unknown(&detail, expr.range)
                }
                _ => {
                    let hint = hint(name, NAMES.into_iter().chain(CONSTRUCTORS));
                    self.unknown(&format!("There is no type \"{name}\".{hint}"), expr.range)
                }
            },
            ExprKind::Call(call) => self.call(call),
            ExprKind::Parentheses(inner) => self.ty(inner),
            ExprKind::Conditional(parts) => {
                let [condition, yes, no] = parts.as_ref();
                match self.evaluate(condition)?.as_bool() {
                    Some(true) => self.ty(yes),
                    Some(false) => self.ty(no),
                    None => self.error(
                        "Incorrect condition type",
                        "A condition is true or false.".to_owned(),
                        condition.range,
                    ),
                }
            }
            // A template of nothing else is what is interpolated.
            ExprKind::Template(template) if template.parts.len() == 1 => {
                match template.parts.first().map(|part| &part.kind) {
                    Some(PartKind::Interpolation { expr, .. }) => self.ty(expr),
                    _ => self.no_type(expr.range),
                }
            }
            ExprKind::Traversal(path) => {
                self.ty(&path.base)?;
                let range = path.steps.first().map_or(expr.range, |step| step.range);
                self.error(
                    "Unsupported attribute",
                    "A type has no attributes and no elements.".to_owned(),
                    range,
                )
            }
            // The parser has reported it.
            ExprKind::Invalid => None,
            ExprKind::String(text) if NAMES.contains(&text.as_str()) || CONSTRUCTORS.contains(&text.as_str()) => {
                let detail = format!("A type is written without quotes: {text}.");
                self.error("Invalid type expression", detail, expr.range)
            }
            _ => self.no_type(expr.range),
        }
    }

    fn no_type<T>(&mut self, range: Range) -> Option<T> {
        let detail =
            "A type is required: string, number, bool, any, list(..), set(..), map(..), tuple([..]) or object({ .. }).";
        self.error("Invalid type expression", detail.to_owned(), range)
    }

    fn call(&mut self, call: &Call) -> Option<Type> {
        let name = call.name.as_str();
        if !CONSTRUCTORS.contains(&name) {
            let hint = hint(name, CONSTRUCTORS);
            let detail = format!("There is no type \"{name}(..)\".{hint}");
            return self.error("Call to unknown function", detail, call.name_range);
        }
        let argument = match call.arguments.as_slice() {
            [argument] if !call.expand => argument,
            [] => {
                let detail = format!("{name} takes one argument.");
                return self.error("Not enough function arguments", detail, call.close_range);
            }
            [only] => {
                let detail = format!("{name} takes one argument, which cannot be expanded from a list.");
                return self.error("Invalid function argument", detail, only.range);
            }
            [_, second, ..] => {
                let detail = format!("{name} takes one argument only.");
                return self.error("Too many function arguments", detail, start(self.source, second));
            }
        };
        match (name, &argument.kind) {
            ("tuple", ExprKind::Tuple(elements)) => {
                let elements: Vec<_> = elements.iter().map(|element| self.ty(element)).collect();
                elements.into_iter().collect::<Option<Vec<_>>>().map(Type::tuple)
            }
            ("object", ExprKind::Object(items)) => self.object(items),
            ("tuple", _) => {
                let detail = "A tuple type is written with its elements in brackets: tuple([string, number]).";
                self.error(
                    "Invalid function argument",
                    detail.to_owned(),
                    start(self.source, argument),
                )
            }
            ("object", _) => {
                let detail = "An object type is written with its attributes in braces: object({ name = string }).";
                self.error(
                    "Invalid function argument",
                    detail.to_owned(),
                    start(self.source, argument),
                )
            }
            _ => {
                let is_value = !matches!(
                    argument.kind,
                    ExprKind::Variable(_) | ExprKind::Call(_) | ExprKind::Parentheses(_) | ExprKind::Conditional(_)
                );
                if is_value {
                    let detail = format!("{name} takes a type, the one of its elements: {name}(string).");
                    return self.error("Invalid function argument", detail, start(self.source, argument));
                }
                let element = self.ty(argument)?;
                Some(match name {
                    "list" => Type::list(element),
                    "set" => Type::set(element),
                    _ => Type::map(element),
                })
            }
        }
    }

    fn object(&mut self, items: &[ObjectItem]) -> Option<Type> {
        let mut attributes = Vec::with_capacity(items.len());
        let mut all = true;
        for item in items {
            let ty = self.ty(&item.value);
            match (self.key(item), ty) {
                (Some(name), Some(ty)) => attributes.push((name, ty)),
                _ => all = false,
            }
        }
        all.then(|| Type::object(attributes))
    }

    fn key(&mut self, item: &ObjectItem) -> Option<String> {
        if let ExprKind::String(name) = &item.key.kind {
            return Some(name.to_string());
        }
        let value = self.evaluate(&item.key)?;
        value.as_str().map(str::to_owned).or_else(|| {
            let detail = "The name of an attribute must be a text.".to_owned();
            self.error("Incorrect key type", detail, item.key.range)
        })
    }

    /// What is no type within a type.
    fn evaluate(&mut self, expr: &Expr) -> Option<Value> {
        let before = self.diagnostics.error_count();
        let expression = Expression::native(self.source, &Arc::new(expr.clone()));
        let value = expression.value(&functions::type_context(&CONSTRUCTORS), self.diagnostics);
        (self.diagnostics.error_count() == before).then_some(value)
    }

    fn unknown<T>(&mut self, detail: &str, range: Range) -> Option<T> {
        self.error("Unknown variable", detail.to_owned(), range)
    }

    fn error<T>(&mut self, summary: &str, detail: String, range: Range) -> Option<T> {
        let place = Span::new(self.source, range.into());
        self.diagnostics
            .push(Diagnostic::error(summary, detail).with_span(place));
        None
    }
}

/// Where messages about the value of an expression point to: its beginning.
pub(super) fn start_of(expression: &Expression) -> Span {
    let range = match expression.native_node() {
        Some(node) => start(expression.source(), node),
        None => expression.range(),
    };
    Span::new(expression.source(), range.into())
}

/// The opening bracket of what has brackets, the name of what begins with one, and the text within quotes.
fn start(source: &Arc<Source>, expr: &Expr) -> Range {
    let Range { start: first, end } = expr.range;
    match &expr.kind {
        ExprKind::Tuple(_) | ExprKind::Object(_) => Range {
            start: first,
            end: first + 1,
        },
        ExprKind::Traversal(path) => start(source, &path.base),
        ExprKind::Call(call) => call.name_range,
        ExprKind::String(text) if !text.is_empty() && source.text().as_bytes().get(first as usize) == Some(&b'"') => {
            Range {
                start: first + 1,
                end: end.saturating_sub(1).max(first + 1),
            }
        }
        _ => expr.range,
    }
}
