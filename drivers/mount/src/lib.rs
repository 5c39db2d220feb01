//! A task's mounts as data, and the one interpreter that makes them.
//!
//! ```
//! use encamp_mount::{Bind, Rootfs};
//!
//! let rootfs = Rootfs::for_task("/var/lib/encamp/alloc/1/web")
//!     .shared_alloc("/var/lib/encamp/alloc/1/alloc")
//!     .bind(Bind::new("/srv/data", "/data").read_only())
//!     .build();
//! assert!(rootfs.mounts.iter().any(|mount| mount.target.ends_with("data")));
//! ```
#![cfg(target_os = "linux")]

mod enter;
mod plan;

pub use enter::MountError;
pub use plan::{Bind, Builder, HOST_DIRECTORIES, Kind, Mount, Propagation, Rootfs, Switch};
