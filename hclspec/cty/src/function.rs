//! Functions that expressions can call.

use std::fmt;
use std::sync::Arc;

use crate::{ConvertError, Type, Value, convert};

type ResultType = dyn Fn(&[Value]) -> Result<Type, FunctionError> + Send + Sync;
type Implementation = dyn Fn(Vec<Value>, &Type) -> Result<Value, FunctionError> + Send + Sync;

/// A function.
///
/// ```
/// use encamp_hclspec_cty::{Function, FunctionError, Parameter, Type, Value};
///
/// let shout = Function::new([Parameter::new("text", Type::String)], Type::String, |arguments, _| {
///     match arguments.first().and_then(Value::as_str) {
///         Some(text) => Ok(Value::from(format!("{text}!"))),
///         None => Err(FunctionError::at(0, "a text is required")),
///     }
/// });
/// assert_eq!(shout.call([Value::from("ready")]), Ok(Value::from("ready!")));
/// assert_eq!(shout.call([Value::from(true)]), Ok(Value::from("true!")));
/// assert_eq!(shout.call([Value::Unknown(Type::Any)]), Ok(Value::Unknown(Type::String)));
/// assert_eq!(shout.call([Value::Null(Type::String)]), Err(FunctionError::at(0, "argument must not be null")));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Function {
    /// What it takes, in order.
    pub parameters: Vec<Parameter>,
    /// What it takes any number of, after the others.
    pub variadic: Option<Parameter>,
    growth: usize,
    result_type: Arc<ResultType>,
    implementation: Arc<Implementation>,
}

impl Function {
    /// A function whose results are all of one type, which is given to the implementation after the arguments.
    ///
    /// The implementation gets as many arguments as there are parameters, or more if there is a variadic one, each of
    /// its parameter's type.
    pub fn new(
        parameters: impl IntoIterator<Item = Parameter>,
        result: Type,
        implementation: impl Fn(Vec<Value>, &Type) -> Result<Value, FunctionError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            parameters: parameters.into_iter().collect(),
            variadic: None,
            growth: 1,
            result_type: Arc::new(move |_| Ok(result.clone())),
            implementation: Arc::new(implementation),
        }
    }

    /// Whether this is a clone of the other, or the other way round. Two that do the same need not be the same.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.implementation, &other.implementation)
    }

    /// With any number of further arguments.
    #[must_use]
    pub fn variadic(self, parameter: Parameter) -> Self {
        Self {
            variadic: Some(parameter),
            ..self
        }
    }

    /// With results whose type depends on the arguments.
    ///
    /// This is called before the implementation, and also when arguments are unknown that the implementation is not
    /// to see.
    #[must_use]
    pub fn typed(self, result: impl Fn(&[Value]) -> Result<Type, FunctionError> + Send + Sync + 'static) -> Self {
        Self {
            result_type: Arc::new(result),
            ..self
        }
    }

    /// With results, or what it takes to make them, that need so many times the memory of the arguments. Evaluations
    /// count that before the call, so that it does not take place where there is not as much left.
    #[must_use]
    pub fn growing(self, growth: usize) -> Self {
        Self { growth, ..self }
    }

    /// How many times the memory of the arguments a call takes at most; 1, unless [`growing`](Self::growing) says
    /// otherwise.
    pub fn growth(&self) -> usize {
        self.growth
    }

    /// With a check of every result.
    pub(crate) fn checked(self, check: fn(&Value) -> Result<(), FunctionError>) -> Self {
        let run = self.implementation;
        Self {
            implementation: Arc::new(move |arguments, ty| {
                let result = run(arguments, ty)?;
                check(&result)?;
                Ok(result)
            }),
            ..self
        }
    }

    /// The fewest and the most arguments; no most for any number.
    pub fn arity(&self) -> (usize, Option<usize>) {
        let count = self.parameters.len();
        (count, self.variadic.is_none().then_some(count))
    }

    /// The parameter that the argument at this place is for.
    pub fn parameter(&self, index: usize) -> Option<&Parameter> {
        self.parameters.get(index).or(self.variadic.as_ref())
    }

    /// The arguments as values of their parameters' types.
    ///
    /// # Errors
    /// One for each argument that cannot be converted.
    pub fn convert_arguments(&self, arguments: impl Into<Vec<Value>>) -> Result<Vec<Value>, Vec<FunctionError>> {
        let mut converted = Vec::new();
        let mut errors = Vec::new();
        for (index, argument) in arguments.into().into_iter().enumerate() {
            let outcome = match self.parameter(index).map(|parameter| &parameter.ty) {
                None | Some(Type::Any) => Ok(argument),
                Some(ty) => convert(argument, ty),
            };
            match outcome {
                Ok(value) => converted.push(value),
                Err(error) => errors.push(FunctionError::at(index, error.message)),
            }
        }
        if errors.is_empty() { Ok(converted) } else { Err(errors) }
    }

    /// Calls the function with arguments of any type.
    ///
    /// # Errors
    /// The first argument that cannot be converted or is null where that is not allowed, the wrong number of
    /// arguments, and whatever the function itself finds.
    pub fn call(&self, arguments: impl Into<Vec<Value>>) -> Result<Value, FunctionError> {
        let arguments = arguments.into();
        self.check_count(arguments.len())?;
        match self.convert_arguments(arguments) {
            Ok(converted) => self.call_converted(converted),
            Err(errors) => Err(errors
                .into_iter()
                .next()
                .unwrap_or_else(|| FunctionError::new("an argument cannot be converted"))),
        }
    }

    /// Calls the function with what [`convert_arguments`](Self::convert_arguments) gave.
    ///
    /// # Errors
    /// A null argument where that is not allowed, the wrong number of arguments, and whatever the function itself
    /// finds.
    pub fn call_converted(&self, arguments: Vec<Value>) -> Result<Value, FunctionError> {
        self.check_count(arguments.len())?;
        let mut unknown = false;
        for (index, argument) in arguments.iter().enumerate() {
            let Some(parameter) = self.parameter(index) else {
                continue;
            };
            if matches!(argument, Value::Null(_)) && !parameter.allow_null {
                return Err(FunctionError::at(index, "argument must not be null"));
            }
            let untyped = matches!(argument, Value::Null(Type::Any) | Value::Unknown(Type::Any));
            if untyped && !parameter.allow_dynamic {
                return Ok(Value::Unknown(Type::Any));
            }
            unknown |= matches!(argument, Value::Unknown(_)) && !parameter.allow_unknown;
        }
        let ty = (self.result_type)(&arguments)?;
        if unknown {
            return Ok(Value::Unknown(ty));
        }
        (self.implementation)(arguments, &ty)
    }

    fn check_count(&self, given: usize) -> Result<(), FunctionError> {
        let (fewest, most) = self.arity();
        if given >= fewest && most.is_none_or(|most| given <= most) {
            return Ok(());
        }
        let at_least = if most.is_none() { "at least " } else { "" };
        Err(FunctionError::new(format!(
            "wrong number of arguments ({at_least}{fewest} required; {given} given)"
        )))
    }
}

