//! Rust types as schemas.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;
use serde::de::DeserializeOwned;

use crate::spec::Check;
use crate::{
    Body, Context, Diagnostic, Diagnostics, Number, Source, Span, Spec, Spellings, Type, Value, decode_with, from_value,
};

/// A type that is its own schema.
///
/// With the feature `derive`, `#[derive(HclSpec)]` implements it for a struct with named fields. Each field is an
/// argument of its name and type; a field that is no `Option` and has no default is required; doc comments become
/// descriptions. Beside serde's `rename`, `rename_all`, `default` and `skip`, fields take `#[hcl(..)]`:
///
/// | attribute | what it makes of the field |
/// |---|---|
/// | `block` | a block; a list of blocks where it is a `Vec` or a set; its type has a schema too |
/// | `block, min = 1, max = 3` | from one to three blocks |
/// | `block, set` | blocks of which equal ones count once |
/// | `block, labels("name")` | blocks with labels; one level of maps for each |
/// | `attrs` | a block of arguments with any names; a map |
/// | `label` | a label of the block; the first such field is the first label |
/// | `default = 5` | the value where it is missing or null |
/// | `optional` | may be missing, though it is no `Option`: serde says what it is then |
/// | `type = Type::String` | an argument of this type, whatever the field's own |
/// | `span` | the place of the block, a [`Place`] |
/// | `check = f` | an argument that `f`, a `fn(&Value) -> Diagnostics`, has looked at; of the struct: all of the block |
/// | `skip` | nothing |
#[cfg_attr(
    feature = "derive",
    doc = r#"
```
use encamp_hclspec::{Body, Context, HclSpec, Source, decode_into};

#[derive(serde::Deserialize, HclSpec)]
struct Task {
    /// What to run.
    image: String,
    #[serde(default)]
    args: Vec<String>,
    #[hcl(default = 64)]
    memory: u64,
    #[hcl(block)]
    mount: Vec<Mount>,
}

#[derive(serde::Deserialize, HclSpec)]
struct Mount {
    #[hcl(label)]
    target: String,
    readonly: Option<bool>,
}

let source = Source::new("task.hcl", "image = \"busybox\"\nmount \"/data\" {}\n".to_owned());
let task: Task = decode_into(&Body::parse(source)?, &Context::new())?;
assert_eq!((task.image.as_str(), task.memory, task.mount[0].target.as_str()), ("busybox", 64, "/data"));

let source = Source::new("task.hcl", "image = \"busybox\"\nmemory = -1\n".to_owned());
let errors = decode_into::<Task>(&Body::parse(source)?, &Context::new()).err().unwrap();
assert!(errors.to_string().starts_with("task.hcl:2:10: "), "{errors}");
# Ok::<(), encamp_hclspec::Diagnostics>(())
```
"#
)]
pub trait HclSpec {
    /// The schema.
    fn hcl_spec() -> Spec;
}

/// A type that an argument's value can be.
///
/// A [`Value`] is whatever was written, of the type that it has by itself: `[1, 2]` is a tuple and `{ a = 1 }` an object,
/// as in all of HCL, where nothing asks for a list or a map; [`convert`](crate::cty::convert) makes them so.
/// [`Value::as_list`] and [`Value::as_map`] do not tell the two apart.
///
/// With the feature `derive`, `#[derive(HclType)]` implements it for an enum whose variants have no fields: an argument
/// that is one of several texts, the names by which serde reads the variants. They are in the schema's exports, too.
#[cfg_attr(
    feature = "derive",
    doc = r#"
```
use encamp_hclspec::{Body, Context, HclSpec, HclType, Source, decode_into};

#[derive(serde::Deserialize, HclType)]
#[serde(rename_all = "kebab-case")]
enum Restart {
    Always,
    OnFailure,
}

#[derive(serde::Deserialize, HclSpec)]
struct Task {
    restart: Restart,
}

let source = Source::new("task.hcl", "restart = \"on-failrue\"\n".to_owned());
let errors = decode_into::<Task>(&Body::parse(source)?, &Context::new()).err().unwrap();
let text = "task.hcl:1:11: Invalid value; This is one of \"always\", \"on-failure\". Did you mean \"on-failure\"?";
assert_eq!(errors.to_string(), text);
# Ok::<(), encamp_hclspec::Diagnostics>(())
```
"#
)]
pub trait HclType {
    /// The type of the argument.
    fn hcl_type() -> Type;

