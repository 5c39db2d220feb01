//! What a spec lets a user write, whatever is made of it.

use crate::spec::{Blocks, LabelledBlocks};
use crate::{Spec, Type, Value};

/// A name that a body may have.
pub(super) struct Choice<'s> {
    pub(super) name: &'s str,
    pub(super) form: Form<'s>,
    pub(super) required: bool,
    pub(super) default: Option<&'s Value>,
    pub(super) description: Option<&'s str>,
    /// The texts that an argument may be, where it is one of some.
    pub(super) texts: &'s [String],
}

/// What stands at the name.
pub(super) enum Form<'s> {
    Argument(&'s Type),
    /// A block of arguments with any names.
    Free(&'s Type),
    Block {
        labels: Vec<&'s str>,
        /// How many there may be; none where there is no limit.
        max: Option<usize>,
        nested: Vec<Choice<'s>>,
    },
}

/// What a spec lets a user write, in its order; a name that is asked for twice counts once.
pub(super) fn choices(spec: &Spec) -> Vec<Choice<'_>> {
    let mut all: Vec<Choice<'_>> = Vec::new();
    collect(spec, Around::default(), &mut all);
    let mut seen = std::collections::HashSet::new();
    all.retain(|choice| seen.insert(choice.name));
    all
}

/// What the specs around a part say of it.
#[derive(Clone, Copy, Default)]
struct Around<'s> {
    default: Option<&'s Value>,
    description: Option<&'s str>,
    texts: &'s [String],
}

fn collect<'s>(spec: &'s Spec, around: Around<'s>, all: &mut Vec<Choice<'s>>) {
    let (name, form, required) = match spec {
        Spec::Object(parts) => return parts.values().for_each(|part| collect(part, Around::default(), all)),
        Spec::Array(parts) => return parts.iter().for_each(|part| collect(part, Around::default(), all)),
        Spec::Default { primary, default } => {
            let literal = match &**default {
                Spec::Literal(value) => Some(value),
                _ => None,
            };
            let default_of = around.default.or(literal);
            collect(
                primary,
                Around {
                    default: default_of,
                    ..around
                },
                all,
            );
            return collect(default, Around::default(), all);
        }
        Spec::Described { nested, text } => {
            let description = Some(text.as_str());
            return collect(nested, Around { description, ..around }, all);
        }
        Spec::Validate { nested, check } if !check.texts().is_empty() => {
            let texts = check.texts();
            return collect(nested, Around { texts, ..around }, all);
        }
        Spec::Transform { nested, .. } | Spec::Validate { nested, .. } => return collect(nested, around, all),
        Spec::Literal(_) | Spec::Expression(_) | Spec::BlockLabel { .. } | Spec::BlockPlace => return,
        Spec::Attr { name, ty, required } => (name, Form::Argument(ty), *required),
        Spec::BlockAttrs { name, ty, required } => (name, Form::Free(ty), *required),
        Spec::Block { name, required, nested } => (name, block(nested, &[], Some(1)), *required),
        Spec::BlockList(blocks) | Spec::BlockSet(blocks) | Spec::BlockTuple(blocks) => {
            let Blocks { name, min, max, nested } = blocks;
            (name, block(nested, &[], *max), *min > 0)
        }
        Spec::BlockMap(blocks) | Spec::BlockObject(blocks) => {
            let LabelledBlocks { name, labels, nested } = blocks;
            (name, block(nested, labels, None), false)
        }
    };
    all.push(Choice {
        name,
        form,
        required,
        default: around.default.filter(|value| !value.is_null()),
        description: around.description,
        texts: around.texts,
    });
}

fn block<'s>(nested: &'s Spec, labels: &'s [String], max: Option<usize>) -> Form<'s> {
    let mut labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    block_labels(nested, &mut labels);
    Form::Block {
        labels,
        max,
        nested: choices(nested),
    }
}

/// The labels that are values of the block.
fn block_labels<'s>(spec: &'s Spec, labels: &mut Vec<&'s str>) {
    match spec {
        Spec::BlockLabel { name, .. } => labels.push(name),
        Spec::Object(parts) => parts.values().for_each(|part| block_labels(part, labels)),
        Spec::Array(parts) => parts.iter().for_each(|part| block_labels(part, labels)),
        Spec::Described { nested, .. } | Spec::Transform { nested, .. } | Spec::Validate { nested, .. } => {
            block_labels(nested, labels);
        }
        Spec::Default { primary, default } => {
            block_labels(primary, labels);
            block_labels(default, labels);
        }
        _ => {}
    }
}
