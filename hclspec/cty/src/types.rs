//! Types.

use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use indexmap::IndexMap;

/// The type of a value, or what a value is to be converted to.
///
/// Cheap to clone. Object types are equal whatever the order of their attributes.
///
/// ```
/// use encamp_hclspec_cty::Type;
///
/// let ty = Type::list(Type::object([("port", Type::Number)]));
/// assert_eq!(ty.to_string(), "list(object({port=number}))");
/// assert_eq!(ty.friendly_name(), "list of object");
/// assert_eq!(ty.to_json().to_string(), r#"["list",["object",{"port":"number"}]]"#);
/// ```
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

impl Type {
    /// The type of lists of such elements.
    #[must_use]
    pub fn list(element: Self) -> Self {
        Self::List(Arc::new(element))
    }

    /// The type of sets of such elements.
    #[must_use]
    pub fn set(element: Self) -> Self {
        Self::Set(Arc::new(element))
    }

    /// The type of maps of such elements.
    #[must_use]
    pub fn map(element: Self) -> Self {
        Self::Map(Arc::new(element))
    }

    /// The type of tuples of these elements.
    pub fn tuple(elements: impl IntoIterator<Item = Self>) -> Self {
        Self::Tuple(Arc::new(elements.into_iter().collect()))
    }

    /// The type of objects with these attributes; of two of one name the later counts.
    pub fn object<K: Into<String>>(attributes: impl IntoIterator<Item = (K, Self)>) -> Self {
        let attributes = attributes.into_iter();
        Self::Object(Arc::new(
            attributes.map(|(name, ty)| (crate::nfc(name.into()), ty)).collect(),
        ))
    }

    /// Whether it is string, number or bool.
    pub fn is_primitive(&self) -> bool {
        matches!(self, Self::String | Self::Number | Self::Bool)
    }

    /// Whether it is a list, a set or a map.
    pub fn is_collection(&self) -> bool {
        matches!(self, Self::List(_) | Self::Set(_) | Self::Map(_))
    }

    /// The type of a collection's elements.
    pub fn element_type(&self) -> Option<&Self> {
        match self {
            Self::List(element) | Self::Set(element) | Self::Map(element) => Some(element),
            _ => None,
        }
    }

    /// Whether there is an [`Type::Any`] in it.
    pub fn has_any(&self) -> bool {
        match self {
            Self::Any => true,
            Self::String | Self::Number | Self::Bool => false,
            Self::List(element) | Self::Set(element) | Self::Map(element) => element.has_any(),
            Self::Tuple(elements) => elements.iter().any(Self::has_any),
            Self::Object(attributes) => attributes.values().any(Self::has_any),
        }
    }

    /// Its name in messages about what a value is: `list of map of number`, `object`, `tuple`, `dynamic`.
    pub fn friendly_name(&self) -> String {
        self.name_or("dynamic", "dynamic")
    }

    /// Its name in messages about what a value is to be: as [`friendly_name`](Self::friendly_name), but `any type` and
    /// `list of any single type`.
    pub fn constraint_name(&self) -> String {
        self.name_or("any type", "any single type")
    }

    fn name_or(&self, any: &str, any_element: &str) -> String {
        let of = |kind: &str, element: &Self| format!("{kind} of {}", element.name_or(any_element, any_element));
        match self {
            Self::Any => any.to_owned(),
            Self::String => "string".to_owned(),
            Self::Number => "number".to_owned(),
            Self::Bool => "bool".to_owned(),
            Self::List(element) => of("list", element),
            Self::Set(element) => of("set", element),
            Self::Map(element) => of("map", element),
            Self::Tuple(_) => "tuple".to_owned(),
            Self::Object(_) => "object".to_owned(),
        }
    }

