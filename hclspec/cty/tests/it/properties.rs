use encamp_hclspec_cty::{Number, Type, Value, convert, json};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

/// Numbers of all sizes, by their text.
fn numbers() -> impl Strategy<Value = Number> {
    let text = prop_oneof![
        "-?[0-9]{1,3}",
        "-?[0-9]{1,200}\\.[0-9]{1,200}",
        "-?[0-9]{1,20}e-?[0-9]{1,4}"
    ];
    text.prop_map(|text| text.parse().unwrap_or_else(|error| panic!("{text}: {error}")))
}

fn primitives() -> impl Strategy<Value = Value> {
    prop_oneof![
        numbers().prop_map(Value::Number),
        any::<bool>().prop_map(Value::Bool),
        any::<String>().prop_map(Value::from),
        "[01]|true|false|-?[0-9]{1,3}".prop_map(Value::from),
        Just(Value::NULL),
    ]
}

/// Tuples and objects of anything.
fn values() -> impl Strategy<Value = Value> {
    primitives().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::tuple),
            btree_map("[a-c]", inner, 0..4).prop_map(Value::object),
        ]
    })
}

fn types() -> impl Strategy<Value = Type> {
    let leaf = prop_oneof![
        Just(Type::Any),
        Just(Type::String),
        Just(Type::Number),
        Just(Type::Bool)
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(Type::list),
            inner.clone().prop_map(Type::set),
            inner.clone().prop_map(Type::map),
            vec(inner.clone(), 0..3).prop_map(Type::tuple),
            btree_map("[a-c]", inner, 0..3).prop_map(Type::object),
        ]
    })
}

proptest! {
    #[test]
    fn a_number_is_read_back_from_its_text(number in numbers()) {
        prop_assert_eq!(number.to_string().parse(), Ok(number));
    }

    #[test]
    fn sums_and_products_do_not_depend_on_the_order(a in numbers(), b in numbers()) {
        prop_assert_eq!(a.checked_add(&b), b.checked_add(&a));
        prop_assert_eq!(a.checked_mul(&b), b.checked_mul(&a));
        prop_assert_eq!(a.checked_sub(&a), Ok(Number::ZERO));
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        if let Ok(difference) = a.checked_sub(&b) {
            prop_assert_eq!(difference.cmp(&Number::ZERO), a.cmp(&b));
        }
    }

    #[test]
    fn a_float_is_read_as_the_nearest_number(bits in any::<u64>()) {
        let float = f64::from_bits(bits);
        prop_assume!(float.is_finite());
        for number in [Number::from_f64(float), Number::from_f64_exact(float)] {
            prop_assert_eq!(number.map(|number| number.as_f64()), Some(float));
        }
    }

    #[test]
    fn floats_of_a_text_agree_with_the_standard_library(text in "-?[0-9]{1,40}\\.[0-9]{1,40}(e-?[0-9]{1,3})?") {
        let number: Number = text.parse().unwrap();
        prop_assert_eq!(number.as_f64(), text.parse::<f64>().unwrap());
    }

    #[test]
    fn a_value_is_read_back_from_plain_json(value in values()) {
        let text = json::to_plain_string(&value).unwrap();
        prop_assert_eq!(json::parse(&text), Ok(value));
    }

    #[test]
    fn a_converted_value_is_of_the_type_and_stays_as_it_is(value in values(), ty in types()) {
        if let Ok(once) = convert(value, &ty) {
            prop_assert!(ty.has_any() || once.is_of_type(&ty), "{:?} is not of {}", once, ty);
            let own = once.ty();
            prop_assert_eq!(convert(once.clone(), &own), Ok(once.clone()));
            prop_assert_eq!(convert(once.clone(), &ty), Ok(once.clone()));
            let text = json::to_string(&once, &own).unwrap();
            prop_assert_eq!(json::from_str(&text, &own), Ok(once.clone()));
            let text = json::to_string(&once, &Type::Any).unwrap();
            prop_assert_eq!(json::from_str(&text, &Type::Any), Ok(once));
        }
    }

    #[test]
    fn a_set_does_not_depend_on_the_order_of_its_making(mut values in vec(values(), 0..8)) {
        let there = Value::set(Type::Any, values.clone());
        values.reverse();
        values.extend(values.clone());
        prop_assert_eq!(Value::set(Type::Any, values), there);
    }

    #[test]
    fn no_text_makes_the_readers_panic(text in any::<String>(), number in "[-+0-9.eE]{0,12}", json in "[\\[\\]{}\",:0-9a-z\\\\ ]{0,24}") {
        let _ = text.parse::<Number>().is_ok();
        let _ = number.parse::<Number>().is_ok();
        let _ = json::parse(&json).is_ok();
    }

    #[test]
    fn a_type_is_read_back_from_its_json(ty in types()) {
        prop_assert_eq!(Type::from_json(&ty.to_json()), Some(ty));
    }
}
