//! How plugins come to life: the one place that starts processes, and the seam for tests that start none.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use encamp_base_grpc::{ConnectError, Life, RemotePlugin, host, life};
use encamp_device::DevicePlugin;
use encamp_device_grpc::RemoteDevicePlugin;
use encamp_driver::{Driver, Plugin, PluginType};
use encamp_driver_grpc::RemoteDriver;
use encamp_goplugin::{Client, Host, Output, Program, ReattachConfig, ReattachError};
use encamp_hclspec::Spec;
use tokio::time::timeout;

/// How long a plugin that was started may take to say who it is.
const INTRODUCTION: Duration = Duration::from_secs(30);

/// What is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The program. Where it is a link, it is started by the link's name, which may mean something to it.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
}

/// What brings plugins to life.
#[async_trait]
pub trait Launch: Send + Sync {
    /// Starts a plugin, and knows who it is when this returns. Every wait has its end.
    ///
    /// # Errors
    /// A program that is no plugin. Nothing is left of it.
    ///
    /// # Cancel safety
    /// Nothing is left of what was started.
    async fn launch(&self, command: &Command) -> Result<Arc<dyn Instance>, LaunchError>;

    /// Finds a plugin again that an earlier host has started.
    ///
    /// # Errors
    /// It has ended, or nothing proves that it is the one, and nothing has happened to it; or it is the one and does not
    /// say who it is, and was ended: nobody would find it again once another one has taken its place.
    ///
    /// # Cancel safety
    /// Nothing has happened to it: tasks may live in it.
    async fn reattach(&self, record: &ReattachConfig) -> Result<Arc<dyn Instance>, LaunchError>;
}

/// A plugin that lives. Dropped, it is killed, unless it was [detached](Instance::detach).
#[async_trait]
pub trait Instance: Send + Sync {
    /// What answers.
    fn contract(&self) -> Contract<'_>;

    /// The schema of its configuration; none for a plugin that takes no configuration.
    fn schema(&self) -> Option<Spec>;

    /// Whether it has ended. Then every call says [`PluginShutdown`](encamp_driver::Error::PluginShutdown).
    fn has_ended(&self) -> bool;

    /// Waits for its end, and does not keep it alive.
    fn ended(&self) -> Ended;

    /// Asks it to end, and sees to it that it does. Every wait has its end.
    async fn kill(&self);

    /// What it takes to find it again, if that is possible.
    fn record(&self) -> Option<ReattachConfig>;

    /// Leaves it running when this is dropped.
    fn detach(&self);
}

/// What a plugin answers as.
#[derive(Clone, Copy)]
pub enum Contract<'a> {
    /// A task driver.
    Driver(&'a dyn Driver),
    /// A device plugin.
    Device(&'a dyn DevicePlugin),
}

impl<'a> Contract<'a> {
    /// What it answers whatever it is.
    pub fn plugin(self) -> &'a dyn Plugin {
        match self {
            Self::Driver(driver) => driver,
            Self::Device(device) => device,
        }
    }
}

/// A wait for a plugin's end.
pub type Ended = std::pin::Pin<Box<dyn Future<Output = ()> + Send + 'static>>;

