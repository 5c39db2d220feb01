//! What holds for every body.

use encamp_hclspec::spec::text;
use encamp_hclspec::{
    Body, Context, Diagnostics, Source, Spec, Spellings, Style, UnknownVariables, Value, decode_with, export,
};
use proptest::prelude::*;

use crate::generate::{self, Dice};
use crate::parse;

const BOTH: [Spellings; 2] = [Spellings::Strict, Spellings::Every];

fn numbers() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(any::<u32>(), 1..60)
}

/// All places are inside of the text and between its characters, and can be drawn.
fn check_places(errors: &Diagnostics) {
    for error in errors {
        for span in [&error.span, &error.context].into_iter().flatten() {
            let text = span.source().text();
            assert!(text.get(span.range()).is_some(), "{:?} of {text:?}", span.range());
            assert!(span.line() >= 1 && span.column() >= 1);
        }
        assert!(error.span.is_some(), "{error}");
    }
    let drawn = errors.render(Style::Plain);
    assert!(!drawn.chars().any(|c| c.is_control() && c != '\n'), "{drawn:?}");
    assert!(!errors.is_empty());
}

/// Whatever a text is, it is decoded or refused.
fn check(spec: &Spec, text: &str) {
    let source = Source::new("f", text.to_owned());
    let (native, native_errors) = Body::parse_lossy(&source);
    let (json, json_errors) = Body::parse_json_lossy(&source);
    for errors in [&native_errors, &json_errors]
        .into_iter()
        .filter(|errors| !errors.is_empty())
    {
        check_places(errors);
    }
    let context = Context::new().with_variable("x", Value::from("y"));
    for unknown in [
        UnknownVariables::Error,
        UnknownVariables::KeepText,
        UnknownVariables::Unknown,
    ] {
        let context = context.clone().with_unknown(unknown);
        for (body, spellings) in [&native, &json]
            .into_iter()
            .flat_map(|body| BOTH.map(|spellings| (body, spellings)))
        {
            if let Err(errors) = decode_with(spec, body, &context, spellings) {
                check_places(&errors);
            }
        }
    }
}

/// The text with some of it taken out, put in, or put elsewhere.
fn mutated(text: &str, edits: &[(prop::sample::Index, prop::sample::Index, String)]) -> String {
    let mut text = text.to_owned();
    for (at, length, insert) in edits {
        let bounds: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let start = at.index(bounds.len());
        let end = (start + length.index(4)).min(bounds.len() - 1);
        let (start, end) = (*bounds.get(start).unwrap(), *bounds.get(end).unwrap());
        text.replace_range(start..end, insert);
    }
    text
}

fn edit() -> impl Strategy<Value = (prop::sample::Index, prop::sample::Index, String)> {
    let pieces = [
        "",
        "{",
        "}",
        "[",
        "]",
        "\"",
        "=",
        ":",
        ",",
        "\n",
        "${",
        "%{",
        "x",
        "null",
        "[]",
        "{}",
        "\"${x}\"",
        "\"${y.z}\"",
        "é",
        "\u{1f600}",
        "\u{301}",
        "\\",
        "\u{0}",
        " a = 1\n",
        " a {\n",
        "\"a\": ",
        "x.",
        "(",
        "true",
        "for",
        "<<E\n",
        "//",
        "#",
        "5",
    ];
    let piece = prop::sample::select(pieces.map(str::to_owned).to_vec());
    (any::<prop::sample::Index>(), any::<prop::sample::Index>(), piece)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn native_and_json_bodies_of_one_meaning_have_one_value(numbers in numbers()) {
        let mut dice = Dice::new(&numbers);
        let spec = generate::spec(&mut dice, 3);
        let made = generate::body(&mut dice, &spec);
        for text in [&made.native, &made.json] {
            let body = parse(text).map_err(|errors| TestCaseError::fail(format!("{errors}\n{text}")))?;
            for spellings in BOTH {
                let value = decode_with(&spec, &body, &Context::new(), spellings);
                let value = value.map_err(|errors| TestCaseError::fail(format!("{errors}\n{text}")))?;
                prop_assert_eq!(&value, &made.value, "{}\n{}", text, spec);
                prop_assert_eq!(value.ty(), spec.implied_type());
            }
        }
    }

    #[test]
    fn specs_come_back_from_their_text_and_from_the_wire(numbers in numbers()) {
        let spec = generate::spec(&mut Dice::new(&numbers), 3);
        let text = spec.to_string();
        let read = text::parse(&Source::new("spec", text.clone()));
        prop_assert_eq!(read.map_err(|errors| TestCaseError::fail(format!("{errors}\n{text}")))?, spec.clone());
        prop_assert_eq!(Spec::from_wire(&spec.to_wire().unwrap()).unwrap(), spec);
    }

    /// Every place of every diagnostic is of whole characters of the text.
    #[test]
    fn no_place_leaves_the_text(numbers in numbers(), edits in prop::collection::vec(edit(), 1..6)) {
        let mut dice = Dice::new(&numbers);
        let spec = generate::spec(&mut dice, 2);
        let made = generate::body(&mut dice, &spec);
        check(&spec, &mutated(&made.native, &edits));
        check(&spec, &mutated(&made.json, &edits));
    }

    #[test]
    fn nor_does_one_of_any_text(numbers in numbers(), text in any::<String>()) {
        check(&generate::spec(&mut Dice::new(&numbers), 1), &text);
    }

    #[test]
    fn every_spec_has_a_schema_and_a_table(numbers in numbers()) {
        let spec = generate::spec(&mut Dice::new(&numbers), 3);
        let Spec::Object(parts) = &spec else { return Ok(()) };
        let schema = export::json_schema(&spec);
        let table = export::markdown(&spec);
        for name in parts.keys() {
            prop_assert!(schema.get("properties").unwrap().get(name).is_some());
            prop_assert!(table.contains(&["| `", name.as_str(), "` |"].concat()));
        }
    }
}
