//! What devices do.

use std::collections::BTreeMap;
use std::mem;
use std::time::SystemTime;

use encamp_base_grpc::time;
use encamp_device::{DeviceGroupStats, DeviceStats, Error, Figure, Result, StatObject, StatValue};
use encamp_proto::{device as wire, structs};

/// How deep groups of figures may be nested. Readers of messages give up at some depth; none does at this one.
pub const MAX_DEPTH: usize = 32;

/// Figures that are no numbers are left out: what hosts make of them is not JSON any more.
pub(crate) fn to_message(groups: Vec<DeviceGroupStats>) -> Result<wire::StatsResponse> {
    if let Some(error) = too_deep(&groups) {
        dismantle(groups);
        return Err(error);
    }
    let groups = groups.into_iter().map(|group| wire::DeviceGroupStats {
        vendor: group.vendor,
        r#type: group.device_type,
        name: group.name,
        instance_stats: mapped(group.devices, |stats| Some(device_message(stats))),
    });
    Ok(wire::StatsResponse {
        groups: groups.collect(),
    })
}

/// What is missing from the message was not measured; a measurement without a time is of now.
pub(crate) fn from_message(message: wire::StatsResponse) -> Vec<DeviceGroupStats> {
    let groups = message.groups.into_iter().map(|group| DeviceGroupStats {
        vendor: group.vendor,
        device_type: group.r#type,
        name: group.name,
        devices: mapped(group.instance_stats, |stats| Some(device(stats))),
    });
    groups.collect()
}

fn device_message(stats: DeviceStats) -> wire::DeviceStats {
    wire::DeviceStats {
        summary: stats.summary.and_then(value_message),
        stats: Some(object_message(stats.stats)),
        timestamp: Some(time::to_message(Some(stats.timestamp))),
    }
}

fn device(message: wire::DeviceStats) -> DeviceStats {
    DeviceStats {
        summary: message.summary.and_then(value),
        stats: object(message.stats.unwrap_or_default()),
        timestamp: time::from_message(message.timestamp).unwrap_or_else(SystemTime::now),
    }
}

fn object_message(object: StatObject) -> structs::StatObject {
    structs::StatObject {
        nested: mapped(object.nested, |nested| Some(object_message(nested))),
        attributes: mapped(object.attributes, value_message),
    }
}

/// A message is not nested deeper than its reader allows.
fn object(message: structs::StatObject) -> StatObject {
    StatObject {
        attributes: mapped(message.attributes, value),
        nested: mapped(message.nested, |nested| Some(object(nested))),
    }
}

fn value_message(value: StatValue) -> Option<structs::StatValue> {
    if !value.figure.is_finite() {
        return None;
    }
    let mut message = structs::StatValue {
        unit: value.unit,
        desc: value.desc,
        ..structs::StatValue::default()
    };
    match value.figure {
        Figure::Float { numerator, denominator } => {
            message.float_numerator_val = Some(numerator);
            message.float_denominator_val = denominator;
        }
        Figure::Int { numerator, denominator } => {
            message.int_numerator_val = Some(numerator);
            message.int_denominator_val = denominator;
        }
        Figure::String(text) => message.string_val = Some(text),
        Figure::Bool(truth) => message.bool_val = Some(truth),
    }
    Some(message)
}

fn value(message: structs::StatValue) -> Option<StatValue> {
    let figure = figure(&message).or_else(|| message.string_val.map(Figure::String));
    let figure = figure.or(message.bool_val.map(Figure::Bool));
    Some(StatValue {
        figure: figure.filter(Figure::is_finite)?,
        unit: message.unit,
        desc: message.desc,
    })
}

/// A pair of two kinds is one of floats.
#[expect(clippy::cast_precision_loss, reason = "beside a float, an integer is one")]
fn figure(message: &structs::StatValue) -> Option<Figure> {
    let (numerator, denominator) = (message.int_numerator_val, message.int_denominator_val);
    let floats = (message.float_numerator_val, message.float_denominator_val);
    if let (Some(numerator), (None, None)) = (numerator, floats) {
        return Some(Figure::Int { numerator, denominator });
    }
    Some(Figure::Float {
        numerator: floats.0.or(numerator.map(|number| number as f64))?,
        denominator: floats.1.or(denominator.map(|number| number as f64)),
    })
}

fn mapped<A, B>(map: BTreeMap<String, A>, part: impl Fn(A) -> Option<B>) -> BTreeMap<String, B> {
    let parts = map.into_iter();
    parts.filter_map(|(name, value)| Some((name, part(value)?))).collect()
}

/// Looks level by level: as deep as such a tree is, no stack is.
fn too_deep(groups: &[DeviceGroupStats]) -> Option<Error> {
    let mut devices = groups.iter().flat_map(|group| &group.devices);
    let (id, _) = devices.find(|(_, device)| {
        let mut level = vec![&device.stats];
        for _ in 0..MAX_DEPTH {
            level = level.iter().flat_map(|object| object.nested.values()).collect();
        }
        !level.is_empty()
    })?;
    Some(Error::failed(format!(
        "figures of device `{id}` are nested deeper than {MAX_DEPTH} levels"
    )))
}

