use std::collections::BTreeMap;

use encamp_hclspec_cty::{Number, Type, Value, from_value};
use serde::Deserialize;

use crate::{number, value};

#[derive(Debug, Deserialize, PartialEq)]
struct Port {
    number: u16,
    #[serde(default)]
    ratio: f64,
    protocol: Option<Protocol>,
    #[serde(default, deserialize_with = "encamp_hclspec_cty::serde_map::merged")]
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Protocol {
    Tcp,
    Other(String),
}

fn port(json: &str) -> Result<Port, String> {
    from_value(value(json)).map_err(|error| error.to_string())
}

#[test]
fn values_become_structs() {
    let labels = BTreeMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
    let expected = Port {
        number: 80,
        ratio: 0.1,
        protocol: Some(Protocol::Tcp),
        labels,
    };
    let json = r#"{"number":80,"ratio":0.1,"protocol":"tcp","labels":[{"a":"1"},null,{"b":"2"}]}"#;
    assert_eq!(port(json), Ok(expected));
    let expected = Port {
        number: 80,
        ratio: 0.0,
        protocol: Some(Protocol::Other("x".into())),
        labels: BTreeMap::new(),
    };
    assert_eq!(
        port(r#"{"number":"80","ratio":null,"protocol":{"other":"x"},"labels":null}"#),
        Ok(expected)
    );
}

#[test]
fn errors_have_their_path_and_not_the_value() {
    assert_eq!(
        port(r#"{"number":"secret"}"#),
        Err("`number`: expected u16, found string".into())
    );
    assert_eq!(
        port(r#"{"number":70000}"#),
        Err("`number`: expected u16, found another number".into())
    );
    assert!(
        port(r#"{"number":1,"labels":[{"a":[]}]}"#)
            .unwrap_err()
            .starts_with("`labels[0].a`: ")
    );
    let unknown = from_value::<Vec<String>>(Value::tuple([Value::Unknown(Type::String)])).unwrap_err();
    assert_eq!(unknown.to_string(), "`[0]`: the value is not known");
}

#[test]
fn what_a_type_refuses_is_not_in_the_message() {
    #[derive(Debug, Deserialize)]
    enum Mode {
        Fail,
        Delay,
    }
    let mode = from_value::<Mode>(Value::from("hunter2")).unwrap_err();
    assert_eq!(
        mode.to_string(),
        "expected one of `Fail`, `Delay`, found another string"
    );
    let modes = ["Fail", "Delay"].map(|name| from_value::<Mode>(Value::from(name)).unwrap());
    assert!(matches!(modes, [Mode::Fail, Mode::Delay]));
    let number = from_value::<u16>(Value::from("hunter2")).unwrap_err();
    assert_eq!(number.to_string(), "expected u16, found string");
}

#[test]
fn numbers_in_text_are_numbers_where_these_are_wanted() {
    assert_eq!(from_value::<f64>(Value::from("0.1")), Ok(0.1));
    assert_eq!(from_value::<u64>(Value::from("18446744073709551615")), Ok(u64::MAX));
    assert_eq!(
        from_value::<i128>(number("-170141183460469231731687303715884105728")),
        Ok(i128::MIN)
    );
    assert_eq!(
        from_value::<Number>(Value::from("1e30")).map(|number| number.to_string()),
        Ok(format!("1{}", "0".repeat(30)))
    );
    for text in ["18446744073709551617", "0.1", "3.14159265358979323846", "-7", "1e-400"] {
        assert_eq!(from_value::<Number>(number(text)), Ok(text.parse().unwrap()), "{text}");
    }
    assert_eq!(serde_json::from_str::<Vec<Number>>("[0.5, 7]").unwrap().len(), 2);
    let any = value(r#"{"a":[18446744073709551617,18446744073709551615,3.14159265358979323846,-7,"5",null]}"#);
    assert_eq!(from_value::<Value>(any.clone()), Ok(any));
    assert_eq!(from_value::<String>(Value::from("5")), Ok("5".to_owned()));
    assert!(from_value::<i64>(number("0.5")).is_err());
}

#[test]
fn other_formats_become_values_and_back() {
    let text = r#"{"a":[1,-2,0.5,"x",true,null],"b":{"c":18446744073709551615}}"#;
    let read: Value = serde_json::from_str(text).unwrap();
    assert_eq!(read, value(text));
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
}
