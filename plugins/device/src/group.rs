//! Devices, in groups of a kind.

use std::collections::BTreeMap;

use encamp_base::Attribute;
use serde::{Deserialize, Serialize};

use crate::attribute;

/// The devices of one vendor, type and name: what a job asks for, as `<vendor>/<type>/<name>` or by its end parts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeviceGroup {
    /// Who makes them (`nvidia`).
    pub vendor: String,
    /// What they are (`gpu`).
    pub device_type: String,
    /// Which they are (`Tesla T4`).
    pub name: String,
    /// The single devices.
    #[serde(default)]
    pub devices: Vec<Device>,
    /// Facts that are true of each of them, for the scheduler.
    #[serde(default)]
    pub attributes: BTreeMap<String, Attribute>,
}

/// One device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// What it is reserved by. It stays the same for as long as the device is there, restarts of the plugin included.
    pub id: String,
    /// Whether tasks may be given it.
    pub healthy: bool,
    /// Why its health is what it is, for people.
    #[serde(default)]
    pub health_description: String,
    /// Its place on the PCI bus, where it has one: the scheduler puts tasks on cores near to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pci_bus_id: Option<String>,
}

/// What a plugin says of a device that no scheduler can use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct Invalid {
    place: String,
    what: String,
}

impl DeviceGroup {
    /// A group that has no devices yet.
    pub fn new(vendor: impl Into<String>, device_type: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            vendor: vendor.into(),
            device_type: device_type.into(),
            name: name.into(),
            ..Self::default()
        }
    }

    /// The same group, of these devices.
    #[must_use]
    pub fn with_devices(mut self, devices: impl IntoIterator<Item = Device>) -> Self {
        self.devices = devices.into_iter().collect();
        self
    }

    /// The same group, of which this is true as well.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>, attribute: impl Into<Attribute>) -> Self {
        self.attributes.insert(name.into(), attribute.into());
        self
    }

    /// The same group, none of whose devices can be used, for a reason.
    #[must_use]
    pub fn unhealthy(mut self, why: &str) -> Self {
        for device in &mut self.devices {
            device.healthy = false;
            why.clone_into(&mut device.health_description);
        }
        self
    }

    /// `<vendor>/<type>/<name>`, as schedulers write it.
    pub fn id(&self) -> String {
        format!("{}/{}/{}", self.vendor, self.device_type, self.name)
    }

    /// Whether a scheduler can use all of it: vendor, type, name and ids that are not empty, and attributes whose numbers
    /// are numbers, in units that are known.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self) -> Result<(), Invalid> {
        let names = [
            ("vendor", &self.vendor),
            ("type", &self.device_type),
            ("name", &self.name),
        ];
        for (name, text) in names {
            if text.is_empty() {
                return Err(self.invalid(format!("its {name} is empty")));
            }
        }
        if let Some(number) = self.devices.iter().position(|device| device.id.is_empty()) {
            let of = self.devices.len();
            return Err(self.invalid(format!("the id of device {} of {of} is empty", number + 1)));
        }
        for (name, fact) in &self.attributes {
            attribute::validate(fact).map_err(|what| self.invalid(format!("attribute `{name}`: {what}")))?;
        }
        Ok(())
    }

    fn invalid(&self, what: String) -> Invalid {
        Invalid::new(format!("device group `{}`", self.id()), what)
    }
}

impl Device {
    /// A device that tasks may be given.
    pub fn healthy(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            healthy: true,
            ..Self::default()
        }
    }

    /// A device that is there and cannot be used, for a reason.
    pub fn unhealthy(id: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            health_description: why.into(),
            ..Self::default()
        }
    }
}

impl Invalid {
    /// What is wrong with the value at this place.
    pub fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            what: what.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gpus() -> DeviceGroup {
        DeviceGroup::new("nvidia", "gpu", "T4")
            .with_devices([Device::healthy("GPU-1"), Device::unhealthy("GPU-2", "too hot")])
            .with_attribute("memory", Attribute::from(15_i64).in_unit("GiB"))
            .with_attribute("driver", "535.1")
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut DeviceGroup), error: &str) {
        let mut group = gpus();
        change(&mut group);
        assert_eq!(group.validate().unwrap_err().to_string(), error);
    }

    #[test]
    fn a_group_that_is_whole_is_valid() {
        gpus().validate().unwrap();
        DeviceGroup::new("v", "t", "n").validate().unwrap();
    }

    #[test]
    fn an_error_names_the_value() {
        check(
            |group| group.vendor.clear(),
            "device group `/gpu/T4`: its vendor is empty",
        );
        check(
            |group| group.device_type.clear(),
            "device group `nvidia//T4`: its type is empty",
        );
        check(
            |group| group.name.clear(),
            "device group `nvidia/gpu/`: its name is empty",
        );
        check(
            |group| group.devices[1].id.clear(),
            "device group `nvidia/gpu/T4`: the id of device 2 of 2 is empty",
        );
        check(
            |group| group.attributes.get_mut("memory").unwrap().unit = "GIB".to_owned(),
            "device group `nvidia/gpu/T4`: attribute `memory`: 15GIB is in no unit that is known: use one of \
             kB, KB, KiB, MB, MiB, GB, GiB, TB, TiB, PB, PiB, EB, EiB, \
             kB/s, KB/s, KiB/s, MB/s, MiB/s, GB/s, GiB/s, TB/s, TiB/s, PB/s, PiB/s, EB/s, EiB/s, \
             MHz, GHz, mW, W, kW, MW, GW",
        );
        check(
            |group| group.attributes.get_mut("driver").unwrap().unit = "MiB".to_owned(),
            "device group `nvidia/gpu/T4`: attribute `driver`: 535.1MiB has a unit, but only numbers may have one",
        );
        check(
            |group| group.attributes.get_mut("memory").unwrap().value = f64::NAN.into(),
            "device group `nvidia/gpu/T4`: attribute `memory`: NaNGiB is no number",
        );
    }

    #[test]
    fn a_group_that_cannot_be_used_says_why_of_each_device() {
        let group = gpus().unhealthy("the bus is gone");
        assert!(group.devices.iter().all(|device| !device.healthy));
        assert!(
            group
                .devices
                .iter()
                .all(|device| device.health_description == "the bus is gone")
        );
    }

    #[test]
    fn a_group_survives_json() {
        let text = serde_json::to_string(&gpus()).unwrap();
        assert_eq!(serde_json::from_str::<DeviceGroup>(&text).unwrap(), gpus());
        let least = r#"{"vendor":"v","device_type":"t","name":"n","devices":[{"id":"1","healthy":true}]}"#;
        let least: DeviceGroup = serde_json::from_str(least).unwrap();
        assert_eq!(least.devices, [Device::healthy("1")]);
    }
}