/// Why there is no plugin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// The program cannot be started, or is no plugin.
    #[error(transparent)]
    Launch(#[from] encamp_goplugin::LaunchError),
    /// The process is gone, or another one.
    #[error(transparent)]
    Reattach(#[from] ReattachError),
    /// It does not answer as a plugin.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// It does not answer at all.
    #[error("the plugin has not said who it is within {0:?}")]
    Silent(Duration),
    /// What else a launcher may say.
    #[error("{0}")]
    Other(String),
}

/// Plugins that are processes.
#[derive(Clone, Debug)]
pub struct Processes {
    host: Host,
}

impl Default for Processes {
    fn default() -> Self {
        Self::new(host())
    }
}

impl Processes {
    /// Plugins that this host starts, with its timeouts and its place for sockets: see [`encamp_base_grpc::host`].
    pub fn new(host: Host) -> Self {
        Self { host }
    }
}

#[async_trait]
impl Launch for Processes {
    async fn launch(&self, command: &Command) -> Result<Arc<dyn Instance>, LaunchError> {
        let program = Program::new(&command.program).args(&command.args);
        let client = self.host.launch(program).await?;
        let remote = introduced(&client).await?;
        Ok(Arc::new(Process::new(remote, client)))
    }

    async fn reattach(&self, record: &ReattachConfig) -> Result<Arc<dyn Instance>, LaunchError> {
        let client = self.host.reattach(record, Output::default()).await?;
        let introduced = introduced(&client);
        let mut found = Found(Some(client));
        let remote = introduced.await;
        let client = found.0.take().ok_or(ReattachError::Ended(record.pid))?;
        match remote {
            Ok(remote) => Ok(Arc::new(Process::new(remote, client))),
            Err(error) => {
                client.kill().await;
                Err(error)
            }
        }
    }
}

/// Asks a plugin who it is.
fn introduced(client: &Client) -> impl Future<Output = Result<Remote, LaunchError>> + use<> {
    let (channel, life) = (client.channel(), life(client));
    async move {
        let plugin = timeout(INTRODUCTION, RemotePlugin::connect(channel.clone(), life)).await;
        let plugin = plugin.map_err(|_| LaunchError::Silent(INTRODUCTION))??;
        match plugin.info().plugin_type {
            PluginType::Driver => Ok(Remote::Driver(RemoteDriver::new(plugin, channel))),
            PluginType::Device => Ok(Remote::Device(RemoteDevicePlugin::new(plugin, channel))),
            other => Err(LaunchError::Other(format!(
                "the plugin is of a kind that is not known here: {other:?}"
            ))),
        }
    }
}

/// A process that was found, and that is left alone when this is dropped.
struct Found(Option<Client>);

impl Drop for Found {
    fn drop(&mut self) {
        drop(self.0.take().map(Client::detach));
    }
}

/// A plugin that is a process.
struct Process {
    remote: Remote,
    life: Life,
    record: Option<ReattachConfig>,
    client: Mutex<Option<Arc<Client>>>,
}

enum Remote {
    Driver(RemoteDriver),
    Device(RemoteDevicePlugin),
}

impl Remote {
    fn plugin(&self) -> &RemotePlugin {
        match self {
            Self::Driver(driver) => driver.plugin(),
            Self::Device(device) => device.plugin(),
        }
    }
}

impl Process {
    fn new(remote: Remote, client: Client) -> Self {
        Self {
            life: remote.plugin().life().clone(),
            remote,
            record: client.reattach_config(),
            client: Mutex::new(Some(Arc::new(client))),
        }
    }

    fn client(&self) -> Option<Arc<Client>> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Instance for Process {
    fn contract(&self) -> Contract<'_> {
        match &self.remote {
            Remote::Driver(driver) => Contract::Driver(driver),
            Remote::Device(device) => Contract::Device(device),
        }
    }

    fn schema(&self) -> Option<Spec> {
        let plugin = self.remote.plugin();
        plugin.is_configurable().then(|| plugin.config_schema())
    }

    fn has_ended(&self) -> bool {
        self.life.has_ended()
    }

    fn ended(&self) -> Ended {
        let life = self.life.clone();
        Box::pin(async move { life.ended().await })
    }

    async fn kill(&self) {
        if let Some(client) = self.client() {
            client.kill().await;
        }
    }

    fn record(&self) -> Option<ReattachConfig> {
        self.record.clone()
    }

    fn detach(&self) {
        let client = self.client.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(client) = client.and_then(Arc::into_inner) {
            drop(client.detach());
        }
    }
}

impl fmt::Debug for Contract<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Contract").field(&self.plugin().info()).finish()
    }
}

impl fmt::Debug for dyn Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance").finish_non_exhaustive()
    }
}
