use encamp_hclspec_cty::operators::{self, Operand, OperatorError, Outcome};
use encamp_hclspec_cty::{Type, Value, json};

use crate::value;

fn apply(operator: &str, left: &Value, right: &Value) -> Outcome {
    match operator {
        "==" => Ok(operators::equal(left, right)),
        "!=" => Ok(operators::not_equal(left, right)),
        "<" => operators::less(left, right),
        "<=" => operators::less_or_equal(left, right),
        ">" => operators::greater(left, right),
        ">=" => operators::greater_or_equal(left, right),
        "+" => operators::add(left, right),
        "-" => operators::subtract(left, right),
        "*" => operators::multiply(left, right),
        "/" => operators::divide(left, right),
        "%" => operators::modulo(left, right),
        "&&" => operators::and(left, right),
        "||" => operators::or(left, right),
        _ => panic!("{operator}"),
    }
}

/// A question mark is an unknown value.
fn operand(text: &str) -> Value {
    if text == "?" {
        Value::Unknown(Type::Any)
    } else {
        value(text)
    }
}

fn check(left: &str, operator: &str, right: &str, expected: &str) {
    let result = match apply(operator, &operand(left), &operand(right)) {
        Ok(Value::Unknown(ty)) => format!("? {ty}"),
        Ok(value) => json::to_plain_string(&value).unwrap_or_else(|error| error.to_string()),
        Err(errors) => errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    };
    assert_eq!(result, expected, "{left} {operator} {right}");
}

#[test]
fn operands_are_converted() {
    check("\"5\"", "+", "1", "6");
    check("\"10\"", "<", "\"9\"", "false");
    check("\"true\"", "&&", "\"1\"", "true");
    check("0.1", "+", "0.2", "0.3");
    check("5", "%", "0", "5");
    check("1", "/", "0", "cannot serialize infinity as JSON");
}

#[test]
fn all_operands_that_do_not_fit_are_told() {
    check(
        "1",
        "+",
        "\"a\"",
        "unsuitable value for right operand: a number is required",
    );
    let left = "unsuitable value for left operand: number required, but have tuple";
    check(
        "[]",
        "+",
        "{}",
        &format!("{left}; unsuitable value for right operand: number required, but have object"),
    );
    check(
        "\"x\"",
        "||",
        "true",
        "unsuitable value for left operand: a bool is required",
    );
    check("0", "/", "0", "can't divide zero by zero or infinity by infinity");
    let errors = operators::add(&Value::NULL, &1.into()).unwrap_err();
    let message = "argument must not be null".to_owned();
    assert_eq!(
        errors,
        [OperatorError::Failed {
            operand: Some(Operand::Left),
            message
        }]
    );
}

#[test]
fn nothing_is_converted_to_be_equal() {
    for (left, right, equal) in [
        ("1", "1.0", true),
        ("\"1\"", "1", false),
        ("null", "null", true),
        ("null", "1", false),
        ("[]", "[]", true),
        ("[1]", "[\"1\"]", false),
        ("[null]", "[null]", true),
        ("{\"a\":null}", "{\"a\":1}", false),
        ("{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", true),
    ] {
        check(left, "==", right, &equal.to_string());
        check(left, "!=", right, &(!equal).to_string());
    }
    let list = Value::list(Type::Number, [1]);
    assert_eq!(operators::equal(&list, &value("[1]")), Value::from(false));
}

#[test]
fn what_depends_on_the_unknown_is_unknown() {
    check("?", "+", "1", "? number");
    check("1", "<", "?", "? bool");
    check("?", "==", "?", "? bool");
    check("?", "==", "1", "? bool");
    check("?", "&&", "false", "false");
    check("?", "&&", "true", "? bool");
    check("true", "||", "?", "true");
    check(
        "?",
        "+",
        "[]",
        "unsuitable value for right operand: number required, but have tuple",
    );
    let typed = Value::Unknown(Type::String);
    assert_eq!(operators::equal(&typed, &1.into()), Value::from(false));
    assert_eq!(operators::equal(&typed, &Value::NULL), Value::Unknown(Type::Bool));
    let (a, b) = (Value::tuple([typed.clone(), 1.into()]), Value::tuple([typed, 2.into()]));
    assert_eq!(operators::equal(&a, &b), Value::from(false));
    assert_eq!(operators::equal(&a, &a), Value::Unknown(Type::Bool));
}

#[test]
fn null_is_no_bool_but_the_other_operand_may_decide() {
    check("null", "||", "true", "true");
    check("false", "&&", "null", "false");
    check("null", "||", "false", "argument must not be null");
}

#[test]
fn null_and_true_is_an_error_though_go_has_it_false() {
    check("null", "&&", "true", "argument must not be null");
    check("true", "&&", "null", "argument must not be null");
}

#[test]
fn one_operand_is_negated() {
    assert_eq!(operators::negate(&Value::from("1.5")), Ok(crate::number("-1.5")));
    assert_eq!(operators::not(&Value::from("true")), Ok(Value::from(false)));
    assert_eq!(
        operators::not(&Value::Unknown(Type::Any)),
        Ok(Value::Unknown(Type::Bool))
    );
    let error = operators::negate(&Value::from("a")).unwrap_err();
    assert_eq!(
        error[0].to_string(),
        "unsuitable value for unary operand: a number is required"
    );
}
