//! Types.

use std::sync::Arc;

use indexmap::IndexMap;

/// The type of a value, or what a value is to be converted to.
///
/// Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Type {
    /// Whatever it is; of a null or an unknown value: nothing is known of its type.
    #[default]
    Any,
    /// A text.
    String,
    /// A number.
    Number,
    /// `true` or `false`.
    Bool,
    /// Values of one type, in order.
    List(Arc<Type>),
    /// Different values of one type, in the order of the values.
    Set(Arc<Type>),
    /// Values of one type under names.
    Map(Arc<Type>),
    /// Values, each of its own type, in order.
    Tuple(Arc<Vec<Type>>),
    /// Values, each of its own type, under names.
    Object(Arc<IndexMap<String, Type>>),
}
// To come: builders list, set, map, tuple, object; Display as HCL's type expression (`list(map(number))`);
// `friendly_name()` as HCL's messages name it ("list of map of number", "object", "tuple", "dynamic");
// `to_json()`/`from_json()` in cty's JSON form (`["list","string"]`); `has_any()`.