/// The parameters; what the function does cannot be shown.
impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function")
            .field("parameters", &self.parameters)
            .field("variadic", &self.variadic)
            .finish_non_exhaustive()
    }
}

/// What a function takes at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parameter {
    /// For messages.
    pub name: String,
    /// What arguments are converted to.
    pub ty: Type,
    /// Whether null is allowed; else it is an error of the call.
    pub allow_null: bool,
    /// Whether the function itself deals with unknown arguments; else its result is unknown.
    pub allow_unknown: bool,
    /// Whether the function itself deals with nulls and unknowns that have no type; else its result is unknown, and
    /// nothing is known of its type either.
    pub allow_dynamic: bool,
}

impl Parameter {
    /// A parameter for which a value is needed that is neither null nor unknown.
    pub fn new(name: impl Into<String>, ty: Type) -> Self {
        Self {
            name: name.into(),
            ty,
            allow_null: false,
            allow_unknown: false,
            allow_dynamic: false,
        }
    }

    /// With null as an argument.
    #[must_use]
    pub fn allow_null(self) -> Self {
        Self {
            allow_null: true,
            ..self
        }
    }

    /// With unknown arguments.
    #[must_use]
    pub fn allow_unknown(self) -> Self {
        Self {
            allow_unknown: true,
            ..self
        }
    }

    /// With nulls (where null is allowed) and unknowns that have no type.
    #[must_use]
    pub fn allow_dynamic(self) -> Self {
        Self {
            allow_dynamic: true,
            ..self
        }
    }
}

/// Why a call failed.
///
/// HCL reports one about an argument as `Invalid function argument` with the detail
/// `Invalid value for "<parameter>" parameter: <message>.`, at the argument, and any other as
/// `Error in function call` with `Call to function "<name>" failed: <message>.`
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FunctionError {
    /// Which argument is at fault, if it is one.
    pub argument: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl FunctionError {
    /// The call as a whole is at fault.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            argument: None,
            message: message.into(),
        }
    }

    /// The argument at this place is at fault.
    pub fn at(argument: usize, message: impl Into<String>) -> Self {
        Self {
            argument: Some(argument),
            message: message.into(),
        }
    }
}

impl From<ConvertError> for FunctionError {
    fn from(error: ConvertError) -> Self {
        Self::new(error.message)
    }
}
