//! Bytes that mean harm.

use std::collections::BTreeMap;

use encamp_hclspec_msgpack::{Error, cty, legacy};
use serde::Deserialize;
use serde_json::Value as Json;

/// A type without an end, as plugins' own may be.
#[derive(Debug, Deserialize)]
enum Endless {
    #[expect(dead_code, reason = "only made by the deserializer")]
    A(Box<Endless>),
}

fn depth<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Depth { limit: 128, .. }))
}

#[test]
fn nesting_is_limited() {
    for open in [&[0x91][..], &[0x81, 0xa1, 0x41], &[0xdc, 0, 1]] {
        let bytes = open.repeat(100_000);
        assert!(depth(&cty::from_slice_implied(&bytes)), "{open:?}");
        assert!(depth(&legacy::from_slice::<Json>(&bytes)), "{open:?}");
        assert!(depth(&legacy::from_slice::<serde::de::IgnoredAny>(&bytes)), "{open:?}");
    }
    let bytes = [0x81, 0xa1, 0x41].repeat(100_000);
    assert!(depth(&legacy::from_slice::<Endless>(&bytes)));
}

#[test]
fn lengths_are_believed_when_the_elements_are_there() {
    // Each level claims four thousand million elements.
    let lists = [0xdd, 0xff, 0xff, 0xff, 0xff].repeat(100);
    let maps = [0xdf, 0xff, 0xff, 0xff, 0xff, 0xa0].repeat(100);
    let text = [0xdb, 0xff, 0xff, 0xff, 0xff, 0];
    for bytes in [&lists[..], &maps, &text] {
        let end = Error::End { at: bytes.len() };
        assert_eq!(cty::from_slice_implied(bytes), Err(end.clone()));
        assert_eq!(legacy::from_slice::<Json>(bytes), Err(end));
    }
}

#[test]
fn what_is_after_the_value_is_an_error() {
    assert_eq!(cty::from_slice_implied(&[0xc0, 0xc0]), Err(Error::Trailing { at: 1 }));
    assert_eq!(
        legacy::from_slice::<Option<u8>>(&[0xc0, 0xc0]),
        Err(Error::Trailing { at: 1 })
    );
}

#[test]
fn what_is_no_value_is_named_with_its_place() {
    let message = |bytes: &[u8]| cty::from_slice_implied(bytes).unwrap_err().to_string();
    assert_eq!(message(&[0x91, 0xc1]), "expected a value at byte 1, found the byte c1");
    assert_eq!(message(&[0x91, 0xa1, 0xff]), "the text at byte 1 is not UTF-8");
    assert_eq!(
        message(&[0x81, 0x05, 0x05]),
        "expected a text as a map's key at byte 1, found an integer"
    );
    assert_eq!(
        message(&[0x91, 0xd4, 5, 5]),
        "expected a value at byte 1, found an extension"
    );
    let nan = [0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0];
    assert_eq!(message(&nan), "expected a number at byte 0, found a float");
}

#[test]
fn unknown_values_come_back_whatever_is_said_of_them() {
    let unknown = encamp_hclspec::Value::Unknown(encamp_hclspec::Type::Any);
    for bytes in [&[0xd4, 0, 0][..], &[0xc7, 3, 12, 0x81, 1, 0xc2]] {
        assert_eq!(cty::from_slice_implied(bytes), Ok(unknown.clone()));
    }
    assert_eq!(cty::to_vec(&unknown), Ok(vec![0xd4, 0, 0]));
    // A plugin cannot make anything of it, and is told so.
    assert!(legacy::from_slice::<BTreeMap<String, String>>(&[0x81, 0xa1, 0x61, 0xd4, 0, 0]).is_err());
}

#[test]
fn what_a_type_refuses_is_named_with_its_place_and_without_its_value() {
    #[derive(Debug, Deserialize)]
    struct Login {
        #[expect(dead_code, reason = "only what is wrong is looked at")]
        ports: Vec<BTreeMap<String, u16>>,
        #[expect(dead_code, reason = "only what is wrong is looked at")]
        mode: Mode,
    }
    #[derive(Debug, Default, Deserialize)]
    enum Mode {
        #[default]
        Fail,
        Delay,
    }
    assert!(matches!(
        legacy::from_slice(&[0xa4, b'F', b'a', b'i', b'l']),
        Ok(Mode::Fail)
    ));
    assert!(matches!(legacy::from_slice(b"\xa5Delay"), Ok(Mode::Delay)));
    let message = |value: Json| {
        let bytes = legacy::to_vec(&value).unwrap();
        legacy::from_slice::<Login>(&bytes).unwrap_err().to_string()
    };
    assert_eq!(
        message(serde_json::json!({"ports": [{}, {"db": "hunter2"}]})),
        "`ports[1].db`: expected u16, found string"
    );
    assert_eq!(
        message(serde_json::json!([[{"db": 77_777}]])),
        "`ports[0].db`: expected u16, found another number"
    );
    assert_eq!(
        message(serde_json::json!({"ports": [], "mode": "hunter2"})),
        "`mode`: expected one of `Fail`, `Delay`, found another string"
    );
    assert_eq!(message(serde_json::json!({"ports": []})), "missing field `mode`");
}
