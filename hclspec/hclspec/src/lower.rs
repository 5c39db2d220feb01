//! From the parser's tree to ours, where every node has its place.

mod template;

use std::ops::Range;
use std::sync::Arc;

use hcl_edit::Span as _;
use hcl_edit::expr as hcl;
use hcl_edit::structure as tree;

use crate::ast::{BodyNode, Call, Expr, For, Kind, Label, Step, StepKind};
use crate::{Attribute, Block, Body, Diagnostic, Diagnostics, Expression, Number, Source, Span, Value};

pub(crate) fn body(source: &Arc<Source>, tree: tree::Body) -> Result<Body, Diagnostics> {
    let mut lowering = Lowering::new(source);
    let body = lowering.body(tree, 0..source.text().len());
    lowering.diagnostics.into_result(body)
}

pub(crate) fn expression(source: &Arc<Source>, tree: hcl::Expression) -> Result<Expression, Diagnostics> {
    let mut lowering = Lowering::new(source);
    let node = Arc::new(lowering.expr(tree, &(0..source.text().len())));
    let source = Arc::clone(source);
    lowering.diagnostics.into_result(Expression { source, node })
}

struct Lowering<'s> {
    source: &'s Arc<Source>,
    diagnostics: Diagnostics,
}

impl<'s> Lowering<'s> {
    fn new(source: &'s Arc<Source>) -> Self {
        let diagnostics = Diagnostics::new();
        Self { source, diagnostics }
    }

    fn error(&mut self, summary: &str, detail: &str, range: &Range<usize>) {
        let span = Span::new(self.source, range.clone());
        self.diagnostics
            .push(Diagnostic::error(summary, detail).with_span(span));
    }

