//! Devices. Both ways are for what schedulers can use only.

use encamp_base_grpc::attribute;
use encamp_device::{Device, DeviceGroup, Invalid, Result};
use encamp_proto::device as wire;

pub(crate) fn to_message(groups: Vec<DeviceGroup>) -> Result<wire::FingerprintResponse> {
    let groups = groups.into_iter().map(group_message);
    Ok(wire::FingerprintResponse {
        device_group: groups.collect::<Result<_>>()?,
    })
}

pub(crate) fn from_message(message: wire::FingerprintResponse) -> Result<Vec<DeviceGroup>> {
    message.device_group.into_iter().map(group).collect()
}

fn group_message(group: DeviceGroup) -> Result<wire::DeviceGroup> {
    group.validate()?;
    Ok(wire::DeviceGroup {
        vendor: group.vendor,
        device_type: group.device_type,
        device_name: group.name,
        devices: group.devices.into_iter().map(device_message).collect(),
        attributes: attribute::to_messages(group.attributes),
    })
}

fn group(message: wire::DeviceGroup) -> Result<DeviceGroup> {
    let mut facts = message.attributes.iter();
    let without_value = facts.find(|(_, fact)| fact.value.is_none());
    let without_value = without_value.map(|(name, _)| format!("attribute `{name}`: has no value"));
    let group = DeviceGroup {
        vendor: message.vendor,
        device_type: message.device_type,
        name: message.device_name,
        devices: message.devices.into_iter().map(device).collect(),
        attributes: attribute::from_messages(message.attributes),
    };
    group.validate()?;
    match without_value {
        Some(what) => Err(Invalid::new(format!("device group `{}`", group.id()), what).into()),
        None => Ok(group),
    }
}

fn device_message(device: Device) -> wire::DetectedDevice {
    wire::DetectedDevice {
        id: device.id,
        healthy: device.healthy,
        health_description: device.health_description,
        hw_locality: device.pci_bus_id.map(|pci_bus_id| wire::DeviceLocality { pci_bus_id }),
    }
}

fn device(message: wire::DetectedDevice) -> Device {
    Device {
        id: message.id,
        healthy: message.healthy,
        health_description: message.health_description,
        pci_bus_id: message.hw_locality.map(|locality| locality.pci_bus_id),
    }
}

#[cfg(test)]
mod tests {
    use encamp_device::Attribute;
    use encamp_proto::structs;

    use super::*;

    fn gpus() -> DeviceGroup {
        let on_the_bus = |mut device: Device, bus: &str| {
            device.pci_bus_id = Some(bus.to_owned());
            device
        };
        DeviceGroup::new("nvidia", "gpu", "Tesla T4")
            .with_devices([
                on_the_bus(Device::healthy("GPU-1"), "0000:00:1e.0"),
                on_the_bus(Device::unhealthy("GPU-2", "too hot"), ""),
                Device::healthy("GPU-3"),
            ])
            .with_attribute("memory", Attribute::from(15_i64).in_unit("GiB"))
            .with_attribute("power", Attribute::from(0.07).in_unit("kW"))
            .with_attribute("driver", "535.1")
            .with_attribute("mig", false)
    }

    fn message() -> wire::DeviceGroup {
        group_message(gpus()).unwrap()
    }

    #[track_caller]
    fn check(message: wire::DeviceGroup, error: &str) {
        let look = wire::FingerprintResponse {
            device_group: vec![message],
        };
        assert_eq!(from_message(look).unwrap_err().to_string(), error);
    }

    #[test]
    fn every_field_of_a_group_survives_the_wire() {
        for groups in [vec![], vec![gpus(), DeviceGroup::new("v", "t", "n")]] {
            assert_eq!(from_message(to_message(groups.clone()).unwrap()).unwrap(), groups);
        }
    }

    #[test]
    fn what_no_scheduler_can_use_is_not_sent() {
        let nameless = DeviceGroup::new("nvidia", "gpu", "");
        let error = to_message(vec![gpus(), nameless]).unwrap_err();
        assert_eq!(error.to_string(), "device group `nvidia/gpu/`: its name is empty");
    }

    #[test]
    fn what_no_scheduler_can_use_is_not_taken() {
        check(wire::DeviceGroup::default(), "device group `//`: its vendor is empty");
        let mut anonymous = message();
        anonymous.devices[2].id.clear();
        check(
            anonymous,
            "device group `nvidia/gpu/Tesla T4`: the id of device 3 of 3 is empty",
        );
        let mut empty = message();
        empty.attributes.insert("x".to_owned(), structs::Attribute::default());
        check(empty, "device group `nvidia/gpu/Tesla T4`: attribute `x`: has no value");
        let mut nan = message();
        nan.attributes.get_mut("power").unwrap().value = Some(structs::attribute::Value::FloatVal(f64::NAN));
        check(
            nan,
            "device group `nvidia/gpu/Tesla T4`: attribute `power`: NaNkW is no number",
        );
        let mut strange = message();
        strange.attributes.get_mut("driver").unwrap().unit = "MHz".to_owned();
        check(
            strange,
            "device group `nvidia/gpu/Tesla T4`: attribute `driver`: 535.1MHz has a unit, but only numbers may have one",
        );
    }
}
