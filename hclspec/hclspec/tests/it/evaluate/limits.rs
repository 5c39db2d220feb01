//! Expressions that ask for too much.

use std::time::{Duration, Instant};

use allocation_counter::measure;
use encamp_hclspec::cty::functions;
use encamp_hclspec::{Context, UnknownVariables, Value};

use super::{context, evaluate, parse};

#[test]
fn a_small_text_cannot_ask_for_boundless_results() {
    let thousand = format!("[{}]", "0,".repeat(1000));
    let context = Context::new()
        .with_variable("text", "x".repeat(1 << 20))
        .with_functions(functions::standard().iter().map(|(name, f)| (*name, f.clone())));
    let nested = "for a in many: [for b in many: [for c in many: a]]".replace("many", &thousand);
    let doubled =
        format!("\"%{{ for a in {thousand} }}%{{ for b in {thousand} }}${{text}}%{{ endfor }}%{{ endfor }}\"");
    for text in [
        format!("[{nested}]"),
        doubled,
        format!("[{}]", "text,".repeat(100)),
        format!("\"{}\"", "${text}".repeat(100)),
        format!("[for a in {thousand} : \"${{text}}${{a}}\"]"),
        format!("yes ? [{nested}] : 1"),
        format!("try([{nested}], 1)"),
        format!("[for a in {thousand} : text == \"${{text}}x\"]"),
        format!("{{for a in {thousand} : \"${{text}}${{a}}\" => 1}}"),
    ] {
        let start = Instant::now();
        let errors = evaluate(&text, &context.clone().with_variable("yes", true).with_try_and_can()).unwrap_err();
        assert!(errors.to_string().contains("Expression too expensive"), "{errors}");
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    }
}

#[test]
fn evaluations_with_one_context_share_its_budget() {
    let context = Context::new()
        .with_variable("text", "x".repeat(1000))
        .with_budget(10_000);
    let results: Vec<_> = (0..20).map(|_| evaluate("[text]", &context.child()).is_ok()).collect();
    assert!(results[0] && !results[19]);
}

#[test]
fn errors_without_end_are_cut_off() {
    let names: Vec<_> = (0..3000).map(|n| format!("x{n}")).collect();
    let text = format!("[{}]", names.join(", "));
    let errors = evaluate(&text, &context()).unwrap_err();
    assert_eq!(errors.len(), 1001);
    assert!(
        errors
            .to_string()
            .ends_with("Too many errors; Further errors here are left out.")
    );
    // The same error for each element is one.
    assert_eq!(
        evaluate(&format!("[for x in [{}] : y]", "1,".repeat(5000)), &context())
            .unwrap_err()
            .len(),
        1
    );
}

#[test]
fn deep_and_long_expressions_are_evaluated_or_refused_but_never_overflow_the_stack() {
    let wrap = |open: &str, inner: &str, close: &str, depth: usize| {
        format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
    };
    let shapes = [
        ("(", "1", ")"),
        ("[", "1", "]"),
        ("{a = ", "1", "}"),
        ("\"${", "1", "}\""),
        ("\"x${", "1", "}\""),
        ("\"%{ if yes }", "", "%{ endif }\""),
        ("%{ if yes }", "", "%{ endif }"),
        ("[for x in ", "list", " : x]"),
        ("[for x in [1] : ", "x", "]"),
        ("[for x in list : x if ", "yes", "]"),
        ("upper(", "str", ")"),
        ("try(", "str", ")"),
        ("list[", "1", "]"),
        ("yes ? 1 : ", "2", ""),
        ("yes ? ", "1", " : 2"),
        ("-", "1", ""),
        ("!", "yes", ""),
        ("1 + ", "1", ""),
        ("", "1", " + 1"),
        ("yes && ", "yes", ""),
        ("1 == (", "1", ")"),
        ("", "list", "[*]"),
        ("", "list", ".*"),
        ("", "obj", ".deep"),
        ("", "obj", "[0]"),
        ("", "obj", "[num]"),
        ("", "list", "[*][num]"),
        ("{(\"${", "1", "}\") = 1}"),
        ("nope + ", "1", ""),
    ];
    let context = context();
    for (open, inner, close) in shapes {
        for depth in [20, 60, 150, 190, 5000, 100_000] {
            let text = wrap(open, inner, close, depth);
            for mode in ["", "template"] {
                if let Ok(expression) = parse(mode, &text) {
                    drop(expression.evaluate(&context));
                    drop(expression.variables());
                }
            }
        }
    }
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for depth in [150, 190, 5000, 100_000] {
            if let Ok(expression) = parse("json", &wrap(open, "\"${num}\"", close, depth)) {
                drop(expression.evaluate(&context));
                drop(expression.variables());
            }
        }
    }
    let sum = format!("1{}", " + 1".repeat(4000));
    assert_eq!(evaluate(&sum, &context).unwrap(), Value::from(4001));
}

#[test]
fn a_hundred_thousand_values_are_within_the_limits() {
    let names: Vec<_> = (0..330).map(Value::from).collect();
    let context = Context::new().with_variable("names", Value::tuple(names));
    for text in [
        "[for a in names: [for b in names: b if a > 100]]",
        "[for a in names: [for b in slice: \"${a}.${b}\"]]",
        "[for a in names: {for b in slice: b => a}]",
    ] {
        let slice = Value::tuple((0..100).map(|n| n.to_string()));
        let result = evaluate(text, &context.clone().with_variable("slice", slice));
        assert!(result.is_ok(), "{text}: {result:?}");
    }
}

/// What a text makes of its memory is bounded without any setting.
#[test]
fn a_small_text_takes_little_memory_whatever_it_asks_for() {
    let many = format!("[{}]", "0,".repeat(100));
    let nested = |inner: &str| format!("[for i, a in {many}: [for j, b in {many}: {inner}]]");
    let written =
        |inner: &str| format!("%{{ for a in {many} }}%{{ for b in {many} }}{inner}%{{ endfor }}%{{ endfor }}");
    for text in [
        nested(&nested("b")),
        nested("[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]"),
        nested(&format!("{{for k, c in {many}: k => c}}")),
        nested(&format!("{{for k, c in {many}: c => k...}}")),
        nested("[no, no, no]"),
        format!("\"{}\"", written(&"x".repeat(500))),
        format!("upper(\"{}\")", written(&"\u{df}".repeat(500))),
        format!("jsonencode(\"{}\")", written(&"\\u0001".repeat(100))),
        format!("jsondecode(\"[{}0]\")", written("[],[],[],[],")),
        format!("jsonencode([for x in [1e9000]: {}])", nested("x")),
        format!("jsonencode([for x in [1e9000]: {}])", nested("x * 2")),
        format!("{{for k in concat({}...): k => k}}", nested("\"${i}-${j}\"")),
        format!("[{}]", "q, q2, ".repeat(10_000)),
    ] {
        let most = 128 * text.len() + (16 << 20);
        for unknown in [UnknownVariables::Error, UnknownVariables::KeepText] {
            let context = Context::new().with_unknown(unknown);
            let taken = measure(|| drop(evaluate(&text, &context)));
            assert!(
                taken.bytes_max < most as u64,
                "{} of {most} bytes: {}",
                taken.bytes_max,
                &text[..40]
            );
        }
    }
}
