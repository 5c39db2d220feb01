//! Create, limit, measure, kill and remove a task's cgroups, v1 and v2.
//!
//! ```no_run
//! use encamp_cgroup::{Hierarchy, Limits};
//!
//! let cgroup = Hierarchy::detect().task("3ac4/web/01234567");
//! cgroup.create(&Limits { memory_hard: Some(64 << 20), ..Limits::default() })?;
//! for file in cgroup.procs_files() {
//!     std::fs::write(file, "0")?; // the calling process joins
//! }
//! cgroup.remove()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod cgroup;
mod fs;
mod hierarchy;
mod kill;
mod limits;
mod stats;

pub use cgroup::Cgroup;
pub use fs::CgroupError;
pub use hierarchy::{Controller, Hierarchy};
pub use limits::{Limits, clamp_shares, shares_to_weight};
pub use stats::{CpuStats, MemoryStats, Stats};
