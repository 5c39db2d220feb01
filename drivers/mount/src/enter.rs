//! The interpreter of a [`Rootfs`].

use std::io;

use crate::Rootfs;

/// A step on the way into a [`Rootfs`] failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {step}")]
pub struct MountError {
    /// What was tried, on which path.
    pub step: String,
    /// What the kernel said.
    #[source]
    pub source: io::Error,
}

impl Rootfs {
    /// Makes all of it and leaves the old root. To be called in a child that is already in a mount namespace of its
    /// own (and in the process namespace whose `proc` it is to see); nothing of it is visible outside, and all of it
    /// goes with the namespace.
    ///
    /// # Errors
    /// [`MountError`] names the step; the child must not go on.
    pub fn enter(&self) -> Result<(), MountError> {
        Err(MountError {
            step: format!("enter {}", self.root.display()),
            source: io::ErrorKind::Unsupported.into(),
        })
    }
}