    /// The type in cty's JSON form: `"string"`, `["list","string"]`, `["object",{"a":"number"}]`, `"dynamic"`.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::{Value as Json, json};
        match self {
            Self::Any => json!("dynamic"),
            Self::String => json!("string"),
            Self::Number => json!("number"),
            Self::Bool => json!("bool"),
            Self::List(element) => json!(["list", element.to_json()]),
            Self::Set(element) => json!(["set", element.to_json()]),
            Self::Map(element) => json!(["map", element.to_json()]),
            Self::Tuple(elements) => json!(["tuple", elements.iter().map(Self::to_json).collect::<Vec<_>>()]),
            Self::Object(_) => {
                let attributes = self.sorted_attributes().into_iter();
                let attributes = attributes.map(|(name, ty)| (name.to_owned(), ty.to_json()));
                json!(["object", Json::Object(attributes.collect())])
            }
        }
    }

    /// The type from cty's JSON form; none if it is something else.
    pub fn from_json(json: &serde_json::Value) -> Option<Self> {
        if let Some(name) = json.as_str() {
            return match name {
                "dynamic" => Some(Self::Any),
                "string" => Some(Self::String),
                "number" => Some(Self::Number),
                "bool" => Some(Self::Bool),
                _ => None,
            };
        }
        let [kind, of] = json.as_array()?.as_slice() else {
            return None;
        };
        match kind.as_str()? {
            "list" => Some(Self::list(Self::from_json(of)?)),
            "set" => Some(Self::set(Self::from_json(of)?)),
            "map" => Some(Self::map(Self::from_json(of)?)),
            // Go's encoder writes no elements as null.
            "tuple" if of.is_null() => Some(Self::tuple([])),
            "tuple" => {
                let elements = of.as_array()?.iter().map(Self::from_json);
                Some(Self::tuple(elements.collect::<Option<Vec<_>>>()?))
            }
            "object" => {
                let attributes = of.as_object()?.iter();
                let attributes = attributes.map(|(name, ty)| Some((name.clone(), Self::from_json(ty)?)));
                Some(Self::object(attributes.collect::<Option<Vec<_>>>()?))
            }
            _ => None,
        }
    }

    /// The attributes of an object type, sorted by name; none of another type.
    pub(crate) fn sorted_attributes(&self) -> Vec<(&str, &Self)> {
        let Self::Object(attributes) = self else {
            return Vec::new();
        };
        let mut sorted: Vec<_> = attributes.iter().map(|(name, ty)| (name.as_str(), ty)).collect();
        sorted.sort_unstable_by_key(|(name, _)| *name);
        sorted
    }
}

/// HCL's type expression: `list(map(number))`, `object({a=string,b=number})`, `any`.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::String => f.write_str("string"),
            Self::Number => f.write_str("number"),
            Self::Bool => f.write_str("bool"),
            Self::List(element) => write!(f, "list({element})"),
            Self::Set(element) => write!(f, "set({element})"),
            Self::Map(element) => write!(f, "map({element})"),
            Self::Tuple(elements) => {
                f.write_str("tuple([")?;
                for (index, element) in elements.iter().enumerate() {
                    write!(f, "{}{element}", if index == 0 { "" } else { "," })?;
                }
                f.write_str("])")
            }
            Self::Object(_) => {
                f.write_str("object({")?;
                for (index, (name, ty)) in self.sorted_attributes().into_iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { "," })?;
                    write_name(f, name)?;
                    write!(f, "={ty}")?;
                }
                f.write_str("})")
            }
        }
    }
}

/// An attribute's name, in quotes where it is no identifier.
fn write_name(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    let mut chars = name.chars();
    let identifier = chars.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    if identifier {
        return f.write_str(name);
    }
    f.write_str("\"")?;
    for c in name.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}

/// Equal types have equal hashes: the order of attributes is left out.
impl Hash for Type {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Self::Any | Self::String | Self::Number | Self::Bool => {}
            Self::List(element) | Self::Set(element) | Self::Map(element) => element.hash(state),
            Self::Tuple(elements) => elements.hash(state),
            Self::Object(attributes) => {
                let hasher = BuildHasherDefault::<DefaultHasher>::default();
                let sum = attributes.iter().map(|attribute| hasher.hash_one(attribute));
                sum.fold(0, u64::wrapping_add).hash(state);
            }
        }
    }
}
