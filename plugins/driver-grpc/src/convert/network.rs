//! The networks that tasks join.

use std::path::PathBuf;

use encamp_base_grpc::text_of;
use encamp_driver::{DnsConfig, HostsConfig, NetworkIsolation, NetworkOverride};
use encamp_proto::driver as wire;

use super::capabilities::{mode, mode_message};
use super::{Misfit, port};

pub(crate) fn isolation_message(network: &NetworkIsolation) -> Result<wire::NetworkIsolationSpec, Misfit> {
    Ok(wire::NetworkIsolationSpec {
        mode: mode_message(network.mode).into(),
        path: text_of(&network.path, "network_isolation_spec.path")?,
        labels: network.labels.clone(),
        hosts_config: network.hosts.as_ref().map(|hosts| wire::HostsConfig {
            hostname: hosts.hostname.clone(),
            address: hosts.address.clone(),
        }),
    })
}

pub(crate) fn isolation(message: wire::NetworkIsolationSpec) -> NetworkIsolation {
    NetworkIsolation {
        mode: mode(message.mode()),
        path: PathBuf::from(message.path),
        labels: message.labels,
        hosts: message.hosts_config.map(|hosts| HostsConfig {
            hostname: hosts.hostname,
            address: hosts.address,
        }),
    }
}

pub(crate) fn dns_message(dns: DnsConfig) -> wire::DnsConfig {
    wire::DnsConfig {
        servers: dns.servers,
        searches: dns.searches,
        options: dns.options,
    }
}

pub(crate) fn dns(message: wire::DnsConfig) -> DnsConfig {
    DnsConfig {
        servers: message.servers,
        searches: message.searches,
        options: message.options,
    }
}

pub(crate) fn override_message(network: NetworkOverride) -> wire::NetworkOverride {
    let ports = network.port_map.into_iter();
    wire::NetworkOverride {
        port_map: ports.map(|(label, port)| (label, i32::from(port))).collect(),
        addr: network.address,
        auto_advertise: network.auto_advertise,
    }
}

pub(crate) fn network_override(message: wire::NetworkOverride) -> Result<NetworkOverride, Misfit> {
    let ports = message.port_map.into_iter();
    let ports = ports.map(|(label, value)| Ok((label, port(value, "network_override.port_map")?)));
    Ok(NetworkOverride {
        port_map: ports.collect::<Result<_, Misfit>>()?,
        address: message.addr,
        auto_advertise: message.auto_advertise,
    })
}

#[cfg(test)]
mod tests {
    use encamp_driver::NetworkIsolationMode;

    use super::*;

    #[test]
    fn networks_survive_the_wire() {
        let network = NetworkIsolation {
            mode: NetworkIsolationMode::Group,
            path: "/var/run/netns/a".into(),
            labels: [("docker_sandbox_container_id".to_owned(), "f00".to_owned())].into(),
            hosts: Some(HostsConfig {
                hostname: "web".to_owned(),
                address: "10.0.0.2".to_owned(),
            }),
        };
        assert_eq!(isolation(isolation_message(&network).unwrap()), network);
        let own = NetworkOverride {
            port_map: [("http".to_owned(), u16::MAX)].into(),
            address: "10.0.0.2".to_owned(),
            auto_advertise: true,
        };
        assert_eq!(network_override(override_message(own.clone())), Ok(own));
        let resolver = DnsConfig {
            servers: vec!["1.1.1.1".to_owned()],
            searches: vec!["consul".to_owned()],
            options: vec!["ndots:2".to_owned()],
        };
        assert_eq!(dns(dns_message(resolver.clone())), resolver);
    }

    #[test]
    fn a_port_that_is_none_is_an_error() {
        let message = wire::NetworkOverride {
            port_map: [("http".to_owned(), 70_000)].into(),
            ..wire::NetworkOverride::default()
        };
        let error = network_override(message).unwrap_err();
        assert_eq!(error.to_string(), "network_override.port_map: 70000 is no port");
    }
}
