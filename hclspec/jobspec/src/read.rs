//! Reading a block: which names it may have, and what they hold.

use encamp_hclspec::{
    Attribute, Block, Body, Context, Diagnostic, Diagnostics, Span, Spec, Type, Value, Spellings, decode_partial, did_you_mean, from_value,
};
use serde::de::DeserializeOwned;

/// The names that a kind of block may have.
pub(crate) struct Keys {
    /// What the block is called.
    pub(crate) what: &'static str,
    /// Its arguments.
    pub(crate) arguments: &'static [(&'static str, Argument)],
    /// Its blocks, and whether they have a label.
    pub(crate) blocks: &'static [&'static str],
    /// What is taken but has no effect.
    pub(crate) ignored: &'static [&'static str],
    /// What job files may have but is not supported yet.
    pub(crate) later: &'static [&'static str],
}

/// What an argument holds.
#[derive(Clone, Copy)]
pub(crate) enum Argument {
    Text,
    Number,
    Truth,
    Texts,
    /// A map of texts, which may be written as a block.
    Map,
}

impl Argument {
    fn ty(self) -> Type {
        match self {
            Self::Text => Type::String,
            Self::Number => Type::Number,
            Self::Truth => Type::Bool,
            Self::Texts => Type::list(Type::String),
            Self::Map => Type::map(Type::String),
        }
    }
}

/// What a body of the native syntax holds.
pub(crate) trait Parts {
    fn attributes(&self) -> Vec<Attribute>;
    fn blocks(&self) -> Vec<Block>;

    fn attribute(&self, name: &str) -> Option<Attribute> {
        self.attributes().into_iter().find(|attribute| attribute.name() == name)
    }

    fn blocks_of(&self, name: &str) -> std::vec::IntoIter<Block> {
        let blocks = self.blocks().into_iter().filter(|block| block.name() == name);
        blocks.collect::<Vec<_>>().into_iter()
    }
}

impl Parts for Body {
    fn attributes(&self) -> Vec<Attribute> {
        self.everything().0
    }

    fn blocks(&self) -> Vec<Block> {
        self.everything().1
    }
}

/// What is read with: the scope of expressions, and the diagnostics so far.
pub(crate) struct Reader<'c> {
    pub(crate) context: &'c Context,
    pub(crate) diagnostics: Diagnostics,
}

