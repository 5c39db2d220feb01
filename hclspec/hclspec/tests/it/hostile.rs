//! Bodies that mean harm. What means harm to the parsers and to the evaluation is tested with these.

use std::time::{Duration, Instant};

use encamp_hclspec::{Context, Spec, Spellings, Type, Value, decode_with};

use crate::parse;

/// Time enough for what takes time in proportion to its size, in builds that are not optimised, on busy machines.
const SOON: Duration = Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 4 });

fn number(name: &str) -> Spec {
    Spec::object([(name, Spec::attr(name, Type::Number))])
}

/// Decodes in every spelling, soon.
#[track_caller]
fn soon(spec: &Spec, text: &str) -> usize {
    let body = parse(text).unwrap();
    let start = Instant::now();
    let errors = decode_with(spec, &body, &Context::new(), Spellings::Every).map_or_else(|errors| errors.len(), |_| 0);
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    errors
}

/// A text for each number, all together.
fn many(text: impl Fn(usize) -> String) -> String {
    (0..20_000).map(text).collect()
}

#[test]
fn many_parts_take_no_more_time_than_their_number() {
    let list = Spec::block_list("x", number("a"));
    assert_eq!(soon(&list, &many(|index| format!("x {{ a = {index} }}\n"))), 0);
    assert_eq!(
        soon(
            &list,
            &format!("x = [{}]", many(|index| format!("{{ a = {index} }}, ")))
        ),
        0
    );
    let set = Spec::block_set("x", number("a"));
    assert_eq!(soon(&set, &many(|index| format!("x {{ a = {} }}\n", index % 100))), 0);
    let map = Spec::block_map("x", ["l"], number("a"));
    assert_eq!(
        soon(&map, &many(|index| format!("x \"{index}\" {{ a = {index} }}\n"))),
        0
    );
    let attrs = Spec::block_attrs("x", Type::Number);
    assert_eq!(
        soon(
            &attrs,
            &format!("x {{\n{}}}", many(|index| format!("k{index} = {index}\n")))
        ),
        0
    );
    assert_eq!(soon(&attrs, &many(|index| format!("x {{ k{index} = {index} }}\n"))), 0);
    let nested = Spec::attr("x", Type::map(Type::map(Type::Number)));
    assert_eq!(
        soon(
            &nested,
            &format!("x {{\n{}}}", many(|index| format!("k{index} {{ a = 1 }}\n")))
        ),
        0
    );
    assert_eq!(
        soon(&nested, &many(|index| format!("x {{\n k{index} {{ a = 1 }}\n}}\n"))),
        0
    );
}

/// How many errors are listed of very many: a thousand, and that there are more.
const LISTED: usize = 1001;

#[test]
fn many_errors_take_no_more_time_than_their_number() {
    let list = Spec::block_list("x", number("a"));
    assert_eq!(soon(&list, &many(|index| format!("k{index} = 1\n"))), LISTED);
    assert_eq!(soon(&list, &many(|_| "x { b = 1 }\n".to_owned())), LISTED);
    assert_eq!(soon(&list, &many(|_| "x { a = [] }\n".to_owned())), LISTED);
    let elements = Spec::attr("x", Type::list(Type::Number));
    assert_eq!(
        soon(&elements, &format!("x = [{}]", many(|_| "true, ".to_owned()))),
        LISTED
    );
    let nested = Spec::attr("x", Type::map(Type::Number));
    assert_eq!(
        soon(
            &nested,
            &format!("x {{\n{}}}", many(|index| format!("k{index} {{ a = 1 }}\n")))
        ),
        LISTED
    );
    let required = Spec::block_list("x", Spec::object([("a", Spec::attr("a", Type::Any).required())]));
    assert_eq!(soon(&required, &many(|_| "x {}\n".to_owned())), LISTED);
}

/// As deep as the parsers go, on the smallest stack that threads usually have.
#[test]
fn the_deepest_bodies_fit_a_small_stack() {
    let run = || {
        let mut deep = Spec::object([("x", Spec::attr("x", Type::Any))]);
        let mut ty = Type::Any;
        for _ in 0..90 {
            deep = Spec::block("a", deep);
            ty = Type::map(ty);
        }
        let blocks = format!("{}x = 1\n{}", "a {\n".repeat(90), "}\n".repeat(90));
        assert_eq!(soon(&deep, &blocks), 0);
        let json = format!("{}5{}", "{\"a\": ".repeat(91), "}".repeat(91));
        assert_eq!(soon(&Spec::attr("a", ty.clone()), &json), 0);
        let list = format!("a = {}1{}", "[".repeat(150), "]".repeat(150));
        assert_eq!(soon(&Spec::attr("a", Type::Any), &list), 0);
        assert_eq!(soon(&Spec::attr("a", ty), &list), 1);
        assert_eq!(soon(&deep, &list), 1);
    };
    std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn all_expressions_of_a_body_share_one_limit() {
    let attrs = Spec::block_attrs("x", Type::Any);
    // Each alone is within the limit, and makes some megabytes out of nothing.
    let nested = "[for a in r : [for b in r : [for c in r : [for d in r : \"${a}${b}${c}${d}\"]]]]";
    let lines: Vec<String> = (0..50).map(|index| format!("k{index} = {nested}\n")).collect();
    let body = parse(&format!("x {{\n{}}}", lines.concat())).unwrap();
    let context = Context::new().with_variable("r", Value::tuple(0..20));
    let start = Instant::now();
    let errors = decode_with(&attrs, &body, &context, Spellings::Strict).unwrap_err();
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    assert!(errors.to_string().contains("too expensive"), "{errors}");
}

#[test]
fn exponents_cost_what_their_digits_cost() {
    let attrs = Spec::block_attrs("x", Type::Number);
    assert!(
        soon(
            &attrs,
            &format!("x {{\n{}}}", many(|index| format!("k{index} = 1e-19000\n")))
        ) > 0
    );
    assert_eq!(
        soon(
            &attrs,
            &format!("x {{\n{}}}", many(|index| format!("k{index} = 1e-3\n")))
        ),
        0
    );
}
