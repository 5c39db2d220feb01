//! The algebra of Linux capabilities that a task may have.
//!
//! [`calculate`] turns what the operator allows and what a job adds and drops into a [`CapabilitySet`], and the set
//! applies itself to the calling thread around the change of user:
//!
//! ```
//! use encamp_caps::{CapabilitySet, Request, calculate};
//!
//! let supported = CapabilitySet::known();
//! let set = calculate(&Request {
//!     defaults: CapabilitySet::nomad_defaults(),
//!     allow: CapabilitySet::nomad_defaults(),
//!     add: CapabilitySet::parse(["net_bind_service"], supported)?,
//!     drop: CapabilitySet::parse(["all"], supported)?,
//! })?;
//! assert_eq!(set.names(), ["CAP_NET_BIND_SERVICE"]);
//! assert_eq!(set.mask(), 0x400);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The order of steps in a child
//!
//! 1. [`CapabilitySet::before_setuid`]: while the thread is still root, all that is not in the set leaves the bounding
//!    set, and the thread is told to keep its permitted capabilities over the change of user;
//! 2. the caller's own `setgroups`, `setresgid`, `setresuid`;
//! 3. [`CapabilitySet::after_setuid`]: permitted, effective, and for anybody but root inheritable and ambient become
//!    the set; the order of step 1 to be kept is withdrawn;
//! 4. `execve`.
//!
//! Where no user is changed, [`CapabilitySet::apply`] does both at once.
#![forbid(unsafe_code)]

mod apply;
mod bounding;
mod set;

pub use apply::ApplyError;
pub use set::{CapabilitySet, NamesError};

/// What [`calculate`] works from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// What a task has that asks for nothing.
    pub defaults: CapabilitySet,
    /// What the operator lets tasks have at most.
    pub allow: CapabilitySet,
    /// What the job adds.
    pub add: CapabilitySet,
    /// What the job drops; what it also adds, stays.
    pub drop: CapabilitySet,
}

/// A job adds capabilities that the operator does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "driver does not allow the following capabilities: {}; ask the operator to add them to allow_caps",
    .missing.short_names().join(", ")
)]
pub struct NotAllowed {
    /// The capabilities that were asked for and are not allowed.
    pub missing: CapabilitySet,
}

/// What a task gets: the allowed defaults without what it drops, and all that it adds.
///
/// # Errors
/// [`NotAllowed`] with every added capability that is not allowed, not just the first.
pub fn calculate(request: &Request) -> Result<CapabilitySet, NotAllowed> {
    let missing = request.add.difference(request.allow);
    if !missing.is_empty() {
        return Err(NotAllowed { missing });
    }
    let kept = request.defaults.intersection(request.allow).difference(request.drop);
    Ok(kept.union(request.add))
}

#[cfg(test)]
mod tests;
