//! Trees as one line of text, for comparison.

use encamp_hclspec_syntax::ast::{
    BinaryOperator, Body, Expr, ExprKind, Part, PartKind, Step, StepKind, Template, UnaryOperator,
};
use encamp_hclspec_syntax::{Range, Source};

/// Writes trees of one text.
pub(crate) struct Dump<'s>(pub(crate) &'s Source);

fn at(range: Range) -> String {
    format!("@{}-{}", range.start, range.end)
}

fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

impl Dump<'_> {
    pub(crate) fn body(&self, body: &Body) -> String {
        let mut items: Vec<(u32, String)> = Vec::new();
        for attribute in &body.attributes {
            let text = format!(
                "(attr {} {} {} {} {})",
                quote(&attribute.name),
                at(attribute.name_range),
                at(attribute.equals_range),
                at(attribute.range),
                self.expr(&attribute.expr)
            );
            items.push((attribute.range.start, text));
        }
        for block in &body.blocks {
            let mut text = format!("(block {} {}", quote(&block.name), at(block.name_range));
            for label in &block.labels {
                text += &format!(" {}{}", quote(&label.text), at(label.range));
            }
            text += &format!(
                " {}{} {})",
                at(block.open_range),
                at(block.close_range),
                self.body(&block.body)
            );
            items.push((block.name_range.start, text));
        }
        items.sort_by_key(|item| item.0);
        let items: Vec<String> = items.into_iter().map(|item| item.1).collect();
        format!("(body {}{} {})", at(body.range), at(body.end), items.join(" "))
    }

    fn all(&self, exprs: &[Expr]) -> String {
        exprs.iter().map(|expr| format!(" {}", self.expr(expr))).collect()
    }

    pub(crate) fn expr(&self, expr: &Expr) -> String {
        let range = at(expr.range);
        match &expr.kind {
            ExprKind::Null => format!("null{range}"),
            ExprKind::Bool(value) => format!("{value}{range}"),
            ExprKind::Number(text) => format!("num:{text}{range}"),
            ExprKind::String(text) => format!("{}{range}", quote(text)),
            ExprKind::Template(template) => self.template(template, expr.range),
            ExprKind::Parentheses(inner) => format!("(paren {range} {})", self.expr(inner)),
            ExprKind::Tuple(items) => format!("(tuple {range}{})", self.all(items)),
            ExprKind::Object(items) => {
                let items: String = items
                    .iter()
                    .map(|item| format!(" {}={}", self.expr(&item.key), self.expr(&item.value)))
                    .collect();
                format!("(object {range}{items})")
            }
            ExprKind::Variable(name) => format!("{name}{range}"),
            ExprKind::Traversal(path) => {
                let steps: String = path.steps.iter().map(|step| self.step(step)).collect();
                format!("{}{steps}", self.expr(&path.base))
            }
            ExprKind::Splat(splat) => format!(
                "(splat {range}{} {} {})",
                at(splat.marker_range),
                self.expr(&splat.source),
                self.expr(&splat.each)
            ),
            ExprKind::SplatItem => "_".to_owned(),
            ExprKind::Call(call) => format!(
                "(call {} {}{}{}{}{})",
                quote(&call.name),
                at(call.name_range),
                at(call.open_range),
                at(call.close_range),
                self.all(&call.arguments),
                if call.expand { " ..." } else { "" }
            ),
            ExprKind::Conditional(exprs) => format!("(if {range}{})", self.all(&exprs[..])),
            ExprKind::Unary(operator, operand) => {
                let sign = match operator {
                    UnaryOperator::Negate => "-",
                    UnaryOperator::Not => "!",
                };
                format!("(un{sign} {range} {})", self.expr(operand))
            }
            ExprKind::Binary(chain) => chain
                .operations
                .iter()
                .fold(self.expr(&chain.first), |left, operation| {
                    let range = Range::new(chain.first.range.start, operation.right.range.end);
                    format!(
                        "(bin{} {} {left} {})",
                        symbol(operation.operator),
                        at(range),
                        self.expr(&operation.right)
                    )
                }),
            ExprKind::For(made) => {
                let mut text = format!(
                    "(for {range}{}{} {} {} {}",
                    at(made.open_range),
                    at(made.close_range),
                    quote(made.key_name.as_deref().unwrap_or_default()),
                    quote(&made.value_name),
                    self.expr(&made.collection)
                );
                if let Some(key) = &made.key {
                    text += &format!(" key:{}", self.expr(key));
                }
                text += &format!(" val:{}", self.expr(&made.value));
                if made.group {
                    text += " ...";
                }
                if let Some(condition) = &made.condition {
                    text += &format!(" if:{}", self.expr(condition));
                }
                text + ")"
            }
            ExprKind::Invalid => format!("invalid{range}"),
        }
    }

    fn step(&self, step: &Step) -> String {
        let range = at(step.range);
        match &step.kind {
            StepKind::Attribute(name) => format!(".{name}{range}"),
            StepKind::LegacyIndex(index) => format!("[num:{index}]{range}"),
            // Keys that are constants are written without their places.
            StepKind::Index(key) => match &key.kind {
                ExprKind::String(text) => format!("[K{}]{range}", quote(text)),
                ExprKind::Number(text) => format!("[Knum:{text}]{range}"),
                ExprKind::Bool(value) => format!("[K{value}]{range}"),
                ExprKind::Null => format!("[Knull]{range}"),
                _ => format!("[{}]{range}", self.expr(key)),
            },
        }
    }

    fn template(&self, template: &Template, range: Range) -> String {
        if let [
            Part {
                kind: PartKind::Interpolation { expr, .. },
                ..
            },
        ] = &template.parts[..]
        {
            return format!("(wrap {} {})", at(range), self.expr(expr));
        }
        self.parts(&template.parts, range)
    }

    fn parts(&self, parts: &[Part], range: Range) -> String {
        let parts: String = parts.iter().map(|part| format!(" {}", self.part(part))).collect();
        format!("(tmpl {}{parts})", at(range))
    }

    fn part(&self, part: &Part) -> String {
        let range = at(part.range);
        match &part.kind {
            PartKind::Literal(text) => format!("{}{range}", quote(text)),
            PartKind::Interpolation { expr, text } => {
                let text = text.as_deref().unwrap_or_else(|| self.0.slice(part.range));
                assert!(text.starts_with("${") && text.ends_with('}'), "{text:?}");
                self.expr(expr)
            }
            PartKind::If(directive) => format!(
                "(if {range} {} {} {})",
                self.expr(&directive.condition),
                self.clause(&directive.then),
                self.clause(&directive.otherwise)
            ),
            PartKind::For(directive) => format!(
                "(join (for {range} {} {} {} val:{}))",
                quote(directive.key_name.as_deref().unwrap_or_default()),
                quote(&directive.value_name),
                self.expr(&directive.collection),
                self.clause(&directive.body)
            ),
        }
    }

    fn clause(&self, parts: &[Part]) -> String {
        let range = |part: &Part| match &part.kind {
            PartKind::Interpolation { expr, .. } => expr.range,
            _ => part.range,
        };
        match (parts.first(), parts.last()) {
            (Some(first), Some(last)) => self.parts(parts, range(first).to(range(last))),
            _ => "\"\"".to_owned(),
        }
    }
}

fn symbol(operator: BinaryOperator) -> &'static str {
    match operator {
        BinaryOperator::Or => "||",
        BinaryOperator::And => "&&",
        BinaryOperator::Equal => "==",
        BinaryOperator::NotEqual => "!=",
        BinaryOperator::Greater => ">",
        BinaryOperator::GreaterOrEqual => ">=",
        BinaryOperator::Less => "<",
        BinaryOperator::LessOrEqual => "<=",
        BinaryOperator::Add => "+",
        BinaryOperator::Subtract => "-",
        BinaryOperator::Multiply => "*",
        BinaryOperator::Divide => "/",
        BinaryOperator::Modulo => "%",
    }
}
