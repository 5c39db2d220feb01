//! What a call does around the function.

use super::super::standard;
use crate::{Function, FunctionError, Parameter, Type, Value};

fn at(index: usize, message: &str) -> Result<Value, FunctionError> {
    Err(FunctionError::at(index, message))
}

fn failed(message: &str) -> Result<Value, FunctionError> {
    Err(FunctionError::new(message))
}

/// Takes a number and any number of texts, and gives their count as the number's text.
fn counting() -> Function {
    Function::new(
        [Parameter::new("number", Type::Number)],
        Type::Number,
        |arguments, _| Ok(Value::from(arguments.len())),
    )
    .variadic(Parameter::new("texts", Type::String))
}

#[test]
fn arguments_are_converted_to_the_type_of_their_parameter() {
    assert_eq!(
        counting().call([Value::from("5"), Value::from(true)]),
        Ok(Value::from(2))
    );
    assert_eq!(counting().call([Value::from("five")]), at(0, "a number is required"));
    let errors = counting().convert_arguments([Value::from("five"), Value::from("a"), Value::tuple([1])]);
    let places: Vec<_> = errors.unwrap_err().into_iter().map(|error| error.argument).collect();
    assert_eq!(places, [Some(0), Some(2)]);
}

#[test]
fn a_wrong_number_of_arguments_is_an_error_of_the_call() {
    assert_eq!(counting().arity(), (1, None));
    assert_eq!(
        counting().call([]),
        failed("wrong number of arguments (at least 1 required; 0 given)")
    );
    let none = Function::new([], Type::Bool, |_, _| Ok(true.into()));
    assert_eq!(none.arity(), (0, Some(0)));
    assert_eq!(
        none.call([Value::NULL]),
        failed("wrong number of arguments (0 required; 1 given)")
    );
}

#[test]
fn a_null_argument_is_an_error_unless_it_is_allowed() {
    assert_eq!(counting().call([Value::NULL]), at(0, "argument must not be null"));
    assert_eq!(
        counting().call([1.into(), "a".into(), Value::Null(Type::String)]),
        at(2, "argument must not be null")
    );
    let nullable = Function::new(
        [Parameter::new("v", Type::String).allow_null()],
        Type::Bool,
        |arguments, _| Ok(arguments.iter().any(Value::is_null).into()),
    );
    assert_eq!(nullable.call([Value::NULL]), Ok(true.into()));
}

#[test]
fn an_unknown_argument_makes_the_result_unknown_of_its_type() {
    assert_eq!(
        counting().call([Value::Unknown(Type::Any)]),
        Ok(Value::Unknown(Type::Number))
    );
    // A null beside it is found all the same.
    assert_eq!(
        counting().call([Value::Unknown(Type::Number), Value::NULL]),
        at(1, "argument must not be null")
    );
    let same = Function::new([Parameter::new("v", Type::Any)], Type::Any, |_, _| failed("not called"));
    let same = same.typed(|arguments| Ok(arguments[0].ty()));
    assert_eq!(same.call([Value::Unknown(Type::Bool)]), Ok(Value::Unknown(Type::Bool)));
}

#[test]
fn an_argument_without_a_type_is_not_shown_to_a_function_that_does_not_ask_for_it() {
    let picky = Function::new([Parameter::new("v", Type::Any).allow_null()], Type::Bool, |_, _| {
        failed("called")
    });
    assert_eq!(picky.call([Value::NULL]), Ok(Value::Unknown(Type::Any)));
    assert_eq!(picky.call([Value::Unknown(Type::Any)]), Ok(Value::Unknown(Type::Any)));
    assert_eq!(picky.call([Value::Null(Type::String)]), failed("called"));
}

#[test]
fn a_function_can_be_told_what_it_is_from_outside() {
    let function = counting();
    assert_eq!(function.parameter(0).unwrap().name, "number");
    assert_eq!(function.parameter(7).unwrap().name, "texts");
    assert!(format!("{function:?}").contains("texts"));
    is_shared(&function);
}

fn is_shared<T: Send + Sync>(_: &T) {}

#[test]
fn no_message_holds_what_a_function_was_given() {
    let check = |name: &str, arguments: &[Value]| {
        let error = standard()[name].call(arguments).unwrap_err();
        for part in ["hunter2", "77", "\u{a7}"] {
            assert!(!error.message.contains(part), "{name}: {}", error.message);
        }
    };
    for name in ["tonumber", "tobool", "jsondecode", "base64decode"] {
        check(name, &[Value::from("hunter2\u{a7}")]);
    }
    check("parseint", &["hunter2".into(), 10.into()]);
    check("csvdecode", &["hunter2,hunter2\n1,2".into()]);
    check("timeadd", &["2020-01-01T00:00:00Z".into(), "5hunter2".into()]);
    check("timeadd", &["2020-77-01T00:00:00Z".into(), "5h".into()]);
    check("timeadd", &["2020-01\u{a7}".into(), "5h".into()]);
}
