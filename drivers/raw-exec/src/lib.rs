//! Run a command on the host, under the executor and nothing else.
//!
//! [`RawExec`] is the `raw_exec` task driver: the command sees the host's files, processes and network, runs as the
//! task's user, and is limited by cgroups where the host has any. Being that open, it is off until its configuration
//! says `enabled = true`.
//!
//! ```no_run
//! use encamp_cgroup::Hierarchy;
//! use encamp_driver::Driver;
//! use encamp_executor::{Executor, Program};
//! use encamp_raw_exec::RawExec;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let executor = Executor::new(Program::locate()?, "/var/lib/encamp/executor".into());
//! let driver = RawExec::new(executor, Hierarchy::detect());
//! let capabilities = driver.capabilities().await?;
//! assert!(capabilities.exec);
//! # Ok(())
//! # }
//! ```
#![cfg_attr(doctest, doc = include_str!("../README.md"))]
#![forbid(unsafe_code)]

mod config;
mod driver;
mod fingerprint;
mod glob;
mod plan;

pub use driver::RawExec;
