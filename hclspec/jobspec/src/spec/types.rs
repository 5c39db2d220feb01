//! Types of arguments that several blocks have.

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use encamp_hclspec::spec::Check;
use encamp_hclspec::{HclType, Type, parse_duration};
use indexmap::IndexMap;
use serde::{Deserialize, Deserializer};

use crate::check;

/// A length of time, written as `1m30s`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub Duration);

impl Deref for Time {
    type Target = Duration;

    fn deref(&self) -> &Duration {
        &self.0
    }
}

impl HclType for Time {
    fn hcl_type() -> Type {
        Type::String
    }

    fn hcl_check() -> Option<Check> {
        Some(Check::new(check::duration))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_duration(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// Texts by name that may be secret: `Debug` shows the names alone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretTexts(pub IndexMap<String, String>);

impl Deref for SecretTexts {
    type Target = IndexMap<String, String>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl fmt::Debug for SecretTexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl HclType for SecretTexts {
    fn hcl_type() -> Type {
        Type::map(Type::String)
    }
}

/// A value that is null counts as missing.
impl<'de> Deserialize<'de> for SecretTexts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = IndexMap::<String, Option<String>>::deserialize(deserializer)?;
        let known = texts.into_iter().filter_map(|(name, text)| Some((name, text?)));
        Ok(Self(known.collect()))
    }
}

/// Arguments and blocks of any names, which a schema elsewhere gives a meaning: an object, in which a block is an object
/// too, a list of them where there are several, and each of its labels one more level. They may be secret: `Debug` shows
/// the names alone.
#[derive(Clone, Default, PartialEq)]
pub struct Free(pub encamp_hclspec::Value);

impl Deref for Free {
    type Target = encamp_hclspec::Value;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl fmt::Debug for Free {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.sorted_entries().into_iter().map(|(name, _)| name);
        f.debug_set().entries(names).finish()
    }
}

impl HclType for Free {
    fn hcl_type() -> Type {
        Type::Any
    }

    fn hcl_check() -> Option<Check> {
        Some(Check::new(check::free))
    }
}

/// What blocks give is a list of one object or of several.
impl<'de> Deserialize<'de> for Free {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = encamp_hclspec::Value::deserialize(deserializer)?;
        Ok(Self(match value.as_list() {
            Some([only]) => only.clone(),
            Some(several) => {
                let entries = several.iter().filter_map(encamp_hclspec::Value::as_map).flatten();
                encamp_hclspec::Value::object(entries.map(|(name, value)| (name.clone(), value.clone())))
            }
            None => value,
        }))
    }
}
