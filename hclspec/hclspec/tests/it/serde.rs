//! Values into Rust types.

use std::collections::BTreeMap;

use encamp_hclspec::{Number, Value, from_value};
use serde::Deserialize;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Pull {
    Always,
    Never,
    Within(u32),
    Of { host: String },
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Config {
    image: String,
    args: Vec<String>,
    ports: BTreeMap<String, u16>,
    size: Option<u64>,
    low: i64,
    ratio: f64,
    exact: Option<Number>,
    pull: Option<Pull>,
    raw: Option<Value>,
}

fn config(entries: impl IntoIterator<Item = (&'static str, Value)>) -> Result<Config, String> {
    from_value(Value::map(entries)).map_err(|error| error.to_string())
}

#[test]
fn integers_keep_every_digit() {
    let decoded = config([("size", u64::MAX.into()), ("low", i64::MIN.into()), ("ratio", 2.into())]).unwrap();
    assert_eq!(
        (decoded.size, decoded.low, decoded.ratio),
        (Some(u64::MAX), i64::MIN, 2.0)
    );
    let exact: Number = "0.1".parse().unwrap();
    assert_eq!(
        config([("exact", Value::Number("5".parse().unwrap()))]).unwrap().exact,
        Some(Number::from(5))
    );
    assert_eq!(
        config([("ratio", exact.into())]).unwrap().ratio.to_bits(),
        0.1_f64.to_bits()
    );
}

#[test]
fn null_is_as_good_as_missing_in_a_struct() {
    let nulls = ["image", "args", "ports", "size", "pull"].map(|name| (name, Value::Null));
    assert_eq!(config(nulls), Ok(Config::default()));
}

#[test]
fn enums_are_texts_or_maps_of_one_entry() {
    let pull = |value: Value| config([("pull", value)]).map(|config| config.pull.unwrap());
    assert_eq!(pull("always".into()), Ok(Pull::Always));
    assert_eq!(pull(Value::map([("within", 5)])), Ok(Pull::Within(5)));
    assert_eq!(
        pull(Value::map([("of", Value::map([("host", "h")]))])),
        Ok(Pull::Of { host: "h".to_owned() })
    );
    assert!(
        pull("no".into())
            .unwrap_err()
            .starts_with("`pull`: unknown variant `no`")
    );
    assert!(pull(5.into()).unwrap_err().contains("found number"));
}

#[test]
fn errors_name_the_path_and_hide_the_value() {
    let error = config([("args", Value::list([Value::from("a"), Value::list(["hunter2"])]))]).unwrap_err();
    assert_eq!(error, "`args[1]`: expected a string, found list");
    let error = config([("ports", Value::map([("http", 70_000)]))]).unwrap_err();
    assert_eq!(error, "`ports.http`: expected u16, found another number");
    let error = config([("size", "hunter2".into())]).unwrap_err();
    assert_eq!(error, "`size`: expected u64, found string");
}

#[test]
fn a_text_is_taken_for_bytes() {
    #[derive(Deserialize)]
    struct Raw {
        data: Bytes,
    }
    #[derive(Debug, PartialEq)]
    struct Bytes(Vec<u8>);
    impl<'de> Deserialize<'de> for Bytes {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visit;
            impl serde::de::Visitor<'_> for Visit {
                type Value = Bytes;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("bytes")
                }
                fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
                    Ok(Bytes(bytes))
                }
            }
            deserializer.deserialize_byte_buf(Visit)
        }
    }
    let raw: Raw = from_value(Value::map([("data", "ab")])).unwrap();
    assert_eq!(raw.data, Bytes(b"ab".to_vec()));
}

#[test]
fn lists_of_maps_merge_into_one() {
    #[derive(Deserialize)]
    struct Merged {
        #[serde(default, deserialize_with = "encamp_hclspec::serde_map::merged")]
        map: BTreeMap<String, i32>,
    }
    let merge = |value: Value| from_value::<Merged>(Value::map([("map", value)])).map(|merged| merged.map);
    let both = BTreeMap::from([("a".to_owned(), 3), ("b".to_owned(), 2)]);
    let maps = [Value::map([("a", 1), ("b", 2)]), Value::map([("a", 3)])];
    assert_eq!(merge(Value::List(maps.to_vec())), Ok(both));
    assert_eq!(merge(Value::map([("a", 1)])), Ok(BTreeMap::from([("a".to_owned(), 1)])));
    assert_eq!(merge(Value::Null), Ok(BTreeMap::new()));
    assert!(merge(5.into()).is_err());
}

#[test]
fn values_pass_through_other_formats() {
    let value = Value::map([(
        "a",
        Value::list([Value::Null, true.into(), u64::MAX.into(), (-5).into(), "x".into()]),
    )]);
    let text = serde_json::to_string(&value).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    assert_eq!(from_value::<Value>(value.clone()), Ok(value));
}
