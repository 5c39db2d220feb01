//! What goes wrong in a device plugin.

use crate::Invalid;

/// A [`std::result::Result`] with a device plugin's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What goes wrong in a device plugin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Its configuration, or the machine, leaves nothing to do. Hosts go on without it.
    #[error("device is not enabled")]
    Disabled,
    /// The plugin itself ended.
    #[error("plugin is shut down")]
    PluginShutdown,
    /// No device has this id, or it is gone.
    #[error("unknown device id: {0}")]
    UnknownDevice(String),
    /// The plugin has no such call.
    #[error("{0}")]
    Unsupported(&'static str),
    /// What the plugin says of its devices cannot be used.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Something failed on the way.
    #[error("{message}")]
    Failed {
        /// What failed, on which value, and what to do about it.
        message: String,
        /// What it failed of.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

impl Error {
    /// A failure of this description.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed {
            message: message.into(),
            source: None,
        }
    }

    /// The same failure, with what it failed of.
    #[must_use]
    pub fn because(self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        match self {
            Self::Failed { message, .. } => Self::Failed {
                message,
                source: Some(cause.into()),
            },
            other => other,
        }
    }

    /// The error and all that it failed of, on one line.
    pub fn chain(&self) -> String {
        encamp_base::chain(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_tells_every_cause_once() {
        let cause = std::io::Error::other("no such bus");
        assert_eq!(
            Error::failed("cannot list the devices").because(cause).chain(),
            "cannot list the devices: no such bus"
        );
        assert_eq!(Error::Disabled.because("x").chain(), "device is not enabled");
        let invalid = Error::from(Invalid::new("attribute `a`", "is no number"));
        assert_eq!(invalid.chain(), "attribute `a`: is no number");
    }
}
