//! What holds for every value and for all bytes.

use std::collections::BTreeMap;

use encamp_hclspec::{Number, Type, Value};
use encamp_hclspec_msgpack::{cty, legacy};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<i64>().prop_map(Number::from),
        any::<u64>().prop_map(Number::from),
        any::<f64>().prop_filter_map("NaN is no number", Number::from_f64_exact),
        any::<f64>().prop_filter_map("NaN is no number", Number::from_f64),
        "-?[0-9]{1,150}(\\.[0-9]{1,3})?".prop_map(|text| text.parse().unwrap()),
        (any::<i32>(), -400_i32..400).prop_map(|(digits, exponent)| format!("{digits}e{exponent}").parse().unwrap()),
        Just(Number::INFINITY),
    ]
}

fn ty() -> impl Strategy<Value = Type> {
    let simple = prop_oneof![Just(Type::String), Just(Type::Number), Just(Type::Bool)];
    simple.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(Type::list),
            inner.clone().prop_map(Type::set),
            inner.clone().prop_map(Type::map),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Type::tuple),
            prop::collection::vec(("[a-z\u{e9}]{1,3}", inner), 0..3).prop_map(Type::object),
        ]
    })
}

/// A value of a type.
fn value(ty: &Type) -> BoxedStrategy<Value> {
    let known: BoxedStrategy<Value> = match ty {
        Type::String => "\\PC{0,40}".prop_map(Value::from).boxed(),
        Type::Number => number().prop_map(Value::Number).boxed(),
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::List(element) => {
            let ty = element.as_ref().clone();
            let values = prop::collection::vec(value(element), 0..4);
            values.prop_map(move |values| Value::list(ty.clone(), values)).boxed()
        }
        Type::Set(element) => {
            let ty = element.as_ref().clone();
            let values = prop::collection::vec(value(element), 0..4);
            values.prop_map(move |values| Value::set(ty.clone(), values)).boxed()
        }
        Type::Map(element) => {
            let ty = element.as_ref().clone();
            let entries = prop::collection::vec(("\\PC{0,35}", value(element)), 0..4);
            entries.prop_map(move |entries| Value::map(ty.clone(), entries)).boxed()
        }
        Type::Tuple(elements) => elements
            .iter()
            .map(value)
            .collect::<Vec<_>>()
            .prop_map(Value::Tuple)
            .boxed(),
        Type::Object(attributes) => {
            let names: Vec<String> = attributes.keys().cloned().collect();
            let values: Vec<_> = attributes.values().map(value).collect();
            values
                .prop_map(move |values| Value::object(names.iter().cloned().zip(values)))
                .boxed()
        }
        _ => Just(Value::NULL).boxed(),
    };
    let null = Just(Value::Null(ty.clone()));
    prop_oneof![8 => known, 1 => null].boxed()
}

fn typed() -> impl Strategy<Value = Value> {
    ty().prop_flat_map(|ty| value(&ty))
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Record {
    z: Option<i64>,
    a: u64,
    text: String,
    flags: Vec<bool>,
    float: f64,
    map: BTreeMap<String, Option<f32>>,
    inner: Option<Box<Record>>,
}

/// What a plugin reads.
#[derive(Deserialize)]
struct Config {
    numbers: Vec<f64>,
    text: String,
}

fn record() -> impl Strategy<Value = Record> {
    let map = prop::collection::btree_map("\\PC{0,40}", prop::option::of(-1e9_f32..1e9), 0..20);
    let fields = (
        any::<Option<i64>>(),
        any::<u64>(),
        "\\PC{0,40}",
        any::<Vec<bool>>(),
        -1e300_f64..1e300,
        map,
    );
    let leaf = fields.prop_map(|(z, a, text, flags, float, map)| Record {
        z,
        a,
        text,
        flags,
        float,
        map,
        inner: None,
    });
    (leaf.clone(), prop::option::of(leaf)).prop_map(|(mut outer, inner)| {
        outer.inner = inner.map(Box::new);
        outer
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn values_come_back_by_their_type(value in typed()) {
        let encoded = cty::to_vec(&value).unwrap();
        prop_assert_eq!(cty::from_slice(&encoded, &value.ty()).unwrap(), value);
    }

    #[test]
    fn values_come_back_from_json(value in typed()) {
        let text = encamp_hclspec::cty::json::to_string(&value, &value.ty());
        // There is no JSON for infinities.
        let Ok(text) = text else { return Ok(()) };
        prop_assert_eq!(encamp_hclspec::cty::json::from_str(&text, &value.ty()).unwrap(), value);
    }

    #[test]
    fn records_come_back(record in record()) {
        let encoded = legacy::to_vec(&record).unwrap();
        prop_assert_eq!(legacy::from_slice::<Record>(&encoded).unwrap(), record);
    }

    /// A plugin reads its configuration with the other dialect than it is sent in.
    #[test]
    fn what_hosts_send_is_read_by_plugins(numbers in prop::collection::vec(number(), 0..5), text in "\\PC{0,40}") {
        let expected: Vec<f64> = numbers.iter().map(Number::as_f64).collect();
        let value = Value::object([
            ("numbers", Value::list(Type::Number, numbers)),
            ("text", Value::from(text.as_str())),
        ]);
        let config: Config = legacy::from_slice(&cty::to_vec(&value).unwrap()).unwrap();
        prop_assert_eq!(config.numbers, expected);
        prop_assert_eq!(Some(config.text.as_str()), value.get("text").and_then(Value::as_str));
    }

    #[test]
    fn no_bytes_are_too_much(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let implied = cty::from_slice_implied(&bytes);
        drop(legacy::from_slice::<Record>(&bytes));
        if let Ok(value) = implied {
            // What was read is written and read again.
            let encoded = cty::to_vec(&value).unwrap();
            prop_assert_eq!(cty::from_slice_implied(&encoded).unwrap().ty(), value.ty());
        }
    }

    #[test]
    fn bytes_cut_short_are_an_error(value in typed(), cut in any::<prop::sample::Index>()) {
        let encoded = cty::to_vec(&value).unwrap();
        let short = encoded.get(..cut.index(encoded.len())).unwrap();
        prop_assert!(cty::from_slice_implied(short).is_err());
    }
}
