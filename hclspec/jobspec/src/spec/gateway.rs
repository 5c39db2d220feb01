//! `gateway` blocks: a way into the mesh, out of it, or to another one.

use encamp_hclspec::{HclSpec, Place};
use indexmap::IndexMap;
use serde::Deserialize;

use super::choice::choices;
use super::types::{Free, Time};
use crate::check;

/// A `gateway` block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Gateway {
    /// The proxy.
    #[hcl(block)]
    pub proxy: Option<GatewayProxy>,
    /// The way in.
    #[hcl(block)]
    pub ingress: Option<Ingress>,
    /// The way out.
    #[hcl(block)]
    pub terminating: Option<Terminating>,
    /// The way to another mesh.
    #[hcl(block)]
    pub mesh: Option<Mesh>,
}

choices! {
    /// How the proxy finds servers by their names.
    pub enum DnsDiscovery {
        /// Every address, each time.
        StrictDns = "STRICT_DNS",
        /// The first address.
        LogicalDns = "LOGICAL_DNS",
    }
}

/// The `proxy` block of a gateway.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct GatewayProxy {
    /// How long a connection may take to be made.
    #[hcl(default = "5s")]
    pub connect_timeout: Time,
    /// Whether it listens on the tagged addresses.
    #[hcl(default = false)]
    pub envoy_gateway_bind_tagged_addresses: bool,
    /// Where else it listens.
    #[hcl(block)]
    #[serde(default)]
    pub envoy_gateway_bind_addresses: Vec<BindAddress>,
    /// Whether it does not listen on the default address.
    #[hcl(default = false)]
    pub envoy_gateway_no_default_bind: bool,
    /// How it finds servers by their names.
    pub envoy_dns_discovery_type: Option<DnsDiscovery>,
    /// What else the proxy is told.
    pub config: Option<Free>,
}

/// An `envoy_gateway_bind_addresses` block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct BindAddress {
    /// The service.
    #[hcl(label)]
    pub name: String,
    /// The address.
    pub address: Option<String>,
    /// The port.
    #[hcl(check = check::port)]
    pub port: Option<u16>,
}

/// An `ingress` block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Ingress {
    /// TLS for all listeners.
    #[hcl(block)]
    pub tls: Option<Tls>,
    /// The listeners.
    #[hcl(block)]
    #[serde(default)]
    pub listener: Vec<Listener>,
}

/// A `tls` block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Tls {
    /// Whether there is TLS.
    #[hcl(default = false)]
    pub enabled: bool,
    /// The least version.
    pub tls_min_version: Option<String>,
    /// The greatest version.
    pub tls_max_version: Option<String>,
    /// The ciphers.
    #[serde(default)]
    pub cipher_suites: Vec<String>,
    /// Where the certificate comes from.
    #[hcl(block)]
    pub sds: Option<Sds>,
}

/// An `sds` block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Sds {
    /// The cluster.
    pub cluster_name: Option<String>,
    /// The certificate.
    pub cert_resource: Option<String>,
}

choices! {
    /// What a listener speaks.
    pub enum ListenerProtocol {
        /// Anything over TCP.
        Tcp = "tcp",
        /// HTTP.
        Http = "http",
        /// HTTP/2.
        Http2 = "http2",
        /// gRPC.
        Grpc = "grpc",
    }
}

/// A `listener` block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Listener {
    /// The port.
    #[hcl(check = check::range::<1, 65535>)]
    pub port: u16,
    /// What it speaks.
    #[hcl(default = "tcp")]
    pub protocol: ListenerProtocol,
    /// The services behind it.
    #[hcl(block)]
    #[serde(default)]
    pub service: Vec<IngressService>,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

/// A `service` block of a listener.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct IngressService {
    /// The service.
    #[hcl(check = check::filled)]
    pub name: String,
    /// The names of hosts that it is asked for by.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// TLS for this service.
    #[hcl(block)]
    pub tls: Option<Tls>,
    /// What becomes of the headers of requests.
    #[hcl(block)]
    pub request_headers: Option<Headers>,
    /// What becomes of the headers of responses.
    #[hcl(block)]
    pub response_headers: Option<Headers>,
    /// How many connections there may be.
    #[hcl(check = check::count)]
    pub max_connections: Option<u32>,
    /// How many requests may wait.
    #[hcl(check = check::count)]
    pub max_pending_requests: Option<u32>,
    /// How many requests there may be at once.
    #[hcl(check = check::count)]
    pub max_concurrent_requests: Option<u32>,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

/// What becomes of headers.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Headers {
    /// Those that are added.
    #[serde(default)]
    pub add: IndexMap<String, String>,
    /// Those that are set.
    #[serde(default)]
    pub set: IndexMap<String, String>,
    /// Those that are removed.
    #[serde(default)]
    pub remove: Vec<String>,
}

/// A `terminating` block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Terminating {
    /// The services outside.
    #[hcl(block)]
    #[serde(default)]
    pub service: Vec<LinkedService>,
}

/// A `service` block of a terminating block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct LinkedService {
    /// The service.
    #[hcl(check = check::filled)]
    pub name: String,
    /// The authorities' certificates.
    pub ca_file: Option<String>,
    /// The certificate.
    pub cert_file: Option<String>,
    /// The key.
    pub key_file: Option<String>,
    /// The name that is asked for.
    pub sni: Option<String>,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

/// A `mesh` block, which says nothing more.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Mesh {}
