//! What a task may use.

use encamp_driver::{LinuxResources, NetworkPort, NetworkResource, PortMapping, Resources};
use encamp_proto::driver as wire;

use super::{Misfit, port, signed, unsigned};

pub(crate) fn to_message(resources: Resources) -> wire::Resources {
    let linux = resources.linux;
    wire::Resources {
        allocated_resources: Some(wire::AllocatedTaskResources {
            cpu: Some(wire::AllocatedCpuResources {
                cpu_shares: signed(resources.cpu_mhz),
            }),
            memory: Some(wire::AllocatedMemoryResources {
                memory_mb: signed(resources.memory_mb),
                memory_max_mb: resources.memory_max_mb,
            }),
            networks: resources.networks.into_iter().map(network_message).collect(),
        }),
        linux_resources: Some(wire::LinuxResources {
            cpu_period: linux.cpu_period,
            cpu_quota: linux.cpu_quota,
            cpu_shares: signed(linux.cpu_shares),
            memory_limit_bytes: linux.memory_limit_bytes,
            oom_score_adj: linux.oom_score_adj,
            cpuset_cpus: linux.cpuset_cpus,
            percent_ticks: linux.percent_ticks,
            cpuset_cgroup: linux.cpuset_cgroup,
        }),
        ports: resources.ports.into_iter().map(mapping_message).collect(),
    }
}

pub(crate) fn from_message(message: wire::Resources) -> Result<Resources, Misfit> {
    let allocated = message.allocated_resources.unwrap_or_default();
    let memory = allocated.memory.unwrap_or_default();
    let linux = message.linux_resources.unwrap_or_default();
    Ok(Resources {
        cpu_mhz: unsigned(allocated.cpu.unwrap_or_default().cpu_shares),
        memory_mb: unsigned(memory.memory_mb),
        memory_max_mb: memory.memory_max_mb,
        networks: allocated.networks.into_iter().map(network).collect::<Result<_, _>>()?,
        linux: LinuxResources {
            cpu_period: linux.cpu_period,
            cpu_quota: linux.cpu_quota,
            cpu_shares: unsigned(linux.cpu_shares),
            memory_limit_bytes: linux.memory_limit_bytes,
            oom_score_adj: linux.oom_score_adj,
            cpuset_cpus: linux.cpuset_cpus,
            cpuset_cgroup: linux.cpuset_cgroup,
            percent_ticks: linux.percent_ticks,
        },
        ports: message.ports.into_iter().map(mapping).collect::<Result<_, _>>()?,
    })
}

fn network_message(network: NetworkResource) -> wire::NetworkResource {
    let ports = |ports: Vec<NetworkPort>| ports.into_iter().map(port_message).collect();
    wire::NetworkResource {
        device: network.device,
        cidr: network.cidr,
        ip: network.ip,
        mbits: network.mbits,
        reserved_ports: ports(network.reserved_ports),
        dynamic_ports: ports(network.dynamic_ports),
    }
}

fn network(message: wire::NetworkResource) -> Result<NetworkResource, Misfit> {
    let ports = |ports: Vec<wire::NetworkPort>| ports.into_iter().map(network_port).collect::<Result<_, _>>();
    Ok(NetworkResource {
        device: message.device,
        cidr: message.cidr,
        ip: message.ip,
        mbits: message.mbits,
        reserved_ports: ports(message.reserved_ports)?,
        dynamic_ports: ports(message.dynamic_ports)?,
    })
}

fn port_message(port: NetworkPort) -> wire::NetworkPort {
    wire::NetworkPort {
        label: port.label,
        value: i32::from(port.value),
    }
}

fn network_port(message: wire::NetworkPort) -> Result<NetworkPort, Misfit> {
    Ok(NetworkPort {
        value: port(message.value, "resources.networks.ports")?,
        label: message.label,
    })
}

fn mapping_message(mapping: PortMapping) -> wire::PortMapping {
    wire::PortMapping {
        label: mapping.label,
        value: i32::from(mapping.value),
        to: i32::from(mapping.to),
        host_ip: mapping.host_ip,
    }
}

fn mapping(message: wire::PortMapping) -> Result<PortMapping, Misfit> {
    Ok(PortMapping {
        value: port(message.value, "resources.ports.value")?,
        to: port(message.to, "resources.ports.to")?,
        label: message.label,
        host_ip: message.host_ip,
    })
}
