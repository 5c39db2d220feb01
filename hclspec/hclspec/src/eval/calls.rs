//! Calls of functions.

use std::borrow::Cow;

use encamp_hclspec_syntax::ast::{Call, Expr};
use encamp_hclspec_syntax::{Range, hint};

use super::size::size;
use super::{Evaluator, Scope, Taken, UNKNOWN, Val};
use crate::cty::{Function, Parameter, convert};
use crate::{Type, Value};

const INVALID_ARGUMENT: &str = "Invalid function argument";
const INVALID_EXPANSION: &str = "Invalid expanding argument value";
const FAILED: &str = "Error in function call";

/// An argument, with the place that errors about it have.
enum Argument<'s> {
    Written(&'s Expr),
    /// An element of the value that was expanded.
    Expanded(Value, Range),
}

impl Evaluator<'_> {
    pub(super) fn call<'s>(&'s self, call: &'s Call, scope: Scope<'s>) -> Val<'s> {
        let whole = whole(call);
        let function = self.context.function(&call.name);
        let is_special = self.context.has_try_and_can() && matches!(call.name.as_str(), "try" | "can");
        if function.is_none() && !is_special {
            return self.unknown_function(call, whole);
        }
        let Some(arguments) = self.arguments(call, whole, scope) else {
            return UNKNOWN;
        };
        let Some(function) = function else {
            return match call.name.as_str() {
                "try" => self.try_each(call, &arguments, whole, scope),
                _ => self.can(call, &arguments, scope),
            };
        };
        if !self.is_count_right(call, &arguments, function.arity(), &function.parameters) {
            return UNKNOWN;
        }
        let mark = self.mark();
        let values = self.values(function, &arguments, whole, scope);
        if self.has_failed_since(mark) {
            return UNKNOWN;
        }
        self.run(call, function, values, &arguments)
    }

    fn unknown_function<'s>(&self, call: &Call, whole: Range) -> Val<'s> {
        let mut names = self.context.function_names().peekable();
        if names.peek().is_none() {
            return self.fail("Function calls not allowed", "There are no functions here.", whole);
        }
        let detail = match call.name.rsplit_once("::") {
            None => format!(
                "There is no function named \"{}\".{}",
                call.name,
                hint(&call.name, names)
            ),
            Some((space, name)) => {
                let inside = names.filter_map(|other| other.strip_prefix(space)?.strip_prefix("::"));
                let inside: Vec<&str> = inside.collect();
                if inside.is_empty() {
                    format!("There are no functions in the namespace \"{space}\".")
                } else {
                    let hint = hint(name, inside);
                    format!("There is no function named \"{name}\" in the namespace \"{space}\".{hint}")
                }
            }
        };
        self.fail_in("Call to unknown function", detail, call.name_range, whole)
    }

    /// The arguments, the last one expanded; none where it cannot be or is not known.
    fn arguments<'s>(&'s self, call: &'s Call, whole: Range, scope: Scope<'s>) -> Option<Vec<Argument<'s>>> {
        let mut arguments: Vec<_> = call.arguments.iter().map(Argument::Written).collect();
        if !call.expand {
            return Some(arguments);
        }
        let last = call.arguments.last()?;
        arguments.pop();
        let mark = self.mark();
        let value = self.eval(last, scope);
        if self.has_failed_since(mark) {
            return None;
        }
        let detail = match &*value {
            Value::List(_, values) | Value::Set(_, values) | Value::Tuple(values) => {
                // They are copied here, and for the call.
                if !self.charge(2 * size(&value), last.range) {
                    return None;
                }
                let expanded = values.iter().cloned();
                arguments.extend(expanded.map(|value| Argument::Expanded(value, last.range)));
                return Some(arguments);
            }
            Value::Unknown(Type::Any | Type::List(_) | Type::Set(_) | Type::Tuple(_)) => return None,
            Value::Null(_) => "Null cannot be expanded with `...`.".to_owned(),
            other => format!(
                "Only a list, a set or a tuple can be expanded with `...`, but this is a {}.",
                other.kind()
            ),
        };
        self.fail_in(INVALID_EXPANSION, detail, last.range, whole);
        None
    }

    fn is_count_right(
        &self,
        call: &Call,
        arguments: &[Argument<'_>],
        (fewest, most): (usize, Option<usize>),
        parameters: &[Parameter],
    ) -> bool {
        let whole = whole(call);
        let given = arguments.len();
        if given < fewest {
            let at_least = if most.is_none() { "at least " } else { "" };
            let missing = parameters
                .get(given)
                .map(|parameter| format!(": \"{}\" is missing", parameter.name));
            let missing = missing.unwrap_or_default();
            let detail = format!(
                "Function \"{}\" takes {at_least}{}{missing}.",
                call.name,
                plural(fewest)
            );
            self.fail_in("Not enough function arguments", detail, call.close_range, whole);
            return false;
        }
        let Some(extra) = most.and_then(|most| arguments.get(most)) else {
            return true;
        };
        let detail = format!("Function \"{}\" takes only {}.", call.name, plural(fewest));
        self.fail_in("Too many function arguments", detail, self.place(extra), whole);
        false
    }

    fn place(&self, argument: &Argument<'_>) -> Range {
        match argument {
            Argument::Written(expr) => self.start(expr),
            Argument::Expanded(_, range) => *range,
        }
    }

    /// The arguments' values, each of its parameter's type.
    fn values(&self, function: &Function, arguments: &[Argument<'_>], whole: Range, scope: Scope<'_>) -> Vec<Value> {
        let mut values = Vec::with_capacity(arguments.len());
        for (index, argument) in arguments.iter().enumerate() {
            let value = match argument {
                Argument::Written(expr) => self.own(self.eval(expr, scope), expr.range),
                Argument::Expanded(value, _) => value.clone(),
            };
            let Some(parameter) = function.parameter(index) else {
                continue;
            };
            let value = if parameter.ty == Type::Any {
                Ok(value)
            } else {
                convert(value, &parameter.ty)
            };
            match value {
                Ok(value) => values.push(value),
                Err(error) => {
                    self.invalid_argument(&parameter.name, &error.message, self.place(argument), whole);
                }
            }
        }
        values
    }

    fn invalid_argument(&self, parameter: &str, message: &str, place: Range, whole: Range) {
        let detail = format!("Invalid value for the parameter \"{parameter}\": {message}.");
        self.fail_in(INVALID_ARGUMENT, detail, place, whole);
    }

    fn run<'s>(&self, call: &Call, function: &Function, values: Vec<Value>, arguments: &[Argument<'_>]) -> Val<'s> {
        let whole = whole(call);
        let work: usize = values.iter().map(size).sum();
        if !self.charge(work.saturating_mul(function.growth()), whole) {
            return UNKNOWN;
        }
        let error = match function.call_converted(values) {
            Ok(value) => {
                self.charge(size(&value), whole);
                return Cow::Owned(value);
            }
            Err(error) => error,
        };
        let parameter = error
            .argument
            .and_then(|index| Some((index, function.parameter(index)?)));
        match parameter.map(|(index, parameter)| (arguments.get(index), parameter)) {
            Some((Some(argument), parameter)) => {
                self.invalid_argument(&parameter.name, &error.message, self.place(argument), whole);
            }
            Some((None, parameter)) => {
                let detail = format!(
                    "Invalid value for the parameter \"{}\": {}.",
                    parameter.name, error.message
                );
                self.fail(INVALID_ARGUMENT, detail, whole);
            }
            None => self.failed(call, &error.message, whole),
        }
        UNKNOWN
    }

    fn failed(&self, call: &Call, message: &str, whole: Range) {
        let detail = format!("Call to function \"{}\" failed: {message}.", call.name);
        self.fail_in(FAILED, detail, call.name_range.to(call.open_range), whole);
    }

    /// `try`: the first argument that has a value.
    fn try_each<'s>(&self, call: &Call, arguments: &[Argument<'_>], whole: Range, scope: Scope<'_>) -> Val<'s> {
        if arguments.is_empty() {
            self.failed(call, "at least one argument is required", whole);
            return UNKNOWN;
        }
        let mut reasons = Vec::new();
        for argument in arguments {
            match self.attempt(argument, scope) {
                // What is not known may have no value in the end.
                Ok(value) if value.contains_unknown() => return UNKNOWN,
                Ok(value) => return Cow::Owned(value),
                Err(errors) => reasons.extend(errors.diagnostics.iter().map(ToString::to_string)),
            }
            if self.has_given_up() {
                return UNKNOWN;
            }
        }
        reasons.truncate(10);
        let message = format!("no argument has a value ({})", reasons.join("; "));
        self.failed(call, &message, whole);
        UNKNOWN
    }

    /// `can`: whether an argument has a value.
    fn can<'s>(&self, call: &Call, arguments: &[Argument<'_>], scope: Scope<'_>) -> Val<'s> {
        let parameter = [Parameter::new("expression", Type::Any)];
        if !self.is_count_right(call, arguments, (1, Some(1)), &parameter) {
            return UNKNOWN;
        }
        let Some(argument) = arguments.first() else {
            return UNKNOWN;
        };
        Cow::Owned(match self.attempt(argument, scope) {
            Ok(value) if value.contains_unknown() => Value::Unknown(Type::Bool),
            Ok(_) => Value::Bool(true),
            Err(_) => Value::Bool(false),
        })
    }

    fn attempt(&self, argument: &Argument<'_>, scope: Scope<'_>) -> Result<Value, Taken> {
        let mark = self.mark();
        let value = match argument {
            Argument::Written(expr) => self.own(self.eval(expr, scope), expr.range),
            Argument::Expanded(value, range) => {
                self.charge(size(value), *range);
                value.clone()
            }
        };
        if self.has_failed_since(mark) {
            Err(self.take_since(mark))
        } else {
            Ok(value)
        }
    }
}

/// From the name to the closing parenthesis.
fn whole(call: &Call) -> Range {
    call.name_range.to(call.close_range)
}

fn plural(count: usize) -> String {
    match count {
        0 => "no arguments".to_owned(),
        1 => "1 argument".to_owned(),
        _ => format!("{count} arguments"),
    }
}
