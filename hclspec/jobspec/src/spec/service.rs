//! `service` blocks and their checks.

use encamp_hclspec::{Diagnostics, HclSpec, Place, Value};
use indexmap::IndexMap;
use serde::Deserialize;

use super::choice::choices;
use super::connect::Connect;
use super::identity::Identity;
use super::types::{SecretTexts, Time};
use crate::check::{self, about};

choices! {
    /// Where services are registered.
    pub enum Provider {
        /// With Consul.
        Consul = "consul",
        /// With the cluster itself.
        Nomad = "nomad",
    }
}

choices! {
    /// Which address a service or a check has.
    pub enum AddressMode {
        /// Whatever fits.
        Auto = "auto",
        /// The allocation's.
        Alloc = "alloc",
        /// The allocation's of IPv6.
        AllocIpv6 = "alloc_ipv6",
        /// The driver's.
        Driver = "driver",
        /// The host's.
        Host = "host",
    }
}

choices! {
    /// What a check counts for in an update.
    pub enum OnUpdate {
        /// It must pass.
        RequireHealthy = "require_healthy",
        /// It may warn.
        IgnoreWarnings = "ignore_warnings",
        /// Nothing.
        Ignore = "ignore",
    }
}

/// A `service` block of a group or a task.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Service {
    /// Its name; made of the names of job, group and task where nothing is said.
    pub name: Option<String>,
    /// The label of its port, or a number.
    pub port: Option<String>,
    /// Tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Tags of canaries.
    #[serde(default)]
    pub canary_tags: Vec<String>,
    /// Whether others may change the tags.
    #[hcl(default = false)]
    pub enable_tag_override: bool,
    /// Which address it has.
    #[hcl(default = "auto")]
    pub address_mode: AddressMode,
    /// The address itself.
    pub address: Option<String>,
    /// Addresses by name.
    #[serde(default)]
    pub tagged_addresses: IndexMap<String, String>,
    /// The task that it is of, in a group.
    pub task: Option<String>,
    /// What its checks count for in an update.
    #[hcl(default = "require_healthy")]
    pub on_update: OnUpdate,
    /// Where it is registered.
    #[hcl(default = "consul")]
    pub provider: Provider,
    /// The Consul cluster.
    #[hcl(default = "default")]
    pub cluster: String,
    /// What kind of service it is to Consul.
    pub kind: Option<String>,
    /// Anything else about it.
    #[serde(default)]
    pub meta: IndexMap<String, String>,
    /// The same, of canaries.
    #[serde(default)]
    pub canary_meta: IndexMap<String, String>,
    /// The checks.
    #[hcl(block)]
    #[serde(default)]
    pub check: Vec<ServiceCheck>,
    /// When checks that fail restart the task.
    #[hcl(block)]
    pub check_restart: Option<CheckRestart>,
    /// Its place in the service mesh.
    #[hcl(block)]
    pub connect: Option<Connect>,
    /// What it shows Consul.
    #[hcl(block)]
    pub identity: Option<Identity>,
    /// How often it is chosen among others.
    #[hcl(block)]
    pub weights: Option<Weights>,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

choices! {
    /// How a service is checked.
    pub enum CheckType {
        /// By a request.
        Http = "http",
        /// By a connection.
        Tcp = "tcp",
        /// By a command in the task.
        Script = "script",
        /// By gRPC's own health check.
        Grpc = "grpc",
        /// It is up to the task.
        Ttl = "ttl",
    }
}

choices! {
    /// The state of a check that has not run yet.
    pub enum CheckStatus {
        /// It passes.
        Passing = "passing",
        /// It warns.
        Warning = "warning",
        /// It fails.
        Critical = "critical",
    }
}

