//! What devices do.

use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// One measurement of the devices of a group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeviceGroupStats {
    /// The group's vendor.
    pub vendor: String,
    /// The group's type.
    pub device_type: String,
    /// The group's name.
    pub name: String,
    /// The devices by their ids.
    #[serde(default)]
    pub devices: BTreeMap<String, DeviceStats>,
}

/// One measurement of a device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceStats {
    /// The one figure that says most, for overviews.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<StatValue>,
    /// All figures.
    #[serde(default)]
    pub stats: StatObject,
    /// When it was taken.
    pub timestamp: SystemTime,
}

/// Figures by name, in a tree.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StatObject {
    /// Figures.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, StatValue>,
    /// Groups of figures.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub nested: BTreeMap<String, StatObject>,
}

/// A figure, and what it means.
///
/// ```
/// use encamp_device::StatValue;
///
/// let memory = StatValue::int_of(500, 15_360).in_unit("MiB").described("Memory in use");
/// assert_eq!(memory.to_string(), "500 / 15360 MiB");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatValue {
    /// The figure.
    pub figure: Figure,
    /// The unit of a number, whatever it may be; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// What it means, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub desc: String,
}

/// The value of a [`StatValue`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// A number.
    Float {
        /// So many.
        numerator: f64,
        /// Of so many, where there is such a number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        denominator: Option<f64>,
    },
    /// A whole number.
    Int {
        /// So many.
        numerator: i64,
        /// Of so many, where there is such a number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        denominator: Option<i64>,
    },
    /// A text.
    String(String),
    /// A truth.
    Bool(bool),
}

impl DeviceGroupStats {
    /// A measurement of no device yet.
    pub fn new(vendor: impl Into<String>, device_type: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            vendor: vendor.into(),
            device_type: device_type.into(),
            name: name.into(),
            devices: BTreeMap::new(),
        }
    }

    /// The same, with this device.
    #[must_use]
    pub fn with_device(mut self, id: impl Into<String>, stats: DeviceStats) -> Self {
        self.devices.insert(id.into(), stats);
        self
    }
}

impl DeviceStats {
    /// A measurement of now, with one figure.
    pub fn of(name: impl Into<String>, summary: StatValue) -> Self {
        Self {
            stats: StatObject::default().with(name, summary.clone()),
            summary: Some(summary),
            timestamp: SystemTime::now(),
        }
    }

    /// The same, with one more figure.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: StatValue) -> Self {
        self.stats = self.stats.with(name, value);
        self
    }
}

impl StatObject {
    /// The same, with this figure.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: StatValue) -> Self {
        self.attributes.insert(name.into(), value);
        self
    }

    /// The same, with this group of figures.
    #[must_use]
    pub fn with_nested(mut self, name: impl Into<String>, group: Self) -> Self {
        self.nested.insert(name.into(), group);
        self
    }
}

impl StatValue {
    /// A number.
    pub fn float(value: f64) -> Self {
        Self::from(Figure::Float {
            numerator: value,
            denominator: None,
        })
    }

    /// A number, of so many.
    pub fn float_of(value: f64, all: f64) -> Self {
        Self::from(Figure::Float {
            numerator: value,
            denominator: Some(all),
        })
    }

    /// A whole number.
    pub fn int(value: i64) -> Self {
        Self::from(Figure::Int {
            numerator: value,
            denominator: None,
        })
    }

    /// A whole number, of so many.
    pub fn int_of(value: i64, all: i64) -> Self {
        Self::from(Figure::Int {
            numerator: value,
            denominator: Some(all),
        })
    }

    /// A text.
    pub fn string(value: impl Into<String>) -> Self {
        Self::from(Figure::String(value.into()))
    }

    /// A truth.
    pub fn bool(value: bool) -> Self {
        Self::from(Figure::Bool(value))
    }

    /// The same figure, in this unit.
    #[must_use]
    pub fn in_unit(self, unit: impl Into<String>) -> Self {
        Self {
            unit: unit.into(),
            ..self
        }
    }

    /// The same figure, with what it means.
    #[must_use]
    pub fn described(self, desc: impl Into<String>) -> Self {
        Self {
            desc: desc.into(),
            ..self
        }
    }
}

impl From<Figure> for StatValue {
    fn from(figure: Figure) -> Self {
        Self {
            figure,
            unit: String::new(),
            desc: String::new(),
        }
    }
}

/// The figure and its unit, without what it means.
impl fmt::Display for StatValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.figure.fmt(f)?;
        match self.unit.as_str() {
            "" => Ok(()),
            unit => write!(f, " {unit}"),
        }
    }
}

impl Figure {
    /// Whether it can be told: a number that is none (a share of nothing, say) cannot.
    pub fn is_finite(&self) -> bool {
        match self {
            Self::Float { numerator, denominator } => numerator.is_finite() && denominator.is_none_or(f64::is_finite),
            Self::Int { .. } | Self::String(_) | Self::Bool(_) => true,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Float {
                numerator,
                denominator: Some(all),
            } => write!(f, "{numerator} / {all}"),
            Self::Float { numerator, .. } => numerator.fmt(f),
            Self::Int {
                numerator,
                denominator: Some(all),
            } => write!(f, "{numerator} / {all}"),
            Self::Int { numerator, .. } => numerator.fmt(f),
            Self::String(text) => text.fmt(f),
            Self::Bool(truth) => truth.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &StatValue, text: &str) {
        assert_eq!(value.to_string(), text);
        let json = serde_json::to_string(value).unwrap();
        assert_eq!(&serde_json::from_str::<StatValue>(&json).unwrap(), value, "{json}");
    }

    #[test]
    fn a_figure_is_read_by_people_and_survives_json() {
        check(&StatValue::int(5), "5");
        check(&StatValue::int_of(5, 8).in_unit("MiB"), "5 / 8 MiB");
        check(&StatValue::float(0.5).in_unit("W"), "0.5 W");
        check(&StatValue::float_of(0.5, 2.5).described("Load"), "0.5 / 2.5");
        check(&StatValue::string("busy"), "busy");
        check(&StatValue::bool(true), "true");
    }

    #[test]
    fn a_share_of_nothing_is_no_number() {
        assert!(!StatValue::float(f64::NAN).figure.is_finite());
        assert!(!StatValue::float_of(1.0, f64::INFINITY).figure.is_finite());
        assert!(StatValue::float_of(1.0, 0.0).figure.is_finite());
        assert!(StatValue::int_of(1, 0).figure.is_finite());
    }

    #[test]
    fn a_measurement_has_its_summary_among_its_figures() {
        let power = StatObject::default().with("draw", StatValue::int(70).in_unit("W"));
        let mut stats = DeviceStats::of("temperature", StatValue::int(40).in_unit("C")).with("fan", StatValue::int(3));
        stats.stats = stats.stats.with_nested("power", power);
        assert_eq!(stats.summary.as_ref(), stats.stats.attributes.get("temperature"));
        let group = DeviceGroupStats::new("v", "t", "n").with_device("1", stats);
        let json = serde_json::to_string(&group).unwrap();
        assert_eq!(serde_json::from_str::<DeviceGroupStats>(&json).unwrap(), group);
    }
}
