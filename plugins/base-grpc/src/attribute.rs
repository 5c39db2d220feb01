//! Facts as messages.

use std::collections::BTreeMap;

use encamp_base::{Attribute, AttributeValue};
use encamp_proto::structs as wire;
use encamp_proto::structs::attribute::Value;

/// Facts by name, as messages.
pub fn to_messages(attributes: BTreeMap<String, Attribute>) -> BTreeMap<String, wire::Attribute> {
    attributes
        .into_iter()
        .map(|(name, attribute)| (name, message(attribute)))
        .collect()
}

/// The facts that messages say. A fact without a value is left out.
pub fn from_messages(messages: BTreeMap<String, wire::Attribute>) -> BTreeMap<String, Attribute> {
    messages
        .into_iter()
        .filter_map(|(name, message)| Some((name, data(message)?)))
        .collect()
}

fn message(attribute: Attribute) -> wire::Attribute {
    let value = match attribute.value {
        AttributeValue::Bool(value) => Value::BoolVal(value),
        AttributeValue::Int(value) => Value::IntVal(value),
        AttributeValue::Float(value) => Value::FloatVal(value),
        AttributeValue::String(value) => Value::StringVal(value),
    };
    wire::Attribute {
        unit: attribute.unit,
        value: Some(value),
    }
}

fn data(message: wire::Attribute) -> Option<Attribute> {
    let value = match message.value? {
        Value::BoolVal(value) => AttributeValue::Bool(value),
        Value::IntVal(value) => AttributeValue::Int(value),
        Value::FloatVal(value) => AttributeValue::Float(value),
        Value::StringVal(value) => AttributeValue::String(value),
    };
    Some(Attribute {
        value,
        unit: message.unit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_survive_the_wire_with_their_units() {
        let facts: BTreeMap<String, Attribute> = [
            ("version".to_owned(), Attribute::from("29.5.0")),
            ("cuda".to_owned(), Attribute::from(true)),
            ("memory".to_owned(), Attribute::from(15_i64).in_unit("GiB")),
            ("power".to_owned(), Attribute::from(0.5).in_unit("kW")),
        ]
        .into();
        assert_eq!(from_messages(to_messages(facts.clone())), facts);
    }

    #[test]
    fn a_fact_without_a_value_is_none() {
        let empty = [("x".to_owned(), wire::Attribute::default())].into();
        assert_eq!(from_messages(empty), BTreeMap::new());
    }
}