    /// A look at values, for what their type does not say: that a text is one of several.
    fn hcl_check() -> Option<Check> {
        None
    }
}

/// Where a block is in its text: a field of this type that is `#[hcl(span)]` is filled in when the block is decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize)]
pub struct Place {
    /// The first byte of the block's header.
    pub start: usize,
    /// The byte after its header.
    pub end: usize,
}

impl Place {
    /// The place in the text that the body was from.
    pub fn span(self, source: &Arc<Source>) -> Span {
        Span::new(source, self.start..self.end)
    }
}

/// The value of a body as a Rust type, by its schema.
///
/// # Errors
///
/// Everything that is wrong with the body by the schema; and what the type itself refuses, at the place of the value.
pub fn decode_into<T: HclSpec + DeserializeOwned>(body: &Body, context: &Context) -> Result<T, Diagnostics> {
    decode_into_with(body, context, Spellings::Strict)
}

/// The same, with a choice of spellings.
///
/// # Errors
///
/// As [`decode_into`].
pub fn decode_into_with<T: HclSpec + DeserializeOwned>(
    body: &Body,
    context: &Context,
    spellings: Spellings,
) -> Result<T, Diagnostics> {
    let value = decode_with(&T::hcl_spec(), body, context, spellings)?;
    into_type(value, body)
}

/// A decoded value as a Rust type. What the type refuses is an error at the place that the value came from.
///
/// # Errors
///
/// A value that is no `T`: a negative number for a `u64`, a text that is no variant of an enum.
pub fn into_type<T: DeserializeOwned>(value: Value, body: &Body) -> Result<T, Diagnostics> {
    from_value(value).map_err(|error| {
        let path: Vec<&str> = error.path().iter().map(String::as_str).collect();
        let span = body.locate(&path).unwrap_or_else(|| body.missing_span());
        let detail = format!("{error}.");
        Diagnostic::error("Incorrect attribute value", detail)
            .with_span(span)
            .with_path(path)
            .into()
    })
}

macro_rules! types {
    ($($hcl:expr => $($rust:ty),+;)*) => {$($(
        impl HclType for $rust {
            fn hcl_type() -> Type {
                $hcl
            }
        }
    )+)*};
}

types! {
    Type::String => String, char, PathBuf;
    Type::Bool => bool;
    Type::Number => i8, i16, i32, i64, u8, u16, u32, u64, usize, isize, f32, f64, Number;
    Type::Any => Value;
}

impl<T: HclType> HclType for Option<T> {
    fn hcl_type() -> Type {
        T::hcl_type()
    }

    fn hcl_check() -> Option<Check> {
        T::hcl_check()
    }
}

impl<T: HclType> HclType for Vec<T> {
    fn hcl_type() -> Type {
        Type::list(T::hcl_type())
    }
}

impl<T: HclType> HclType for BTreeSet<T> {
    fn hcl_type() -> Type {
        Type::set(T::hcl_type())
    }
}

impl<T: HclType, S> HclType for HashSet<T, S> {
    fn hcl_type() -> Type {
        Type::set(T::hcl_type())
    }
}

impl<T: HclType> HclType for BTreeMap<String, T> {
    fn hcl_type() -> Type {
        Type::map(T::hcl_type())
    }
}

impl<T: HclType, S> HclType for HashMap<String, T, S> {
    fn hcl_type() -> Type {
        Type::map(T::hcl_type())
    }
}

impl<T: HclType, S> HclType for IndexMap<String, T, S> {
    fn hcl_type() -> Type {
        Type::map(T::hcl_type())
    }
}
