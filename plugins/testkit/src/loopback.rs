//! A driver behind a connection that can be cut.

use std::convert::Infallible;
use std::future;
use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream as Socket;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use encamp_base_grpc::{BaseService, ConnectError, Life};
use encamp_driver::Driver;
use encamp_driver_grpc::{DriverServer, RemoteDriver};
use encamp_goplugin::{CONNECTION_WINDOW, STREAM_WINDOW};
use futures_util::{StreamExt as _, stream};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tonic::codegen::http::Uri;
use tonic::service::Routes;
use tonic::transport::{Channel, Endpoint, Server};
use tower_service::Service;

/// A connection between a client and services in this process, over a pair of sockets, as between a host and a plugin.
#[derive(Debug)]
pub struct Cable {
    channel: Channel,
    life: Life,
    end: Mutex<Option<oneshot::Sender<Infallible>>>,
    socket: Socket,
    server: AbortHandle,
}

impl Cable {
    /// Serves `routes` at the far end. Needs a Tokio runtime around it.
    ///
    /// # Errors
    /// Where the system has no sockets left.
    pub fn to(routes: Routes) -> io::Result<Self> {
        let (near, far) = Socket::pair()?;
        near.set_nonblocking(true)?;
        far.set_nonblocking(true)?;
        let socket = near.try_clone()?;
        let (near, far) = (UnixStream::from_std(near)?, UnixStream::from_std(far)?);
        let incoming = stream::once(future::ready(io::Result::Ok(far))).chain(stream::pending());
        let server = Server::builder()
            .initial_connection_window_size(CONNECTION_WINDOW)
            .initial_stream_window_size(STREAM_WINDOW)
            .add_routes(routes);
        let server = tokio::spawn(server.serve_with_incoming(incoming));
        let channel = Endpoint::from_static("http://plugin")
            .initial_connection_window_size(CONNECTION_WINDOW)
            .initial_stream_window_size(STREAM_WINDOW)
            .connect_with_connector_lazy(Once(Some(near)));
        let (end, ended) = oneshot::channel();
        let life = Life::until(async move {
            let _never = ended.await;
        });
        Ok(Self {
            channel,
            life,
            end: Mutex::new(Some(end)),
            socket,
            server: server.abort_handle(),
        })
    }

    /// The near end, for a client of any service at the far one. There is one connection: once cut, it stays so.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// The life of the process that would be at the far end.
    pub fn life(&self) -> Life {
        self.life.clone()
    }

    /// Cuts the connection.
    pub fn cut(&self) {
        // It may be cut already.
        drop(self.socket.shutdown(Shutdown::Both));
    }

    /// Ends the life of the plugin. The connection stays, as when a child of the plugin's still holds it.
    pub fn end_life(&self) {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// What a plugin that is killed looks like: its connection is cut, and its life ends.
    pub fn kill(&self) {
        self.cut();
        self.end_life();
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.cut();
        self.server.abort();
    }
}

/// A driver that is reached over gRPC, with both ends in this process.
#[derive(Debug)]
pub struct Loopback {
    driver: RemoteDriver,
    cable: Cable,
}

impl Loopback {
    /// The driver as a host has it.
    pub fn driver(&self) -> &RemoteDriver {
        &self.driver
    }

    /// What lies between the two ends.
    pub fn cable(&self) -> &Cable {
        &self.cable
    }

    /// Kills the plugin: its connection is cut, and its life ends. The driver itself stays, as do its tasks.
    pub fn kill(&self) {
        self.cable.kill();
    }
}

/// Puts `driver` behind a connection. Dropping the result cuts it.
///
/// ```
/// use std::sync::Arc;
///
/// use encamp_driver::{Driver, Error};
/// use encamp_testkit::{ScriptedDriver, loopback};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let plugin = loopback(Arc::new(ScriptedDriver::new())).await?;
/// let driver = plugin.driver();
/// assert!(driver.capabilities().await?.exec);
/// plugin.kill();
/// assert!(matches!(driver.wait_task("any").await, Err(Error::PluginShutdown)));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// A driver that does not say who it is or what may be configured.
///
/// # Panics
/// Where the system has no sockets left.
#[expect(clippy::expect_used, reason = "a test cannot go on without")]
pub async fn loopback(driver: Arc<dyn Driver>) -> Result<Loopback, ConnectError> {
    let server = DriverServer::new(Arc::clone(&driver));
    let routes = Routes::new(server).add_service(BaseService::server(driver));
    let cable = Cable::to(routes).expect("sockets");
    let driver = RemoteDriver::connect(cable.channel(), cable.life()).await?;
    Ok(Loopback { driver, cable })
}

/// Connects once.
struct Once(Option<UnixStream>);

impl Service<Uri> for Once {
    type Response = TokioIo<UnixStream>;
    type Error = io::Error;
    type Future = future::Ready<io::Result<TokioIo<UnixStream>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let stream = self.0.take().map(TokioIo::new);
        future::ready(stream.ok_or_else(|| io::ErrorKind::ConnectionRefused.into()))
    }
}
