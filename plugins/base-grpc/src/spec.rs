//! Schemas as the protocol's messages.

use encamp_hclspec::spec::wire::{WireBlocks, WireError, WireSpec};
use encamp_hclspec::{Diagnostics, Spec};
use encamp_proto::hclspec as wire;
use encamp_proto::hclspec::spec::Block;

/// Messages may be nested this deep; the reader of specs has the same limit.
const MAX_DEPTH: usize = 200;

/// A schema as a message.
///
/// # Errors
/// What the protocol has no message for, with its place.
pub fn to_message(spec: &Spec) -> Result<wire::Spec, WireError> {
    Ok(message(spec.to_wire()?))
}

/// The schema that a message says; none for a plugin that sends none.
///
/// # Errors
/// All that is wrong with it, with the path of each part.
pub fn from_message(message: wire::Spec) -> Result<Spec, Diagnostics> {
    Spec::from_wire(&data(message, 0))
}

fn message(spec: WireSpec) -> wire::Spec {
    let nested = |spec: Option<Box<WireSpec>>| spec.map(|spec| Box::new(message(*spec)));
    let block = match spec {
        WireSpec::Object(parts) => Block::Object(wire::Object {
            attributes: parts.into_iter().map(|(name, part)| (name, message(part))).collect(),
        }),
        WireSpec::Array(parts) => Block::Array(wire::Array {
            values: parts.into_iter().map(message).collect(),
        }),
        WireSpec::Attr {
            name,
            type_text,
            required,
        } => Block::Attr(wire::Attr {
            name,
            r#type: type_text,
            required,
        }),
        WireSpec::Block {
            name,
            required,
            nested: spec,
        } => Block::BlockValue(Box::new(wire::Block {
            name,
            required,
            nested: nested(spec),
        })),
        WireSpec::BlockAttrs {
            name,
            type_text,
            required,
        } => Block::BlockAttrs(wire::BlockAttrs {
            name,
            r#type: type_text,
            required,
        }),
        WireSpec::BlockList(blocks) => Block::BlockList(Box::new(wire::BlockList {
            name: blocks.name,
            min_items: blocks.min_items,
            max_items: blocks.max_items,
            nested: nested(blocks.nested),
        })),
        WireSpec::BlockSet(blocks) => Block::BlockSet(Box::new(wire::BlockSet {
            name: blocks.name,
            min_items: blocks.min_items,
            max_items: blocks.max_items,
            nested: nested(blocks.nested),
        })),
        WireSpec::BlockMap {
            name,
            labels,
            nested: spec,
        } => Block::BlockMap(Box::new(wire::BlockMap {
            name,
            labels,
            nested: nested(spec),
        })),
        WireSpec::Default { primary, default } => Block::Default(Box::new(wire::Default {
            primary: nested(primary),
            default: nested(default),
        })),
        WireSpec::Literal(value) => Block::Literal(wire::Literal { value }),
        // What is unset, and what a later version may add.
        _ => return wire::Spec { block: None },
    };
    wire::Spec { block: Some(block) }
}

fn data(spec: wire::Spec, depth: usize) -> WireSpec {
    // One level more than is accepted, so that the reader tells of it, and no more.
    let Some(block) = spec.block.filter(|_| depth <= MAX_DEPTH) else {
        return WireSpec::Unset;
    };
    let part = |spec: wire::Spec| data(spec, depth + 1);
    let nested = |spec: Option<Box<wire::Spec>>| spec.map(|spec| Box::new(part(*spec)));
    match block {
        Block::Object(object) => {
            let parts = object.attributes.into_iter();
            WireSpec::Object(parts.map(|(name, spec)| (name, part(spec))).collect())
        }
        Block::Array(array) => WireSpec::Array(array.values.into_iter().map(part).collect()),
        Block::Attr(attr) => WireSpec::Attr {
            name: attr.name,
            type_text: attr.r#type,
            required: attr.required,
        },
        Block::BlockValue(block) => WireSpec::Block {
            name: block.name,
            required: block.required,
            nested: nested(block.nested),
        },
        Block::BlockAttrs(attrs) => WireSpec::BlockAttrs {
            name: attrs.name,
            type_text: attrs.r#type,
            required: attrs.required,
        },
        Block::BlockList(blocks) => WireSpec::BlockList(WireBlocks {
            name: blocks.name,
            min_items: blocks.min_items,
            max_items: blocks.max_items,
            nested: nested(blocks.nested),
        }),
        Block::BlockSet(blocks) => WireSpec::BlockSet(WireBlocks {
            name: blocks.name,
            min_items: blocks.min_items,
            max_items: blocks.max_items,
            nested: nested(blocks.nested),
        }),
        Block::BlockMap(blocks) => WireSpec::BlockMap {
            name: blocks.name,
            labels: blocks.labels,
            nested: nested(blocks.nested),
        },
        Block::Default(pair) => WireSpec::Default {
            primary: nested(pair.primary),
            default: nested(pair.default),
        },
        Block::Literal(literal) => WireSpec::Literal(literal.value),
    }
}

#[cfg(test)]
mod tests {
    use encamp_hclspec::{Type, Value};

    use super::*;

    #[track_caller]
    fn check(spec: &Spec) {
        let message = to_message(spec).unwrap();
        assert_eq!(&from_message(message).unwrap(), spec);
    }

    #[test]
    fn every_node_of_the_protocol_survives_the_wire() {
        let attr = Spec::attr("a", Type::String).required();
        check(&attr);
        check(&Spec::Array(vec![attr.clone(), Spec::attr("b", Type::Number)]));
        check(&Spec::object([
            ("a", attr.clone()),
            ("block", Spec::block("block", attr.clone())),
            ("blocks", Spec::block_list("blocks", attr.clone())),
            ("set", Spec::block_set("set", attr.clone())),
            ("map", Spec::block_map("map", ["name"], attr.clone())),
            ("attrs", Spec::block_attrs("attrs", Type::String)),
            (
                "default",
                Spec::default_value(Spec::attr("d", Type::String), Value::from("3m")),
            ),
        ]));
    }

    #[test]
    fn a_message_nested_without_end_is_refused() {
        let mut spec = wire::Spec { block: None };
        for _ in 0..1_000 {
            spec = wire::Spec {
                block: Some(Block::Array(wire::Array { values: vec![spec] })),
            };
        }
        assert!(from_message(spec).unwrap_err().to_string().contains("nested too deep"));
    }
}
