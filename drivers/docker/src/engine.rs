//! The narrow engine trait: all that the driver asks of a container engine.

mod bollard;
mod error;
mod frames;
mod raw;
mod spec;
mod types;

use async_trait::async_trait;
use encamp_driver::{BoxStream, TerminalSize};
use std::path::Path;
use std::sync::Arc;
use tokio::io::AsyncRead;

pub use self::bollard::BollardEngine;
pub use self::error::{EngineError, EngineResult};
pub use self::frames::{Demux, Frame};
pub use self::spec::{ContainerSpec, DeviceSpec, HostSpec, LogSpec, MountSpec, PortBinding, TmpfsSpec, UlimitSpec};
pub use self::types::{
    Container, ContainerState, EngineInfo, ExecSession, ExecSpec, ExecState, Image, LogQuery, PullProgress,
    RegistryAuth, StatsSample,
};

/// A stream of bytes as the engine sends them.
pub type RawRead = Box<dyn AsyncRead + Send + Unpin>;

/// A container engine.
///
/// Every method but [`Engine::wait`], [`Engine::pull`], [`Engine::load`] and the streams ends by a deadline of its own,
/// whatever the engine does. `id` is a container's id or exact name.
///
/// # Cancel safety
/// Dropping a call leaves the engine to finish or not finish what was asked; the driver looks before it believes.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// The same kind of engine at another endpoint (`unix:///path`). Nothing is connected yet.
    ///
    /// # Errors
    /// [`EngineError::Endpoint`] for an address that cannot be used.
    fn at(&self, endpoint: &str) -> EngineResult<Arc<dyn Engine>>;

    /// What the engine is. The short deadline of a probe: it answers within seconds or is not well.
    ///
    /// # Errors
    /// As every call of this trait: [`EngineError`] says what kind of failure it was.
    async fn info(&self) -> EngineResult<EngineInfo>;

    /// Whether the engine sees what this process mounts. False where that is not known.
    async fn sees_our_mounts(&self) -> bool {
        false
    }

    /// The gateway address of the network named `bridge`, if it has one.
    ///
    /// # Errors
    /// [`EngineError`].
    async fn bridge_gateway(&self) -> EngineResult<Option<String>>;

    /// A local image.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] when it is not here.
    async fn image(&self, reference: &str) -> EngineResult<Image>;

    /// Pulls an image. The stream ends when the image is here; it fails when it will not come.
    ///
    /// # Errors
    /// [`EngineError`].
    async fn pull(
        &self,
        reference: &str,
        auth: Option<&RegistryAuth>,
    ) -> EngineResult<BoxStream<EngineResult<PullProgress>>>;

    /// Loads the images of a tar archive.
    ///
    /// # Errors
    /// [`EngineError`], also for an archive that cannot be read.
    async fn load(&self, archive: &Path) -> EngineResult<()>;

    /// Removes an image by reference or id, without force.
    ///
    /// # Errors
    /// [`EngineError::Conflict`] when something still uses it.
    async fn remove_image(&self, reference: &str) -> EngineResult<()>;

    /// Creates a container and returns its id.
    ///
    /// # Errors
    /// [`EngineError::Conflict`] when the name is taken.
    async fn create(&self, name: &str, spec: &ContainerSpec) -> EngineResult<String>;

    /// Starts a container. One that runs already is a success.
    ///
    /// # Errors
    /// [`EngineError`].
    async fn start(&self, id: &str) -> EngineResult<()>;

    /// The present truth about a container.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    async fn inspect(&self, id: &str) -> EngineResult<Container>;

    /// Waits for a container to stop running and returns its exit status. Has no deadline.
    ///
    /// # Errors
    /// [`EngineError`]; a broken connection says nothing about the container.
    async fn wait(&self, id: &str) -> EngineResult<i64>;

    /// Sends a signal by name or number.
    ///
    /// # Errors
    /// [`EngineError::Conflict`] when the container does not run.
    async fn kill(&self, id: &str, signal: &str) -> EngineResult<()>;

    /// Removes a container by force, with its anonymous volumes. One that is not there is a success.
    ///
    /// # Errors
    /// [`EngineError`].
    async fn remove(&self, id: &str) -> EngineResult<()>;

    /// The ids of all containers, running or not, that carry the label `name` with this value.
    ///
    /// # Errors
    /// [`EngineError`].
    async fn find(&self, label: &str, value: &str) -> EngineResult<Vec<String>>;

    /// Resource usage, about once a second, until the container ends.
    ///
    /// # Errors
    /// [`EngineError`].
    async fn stats(&self, id: &str) -> EngineResult<BoxStream<EngineResult<StatsSample>>>;

    /// The container's output, as the engine kept it: raw for containers with a terminal, else in frames for
    /// [`Demux`].
    ///
    /// # Errors
    /// [`EngineError::Unsupported`] when the container's log driver cannot be read back.
    async fn logs(&self, id: &str, query: &LogQuery) -> EngineResult<RawRead>;

    /// Prepares a command in a running container and returns its id.
    ///
    /// # Errors
    /// [`EngineError::Conflict`] when the container does not run.
    async fn exec_create(&self, id: &str, spec: &ExecSpec) -> EngineResult<String>;

    /// Starts a prepared command; its streams are raw with a terminal, else output comes in frames for [`Demux`]. Engines
    /// of API 1.42 and later give the terminal its size before the command runs; others must be told afterwards.
    ///
    /// # Errors
    /// [`EngineError`].
    async fn exec_start(&self, exec_id: &str, tty: Option<TerminalSize>) -> EngineResult<ExecSession>;

    /// The state of a command.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    async fn exec_inspect(&self, exec_id: &str) -> EngineResult<ExecState>;

    /// Tells a command's terminal its size.
    ///
    /// # Errors
    /// [`EngineError`].
    async fn exec_resize(&self, exec_id: &str, size: TerminalSize) -> EngineResult<()>;
}
