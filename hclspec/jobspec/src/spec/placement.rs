//! Where a job may run: `constraint`, `affinity`, `spread`.

use encamp_hclspec::{Diagnostics, HclSpec, Place, Spec, Value};
use serde::Deserialize;

use super::choice::choices;
use crate::check::{self, about};

choices! {
    /// How an attribute of a node is compared.
    pub enum Operator {
        /// The same text.
        Equal = "=",
        /// The same text, spelled `==`.
        Equals = "==",
        /// The same text, spelled `is`.
        Is = "is",
        /// Another text.
        NotEqual = "!=",
        /// Another text, spelled `not`.
        Not = "not",
        /// Greater, as a number where both are, else as text.
        Greater = ">",
        /// Greater or equal.
        GreaterOrEqual = ">=",
        /// Less.
        Less = "<",
        /// Less or equal.
        LessOrEqual = "<=",
        /// Matches a regular expression.
        Regexp = "regexp",
        /// A version in a range.
        Version = "version",
        /// A version in a range, by the rules of semantic versions.
        Semver = "semver",
        /// Holds all of a list, the same as `set_contains_all`.
        SetContains = "set_contains",
        /// Holds all of a list.
        SetContainsAll = "set_contains_all",
        /// Holds one of a list.
        SetContainsAny = "set_contains_any",
        /// No two on one host.
        DistinctHosts = "distinct_hosts",
        /// So many for each value of an attribute.
        DistinctProperty = "distinct_property",
        /// The attribute is there.
        IsSet = "is_set",
        /// The attribute is not there.
        IsNotSet = "is_not_set",
    }
}

/// A `constraint` block: what a node must be.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(from = "Written")]
#[non_exhaustive]
pub struct Constraint {
    /// What is compared, as `${attr.kernel.name}`.
    pub attribute: Option<String>,
    /// How.
    pub operator: Operator,
    /// What with.
    pub value: Option<String>,
    /// Where the block is.
    pub place: Place,
}

/// An `affinity` block: what a node should be.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(from = "WrittenAffinity")]
#[non_exhaustive]
pub struct Affinity {
    /// What is compared.
    pub attribute: Option<String>,
    /// How.
    pub operator: Operator,
    /// What with.
    pub value: Option<String>,
    /// How much it counts: from -100 to 100, where below zero is to be avoided.
    pub weight: i8,
    /// Where the block is.
    pub place: Place,
}

