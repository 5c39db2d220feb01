//! The blocks of job files, each as a struct that is its own schema.

mod artifact;
pub(crate) mod choice;
mod connect;
mod gateway;
pub(crate) mod group;
mod identity;
pub(crate) mod job;
mod network;
mod other;
mod placement;
pub(crate) mod policy;
mod resources;
mod schedule;
mod service;
pub(crate) mod task;
mod template;
mod types;
mod volume;

use std::sync::LazyLock;

use encamp_hclspec::{HclSpec as _, Spec, Type};

use crate::job::Group;

pub use self::artifact::{Artifact, ArtifactMode};
pub use self::connect::{
    Connect, DestinationType, Expose, ExposePath, MeshGateway, MeshGatewayMode, Proxy, SidecarService, SidecarTask,
    TransparentProxy, Upstream,
};
pub use self::gateway::{
    BindAddress, DnsDiscovery, Gateway, GatewayProxy, Headers, Ingress, IngressService, LinkedService, Listener,
    ListenerProtocol, Mesh, Sds, Terminating, Tls,
};
pub use self::identity::{ChangeMode, Consul, Identity, Secret, Vault};
pub use self::network::{Cni, Dns, Network, Port};
pub use self::other::{Action, Link, Scaling, ScalingType, TaskScaling, Ui};
pub use self::placement::{Affinity, Constraint, Operator, Spread, SpreadTarget};
pub use self::policy::{DelayFunction, Disconnect, HealthCheck, Migrate, Reconcile, Reschedule, Update};
pub use self::resources::{Device, Numa, NumaAffinity, ResourcesBlock};
pub use self::schedule::{
    Cron, DispatchPayload, Multiregion, OnFailure, Parameterized, PayloadRule, Periodic, Region, Schedule, Strategy,
};
pub use self::service::{
    AddressMode, CheckRestart, CheckStatus, CheckType, OnUpdate, Provider, Service, ServiceCheck, Weights,
};
pub use self::task::LogsBlock;
pub use self::template::{ChangeScript, Template, TemplateChangeMode, Wait};
pub use self::types::{Free, SecretTexts, Time};
pub use self::volume::{
    AccessMode, AttachmentMode, CsiPlugin, CsiPluginType, EphemeralDisk, MountOptions, Propagation, Volume,
    VolumeMount, VolumeType,
};

/// All of a job but its groups.
pub(crate) static JOB: LazyLock<Spec> = LazyLock::new(job::JobBlock::hcl_spec);
/// All of a group but its tasks.
pub(crate) static GROUP: LazyLock<Spec> = LazyLock::new(group::GroupBlock::hcl_spec);
/// All of a task but its `config`.
pub(crate) static TASK: LazyLock<Spec> = LazyLock::new(task::TaskBlock::hcl_spec);

/// The schema of job files: all that may be written in them.
///
/// A task's `config` is what its driver says, so anything goes in it here.
pub fn spec() -> Spec {
    let task = with(
        &TASK,
        [
            ("name", Spec::block_label(0, "name")),
            (
                "config",
                Spec::attr("config", Type::Any).described("The driver's configuration."),
            ),
        ],
    );
    let group = with(
        &GROUP,
        [
            ("name", Spec::block_label(0, "name")),
            ("task", Spec::block_list("task", task.clone()).described("The tasks.")),
        ],
    );
    let job = with(
        &JOB,
        [
            ("label", Spec::block_label(0, "name")),
            (
                "group",
                Spec::block_list("group", group).described("Tasks that run together."),
            ),
            (
                "task",
                Spec::block_list("task", task).described("Tasks that are groups of their own."),
            ),
        ],
    );
    let validation = Spec::object([
        ("condition", Spec::attr("condition", Type::Bool).required()),
        ("error_message", Spec::attr("error_message", Type::String).required()),
    ]);
    let variable = Spec::object([
        ("name", Spec::block_label(0, "name")),
        (
            "type",
            Spec::attr("type", Type::Any).described("The type of its values."),
        ),
        (
            "default",
            Spec::attr("default", Type::Any).described("Its value where none is given."),
        ),
        (
            "description",
            Spec::attr("description", Type::String).described("What it is for."),
        ),
        (
            "sensitive",
            Spec::attr("sensitive", Type::Bool).described("Whether its value is a secret."),
        ),
        (
            "validation",
            Spec::block_list("validation", validation).described("What its value must be."),
        ),
    ]);
    Spec::object([
        ("job", Spec::block_list_limited("job", 1, 1, job).described("The job.")),
        (
            "variable",
            Spec::block_list("variable", variable).described("What is given from outside."),
        ),
        (
            "variables",
            Spec::block_attrs("variables", Type::Any).described("Variables with their defaults."),
        ),
        (
            "locals",
            Spec::block_attrs("locals", Type::Any).described("Values under names."),
        ),
    ])
}

fn with<const N: usize>(spec: &Spec, more: [(&str, Spec); N]) -> Spec {
    let Spec::Object(parts) = spec else { return spec.clone() };
    let more = more.into_iter().map(|(name, part)| (name.to_owned(), part));
    Spec::Object(more.chain(parts.clone()).collect())
}

/// Gives a group and its tasks what is said around them, where they say nothing.
pub(crate) fn identity_of(group: &mut Group, consul: Option<&Consul>, vault: Option<&Vault>, secrets: &[Secret]) {
    group.consul = group.consul.take().or_else(|| consul.cloned());
    for task in &mut group.tasks {
        task.consul = task.consul.take().or_else(|| consul.cloned());
        task.vault = task.vault.take().or_else(|| vault.cloned());
        task.secrets.extend_from_slice(secrets);
    }
}
