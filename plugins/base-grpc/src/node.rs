//! What a host says of itself and of its node, as messages.

use std::ops::RangeInclusive;

use encamp_base::{Core, CoreGrade, Distances, Topology};
use encamp_proto::base as wire;

/// The part of the message that is for drivers; none while a host only checks a configuration.
pub(crate) fn to_message(
    topology: Option<&Topology>,
    ports: Option<&RangeInclusive<u16>>,
) -> Option<wire::NomadConfig> {
    if topology.is_none() && ports.is_none() {
        return None;
    }
    let driver = wire::NomadDriverConfig {
        client_max_port: ports.map_or(0, |ports| u32::from(*ports.end())),
        client_min_port: ports.map_or(0, |ports| u32::from(*ports.start())),
        topology: topology.map(topology_message),
    };
    Some(wire::NomadConfig { driver: Some(driver) })
}

/// The ports that a host lets plugins listen on. Ports that are none count as no limit.
pub(crate) fn ports(driver: &wire::NomadDriverConfig) -> Option<RangeInclusive<u16>> {
    let port = |port: u32| u16::try_from(port).ok().filter(|port| *port > 0);
    Some(port(driver.client_min_port)?..=port(driver.client_max_port)?)
}

pub(crate) fn topology(message: &wire::ClientTopology) -> Topology {
    Topology {
        node_ids: message.node_ids.clone(),
        distances: message.distances.as_ref().map(|distances| Distances {
            dimension: distances.dimension,
            values: distances.values.clone(),
        }),
        cores: message.cores.iter().map(core).collect(),
        override_total_compute: message.override_total_compute,
        override_withheld_compute: message.override_withold_compute,
    }
}

fn core(message: &wire::ClientTopologyCore) -> Core {
    Core {
        socket_id: message.socket_id,
        node_id: message.node_id,
        core_id: message.core_id,
        grade: match message.core_grade() {
            wire::CoreGrade::Performance => CoreGrade::Performance,
            wire::CoreGrade::Efficiency => CoreGrade::Efficiency,
        },
        disable: message.disable,
        base_speed: message.base_speed,
        max_speed: message.max_speed,
        guess_speed: message.guess_speed,
    }
}

fn topology_message(topology: &Topology) -> wire::ClientTopology {
    wire::ClientTopology {
        node_ids: topology.node_ids.clone(),
        distances: topology.distances.as_ref().map(|distances| wire::ClientTopologySlit {
            dimension: distances.dimension,
            values: distances.values.clone(),
        }),
        cores: topology.cores.iter().map(core_message).collect(),
        override_total_compute: topology.override_total_compute,
        override_withold_compute: topology.override_withheld_compute,
    }
}

fn core_message(core: &Core) -> wire::ClientTopologyCore {
    let grade = match core.grade {
        CoreGrade::Performance => wire::CoreGrade::Performance,
        CoreGrade::Efficiency => wire::CoreGrade::Efficiency,
    };
    wire::ClientTopologyCore {
        socket_id: core.socket_id,
        node_id: core.node_id,
        core_id: core.core_id,
        core_grade: grade.into(),
        disable: core.disable,
        base_speed: core.base_speed,
        max_speed: core.max_speed,
        guess_speed: core.guess_speed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topology_survives_the_wire() {
        let mut node = Topology::uniform(2, 3000);
        node.cores[1].grade = CoreGrade::Efficiency;
        node.cores[1].disable = true;
        node.override_withheld_compute = 7;
        node.distances = Some(Distances {
            dimension: 2,
            values: vec![10, 20, 20, 10],
        });
        let ports = 14000..=14512;
        let message = to_message(Some(&node), Some(&ports)).unwrap().driver.unwrap();
        assert_eq!(topology(message.topology.as_ref().unwrap()), node);
        assert_eq!(super::ports(&message), Some(ports));
    }

    #[test]
    fn a_host_that_says_nothing_sends_nothing() {
        assert_eq!(to_message(None, None), None);
        assert_eq!(ports(&wire::NomadDriverConfig::default()), None);
    }
}
