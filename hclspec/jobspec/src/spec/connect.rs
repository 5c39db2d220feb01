//! `connect` blocks: a service's place in Consul's mesh.

use encamp_hclspec::{HclSpec, Place};
use indexmap::IndexMap;
use serde::Deserialize;

use super::choice::choices;
use super::gateway::Gateway;
use super::identity::Identity;
use super::resources::ResourcesBlock;
use super::service::Env;
use super::task::LogsBlock;
use super::types::{Free, Time};
use super::volume::VolumeMount;
use crate::check;

/// A `connect` block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Connect {
    /// Whether the task speaks the mesh's protocol itself.
    #[hcl(default = false)]
    pub native: bool,
    /// The proxy beside the task.
    #[hcl(block)]
    pub sidecar_service: Option<SidecarService>,
    /// What differs in the proxy's task.
    #[hcl(block)]
    pub sidecar_task: Option<SidecarTask>,
    /// A gateway in place of a service.
    #[hcl(block)]
    pub gateway: Option<Gateway>,
}

/// A `sidecar_service` block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct SidecarService {
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The label of its port.
    pub port: Option<String>,
    /// Whether it is not checked by a connection.
    #[hcl(default = false)]
    pub disable_default_tcp_check: bool,
    /// Anything else about it.
    #[serde(default)]
    pub meta: IndexMap<String, String>,
    /// The proxy.
    #[hcl(block)]
    pub proxy: Option<Proxy>,
}

/// A `sidecar_task` block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct SidecarTask {
    /// Its name.
    pub name: Option<String>,
    /// Its driver.
    pub driver: Option<String>,
    /// Its user.
    pub user: Option<String>,
    /// The driver's configuration.
    pub config: Option<Free>,
    /// Its environment.
    #[serde(default)]
    pub env: Env,
    /// What it may use.
    #[hcl(block)]
    pub resources: Option<ResourcesBlock>,
    /// Anything else about it.
    #[serde(default)]
    pub meta: IndexMap<String, String>,
    /// How long it may take to end.
    #[hcl(default = "5s")]
    pub kill_timeout: Time,
    /// The signal that asks it to end.
    #[hcl(check = check::signal)]
    pub kill_signal: Option<String>,
    /// How long to wait before that.
    pub shutdown_delay: Option<Time>,
    /// What is kept of its output.
    #[hcl(block)]
    pub logs: Option<LogsBlock>,
    /// Volumes in it.
    #[hcl(block)]
    #[serde(default)]
    pub volume_mount: Vec<VolumeMount>,
    /// What it can show others.
    #[hcl(block)]
    #[serde(default)]
    pub identity: Vec<Identity>,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

/// A `proxy` block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Proxy {
    /// The address of the service.
    pub local_service_address: Option<String>,
    /// The port of the service.
    #[hcl(check = check::port)]
    pub local_service_port: Option<u16>,
    /// The services that it reaches.
    #[hcl(block)]
    #[serde(default)]
    pub upstreams: Vec<Upstream>,
    /// The paths that anyone may ask for.
    #[hcl(block)]
    pub expose: Option<Expose>,
    /// What passes the proxy unseen.
    #[hcl(block)]
    pub transparent_proxy: Option<TransparentProxy>,
    /// What else the proxy is told.
    pub config: Option<Free>,
}

/// An `upstreams` block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Upstream {
    /// The service.
    #[hcl(check = check::filled)]
    pub destination_name: String,
    /// Its namespace.
    pub destination_namespace: Option<String>,
    /// Its peer.
    pub destination_peer: Option<String>,
    /// Its partition.
    pub destination_partition: Option<String>,
    /// `service` or `prepared_query`.
    pub destination_type: Option<DestinationType>,
    /// The port that it is reached at.
    #[hcl(check = check::port)]
    pub local_bind_port: Option<u16>,
    /// The address that it is reached at.
    pub local_bind_address: Option<String>,
    /// The socket that it is reached at.
    pub local_bind_socket_path: Option<String>,
    /// The socket's permissions.
    #[hcl(check = check::permissions)]
    pub local_bind_socket_mode: Option<String>,
    /// Its datacenter.
    pub datacenter: Option<String>,
    /// How other datacenters are reached.
    #[hcl(block)]
    pub mesh_gateway: Option<MeshGateway>,
    /// What else the proxy is told of it.
    pub config: Option<Free>,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

choices! {
    /// What an upstream is.
    pub enum DestinationType {
        /// A service.
        Service = "service",
        /// A query that Consul knows.
        PreparedQuery = "prepared_query",
    }
}

choices! {
    /// How other datacenters are reached.
    pub enum MeshGatewayMode {
        /// Directly.
        None = "none",
        /// By way of this datacenter's gateway.
        Local = "local",
        /// By way of the other's.
        Remote = "remote",
    }
}

/// A `mesh_gateway` block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct MeshGateway {
    /// How; Consul's default where nothing is said.
    pub mode: Option<MeshGatewayMode>,
}

/// An `expose` block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Expose {
    /// The paths.
    #[hcl(block)]
    #[serde(default)]
    pub path: Vec<ExposePath>,
}

/// A `path` block of an expose block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct ExposePath {
    /// The path.
    #[hcl(check = check::filled)]
    pub path: String,
    /// `http` or `http2`.
    pub protocol: Option<String>,
    /// The port of the service.
    #[hcl(check = check::range::<1, 65535>)]
    pub local_path_port: u16,
    /// The label of the port that it is asked for at.
    #[hcl(check = check::filled)]
    pub listener_port: String,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

/// A `transparent_proxy` block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct TransparentProxy {
    /// The user that the proxy runs as.
    pub uid: Option<String>,
    /// The port that leaves through the proxy.
    #[hcl(check = check::port)]
    pub outbound_port: Option<u16>,
    /// Ports, or labels of ports, that come in past the proxy.
    #[serde(default)]
    pub exclude_inbound_ports: Vec<String>,
    /// Ports that leave past the proxy.
    #[serde(default)]
    pub exclude_outbound_ports: Vec<u16>,
    /// Networks that are left for past the proxy.
    #[serde(default)]
    pub exclude_outbound_cidrs: Vec<String>,
    /// Users that leave past the proxy.
    #[serde(default)]
    pub exclude_uids: Vec<String>,
    /// Whether names are not resolved by Consul.
    #[hcl(default = false)]
    pub no_dns: bool,
}