/// A `check` block of a service.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[hcl(check = of_type)]
#[non_exhaustive]
pub struct ServiceCheck {
    /// Its name.
    pub name: Option<String>,
    /// How it is done.
    #[serde(rename = "type")]
    pub check_type: Option<CheckType>,
    /// The command, of a script.
    pub command: Option<String>,
    /// The command's arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// The path, of a request.
    pub path: Option<String>,
    /// `http` or `https`.
    pub protocol: Option<String>,
    /// The label of the port; the service's where nothing is said.
    pub port: Option<String>,
    /// Whether the mesh lets it through.
    #[hcl(default = false)]
    pub expose: bool,
    /// Which address is checked.
    pub address_mode: Option<AddressMode>,
    /// The address that is advertised.
    pub advertise: Option<String>,
    /// How often; 1 s at least.
    pub interval: Option<Time>,
    /// How long it may take; 1 s at least.
    pub timeout: Option<Time>,
    /// The state before it has run.
    pub initial_status: Option<CheckStatus>,
    /// For people.
    pub notes: Option<String>,
    /// The name in the certificate.
    pub tls_server_name: Option<String>,
    /// Whether the certificate does not matter.
    #[hcl(default = false)]
    pub tls_skip_verify: bool,
    /// The headers of a request.
    #[serde(default)]
    pub header: IndexMap<String, Vec<String>>,
    /// The method of a request.
    pub method: Option<String>,
    /// The body of a request.
    pub body: Option<String>,
    /// The service that is asked for, of gRPC.
    pub grpc_service: Option<String>,
    /// Whether gRPC speaks TLS.
    #[hcl(default = false)]
    pub grpc_use_tls: bool,
    /// The task that it is of.
    pub task: Option<String>,
    /// How often it must pass to pass.
    #[hcl(default = 0, check = check::count)]
    pub success_before_passing: u32,
    /// How often it must fail to fail.
    #[hcl(default = 0, check = check::count)]
    pub failures_before_critical: u32,
    /// How often it must fail to warn.
    #[hcl(default = 0, check = check::count)]
    pub failures_before_warning: u32,
    /// What it counts for in an update; as the service's where nothing is said.
    pub on_update: Option<OnUpdate>,
    /// When it restarts the task.
    #[hcl(block)]
    pub check_restart: Option<CheckRestart>,
    /// Where the block is.
    #[hcl(span)]
    pub place: Place,
}

/// A `check_restart` block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct CheckRestart {
    /// How often a check may fail first; 0 is never.
    #[hcl(default = 0, check = check::count)]
    pub limit: u32,
    /// How long a task has after its start.
    #[hcl(default = "1s")]
    pub grace: Time,
    /// Whether a warning is no failure.
    #[hcl(default = false)]
    pub ignore_warnings: bool,
}

/// A `weights` block.
#[derive(Clone, Debug, PartialEq, Deserialize, HclSpec)]
#[non_exhaustive]
pub struct Weights {
    /// While its checks pass.
    #[hcl(default = 1, check = check::range::<1, 65535>)]
    pub passing: u32,
    /// While they warn.
    #[hcl(default = 1, check = check::range::<0, 65535>)]
    pub warning: u32,
}

/// The environment of tasks elsewhere.
pub(crate) type Env = SecretTexts;

/// What a check of its type must have.
fn of_type(block: &Value) -> Diagnostics {
    let text = |name: &str| block.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let Some(kind) = text("type") else {
        let detail = "\"type\" says how a service is checked: \"http\", \"tcp\", \"script\" or \"grpc\".";
        return about("type", "Missing type", detail).into();
    };
    let mut found = Diagnostics::new();
    if kind == "http" && text("path").is_none() {
        found.push(about(
            "path",
            "Missing path",
            "A check of type \"http\" has a \"path\".",
        ));
    }
    if kind == "script" && text("command").is_none() {
        found.push(about(
            "command",
            "Missing command",
            "A check of type \"script\" has a \"command\".",
        ));
    }
    for name in ["interval", "timeout"] {
        let time = text(name).and_then(|text| encamp_hclspec::parse_duration(text).ok());
        if text(name).is_none() {
            found.push(about(
                name,
                format!("Missing {name}"),
                format!("A check has {} \"{name}\".", article(name)),
            ));
        } else if time.is_some_and(|time| time.as_secs() < 1) {
            found.push(about(
                name,
                format!("Invalid {name}"),
                format!("\"{name}\" must be 1s at least."),
            ));
        }
    }
    found
}

fn article(name: &str) -> &'static str {
    if name.starts_with('i') { "an" } else { "a" }
}
