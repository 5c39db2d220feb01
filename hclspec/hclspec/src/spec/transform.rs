//! What is done with a value after it is decoded.

use std::fmt;
use std::sync::Arc;

use crate::cty::Function;
use crate::{Context, Diagnostic, Diagnostics, Expression, Type, Value, did_you_mean};

/// A change of a decoded value.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Transform {
    /// An expression, in which the value is a variable. hcldec: `transform`.
    Expression {
        /// The variable's name; `nul` in spec files.
        variable: String,
        /// The expression.
        expression: Expression,
        /// What else it may refer to.
        context: Arc<Context>,
    },
    /// A function of one argument.
    Function(Function),
}

impl Transform {
    /// The type of the result, as far as it can be told from the type of the value.
    pub(crate) fn implied_type(&self, nested: Type) -> Type {
        match self {
            Self::Expression {
                variable,
                expression,
                context,
            } => {
                let context = context.child().with_variable(variable.as_str(), Value::Unknown(nested));
                expression.evaluate(&context).map_or(Type::Any, |value| value.ty())
            }
            Self::Function(function) => function
                .call(&[Value::Unknown(nested)])
                .map_or(Type::Any, |value| value.ty()),
        }
    }
}

impl PartialEq for Transform {
    /// Whether they are the same one; two that do the same need not be equal.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Expression {
                    variable, expression, ..
                },
                Self::Expression {
                    variable: name,
                    expression: other,
                    ..
                },
            ) => variable == name && expression == other,
            (Self::Function(function), Self::Function(other)) => function.is_same(other),
            _ => false,
        }
    }
}

/// A look at a decoded value.
///
/// Diagnostics without a span get that of the value.
#[derive(Clone)]
pub struct Check {
    look: Arc<Look>,
    /// The texts that are right, where it is about that and no more.
    texts: Arc<[String]>,
}

type Look = dyn Fn(&Value) -> Diagnostics + Send + Sync;

impl Check {
    /// From a function that says what is wrong with a value.
    pub fn new(check: impl Fn(&Value) -> Diagnostics + Send + Sync + 'static) -> Self {
        Self {
            look: Arc::new(check),
            texts: Arc::default(),
        }
    }

    /// That a text is one of these. What is no text is right, and so is null.
    pub fn one_of<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        let texts: Arc<[String]> = texts.into_iter().map(Into::into).collect();
        let known = Arc::clone(&texts);
        Self {
            texts,
            ..Self::new(move |value| refuse_others(value, &known))
        }
    }

    /// The texts of [`one_of`](Self::one_of).
    pub(crate) fn texts(&self) -> &[String] {
        &self.texts
    }

    pub(crate) fn run(&self, value: &Value) -> Diagnostics {
        (self.look)(value)
    }
}

fn refuse_others(value: &Value, known: &[String]) -> Diagnostics {
    let Some(text) = value.as_str().filter(|text| !known.iter().any(|known| known == text)) else {
        return Diagnostics::new();
    };
    let quoted: Vec<String> = known.iter().map(|known| format!("\"{known}\"")).collect();
    let mut detail = format!("This is one of {}.", quoted.join(", "));
    if let Some(similar) = did_you_mean(text, known.iter().map(String::as_str)) {
        detail = format!("{detail} Did you mean \"{similar}\"?");
    }
    Diagnostic::error("Invalid value", detail).into()
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Check")
    }
}

impl PartialEq for Check {
    /// Whether they are the same one.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.look, &other.look)
    }
}
