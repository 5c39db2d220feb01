//! Run a command isolated from the host: namespaces, a rootfs, capabilities.
//!
//! [`Exec`] is the `exec` task driver. A task has its own directory as `/`, the host's programs and libraries read-only in
//! it, processes and IPC of its own, the capabilities that its operator and its job agree on, and limits by cgroups.
//!
//! ```no_run
//! use encamp_cgroup::Hierarchy;
//! use encamp_driver::Driver;
//! use encamp_exec::Exec;
//! use encamp_executor::{Executor, Program};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let executor = Executor::new(Program::locate()?, "/var/lib/encamp/executor".into());
//! let driver = Exec::new(executor, Hierarchy::detect());
//! let capabilities = driver.capabilities().await?;
//! assert!(capabilities.exec);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod config;
mod dns;
mod driver;
mod fingerprint;
mod plan;

pub use driver::Exec;