impl Reader<'_> {
    pub(crate) fn error(&mut self, summary: impl Into<String>, detail: impl Into<String>, span: Span) {
        self.diagnostics
            .push(Diagnostic::error(summary, detail).with_span(span));
    }

    /// The arguments of a body. What is wrong with them is reported, and they are left out.
    pub(crate) fn arguments<T: DeserializeOwned + Default>(&mut self, keys: &Keys, body: &Body) -> T {
        self.check_names(keys, body);
        let mut values = Value::object(std::iter::empty::<(String, Value)>());
        for (name, argument) in keys.arguments {
            // One by one, so that one that is wrong does not hide the others.
            match decode_partial(&Spec::attr(*name, argument.ty()), body, self.context, Spellings::Every) {
                Ok(value) => set(&mut values, name, value),
                Err(diagnostics) => self.diagnostics.extend(diagnostics),
            }
        }
        loop {
            let error = match from_value(values.clone()) {
                Ok(arguments) => return arguments,
                Err(error) => error,
            };
            let path: Vec<&str> = error.path().iter().map(String::as_str).collect();
            let Some(name) = path.first() else { return T::default() };
            let is_number = |(known, ty): &(&str, Argument)| known == name && matches!(ty, Argument::Number);
            let detail = if keys.arguments.iter().any(is_number) {
                format!("\"{name}\" must be a whole number, and not below zero.")
            } else {
                format!("{error}.")
            };
            let span = body.locate(&path).unwrap_or_else(|| body.span());
            self.error("Incorrect attribute value type", detail, span);
            set(&mut values, name, Value::NULL);
        }
    }

    /// The only block of a type.
    pub(crate) fn single(&mut self, name: &str, body: &Body) -> Option<Block> {
        let mut blocks = body.blocks_of(name);
        let first = blocks.next()?;
        self.no_label(&first);
        if let Some(second) = blocks.next() {
            let detail = format!("At most one block of type \"{name}\" is allowed here.");
            let diagnostic = Diagnostic::error(format!("Duplicate {name} block"), detail);
            let diagnostic = diagnostic.with_span(second.name_span()).with_context(first.name_span());
            self.diagnostics.push(diagnostic);
        }
        Some(first)
    }

    /// The one label of a block.
    pub(crate) fn label<'b>(&mut self, block: &'b Block) -> Option<&'b str> {
        let name = block.name();
        if let Some(extra) = block.labels().get(1) {
            let detail = format!("A {name} block has one label, its name.");
            self.error("Extraneous block label", detail, extra.span().clone());
        }
        let label = block.labels().first();
        if label.is_none() {
            let detail = format!("A {name} block is written with its name: {name} \"name\" {{ .. }}.");
            self.error(format!("Missing {name} label"), detail, block.name_span());
        }
        label.map(encamp_hclspec::Label::text)
    }

    fn no_label(&mut self, block: &Block) {
        if let Some(label) = block.labels().first() {
            let detail = format!("A {} block has no labels.", block.name());
            self.error("Extraneous block label", detail, label.span().clone());
        }
    }

    /// Reports the arguments and blocks that a block may not have, and those that have no effect.
    pub(crate) fn check_names(&mut self, keys: &Keys, body: &Body) {
        for attribute in body.attributes() {
            if !keys.is_argument(attribute.name()) {
                self.unexpected(keys, attribute.name(), attribute.name_span(), "argument");
            }
        }
        for block in body.blocks() {
            if !keys.is_block(block.name()) {
                self.unexpected(keys, block.name(), block.name_span(), "block");
            }
        }
    }

    fn unexpected(&mut self, keys: &Keys, name: &str, span: Span, form: &str) {
        let what = keys.what;
        if keys.ignored.contains(&name) {
            let detail = "Ignored: encamp places nothing.";
            let notice = Diagnostic::warning(format!("\"{name}\" has no effect"), detail);
            self.diagnostics.push(notice.with_span(span));
        } else if keys.later.contains(&name) {
            let detail = format!("\"{name}\" in a {what} is not supported yet. Remove it to run the job here.");
            self.error(format!("Unsupported {form}"), detail, span);
        } else if keys.blocks.contains(&name) {
            let detail = format!("\"{name}\" is a block, not an argument. Write {name} {{ .. }}.");
            self.error(format!("Unexpected {form}"), detail, span);
        } else if keys.is_argument(name) {
            let detail = format!("\"{name}\" is an argument, not a block. Write {name} = ..");
            self.error(format!("Unexpected {form}"), detail, span);
        } else {
            let mut detail = format!("There is no {form} \"{name}\" in a {what}.");
            if let Some(other) = did_you_mean(name, keys.names()) {
                detail = format!("{detail} Did you mean \"{other}\"?");
            }
            self.error(format!("Unexpected {form}"), detail, span);
        }
    }
}

fn set(values: &mut Value, name: &str, value: Value) {
    if let Value::Object(entries) = values {
        entries.insert(name.to_owned(), value);
    }
}

impl Keys {
    fn is_argument(&self, name: &str) -> bool {
        self.arguments.iter().any(|(known, _)| *known == name)
    }

    fn is_block(&self, name: &str) -> bool {
        let is_map = |(known, argument): &(&str, Argument)| *known == name && matches!(argument, Argument::Map);
        self.blocks.contains(&name) || self.arguments.iter().any(is_map)
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        let arguments = self.arguments.iter().map(|(name, _)| *name);
        arguments.chain(self.blocks.iter().chain(self.ignored).chain(self.later).copied())
    }
}
