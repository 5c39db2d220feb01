//! Specs, and bodies for them with the values that they have.

use std::fmt::Write as _;

use encamp_hclspec::{Spec, Type, Value, cty};

/// Where choices come from: numbers that the property test makes, over and over.
pub(crate) struct Dice<'n> {
    numbers: &'n [u32],
    next: usize,
}

impl<'n> Dice<'n> {
    pub(crate) fn new(numbers: &'n [u32]) -> Self {
        Self { numbers, next: 0 }
    }

    /// One of so many.
    pub(crate) fn of(&mut self, sides: usize) -> usize {
        let index = self.next % self.numbers.len().max(1);
        self.next += 1;
        let number = self.numbers.get(index).copied().unwrap_or(0);
        // Another round over the numbers is not to give the same again.
        let round = self.next / self.numbers.len().max(1);
        (usize::try_from(number).unwrap() + round * 7) % sides
    }

    fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all.get(self.of(all.len())).unwrap().clone()
    }
}

/// A body in both syntaxes, and its value by the spec that it was made for.
pub(crate) struct Made {
    pub(crate) native: String,
    pub(crate) json: String,
    pub(crate) value: Value,
}

const NAMES: [&str; 6] = ["a", "b_c", "d-e", "é", "for", "null"];
const KEYS: [&str; 6] = ["k", "l m", "", "ü\u{1f600}", "\"q\"", "//x"];
const TEXTS: [&str; 8] = [
    "",
    "x",
    "${x}",
    "%{ if }",
    "a\nb\t\"\\",
    "über \u{1f600}",
    "80",
    "\u{7f}\u{1}",
];
const NUMBERS: [&str; 8] = [
    "0",
    "-1",
    "0.1",
    "1.50",
    "1e3",
    "9223372036854775808",
    "123456789.987654321",
    "-0.25",
];

/// A spec of an object, so many levels deep.
pub(crate) fn spec(dice: &mut Dice<'_>, depth: usize) -> Spec {
    let count = dice.of(NAMES.len());
    let names = NAMES.iter().take(count);
    Spec::object(names.map(|name| (*name, part(dice, name, depth))).collect::<Vec<_>>())
}

fn part(dice: &mut Dice<'_>, name: &str, depth: usize) -> Spec {
    let kinds = if depth == 0 { 4 } else { 9 };
    match dice.of(kinds) {
        0 => Spec::attr(name, ty(dice, 2)).required(),
        1 => Spec::default_value(Spec::attr(name, Type::String), dice.pick(&TEXTS)),
        2 => Spec::block_attrs(name, ty(dice, 1)),
        3 => Spec::attr(name, ty(dice, 2)),
        4 => Spec::block(name, spec(dice, depth - 1)),
        5 => Spec::block_list(name, spec(dice, depth - 1)),
        6 => Spec::block_set(name, spec(dice, depth - 1)),
        7 => Spec::block_map(name, ["one"], spec(dice, depth - 1)),
        _ => Spec::block_map(name, ["one", "two"], spec(dice, depth - 1)),
    }
}

fn ty(dice: &mut Dice<'_>, depth: usize) -> Type {
    let kinds = if depth == 0 { 3 } else { 8 };
    match dice.of(kinds) {
        0 => Type::String,
        1 => Type::Number,
        2 => Type::Bool,
        3 => Type::list(ty(dice, depth - 1)),
        4 => Type::set(ty(dice, depth - 1)),
        5 => Type::map(ty(dice, depth - 1)),
        6 => Type::tuple([ty(dice, depth - 1), ty(dice, depth - 1)]),
        _ => Type::object([("p", ty(dice, depth - 1)), ("q r", ty(dice, depth - 1))]),
    }
}

/// A body for the spec of an object.
pub(crate) fn body(dice: &mut Dice<'_>, spec: &Spec) -> Made {
    let Spec::Object(parts) = spec else { panic!("{spec:?}") };
    let mut native = String::new();
    let mut properties = Vec::new();
    let mut values = Vec::new();
    for (key, part) in parts {
        let (text, property, value) = one(dice, part);
        native.push_str(&text);
        properties.extend(property);
        values.push((key.clone(), value));
    }
    Made {
        native,
        json: format!("{{{}}}", properties.join(", ")),
        value: Value::object(values),
    }
}

