//! The wire: our own `.proto` files and the checked-in code generated from them.
//!
//! Messages, clients and servers of the protocols that plugins speak. Nothing here has a behaviour of its own: adapter
//! crates turn these types into the contracts' types, and no contract names one of them.
//!
//! - feature `goplugin`: [`plugin`], the services of go-plugin itself (broker, controller, stdio);
//! - feature `nomad`: [`base`], [`driver`], [`device`] and the messages that they share, [`hclspec`], [`structs`],
//!   [`rpc`].
//!
//! ```
//! # #[cfg(feature = "nomad")] {
//! use encamp_proto::driver::WaitTaskRequest;
//! use prost::Message;
//!
//! let request = WaitTaskRequest { task_id: "a/b/c".to_owned() };
//! assert_eq!(request.encode_to_vec(), b"\x0a\x05a/b/c");
//! # }
//! ```
//!
//! The code is written from the files in `protos/` by `cargo xtask proto write`; a test compares the two.
#![forbid(unsafe_code)]

/// go-plugin's own services.
#[cfg(feature = "goplugin")]
#[allow(warnings, clippy::all, clippy::pedantic, reason = "generated")]
pub mod plugin {
    include!("generated/plugin.rs");

    /// The descriptors of these services, for reflection.
    pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("generated/goplugin.bin");
}

#[cfg(feature = "nomad")]
pub use google::rpc;
#[cfg(feature = "nomad")]
pub use hashicorp::nomad::plugins::{
    base::proto as base,
    device,
    drivers::proto as driver,
    shared::{hclspec, structs},
};

/// The descriptors of Nomad's services, for reflection.
#[cfg(feature = "nomad")]
pub const NOMAD_FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("generated/nomad.bin");

// Packages are modules, and generated code names its neighbours by their way through them.
#[cfg(feature = "nomad")]
#[allow(warnings, clippy::all, clippy::pedantic, reason = "generated")]
mod google {
    /// Errors with details.
    pub mod rpc {
        include!("generated/google.rpc.rs");
    }
}

#[cfg(feature = "nomad")]
#[allow(warnings, clippy::all, clippy::pedantic, reason = "generated")]
mod hashicorp {
    pub mod nomad {
        pub mod plugins {
            pub mod base {
                /// What every plugin answers.
                pub mod proto {
                    include!("generated/hashicorp.nomad.plugins.base.proto.rs");
                }
            }
            pub mod drivers {
                /// Task drivers.
                pub mod proto {
                    include!("generated/hashicorp.nomad.plugins.drivers.proto.rs");
                }
            }
            /// Device plugins.
            pub mod device {
                include!("generated/hashicorp.nomad.plugins.device.rs");
            }
            pub mod shared {
                /// Schemas.
                pub mod hclspec {
                    include!("generated/hashicorp.nomad.plugins.shared.hclspec.rs");
                }
                /// Attributes, figures, and errors that say whether to try again.
                pub mod structs {
                    include!("generated/hashicorp.nomad.plugins.shared.structs.rs");
                }
            }
        }
    }
}