/// Drops the trees level by level.
fn dismantle(groups: Vec<DeviceGroupStats>) {
    let devices = groups.into_iter().flat_map(|group| group.devices.into_values());
    let mut level: Vec<_> = devices.map(|device| device.stats).collect();
    while let Some(mut object) = level.pop() {
        level.extend(mem::take(&mut object.nested).into_values());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn nested(levels: usize) -> StatObject {
        let leaf = StatObject::default().with("leaf", StatValue::int(1));
        (1..levels).fold(leaf, |object, _| StatObject::default().with_nested("x", object))
    }

    fn stats_of(stats: StatObject) -> Vec<DeviceGroupStats> {
        let device = DeviceStats {
            summary: None,
            stats,
            timestamp: SystemTime::UNIX_EPOCH + Duration::new(1_790_000_000, 5),
        };
        vec![DeviceGroupStats::new("v", "t", "n").with_device("1", device)]
    }

    #[track_caller]
    fn check(message: &structs::StatValue, expected: Option<&Figure>) {
        let value = value(message.clone());
        assert_eq!(value.as_ref().map(|value| &value.figure), expected, "{message:?}");
    }

    #[test]
    fn every_figure_survives_the_wire() {
        let described = |value: StatValue| value.in_unit("MiB").described("Memory in use");
        let values = [
            StatValue::int(0),
            StatValue::int_of(i64::MIN, i64::MAX),
            StatValue::float(0.0),
            StatValue::float_of(-0.5, 1e300),
            StatValue::string(""),
            StatValue::string("busy"),
            StatValue::bool(false),
            StatValue::bool(true),
        ];
        for value in values.into_iter().flat_map(|value| [value.clone(), described(value)]) {
            assert_eq!(super::value(value_message(value.clone()).unwrap()), Some(value));
        }
    }

    #[test]
    fn every_field_of_a_measurement_survives_the_wire() {
        let mut groups = stats_of(nested(3).with("load", StatValue::float(0.5)));
        groups.push(DeviceGroupStats::default());
        let device = groups[0].devices.get_mut("1").unwrap();
        device.summary = Some(StatValue::int_of(500, 15_360).in_unit("MiB").described("Memory"));
        assert_eq!(from_message(to_message(groups.clone()).unwrap()), groups);
    }

    #[test]
    fn what_is_missing_was_not_measured() {
        let message = wire::StatsResponse {
            groups: vec![wire::DeviceGroupStats {
                instance_stats: [(String::new(), wire::DeviceStats::default())].into(),
                ..wire::DeviceGroupStats::default()
            }],
        };
        let [group] = from_message(message).try_into().unwrap();
        let device = group.devices.get("").unwrap();
        assert_eq!((&device.summary, &device.stats), (&None, &StatObject::default()));
        assert!(device.timestamp.elapsed().unwrap() < Duration::from_mins(1));
    }

    #[test]
    fn a_figure_that_means_nothing_is_left_out() {
        let empty = structs::StatValue::default();
        check(&empty, None);
        let only_all = structs::StatValue {
            int_denominator_val: Some(8),
            ..empty.clone()
        };
        check(&only_all, None);
        let nan = structs::StatValue {
            float_numerator_val: Some(f64::NAN),
            ..empty
        };
        check(&nan, None);
        let mixed = StatObject::default()
            .with("share", StatValue::float(f64::NAN))
            .with("count", StatValue::int(1));
        let [group] = from_message(to_message(stats_of(mixed)).unwrap()).try_into().unwrap();
        let names: Vec<_> = group.devices["1"].stats.attributes.keys().collect();
        assert_eq!(names, ["count"]);
    }

    #[test]
    fn a_figure_of_two_kinds_is_read_as_floats_and_a_number_before_a_text() {
        let message = structs::StatValue {
            int_numerator_val: Some(1),
            float_denominator_val: Some(2.5),
            string_val: Some("x".to_owned()),
            bool_val: Some(true),
            ..structs::StatValue::default()
        };
        check(
            &message,
            Some(&Figure::Float {
                numerator: 1.0,
                denominator: Some(2.5),
            }),
        );
        let text = structs::StatValue {
            int_numerator_val: None,
            float_denominator_val: None,
            ..message
        };
        check(&text, Some(&Figure::String("x".to_owned())));
    }

    #[test]
    fn a_tree_that_is_too_deep_is_an_error_that_names_the_device() {
        to_message(stats_of(nested(MAX_DEPTH))).unwrap();
        for levels in [MAX_DEPTH + 1, 10_000] {
            let error = to_message(stats_of(nested(levels))).unwrap_err();
            assert_eq!(
                error.to_string(),
                "figures of device `1` are nested deeper than 32 levels"
            );
        }
    }
}