/// A part's text, its JSON property, and its value.
fn one(dice: &mut Dice<'_>, part: &Spec) -> (String, Option<String>, Value) {
    match part {
        Spec::Attr { name, ty, required } => match dice.of(4) {
            0 if !required => (String::new(), None, Value::Null(ty.clone())),
            1 => (
                format!("{name} = null\n"),
                Some(property(name, "null")),
                Value::Null(ty.clone()),
            ),
            _ => {
                let value = value(dice, ty);
                let text = format!("{name} = {}\n", native(&value));
                (text, Some(property(name, &json(&value))), value)
            }
        },
        Spec::Default { primary, default } => {
            let Spec::Literal(default) = default.as_ref() else {
                panic!("{part:?}")
            };
            let (text, property, value) = one(dice, primary);
            (text, property, if value.is_null() { default.clone() } else { value })
        }
        Spec::BlockAttrs { name, ty, .. } => {
            if dice.of(3) == 0 {
                return (String::new(), None, Value::Null(Type::map(ty.clone())));
            }
            let entries: Vec<_> = NAMES
                .iter()
                .take(dice.of(4))
                .map(|name| (*name, value(dice, ty)))
                .collect();
            let lines = entries
                .iter()
                .map(|(name, value)| format!("{name} = {}\n", native(value)));
            let text = format!("{name} {{\n{}}}\n", lines.collect::<String>());
            let properties: Vec<_> = entries
                .iter()
                .map(|(name, value)| property(name, &json(value)))
                .collect();
            let found = property(name, &format!("{{{}}}", properties.join(", ")));
            (text, Some(found), Value::map(ty.clone(), entries))
        }
        Spec::Block { name, nested, .. } => {
            if dice.of(3) == 0 {
                return (String::new(), None, Value::Null(nested.implied_type()));
            }
            let made = body(dice, nested);
            (block(name, &made), Some(property(name, &made.json)), made.value)
        }
        Spec::BlockList(blocks) | Spec::BlockSet(blocks) => {
            let made: Vec<Made> = (0..dice.of(3)).map(|_| body(dice, &blocks.nested)).collect();
            let text = made.iter().map(|made| block(&blocks.name, made)).collect();
            let bodies: Vec<&str> = made.iter().map(|made| made.json.as_str()).collect();
            let found = property(&blocks.name, &format!("[{}]", bodies.join(", ")));
            let ty = blocks.nested.implied_type();
            let values = made.into_iter().map(|made| made.value);
            let value = match part {
                Spec::BlockList(_) => Value::list(ty, values),
                _ => Value::set(ty, values),
            };
            (text, Some(found), value)
        }
        Spec::BlockMap(blocks) => labelled(dice, &blocks.name, &blocks.nested, blocks.labels.len()),
        other => panic!("{other:?}"),
    }
}

fn labelled(dice: &mut Dice<'_>, name: &str, nested: &Spec, labels: usize) -> (String, Option<String>, Value) {
    let keys: Vec<&str> = KEYS.iter().take(dice.of(3)).copied().collect();
    if keys.is_empty() {
        let inner = (1..labels).fold(nested.implied_type(), |ty, _| Type::map(ty));
        return (String::new(), None, Value::map(inner, Vec::<(String, Value)>::new()));
    }
    let mut text = String::new();
    let mut properties = Vec::new();
    let mut values = Vec::new();
    for key in keys {
        if labels == 1 {
            let made = body(dice, nested);
            text.push_str(&block(&format!("{name} {}", quote(key)), &made));
            properties.push(property(key, &made.json));
            values.push((key, made.value));
        } else {
            let made = body(dice, nested);
            text.push_str(&block(&format!("{name} {} inner", quote(key)), &made));
            properties.push(property(key, &format!("{{{}}}", property("inner", &made.json))));
            values.push((key, Value::map(nested.implied_type(), [("inner", made.value)])));
        }
    }
    let found = property(name, &format!("{{{}}}", properties.join(", ")));
    let inner = (1..labels).fold(nested.implied_type(), |ty, _| Type::map(ty));
    (text, Some(found), Value::map(inner, values))
}

fn block(header: &str, made: &Made) -> String {
    format!("{header} {{\n{}}}\n", made.native)
}

fn property(name: &str, value: &str) -> String {
    format!("{}: {value}", serde_json::to_string(name).unwrap())
}

/// A value of a type.
fn value(dice: &mut Dice<'_>, ty: &Type) -> Value {
    match ty {
        Type::String => Value::from(dice.pick(&TEXTS)),
        Type::Number => Value::Number(dice.pick(&NUMBERS).parse().unwrap()),
        Type::Bool => Value::Bool(dice.of(2) == 0),
        Type::List(element) => {
            let values: Vec<_> = (0..dice.of(4)).map(|_| value(dice, element)).collect();
            Value::list(element.as_ref().clone(), values)
        }
        Type::Set(element) => {
            let values: Vec<_> = (0..dice.of(4)).map(|_| value(dice, element)).collect();
            Value::set(element.as_ref().clone(), values)
        }
        Type::Map(element) => {
            let entries: Vec<_> = KEYS
                .iter()
                .take(dice.of(4))
                .map(|key| (*key, value(dice, element)))
                .collect();
            Value::map(element.as_ref().clone(), entries)
        }
        Type::Tuple(elements) => Value::Tuple(elements.iter().map(|element| value(dice, element)).collect()),
        Type::Object(attributes) => Value::object(
            attributes
                .iter()
                .map(|(name, ty)| (name.clone(), value(dice, ty)))
                .collect::<Vec<_>>(),
        ),
        _ => Value::NULL,
    }
}

/// A value as a native expression.
fn native(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::List(_, values) | Value::Set(_, values) | Value::Tuple(values) => {
            let values: Vec<_> = values.iter().map(native).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Map(_, entries) | Value::Object(entries) => {
            let entries = entries
                .iter()
                .map(|(name, value)| format!("{} = {}", quote(name), native(value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        Value::Null(_) | Value::Unknown(_) => "null".to_owned(),
    }
}

/// A value as JSON, its texts as templates.
fn json(value: &Value) -> String {
    match value {
        Value::String(text) => serde_json::to_string(&template(text)).unwrap(),
        Value::List(_, values) | Value::Set(_, values) | Value::Tuple(values) => {
            let values: Vec<_> = values.iter().map(json).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Map(_, entries) | Value::Object(entries) => {
            let entries = entries
                .iter()
                .map(|(name, value)| property(&template(name), &json(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        other => cty::json::to_plain_string(other).unwrap(),
    }
}

fn template(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}

fn quote(text: &str) -> String {
    let mut out = "\"".to_owned();
    for char in template(text).chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            '\n' => out.push_str("\\n"),
            char if char.is_control() => write!(out, "\\u{:04x}", u32::from(char)).unwrap(),
            char => out.push(char),
        }
    }
    out + "\""
}
