//! No call takes more memory than its arguments and limits allow.

use std::time::{Duration, Instant};

use super::{arguments, standard};
use crate::{Type, Value};

/// The call is refused, and quickly.
fn check(name: &str, arguments: Vec<Value>, expected: &str) {
    let start = Instant::now();
    let error = standard()[name].call(arguments).expect_err(name);
    assert!(error.message.contains(expected), "{name}: {error}");
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{name}: {:?}",
        start.elapsed()
    );
}

fn text(length: usize) -> Value {
    "a".repeat(length).into()
}

fn list(length: usize) -> Value {
    Value::list(Type::Number, 0..length)
}

#[test]
fn a_result_that_would_be_too_long_is_refused_before_it_is_made() {
    let too_long = "too long";
    for call in [
        r#"["%1000000000d", 1]"#,
        r#"["%.1000000000f", 1]"#,
        r#"["%99999999999999999999999s", 1]"#,
        r#"["%.99999999999999999999999e", 1]"#,
        r#"["%-1000000000v", []]"#,
    ] {
        check("format", arguments(call), too_long);
    }
    check("formatlist", vec!["%1000000s".into(), list(100)], too_long);
    check("indent", vec![1e9.to_string().as_str().into(), "\n".into()], too_long);
    check("indent", vec![i64::MAX.into(), "\n\n\n".into()], too_long);
    check("replace", vec![text(1 << 20), "a".into(), text(1 << 20)], too_long);
    check("replace", vec![text(1 << 20), "".into(), text(1 << 10)], too_long);
    check(
        "join",
        vec![text(1 << 20), Value::list(Type::String, (0..100).map(|_| ""))],
        too_long,
    );
    check("base64encode", vec![text(13 << 20)], too_long);
    check("urlencode", vec!["%".repeat(6 << 20).into()], too_long);
    let table = format!("{}\n{}", "a".repeat(1 << 20), "b\n".repeat(100_000));
    check("csvdecode", vec![table.into()], too_long);
}

#[test]
fn a_result_with_too_many_elements_is_refused_before_it_is_made() {
    let too_large = "too large";
    check("setproduct", vec![list(2000), list(2000)], too_large);
    check("setproduct", (0..60).map(|_| list(10)).collect(), too_large);
    let long = Value::tuple((0..100).map(|_| text(10_000)));
    check("setproduct", vec![long, list(1000)], "too long");
    check("split", vec!["".into(), text(1_100_000)], too_large);
    check("split", vec!["a".into(), text(1_100_000)], too_large);
    check(
        "jsondecode",
        vec![format!("[{}1]", "1,".repeat(1_100_000)).into()],
        too_large,
    );
    let header: Vec<String> = (0..1000).map(|column| column.to_string()).collect();
    let table = format!(
        "{}\n{}",
        header.join(","),
        format!("{}\n", ",".repeat(999)).repeat(1000)
    );
    check("csvdecode", vec![table.into()], too_large);
    check("concat", vec![list(600_000), list(600_000)], too_large);
    check("range", vec![1_000_000_000.into()], "more than 1024");
    check("range", arguments("[0, 1, 1e-300]"), "more than 1024");
}

#[test]
fn a_huge_number_is_no_trouble() {
    check(
        "parseint",
        vec!["9".repeat(1 << 20).into(), 10.into()],
        "at most 4096 digits",
    );
    let formatted = standard()["format"].call(arguments(r#"["%.3f %d %e", 1e19000, 1e19000, 1e-19000]"#));
    assert!(formatted.unwrap().as_str().unwrap().ends_with(" 1.000000e-19000"));
    assert_eq!(
        standard()["pow"].call(arguments("[10, 1000]")),
        Ok(Value::Number(crate::Number::INFINITY))
    );
}

#[test]
fn long_inputs_take_time_in_proportion() {
    let start = Instant::now();
    let long = "é\u{301}x,\"\n ".repeat(20_000);
    for name in [
        "upper",
        "title",
        "strlen",
        "strrev",
        "trimspace",
        "chomp",
        "jsonencode",
        "urlencode",
        "base64encode",
    ] {
        standard()[name].call([Value::from(long.as_str())]).expect(name);
    }
    standard()["substr"]
        .call([long.as_str().into(), 1000.into(), Value::from(-1)])
        .unwrap();
    standard()["trim"]
        .call([Value::from(long.as_str()), long.as_str().into()])
        .unwrap();
    standard()["distinct"].call([Value::tuple((0..50_000).rev())]).unwrap();
    standard()["setsubtract"].call([list(100_000), list(99_999)]).unwrap();
    standard()["csvdecode"]
        .call([Value::from(format!("a\n{}", "\"x\"\r\n".repeat(100_000)))])
        .unwrap();
    standard()["formatdate"]
        .call([Value::from("YYYY''".repeat(10_000)), "2000-01-01T00:00:00Z".into()])
        .unwrap();
    assert!(start.elapsed() < Duration::from_mins(1), "{:?}", start.elapsed());
}

#[test]
fn deeply_nested_json_is_refused() {
    check("jsondecode", vec!["[".repeat(100_000).into()], "nested too deep");
}
