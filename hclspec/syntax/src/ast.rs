//! The tree of a native HCL text.
//!
//! Nodes hold byte ranges of the text that they were parsed from, never the text itself, so a tree is only useful
//! beside its [`Source`](crate::Source). Attribute values and bodies are behind an [`Arc`], so that they can be kept
//! for later without the rest of the tree.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::{Range, Text};

/// Arguments and blocks, each in source order.
#[derive(Clone, Debug, Default)]
pub struct Body {
    /// `name = value`, in source order. Names are unique: a second one is reported by the parser and left out.
    pub attributes: Vec<Attribute>,
    /// `name "label" { .. }`, in source order.
    pub blocks: Vec<Block>,
    /// All of it: for a block's body from its opening to its closing brace, for a one-line block's the attribute, and
    /// for a whole text from its first token to its end.
    pub range: Range,
    /// The empty range after the body: after the closing brace, the one-line block's attribute, or the whole text.
    pub end: Range,
}

/// `name = value`.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// The name.
    pub name: SmolStr,
    /// Of the name.
    pub name_range: Range,
    /// Of the equals sign.
    pub equals_range: Range,
    /// The value.
    pub expr: Arc<Expr>,
    /// From the name to the value's end.
    pub range: Range,
}

/// `name "label" { .. }`.
#[derive(Clone, Debug)]
pub struct Block {
    /// The block's type.
    pub name: SmolStr,
    /// Of the type.
    pub name_range: Range,
    /// Quoted or bare.
    pub labels: Vec<Label>,
    /// Of the opening brace.
    pub open_range: Range,
    /// Of the closing brace.
    pub close_range: Range,
    /// What is between the braces.
    pub body: Arc<Body>,
}

/// A label of a block.
#[derive(Clone, Debug)]
pub struct Label {
    /// Without quotes and escapes.
    pub text: SmolStr,
    /// With the quotes.
    pub range: Range,
}

/// An expression.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// All of it.
    pub range: Range,
}

/// The kinds of expressions.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A number, as it is written.
    Number(SmolStr),
    /// A string without anything to be filled in, its escapes resolved: quoted, a heredoc, a bare name as the key of an
    /// object, or a template from elsewhere.
    String(Text),
    /// A quoted string, a heredoc, or a template from elsewhere, with at least one part that is to be filled in. One
    /// that is an interpolation and nothing else is what is interpolated, whatever its type.
    Template(Template),
    /// `(x)`.
    Parentheses(Box<Expr>),
    /// `[a, b]`.
    Tuple(Vec<Expr>),
    /// `{ a = b }`.
    Object(Vec<ObjectItem>),
    /// A variable: the first name of what may be a longer traversal.
    Variable(SmolStr),
    /// `x.name` and `x[index]`, one or more steps after what is no traversal itself.
    Traversal(Box<Traversal>),
    /// `x[*]..` and `x.*..`.
    Splat(Box<Splat>),
    /// The element at hand, in [`Splat::each`].
    SplatItem,
    /// `f(a, b...)`.
    Call(Box<Call>),
    /// `a ? b : c`.
    Conditional(Box<[Expr; 3]>),
    /// `-x`, `!x`.
    Unary(UnaryOperator, Box<Expr>),
    /// `a + b - c`: the first operand, and operations of the same precedence on it from left to right, at least one.
    ///
    /// Such chains are flat, since they can be of any length. The range of `a + b` in it is from the start of `a` to
    /// the end of `b`.
    Binary(Box<Binary>),
    /// `[for v in xs : v]`, `{for k, v in xs : k => v}`.
    For(Box<For>),
    /// What could not be parsed. The parser has reported it, so its value is unknown and no further error.
    Invalid,
}

/// `x.name[index]`.
#[derive(Clone, Debug)]
pub struct Traversal {
    /// What is selected from.
    pub base: Expr,
    /// What is selected, at least one.
    pub steps: Vec<Step>,
}

/// `a + b - c`.
#[derive(Clone, Debug)]
pub struct Binary {
    /// The first operand.
    pub first: Expr,
    /// At least one.
    pub operations: Vec<Operation>,
}

/// `+ b` in `a + b`.
#[derive(Clone, Debug)]
pub struct Operation {
    /// What is done.
    pub operator: BinaryOperator,
    /// Of the operator.
    pub operator_range: Range,
    /// The right operand.
    pub right: Expr,
}