/// A `spread` block: what the instances are spread over.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[hcl(check = targets)]
#[non_exhaustive]
pub struct Spread {
    /// The attribute of nodes over whose values they are spread.
    #[hcl(check = check::filled)]
    pub attribute: String,
    /// How much it counts, from 1 to 100.
    #[hcl(default = 50, check = check::range::<1, 100>)]
    pub weight: u8,
    /// How many are wanted for each value.
    #[hcl(block)]
    #[serde(default)]
    pub target: Vec<SpreadTarget>,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

/// A `target` block of a spread.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct SpreadTarget {
    /// The attribute's value.
    #[hcl(label)]
    pub value: String,
    /// How many of a hundred are wanted.
    #[hcl(check = check::range::<0, 100>)]
    pub percent: Option<u8>,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

/// A constraint as it is written, with all its short forms.
#[derive(Deserialize, HclSpec)]
#[hcl(check = comparison)]
struct Written {
    /// What is compared, as `${attr.kernel.name}`.
    attribute: Option<String>,
    /// How; equal where nothing is said.
    operator: Option<Operator>,
    /// What with.
    value: Option<String>,
    /// The same as the operator of this name, and its value.
    regexp: Option<String>,
    /// The same as the operator of this name, and its value.
    version: Option<String>,
    /// The same as the operator of this name, and its value.
    semver: Option<String>,
    /// The same as the operator of this name, and its value.
    set_contains: Option<String>,
    /// The same as the operator of this name, and its value.
    set_contains_all: Option<String>,
    /// The same as the operator of this name, and its value.
    set_contains_any: Option<String>,
    /// No two on one host.
    distinct_hosts: Option<bool>,
    /// An attribute of which each value counts so often.
    distinct_property: Option<String>,
    /// An attribute that must be there.
    is_set: Option<String>,
    /// An attribute that may not be there.
    is_not_set: Option<String>,
    #[hcl(span)]
    place: Place,
}

#[derive(Deserialize, HclSpec)]
#[hcl(check = comparison)]
struct WrittenAffinity {
    /// What is compared, as `${attr.kernel.name}`.
    attribute: Option<String>,
    /// How; equal where nothing is said.
    operator: Option<Operator>,
    /// What with.
    value: Option<String>,
    /// How much it counts, from -100 to 100, and not 0.
    #[hcl(default = 50, check = weight)]
    weight: i8,
    /// The same as the operator of this name, and its value.
    regexp: Option<String>,
    /// The same as the operator of this name, and its value.
    version: Option<String>,
    /// The same as the operator of this name, and its value.
    semver: Option<String>,
    /// The same as the operator of this name, and its value.
    set_contains: Option<String>,
    /// The same as the operator of this name, and its value.
    set_contains_all: Option<String>,
    /// The same as the operator of this name, and its value.
    set_contains_any: Option<String>,
    #[hcl(span)]
    place: Place,
}

impl HclSpec for Constraint {
    fn hcl_spec() -> Spec {
        Written::hcl_spec()
    }
}

impl HclSpec for Affinity {
    fn hcl_spec() -> Spec {
        WrittenAffinity::hcl_spec()
    }
}

impl From<Written> for Constraint {
    fn from(written: Written) -> Self {
        let short = [
            (Operator::Version, written.version),
            (Operator::Semver, written.semver),
            (Operator::Regexp, written.regexp),
            (Operator::SetContains, written.set_contains),
            (Operator::SetContainsAll, written.set_contains_all),
            (Operator::SetContainsAny, written.set_contains_any),
            (
                Operator::DistinctHosts,
                written.distinct_hosts.map(|truth| truth.to_string()),
            ),
        ];
        let of_attribute = [
            (Operator::DistinctProperty, written.distinct_property),
            (Operator::IsSet, written.is_set),
            (Operator::IsNotSet, written.is_not_set),
        ];
        let mut constraint = Self {
            attribute: written.attribute,
            operator: written.operator.unwrap_or(Operator::Equal),
            value: written.value,
            place: written.place,
        };
        for (operator, value) in short {
            if value.is_some() {
                (constraint.operator, constraint.value) = (operator, value);
            }
        }
        for (operator, attribute) in of_attribute {
            if attribute.is_some() {
                (constraint.operator, constraint.attribute) = (operator, attribute);
            }
        }
        constraint
    }
}

impl From<WrittenAffinity> for Affinity {
    fn from(written: WrittenAffinity) -> Self {
        let short = [
            (Operator::Version, written.version),
            (Operator::Semver, written.semver),
            (Operator::Regexp, written.regexp),
            (Operator::SetContains, written.set_contains),
            (Operator::SetContainsAll, written.set_contains_all),
            (Operator::SetContainsAny, written.set_contains_any),
        ];
        let mut affinity = Self {
            attribute: written.attribute,
            operator: written.operator.unwrap_or(Operator::Equal),
            value: written.value,
            weight: written.weight,
            place: written.place,
        };
        for (operator, value) in short {
            if value.is_some() {
                (affinity.operator, affinity.value) = (operator, value);
            }
        }
        affinity
    }
}

fn weight(value: &Value) -> Diagnostics {
    if value.as_i64() == Some(0) {
        return about(
            "weight",
            "Invalid weight",
            "\"weight\" may not be 0: that would be no affinity.",
        )
        .into();
    }
    check::range::<-100, 100>(value)
}

/// What is compared must be said.
fn comparison(block: &Value) -> Diagnostics {
    let is_set = |name: &str| block.get(name).is_some_and(|value| !value.is_null());
    let alone = ["distinct_hosts", "distinct_property", "is_set", "is_not_set"];
    let operator = block.get("operator").and_then(Value::as_str);
    if is_set("attribute") || alone.iter().any(|name| is_set(name)) || operator == Some("distinct_hosts") {
        return Diagnostics::new();
    }
    let detail = "\"attribute\" says what of a node is compared, as in attribute = \"${attr.kernel.name}\".";
    about("attribute", "Missing attribute", detail).into()
}

fn targets(block: &Value) -> Diagnostics {
    let targets = block.get("target").and_then(Value::as_list).unwrap_or_default();
    let percent = |target: &Value| target.get("percent").and_then(Value::as_i64).unwrap_or(0);
    let sum: i64 = targets.iter().map(percent).sum();
    let mut found = Diagnostics::new();
    if sum > 100 {
        let detail = format!("The targets of a spread come to 100 percent at most, and these to {sum}.");
        found.push(encamp_hclspec::Diagnostic::error("Invalid spread", detail));
    }
    let mut seen = std::collections::HashSet::new();
    for value in targets.iter().filter_map(|target| target.get("value")?.as_str()) {
        if !seen.insert(value) {
            let detail = format!("There are two targets for the value \"{value}\".");
            found.push(encamp_hclspec::Diagnostic::error("Duplicate target", detail));
        }
    }
    found
}
