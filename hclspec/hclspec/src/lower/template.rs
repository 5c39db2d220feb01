//! Templates: literal text between interpolations and directives.

use std::ops::Range;

use hcl_edit::Span as _;
use hcl_edit::template as hcl;

use super::Lowering;
use crate::Value;
use crate::ast::{Kind, Part, PartKind};

/// What a template stands in, which says what its text has to be freed of.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Quoted,
    Heredoc,
}

impl Lowering<'_> {
    pub(super) fn quoted(&mut self, template: hcl::StringTemplate, range: &Range<usize>) -> Kind {
        let elements: Vec<_> = template.into_iter().collect();
        Kind::Template(self.parts(elements, Form::Quoted, range))
    }

    pub(super) fn heredoc(&mut self, heredoc: hcl::HeredocTemplate, range: &Range<usize>) -> Kind {
        let flush = self.text(range).starts_with("<<-");
        let elements: Vec<_> = heredoc.template.into_iter().collect();
        let mut parts = self.parts(elements, Form::Heredoc, range);
        if flush {
            dedent(&mut parts);
        }
        let mut parts = parts.into_iter();
        match (parts.next(), parts.next()) {
            (None, _) => Kind::Literal(Value::String(String::new())),
            (
                Some(Part {
                    kind: PartKind::Text(text),
                    ..
                }),
                None,
            ) => Kind::Literal(Value::String(text)),
            (first, second) => Kind::Template(first.into_iter().chain(second).chain(parts).collect()),
        }
    }

    fn parts(&mut self, elements: Vec<hcl::Element>, form: Form, within: &Range<usize>) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::with_capacity(elements.len());
        let mut strip_next = false;
        for element in elements {
            let range = element.span().unwrap_or_else(|| within.clone());
            let (strip_before, strip_after) = outer_strip(&element);
            if strip_before {
                strip_end(&mut parts);
            }
            let kind = match element {
                hcl::Element::Literal(_) => PartKind::Text(self.literal(form, &range)),
                hcl::Element::Interpolation(tree) => PartKind::Interpolation(self.expr(tree.expr, &range)),
                hcl::Element::Directive(tree) => self.directive(*tree, form, &range),
            };
            parts.push(Part { kind, range });
            if strip_next {
                strip_start(parts.last_mut());
            }
            strip_next = strip_after;
        }
        parts
    }

    fn directive(&mut self, tree: hcl::Directive, form: Form, range: &Range<usize>) -> PartKind {
        match tree {
            hcl::Directive::If(tree) => self.if_directive(tree, form, range),
            hcl::Directive::For(tree) => {
                let mut body = self.nested(tree.for_expr.template, form, range);
                if tree.for_expr.strip.strip_end() {
                    strip_start(body.first_mut());
                }
                if tree.endfor_expr.strip.strip_start() {
                    strip_end(&mut body);
                }
                PartKind::For {
                    key_name: tree.for_expr.key_var.map(|name| name.into_value().into_string()),
                    value_name: tree.for_expr.value_var.into_value().into_string(),
                    collection: self.expr(tree.for_expr.collection_expr, range),
                    body,
                }
            }
        }
    }
    fn if_directive(&mut self, tree: hcl::IfDirective, form: Form, range: &Range<usize>) -> PartKind {
        let condition = self.expr(tree.if_expr.cond_expr, range);
        let mut then = self.nested(tree.if_expr.template, form, range);
        if tree.if_expr.strip.strip_end() {
            strip_start(then.first_mut());
        }
        let mut otherwise = Vec::new();
        let ends_stripped = tree.endif_expr.strip.strip_start();
        if let Some(tree) = tree.else_expr {
            if tree.strip.strip_start() {
                strip_end(&mut then);
            }
            otherwise = self.nested(tree.template, form, range);
            if tree.strip.strip_end() {
                strip_start(otherwise.first_mut());
            }
            if ends_stripped {
                strip_end(&mut otherwise);
            }
        } else if ends_stripped {
            strip_end(&mut then);
        }
        PartKind::If {
            condition,
            then,
            otherwise,
        }
    }

    fn nested(&mut self, template: hcl::Template, form: Form, range: &Range<usize>) -> Vec<Part> {
        let elements: Vec<_> = template.into_iter().collect();
        self.parts(elements, form, range)
    }

    /// Literal text from the source: the parser leaves escapes in the text of directives as they are, and takes away
    /// too much from indented heredocs whose first line is not indented.
    fn literal(&mut self, form: Form, range: &Range<usize>) -> String {
        let text = self.text(range);
        if form == Form::Heredoc {
            return unescape_markers(text);
        }
        unescape(text).unwrap_or_else(|detail| {
            self.error("Invalid template", detail, range);
            String::new()
        })
    }
}

