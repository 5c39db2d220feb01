//! What the targets share.

use peak_alloc::PeakAlloc;

use encamp_hclspec::{Body, Context, Diagnostics, Spec, Spellings, Type, UnknownVariables, Value, decode_with};

/// A spec with every kind of node.
pub fn spec() -> Spec {
    let inner = || Spec::object([("n", Spec::attr("n", Type::Number)), ("s", Spec::attr("s", Type::String))]);
    Spec::object([
        ("a", Spec::attr("a", Type::Any)),
        ("b", Spec::attr("b", Type::Bool).required()),
        ("l", Spec::attr("l", Type::list(Type::map(Type::Number)))),
        ("o", Spec::attr("o", Type::object([("x", Type::String), ("y", Type::set(Type::Number))]))),
        ("t", Spec::array([Spec::attr("t", Type::tuple([Type::Number, Type::Any]))])),
        ("block", Spec::block("block", inner())),
        ("list", Spec::block_list_limited("list", 0, 3, inner())),
        ("set", Spec::block_set("set", inner())),
        ("tuple", Spec::block_tuple("tuple", Spec::attr("a", Type::Any))),
        ("map", Spec::block_map("map", ["key"], Spec::object([("l", Spec::block_label(0, "rest")), ("v", inner())]))),
        ("object", Spec::block_object("object", ["one", "two"], Spec::attr("a", Type::Any))),
        ("attrs", Spec::block_attrs("attrs", Type::Number)),
        ("d", Spec::default_value(Spec::attr("d", Type::String), "x")),
    ])
}

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Runs a target on its input, and looks at the memory that it took.
pub fn bounded(input: &[u8], target: impl FnOnce()) {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    target();
    let taken = MEMORY.peak_usage().saturating_sub(before);
    let limit = 128 * input.len() + (16 << 20);
    assert!(taken <= limit, "{} bytes of input took {taken} bytes of memory", input.len());
}

pub fn contexts() -> [Context; 3] {
    let context = |unknown| {
        Context::new()
            .with_unknown(unknown)
            .with_variable("v", Value::tuple([1, 2]))
            .with_variable("m", Value::object([("k", "w")]))
    };
    [
        context(UnknownVariables::Error),
        context(UnknownVariables::KeepText),
        context(UnknownVariables::Unknown),
    ]
}

pub fn decode_all(body: &Body) {
    for context in contexts() {
        for spellings in [Spellings::Strict, Spellings::Every] {
            if let Err(diagnostics) = decode_with(&spec(), body, &context, spellings) {
                check(&diagnostics);
            }
        }
    }
}

/// Every range is within its text and splits no character; drawing them works.
pub fn check(diagnostics: &Diagnostics) {
    for diagnostic in diagnostics {
        for span in [&diagnostic.span, &diagnostic.context].into_iter().flatten() {
            let text = span.source().text();
            assert!(text.get(span.range()).is_some(), "{span:?} in {} bytes", text.len());
        }
    }
    let _ = diagnostics.render(encamp_hclspec::Style::Plain);
    let _ = diagnostics.to_json();
}
