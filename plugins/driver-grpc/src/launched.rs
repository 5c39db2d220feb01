//! [`LaunchedDriver`]: a driver and its process.

use std::ops::Deref;

use encamp_base_grpc::{ConnectError, Life, host, life};
use encamp_driver::{Plugin as _, PluginType};
use encamp_goplugin::{Client, Killed, Output, Program, ReattachConfig, ReattachError};
use tonic::transport::Channel;

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
    /// The process has ended, another one has its number, or it does not answer as a driver, and is left alone.
    ///
    /// # Cancel safety
    /// Nothing has happened to the process.
    pub async fn reattach(config: &ReattachConfig) -> Result<Self, LaunchError> {
        let client = host().reattach(config, Output::default()).await?;
        let (channel, life) = (client.channel(), life(&client));
        let mut found = Found(Some(client));
        let driver = driver_at(channel, life).await?;
        let client = found.0.take().ok_or(ReattachError::Ended(config.pid))?;
        Ok(Self { client, driver })
    }

    /// The driver of a plugin that runs.
    ///
    /// # Errors
    /// A plugin that does not answer, or is no driver. It was killed.
    ///
    /// # Cancel safety
    /// The plugin is killed.
    pub async fn connect(client: Client) -> Result<Self, LaunchError> {
        let driver = driver_at(client.channel(), life(&client)).await?;
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

async fn driver_at(channel: Channel, life: Life) -> Result<RemoteDriver, LaunchError> {
    let driver = RemoteDriver::connect(channel, life).await?;
    let info = driver.info();
    match info.plugin_type {
        PluginType::Driver => Ok(driver),
        _ => Err(LaunchError::NoDriver(info.name)),
    }
}

/// A process that was found, and that is left alone when this is dropped: it has tasks, and others may find it yet.
struct Found(Option<Client>);

impl Drop for Found {
    fn drop(&mut self) {
        drop(self.0.take().map(Client::detach));
    }
}

impl Deref for LaunchedDriver {
    type Target = RemoteDriver;

    fn deref(&self) -> &RemoteDriver {
        &self.driver
    }
}
