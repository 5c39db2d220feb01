//! Run one allocation: hooks in order, tasks, restarts, state on disk.
//!
//! An [`Allocation`] is one task group of a job, to be run on this machine. [`prepare`] checks it against the drivers
//! without starting anything; a [`Runner`] then runs it to its end: alloc hooks, tasks in the order of their
//! lifecycle, restarts by policy, and clean-up in the reverse order. Every step that leaves something behind is
//! written to the [`Store`] before it is taken, so that a runner that was killed at any moment is followed by another
//! one that finds what the first had started, takes it back, and goes on.
//!
//! The runner knows no driver by name and makes no part itself: it is handed drivers, hooks and directories.
#![forbid(unsafe_code)]

mod alloc;
mod allocation;
mod context;
mod error;
mod event;
mod lifecycle;
mod outcome;
mod prepare;
mod reap;
mod restart;
mod store;
mod task;

pub use alloc::{Control, Runner};
pub use allocation::{Allocation, Node, new_alloc_id};
pub use context::{Drivers, Parts};
pub use error::RunError;
pub use event::{Event, EventKind};
pub use lifecycle::Desired;
pub use outcome::{Outcome, TaskOutcome};
pub use prepare::{Prepared, PreparedTask, prepare, prepare_again};
pub use reap::reap;
pub use store::{
    AllocRecord, Lock, LockError, NetworkAddress, Phase, Remains, Store, StoreError, Supervisor, TaskRecord,
};
pub use task::KILL_PATIENCE;
