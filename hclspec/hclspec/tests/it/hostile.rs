//! Texts that mean harm.

use std::time::{Duration, Instant};

use encamp_hclspec::{Body, Context, Expression, Source, Value};

/// A second, and more for builds that are not optimised on machines that are busy.
const SOON: Duration = Duration::from_secs(if cfg!(debug_assertions) { 5 } else { 1 });

/// Checks that a text is refused within a second, with this first line.
#[track_caller]
fn refuse(text: &str, expected: &str) {
    let start = Instant::now();
    let result = Body::parse(Source::new("f", text.to_owned()));
    let elapsed = start.elapsed();
    let errors = result.err().map(|errors| errors.to_string()).unwrap_or_default();
    assert!(errors.starts_with(expected), "wanted: {expected}\n got: {errors}");
    assert!(elapsed < SOON, "{elapsed:?}");
}

#[test]
fn nesting_is_limited() {
    refuse(&"{".repeat(10 << 20), "f:1:1: Configuration file too large");
    refuse(&"{".repeat(4 << 20), "f:1:65: Nesting too deep");
    refuse(&"a {\n".repeat(1 << 20), "f:65:3: Nesting too deep");
    for open in ["[", "(", "{a=", "\"${", "f(", "x[", "[for x in "] {
        refuse(&format!("a = {}", open.repeat(1 << 17)), "f:1:");
    }
    refuse(&format!("a = {}1", "!".repeat(1 << 20)), "f:1:");
    refuse(&format!("a = {}1", "- ".repeat(1 << 20)), "f:1:");
    refuse(&format!("a = 1{}", " + 1".repeat(1 << 10)), "f:1:");
    refuse(&format!("a = {}1", "x ? 1 : ".repeat(1 << 10)), "f:1:");
    refuse(&format!("a = \"{}", "%{ if x }".repeat(1 << 10)), "f:1:");
}

#[test]
fn the_deepest_allowed_nesting_fits_a_small_stack() {
    let deep = format!("a = {}1{}", "[".repeat(62), "]".repeat(62));
    let blocks = format!("{}b = 1\n{}", "a {\n".repeat(62), "}\n".repeat(62));
    let run = move || {
        for text in [deep, blocks] {
            let body = Body::parse(Source::new("f", text)).unwrap();
            if let Some(attribute) = body.attribute("a") {
                attribute.value().evaluate(&Context::new()).unwrap();
            }
        }
    };
    std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn objects_of_very_many_keys_are_refused() {
    let keys = (0..5000)
        .map(|key| format!("k{key} = 1\n"))
        .collect::<Vec<_>>()
        .concat();
    refuse(&format!("a = {{\n{keys}}}"), "f:4098:7: Too many object keys");
    let object = (0..4000)
        .map(|key| format!("k{key} = 1\n"))
        .collect::<Vec<_>>()
        .concat();
    let many = (0..20)
        .map(|index| format!("a{index} = {{\n{object}}}\n"))
        .collect::<Vec<_>>()
        .concat();
    refuse(&many, "f:");
    // What is no object is not limited.
    let body = (0..20_000)
        .map(|key| format!("k{key} = 1\n"))
        .collect::<Vec<_>>()
        .concat();
    assert_eq!(Body::parse(Source::new("f", body)).unwrap().attributes().len(), 20_000);
}

#[test]
fn evaluation_is_bounded() {
    let hundred = format!("[{}]", "0,".repeat(1000));
    let context = Context::new()
        .with_variable("text", "x".repeat(1 << 20))
        .with_variable("nothing", Value::Null);
    let check = |expression: &str| {
        let start = Instant::now();
        let expression = Expression::parse(Source::new("e", expression.to_owned())).unwrap();
        let errors = expression.evaluate(&context).unwrap_err().to_string();
        assert!(
            errors.contains("too expensive") || errors.contains("too large"),
            "{errors}"
        );
        assert!(start.elapsed() < SOON * 4, "{:?}", start.elapsed());
    };
    check(&format!(
        "[for a in {hundred}: [for b in {hundred}: [for c in {hundred}: a]]]"
    ));
    check(&format!(
        "\"%{{ for a in {hundred} }}%{{ for b in {hundred} }}${{text}}%{{ endfor }}%{{ endfor }}\""
    ));
    check(&format!("join(text, {hundred})"));
    check("replace(text, \"x\", text)");
    check(&format!("[{}]", "text,".repeat(100)));
}
