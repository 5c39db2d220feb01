//! What the functions share: their arguments and their limits.

use crate::{Function, FunctionError, Parameter, Type, Value};

/// What a function gives.
pub(super) type Outcome = Result<Value, FunctionError>;

/// The most bytes of text in a result, names included.
pub(super) const MAX_TEXT: usize = 16 << 20;
/// The most values in a result, nested ones included.
pub(super) const MAX_ELEMENTS: usize = 1_000_000;

/// The arguments of a function that takes this many.
pub(super) fn take<const N: usize>(arguments: Vec<Value>) -> Result<[Value; N], FunctionError> {
    let given = arguments.len();
    arguments
        .try_into()
        .map_err(|_| FunctionError::new(format!("wrong number of arguments ({N} required; {given} given)")))
}

/// The arguments of a function that takes this many strings.
pub(super) fn texts<const N: usize>(arguments: Vec<Value>) -> Result<[String; N], FunctionError> {
    let arguments: [Value; N] = take(arguments)?;
    let mut texts = [const { String::new() }; N];
    for (place, argument) in texts.iter_mut().zip(arguments) {
        *place = text(argument)?;
    }
    Ok(texts)
}

/// The text of a string.
pub(super) fn text(value: Value) -> Result<String, FunctionError> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(FunctionError::new(format!(
            "a string is required, not {}",
            other.kind()
        ))),
    }
}

/// The integer that a number is.
pub(super) fn integer(value: &Value) -> Result<i64, FunctionError> {
    value.as_i64().ok_or_else(|| {
        FunctionError::new(format!(
            "value must be a whole number, between {} and {}",
            i64::MIN,
            i64::MAX
        ))
    })
}

/// The elements of a list, a set or a tuple, or what went wrong when it is none.
pub(super) fn elements(value: Value) -> Result<Vec<Value>, FunctionError> {
    match value {
        Value::List(_, values) | Value::Set(_, values) | Value::Tuple(values) => Ok(values),
        other => Err(FunctionError::new(format!(
            "a list, a set or a tuple is required, not {}",
            other.kind()
        ))),
    }
}

/// A parameter of any type.
pub(super) fn any(name: &str) -> Parameter {
    Parameter::new(name, Type::Any)
}

/// A parameter that takes a string.
pub(super) fn string(name: &str) -> Parameter {
    Parameter::new(name, Type::String)
}

/// A parameter that takes a number.
pub(super) fn number(name: &str) -> Parameter {
    Parameter::new(name, Type::Number)
}

/// A function from strings to a string.
pub(super) fn of_texts<const N: usize>(
    parameters: [&str; N],
    run: impl Fn([String; N]) -> Result<String, FunctionError> + Send + Sync + 'static,
) -> Function {
    Function::new(parameters.map(string), Type::String, move |arguments, _| {
        run(texts(arguments)?).map(Value::from)
    })
}

/// Fails when a text of this length would be too long; none stands for a length beyond counting.
pub(super) fn check_text(length: Option<usize>) -> Result<(), FunctionError> {
    if length.is_some_and(|length| length <= MAX_TEXT) {
        return Ok(());
    }
    Err(FunctionError::new(format!(
        "the result is too long: it can have at most {} MiB of text",
        MAX_TEXT >> 20
    )))
}

/// Fails when so many values would be too many; none stands for a number beyond counting.
pub(super) fn check_elements(count: Option<usize>) -> Result<(), FunctionError> {
    if count.is_some_and(|count| count <= MAX_ELEMENTS) {
        return Ok(());
    }
    Err(FunctionError::new(format!(
        "the result is too large: it can have at most {MAX_ELEMENTS} elements"
    )))
}

/// Fails when the value is beyond the limits of a result.
pub(super) fn check_size(value: &Value) -> Result<(), FunctionError> {
    let mut size = Size::default();
    size.add(value);
    check_text(Some(size.text))?;
    check_elements(Some(size.elements))
}

/// How much a value holds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Size {
    /// Bytes of text.
    pub(super) text: usize,
    /// Values in lists, maps and so on.
    pub(super) elements: usize,
}

impl Size {
    /// Counts the value in, and everything in it.
    pub(super) fn add(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.text = self.text.saturating_add(text.len()),
            Value::List(_, values) | Value::Set(_, values) | Value::Tuple(values) => {
                self.elements = self.elements.saturating_add(values.len());
                for value in values {
                    self.add(value);
                }
            }
            Value::Map(_, entries) | Value::Object(entries) => {
                self.elements = self.elements.saturating_add(entries.len());
                for (name, value) in entries {
                    self.text = self.text.saturating_add(name.len());
                    self.add(value);
                }
            }
            Value::Null(_) | Value::Unknown(_) | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}
