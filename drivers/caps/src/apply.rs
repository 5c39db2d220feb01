//! Giving a set to the calling thread.

use caps::errors::CapsError;
use caps::{CapSet, Capability, CapsHashSet};

use crate::{CapabilitySet, bounding};

/// The kernel refused a step on the way to a [`CapabilitySet`].
#[derive(Debug, thiserror::Error)]
#[error("cannot {step}")]
pub struct ApplyError {
    /// What was tried, for people.
    pub step: &'static str,
    /// What the kernel said.
    #[source]
    pub source: CapsError,
}

impl CapabilitySet {
    /// To be called while the thread is still root: drops all else from the bounding set, and keeps the permitted
    /// capabilities over the change of user.
    ///
    /// # Errors
    /// Without `CAP_SETPCAP`. The bounding set may be smaller than before by then; the child must not go on.
    pub fn before_setuid(self) -> Result<(), ApplyError> {
        step(
            "drop a capability from the bounding set",
            bounding::keep(self.mask()).map_err(|error| CapsError::from(error.to_string())),
        )?;
        step(
            "keep capabilities over the change of user",
            caps::securebits::set_keepcaps(true),
        )
    }

    /// To be called once the thread runs as the task's user: the set becomes what the thread has and what the program
    /// that it executes will have.
    ///
    /// Root gets it through the rules for root: its inheritable and ambient sets are empty. Anybody else keeps it over
    /// `execve` through the ambient set. Root is who has the user id 0, whatever the name.
    ///
    /// # Errors
    /// When the set has more than the thread's permitted capabilities.
    pub fn after_setuid(self) -> Result<(), ApplyError> {
        let set: CapsHashSet = every(self).collect();
        let passed_on = if nix::unistd::geteuid().is_root() {
            CapsHashSet::new()
        } else {
            set.clone()
        };
        step("clear the ambient capabilities", caps::clear(None, CapSet::Ambient))?;
        // The effective set may never exceed the permitted one, so it goes first.
        step(
            "set the effective capabilities",
            caps::set(None, CapSet::Effective, &set),
        )?;
        step(
            "set the inheritable capabilities",
            caps::set(None, CapSet::Inheritable, &passed_on),
        )?;
        step(
            "set the permitted capabilities",
            caps::set(None, CapSet::Permitted, &set),
        )?;
        for capability in &passed_on {
            step(
                "raise an ambient capability",
                caps::raise(None, CapSet::Ambient, *capability),
            )?;
        }
        step(
            "let go of capabilities at the next change of user",
            caps::securebits::set_keepcaps(false),
        )
    }

    /// Both steps, for a thread that stays who it is.
    ///
    /// # Errors
    /// As [`CapabilitySet::before_setuid`] and [`CapabilitySet::after_setuid`].
    pub fn apply(self) -> Result<(), ApplyError> {
        self.before_setuid()?;
        self.after_setuid()
    }
}

fn step(step: &'static str, result: Result<(), CapsError>) -> Result<(), ApplyError> {
    result.map_err(|source| ApplyError { step, source })
}

fn every(set: CapabilitySet) -> impl Iterator<Item = Capability> {
    let all = caps::all().into_iter();
    all.filter(move |capability| set.mask() & capability.bitmask() != 0)
}
