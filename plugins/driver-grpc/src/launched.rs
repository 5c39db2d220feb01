//! [`LaunchedDriver`]: a driver and its process.

use std::ops::Deref;

use encamp_base_grpc::{ConnectError, host, life};
use encamp_driver::{Plugin as _, PluginType};
use encamp_goplugin::{Client, Killed, Output, Program, ReattachConfig, ReattachError};

use crate::RemoteDriver;

/// A driver that this process has launched, or found again.
///
/// Dropping it kills the process, but for what [`detach`](Self::detach) gives away.
#[derive(Debug)]
pub struct LaunchedDriver {
    client: Client,
    driver: RemoteDriver,
}

/// Why there is no driver.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// The program cannot be started, or is no plugin.
    #[error(transparent)]
    Launch(#[from] encamp_goplugin::LaunchError),
    /// The process is gone, or another one.
    #[error(transparent)]
    Reattach(#[from] ReattachError),
    /// The plugin does not answer as a plugin.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// It is a plugin of another kind.
    #[error("{0} is no task driver")]
    NoDriver(String),
}

impl LaunchedDriver {
    /// Starts the program and asks who it is.
    ///
    /// # Errors
    /// A program that is no driver. It was killed.
    ///
    /// # Cancel safety
    /// A program that was started is killed.
    pub async fn launch(program: Program) -> Result<Self, LaunchError> {
        Self::connect(host().launch(program).await?).await
    }

    /// Finds a driver again that runs already.
    ///
    /// # Errors
    /// The process has ended, or another one has its number.
    ///
    /// # Cancel safety
    /// Nothing has happened to the process.
    pub async fn reattach(config: &ReattachConfig) -> Result<Self, LaunchError> {
        Self::connect(host().reattach(config, Output::default()).await?).await
    }

    /// The driver of a plugin that runs.
    ///
    /// # Errors
    /// A plugin that does not answer, or is no driver.
    pub async fn connect(client: Client) -> Result<Self, LaunchError> {
        let driver = RemoteDriver::connect(client.channel(), life(&client)).await?;
        let info = driver.info();
        if info.plugin_type != PluginType::Driver {
            return Err(LaunchError::NoDriver(info.name));
        }
        Ok(Self { client, driver })
    }

    /// The process.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The driver. It says [`PluginShutdown`](encamp_driver::Error::PluginShutdown) once the process has ended.
    pub fn driver(&self) -> &RemoteDriver {
        &self.driver
    }

    /// Asks the process to end, and sees to it that it does.
    pub async fn kill(&self) -> Killed {
        self.client.kill().await
    }

    /// Leaves the process running, to be found again.
    pub fn detach(self) -> Option<ReattachConfig> {
        self.client.detach()
    }
}

impl Deref for LaunchedDriver {
    type Target = RemoteDriver;

    fn deref(&self) -> &RemoteDriver {
        &self.driver
    }
}
