//! A driver's health and attributes.

use std::collections::BTreeMap;

use encamp_base::Attribute;
use serde::{Deserialize, Serialize};

/// One look of a driver at itself and at what it drives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Facts for the scheduler, by full name (`driver.docker.version`). Empty unless healthy.
    pub attributes: BTreeMap<String, Attribute>,
    /// Whether tasks can be started now.
    pub health: Health,
    /// Why the health is what it is, for people.
    pub health_description: String,
}

impl Fingerprint {
    /// A driver that is ready for tasks.
    pub fn healthy(attributes: impl IntoIterator<Item = (String, Attribute)>) -> Self {
        Self {
            attributes: attributes.into_iter().collect(),
            health: Health::Healthy,
            health_description: "Healthy".to_owned(),
        }
    }

    /// A driver that was found but cannot work, for a reason.
    pub fn unhealthy(description: impl Into<String>) -> Self {
        Self {
            attributes: BTreeMap::new(),
            health: Health::Unhealthy,
            health_description: description.into(),
        }
    }

    /// A driver whose subject is not on this machine.
    pub fn undetected(description: impl Into<String>) -> Self {
        Self {
            attributes: BTreeMap::new(),
            health: Health::Undetected,
            health_description: description.into(),
        }
    }
}

/// Whether a driver can start tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// What it drives is not here.
    Undetected,
    /// It is here and does not work.
    Unhealthy,
    /// It works.
    Healthy,
}