    fn text(&self, range: &Range<usize>) -> &'s str {
        self.source.text().get(range.clone()).unwrap_or_default()
    }

    fn body(&mut self, tree: tree::Body, range: Range<usize>) -> Body {
        let mut node = BodyNode {
            attributes: Vec::new(),
            blocks: Vec::new(),
            range,
        };
        for structure in tree {
            match structure {
                tree::Structure::Attribute(attribute) => {
                    let attribute = self.attribute(attribute, &node.range);
                    node.attributes.push(attribute);
                }
                tree::Structure::Block(block) => {
                    let block = self.block(block, &node.range);
                    node.blocks.push(block);
                }
            }
        }
        Body {
            source: Arc::clone(self.source),
            node: Arc::new(node),
        }
    }

    fn attribute(&mut self, tree: tree::Attribute, within: &Range<usize>) -> Attribute {
        let name_range = tree.key.span().unwrap_or_else(|| within.clone());
        let node = Arc::new(self.expr(tree.value, &name_range));
        Attribute {
            name: tree.key.into_value().into_string(),
            name_range,
            value: Expression {
                source: Arc::clone(self.source),
                node,
            },
        }
    }

    fn block(&mut self, tree: tree::Block, within: &Range<usize>) -> Block {
        let range = tree.span().unwrap_or_else(|| within.clone());
        let name_range = tree.ident.span().unwrap_or_else(|| range.clone());
        let labels: Vec<Label> = tree
            .labels
            .iter()
            .map(|label| {
                let span = label.span().unwrap_or_else(|| name_range.clone());
                Label::new(label.as_str().to_owned(), Span::new(self.source, span))
            })
            .collect();
        let header_end = labels.last().map_or(name_range.end, |label| label.span().range().end);
        let opening = header_end + self.text(&(header_end..range.end)).find('{').unwrap_or(0);
        let body = self.body(tree.body, opening..range.end);
        Block {
            name: tree.ident.into_value().into_string(),
            name_range,
            labels,
            body,
            range,
        }
    }

    fn expr(&mut self, tree: hcl::Expression, within: &Range<usize>) -> Expr {
        let range = tree.span().unwrap_or_else(|| within.clone());
        let kind = match tree {
            hcl::Expression::Null(_) => Kind::Literal(Value::Null),
            hcl::Expression::Bool(truth) => Kind::Literal(Value::Bool(*truth.value())),
            hcl::Expression::Number(_) => self.number(&range),
            hcl::Expression::String(text) => Kind::Literal(Value::String(text.into_value())),
            hcl::Expression::Array(array) => {
                let values = array.into_iter().map(|value| Arc::new(self.expr(value, &range)));
                Kind::List(values.collect())
            }
            hcl::Expression::Object(object) => self.object(object, &range),
            hcl::Expression::StringTemplate(template) => self.quoted(template, &range),
            hcl::Expression::HeredocTemplate(heredoc) => self.heredoc(*heredoc, &range),
            hcl::Expression::Parenthesis(inner) => return self.expr(inner.into_inner(), &range),
            hcl::Expression::Variable(name) => Kind::Variable(name.into_value().into_string()),
            hcl::Expression::Conditional(tree) => Kind::Conditional(Box::new([
                self.expr(tree.cond_expr, &range),
                self.expr(tree.true_expr, &range),
                self.expr(tree.false_expr, &range),
            ])),
            hcl::Expression::FuncCall(call) => self.call(*call, &range),
            hcl::Expression::Traversal(tree) => {
                let base = self.expr(tree.expr, &range);
                let steps = tree.operators.into_iter().map(|step| self.step(step, &range));
                Kind::Traversal(Box::new(base), steps.collect())
            }
            hcl::Expression::UnaryOp(tree) => {
                let operator = *tree.operator.value();
                Kind::Unary(operator, Box::new(self.expr(tree.expr, &range)))
            }
            hcl::Expression::BinaryOp(tree) => {
                let operator = *tree.operator.value();
                let operands = [self.expr(tree.lhs_expr, &range), self.expr(tree.rhs_expr, &range)];
                let range = operands[0].range.start..operands[1].range.end;
                let kind = Kind::Binary(operator, Box::new(operands));
                return Expr { kind, range };
            }
            hcl::Expression::ForExpr(tree) => self.for_expr(*tree, &range),
        };
        Expr { kind, range }
    }

    /// A number from the text, since the parser's own type is a float where it is not a 64-bit integer.
    fn number(&mut self, range: &Range<usize>) -> Kind {
        let text = self.text(range);
        let sign = if text.starts_with('-') { "-" } else { "" };
        // White space and comments may stand between the sign and the digits.
        let digits = match text.rfind("*/") {
            Some(end) => text.get(end + 2..).unwrap_or_default(),
            None => text.trim_start_matches('-'),
        };
        match format!("{sign}{}", digits.trim()).parse::<Number>() {
            Ok(number) => Kind::Literal(Value::Number(number)),
            Err(error) => {
                self.error("Invalid number", &format!("This cannot be held: {error}."), range);
                Kind::Literal(Value::Null)
            }
        }
    }

    fn object(&mut self, object: hcl::Object, range: &Range<usize>) -> Kind {
        let mut entries = Vec::with_capacity(object.len());
        for (key, value) in object {
            let key_range = key.span().unwrap_or_else(|| range.clone());
            let key = match key {
                hcl::ObjectKey::Ident(name) => Expr {
                    kind: Kind::Literal(Value::String(name.into_value().into_string())),
                    range: key_range,
                },
                hcl::ObjectKey::Expression(expr) => self.expr(expr, &key_range),
            };
            let value = self.expr(value.into_expr(), range);
            entries.push((key, Arc::new(value)));
        }
        Kind::Map(entries)
    }

    fn call(&mut self, tree: hcl::FuncCall, range: &Range<usize>) -> Kind {
        let name_range = tree.name.name.span().unwrap_or_else(|| range.clone());
        let namespace = tree.name.namespace.iter().map(|part| format!("{}::", part.as_str()));
        let name = namespace.collect::<String>() + tree.name.name.as_str();
        let expand = tree.args.expand_final();
        let arguments = tree.args.into_iter().map(|argument| self.expr(argument, range));
        Kind::Call(Call {
            name,
            name_range,
            arguments: arguments.collect(),
            expand,
        })
    }

    fn step(&mut self, tree: hcl_edit::Decorated<hcl::TraversalOperator>, within: &Range<usize>) -> Step {
        let range = tree.span().unwrap_or_else(|| within.clone());
        let kind = match tree.into_value() {
            hcl::TraversalOperator::AttrSplat(_) => StepKind::AttributeSplat,
            hcl::TraversalOperator::FullSplat(_) => StepKind::FullSplat,
            hcl::TraversalOperator::GetAttr(name) => StepKind::Attribute(name.into_value().into_string()),
            hcl::TraversalOperator::Index(expr) => StepKind::Index(self.expr(expr, &range)),
            hcl::TraversalOperator::LegacyIndex(index) => StepKind::Index(Expr {
                kind: Kind::Literal(Value::from(*index.value())),
                range: range.clone(),
            }),
        };
        Step { kind, range }
    }

    fn for_expr(&mut self, tree: hcl::ForExpr, range: &Range<usize>) -> Kind {
        Kind::For(Box::new(For {
            key_name: tree.intro.key_var.map(|name| name.into_value().into_string()),
            value_name: tree.intro.value_var.into_value().into_string(),
            collection: self.expr(tree.intro.collection_expr, range),
            key: tree.key_expr.map(|key| self.expr(key, range)),
            value: self.expr(tree.value_expr, range),
            grouping: tree.grouping,
            condition: tree.cond.map(|condition| self.expr(condition.expr, range)),
        }))
    }
}
