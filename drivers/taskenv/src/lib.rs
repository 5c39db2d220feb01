//! The environment of a task, and the interpolation of ${...} from it.
//!
//! ```
//! use encamp_driver::FsIsolation;
//! use encamp_taskenv::{Builder, Dirs, Ids, Node};
//!
//! let built = Builder {
//!     ids: Ids { task_name: "web".into(), ..Ids::default() },
//!     dirs: Dirs::of_alloc("/var/lib/encamp/alloc/1", "web"),
//!     fs_isolation: FsIsolation::Image,
//!     node: Node { name: "n1".into(), ..Node::default() },
//!     task_env: [("GREETING", "${NOMAD_TASK_NAME} on ${node.unique.name}")]
//!         .map(|(name, value)| (name.into(), value.into()))
//!         .into(),
//!     ..Builder::default()
//! }
//! .build();
//! assert_eq!(built.env.get("GREETING"), Some("web on n1"));
//! assert_eq!(built.env.get("NOMAD_TASK_DIR"), Some("/local"));
//! assert_eq!(built.interpolate("${NOMAD_TASK_DIR}/${unknown}"), "/local/${unknown}");
//! ```
//!
//! # Layers
//!
//! Each layer goes over the ones before it, but the host's environment only fills gaps:
//!
//! 1. directories, limits, identity, ports and addresses (`NOMAD_*`);
//! 2. tokens;
//! 3. meta (`NOMAD_META_*`), keys and values interpolated;
//! 4. the host's environment without [`HOST_ENV_DENYLIST`], where the task sees the host's files;
//! 5. the task's `env`, keys and values interpolated, **in the order in which the job declares them**: a variable may
//!    use those declared above it, and itself as a lower layer has it (`PATH = "${PATH}:/local/bin"`);
//! 6. what hooks add, in hook order; then what templates add.
//!
//! Interpolation replaces `${name}` once: what it inserts is not looked at again, and a name that nobody knows stays
//! as it stands. While the environment is being built, a name is looked up in the node first, and in the environment
//! so far then; afterwards ([`Built::interpolate`]) in the environment first.
//!
//! At the end, names that begin with `NOMAD_ADDR_`, `NOMAD_IP_`, `NOMAD_PORT_`, `NOMAD_HOST_PORT_` or `NOMAD_META_` have
//! every byte but letters, digits, `_` and `.` replaced by `_`.
#![forbid(unsafe_code)]

mod build;
mod inputs;
mod interpolate;

pub use build::{Builder, Built};
pub use inputs::{Dirs, HOST_ENV_DENYLIST, Ids, Limits, NetworkStatus, Node, Tokens, filter_host_env, merge_meta};
pub use interpolate::interpolate;