/// `key = value` in an object.
#[derive(Clone, Debug)]
pub struct ObjectItem {
    /// A bare name is an [`ExprKind::String`]; anything else is what it is, `(x)` being [`ExprKind::Parentheses`].
    pub key: Expr,
    /// Whether the key was written as a bare name, or as an [`ExprKind::Traversal`] of a variable by constant steps,
    /// which is an error to evaluate.
    pub bare_key: bool,
    /// The value.
    pub value: Expr,
}

/// One step of a traversal.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it selects.
    pub kind: StepKind,
    /// With its dot or brackets.
    pub range: Range,
}

/// The kinds of steps.
#[derive(Clone, Debug)]
pub enum StepKind {
    /// `.name`.
    Attribute(SmolStr),
    /// `[key]`.
    Index(Box<Expr>),
    /// `.0`.
    LegacyIndex(SmolStr),
}

/// `x[*].each` (full) and `x.*.each` (attributes only).
#[derive(Clone, Debug)]
pub struct Splat {
    /// What is splatted.
    pub source: Expr,
    /// What is taken from each element: [`ExprKind::SplatItem`] at its innermost.
    pub each: Expr,
    /// Of `[*]` or `.*`.
    pub marker_range: Range,
}

/// `f(a, b...)`.
#[derive(Clone, Debug)]
pub struct Call {
    /// The function; a namespaced one with its `::`.
    pub name: SmolStr,
    /// Of the name.
    pub name_range: Range,
    /// Its arguments.
    pub arguments: Vec<Expr>,
    /// Whether the last argument is followed by `...`.
    pub expand: bool,
    /// Of the opening parenthesis.
    pub open_range: Range,
    /// Of the closing parenthesis.
    pub close_range: Range,
}

/// A `for` expression.
#[derive(Clone, Debug)]
pub struct For {
    /// `k` in `for k, v in`.
    pub key_name: Option<SmolStr>,
    /// `v`.
    pub value_name: SmolStr,
    /// What is iterated over.
    pub collection: Expr,
    /// Before `=>`: an object is made, not a tuple.
    pub key: Option<Expr>,
    /// What each element becomes.
    pub value: Expr,
    /// `...` after the value: values of one key are gathered.
    pub group: bool,
    /// After `if`.
    pub condition: Option<Expr>,
    /// Of the opening bracket.
    pub open_range: Range,
    /// Of the closing bracket.
    pub close_range: Range,
}

/// A string that may have parts to be filled in.
#[derive(Clone, Debug)]
pub struct Template {
    /// In order. There are no neighbouring literal parts, and no empty ones but where strip markers left nothing of a
    /// literal beside an only interpolation: that makes the template a string all the same.
    pub parts: Vec<Part>,
}

/// A part of a template.
#[derive(Clone, Debug)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// With its `${` and `}` (and strip markers), for a directive from its first marker to its last.
    pub range: Range,
}

/// The kinds of a template's parts.
#[derive(Clone, Debug)]
pub enum PartKind {
    /// Text, its escapes resolved.
    Literal(SmolStr),
    /// `${x}`.
    Interpolation {
        /// What is filled in.
        expr: Expr,
        /// The part as it was written, where [`Part::range`] of the source does not give it: within a JSON string that
        /// has escapes.
        text: Option<Box<str>>,
    },
    /// `%{ if c }..%{ else }..%{ endif }`.
    If(Box<IfDirective>),
    /// `%{ for v in xs }..%{ endfor }`.
    For(Box<ForDirective>),
}

/// `%{ if c }..%{ else }..%{ endif }`.
#[derive(Clone, Debug)]
pub struct IfDirective {
    /// The condition.
    pub condition: Expr,
    /// Where it is true.
    pub then: Vec<Part>,
    /// Where it is false.
    pub otherwise: Vec<Part>,
}

/// `%{ for v in xs }..%{ endfor }`.
#[derive(Clone, Debug)]
pub struct ForDirective {
    /// `k` in `for k, v in`.
    pub key_name: Option<SmolStr>,
    /// `v`.
    pub value_name: SmolStr,
    /// What is iterated over.
    pub collection: Expr,
    /// What each element gives.
    pub body: Vec<Part>,
}

/// `-`, `!`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum UnaryOperator {
    Negate,
    Not,
}

/// Operators between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum BinaryOperator {
    Or,
    And,
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}