/// Whether white space is dropped before and after an element.
fn outer_strip(element: &hcl::Element) -> (bool, bool) {
    let (first, last) = match element {
        hcl::Element::Literal(_) => return (false, false),
        hcl::Element::Interpolation(tree) => (tree.strip, tree.strip),
        hcl::Element::Directive(tree) => match &**tree {
            hcl::Directive::If(tree) => (tree.if_expr.strip, tree.endif_expr.strip),
            hcl::Directive::For(tree) => (tree.for_expr.strip, tree.endfor_expr.strip),
        },
    };
    (first.strip_start(), last.strip_end())
}

fn strip_start(part: Option<&mut Part>) {
    if let Some(PartKind::Text(text)) = part.map(|part| &mut part.kind) {
        *text = text.trim_start().to_owned();
    }
}

fn strip_end(parts: &mut [Part]) {
    if let Some(PartKind::Text(text)) = parts.last_mut().map(|part| &mut part.kind) {
        text.truncate(text.trim_end().len());
    }
}

fn unescape_markers(text: &str) -> String {
    text.replace("$${", "${").replace("%%{", "%{")
}

fn unescape(text: &str) -> Result<String, &'static str> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (taken, plain) = match c {
            '\\' => escape(rest).ok_or("There is no such escape sequence.")?,
            '"' | '\n' => return Err("The string ends before the template sequence that begins in it."),
            '$' if rest.starts_with("$${") => (2, '$'),
            '%' if rest.starts_with("%%{") => (2, '%'),
            _ => (c.len_utf8(), c),
        };
        out.push(plain);
        rest = rest.get(taken..).unwrap_or_default();
    }
    Ok(out)
}

/// The length of the escape sequence that a text begins with, and its character.
fn escape(text: &str) -> Option<(usize, char)> {
    let hex = |len: usize| {
        let digits = text.get(2..2 + len)?;
        let code = u32::from_str_radix(digits, 16).ok()?;
        Some((2 + len, char::from_u32(code)?))
    };
    match text.as_bytes().get(1)? {
        b'n' => Some((2, '\n')),
        b'r' => Some((2, '\r')),
        b't' => Some((2, '\t')),
        b'"' => Some((2, '"')),
        b'\\' => Some((2, '\\')),
        b'u' => hex(4),
        b'U' => hex(8),
        _ => None,
    }
}

/// Takes the indentation that all lines have in common from each of them. Blank lines do not count.
fn dedent(parts: &mut [Part]) {
    let mut common = None;
    measure(parts, true, &mut common);
    if let Some(common @ 1..) = common {
        take(parts, true, common);
    }
}

/// Returns whether what follows the parts begins a line.
fn measure(parts: &[Part], mut at_start: bool, common: &mut Option<usize>) -> bool {
    for part in parts {
        match &part.kind {
            PartKind::Text(text) => {
                for line in text.split_inclusive('\n') {
                    let is_blank = line.trim().is_empty() && line.ends_with('\n');
                    if at_start && !is_blank {
                        let indent = line.chars().take_while(|c| c.is_whitespace()).count();
                        *common = Some(common.map_or(indent, |common| common.min(indent)));
                    }
                    at_start = line.ends_with('\n');
                }
            }
            PartKind::Interpolation(_) => at_start = other(at_start, common),
            PartKind::If { then, otherwise, .. } => {
                at_start = other(at_start, common);
                at_start = measure(then, at_start, common);
                at_start = measure(otherwise, at_start, common);
            }
            PartKind::For { body, .. } => {
                at_start = other(at_start, common);
                at_start = measure(body, at_start, common);
            }
        }
    }
    at_start
}

/// An interpolation or directive that begins a line means that nothing is common.
fn other(at_start: bool, common: &mut Option<usize>) -> bool {
    if at_start {
        *common = Some(0);
    }
    false
}

fn take(parts: &mut [Part], mut at_start: bool, common: usize) -> bool {
    for part in parts {
        match &mut part.kind {
            PartKind::Text(text) => {
                let mut out = String::with_capacity(text.len());
                for line in text.split_inclusive('\n') {
                    let is_blank = line.trim().is_empty() && line.ends_with('\n');
                    let skip = if at_start && !is_blank { common } else { 0 };
                    out.extend(line.chars().skip(skip));
                    at_start = line.ends_with('\n');
                }
                *text = out;
            }
            PartKind::Interpolation(_) => at_start = false,
            PartKind::If { then, otherwise, .. } => {
                at_start = take(then, false, common);
                at_start = take(otherwise, at_start, common);
            }
            PartKind::For { body, .. } => at_start = take(body, false, common),
        }
    }
    at_start
}
