//! [`Down`]: why there is no process, as callers of either kind are told.

/// Why there is no process.
#[derive(Debug)]
pub(crate) enum Down {
    /// There will be none any more.
    Over,
    /// Something keeps it from being there for now.
    For(String),
}

impl From<Down> for encamp_driver::Error {
    fn from(down: Down) -> Self {
        match down {
            Down::Over => Self::PluginShutdown,
            Down::For(why) => Self::recoverable(why).early(),
        }
    }
}

impl From<Down> for encamp_device::Error {
    fn from(down: Down) -> Self {
        match down {
            Down::Over => Self::PluginShutdown,
            Down::For(why) => Self::failed(why),
        }
    }
}

impl From<Down> for encamp_base::ConfigError {
    fn from(down: Down) -> Self {
        match down {
            Down::Over => Self::PluginShutdown,
            Down::For(why) => Self::Failed(why),
        }
    }
}
