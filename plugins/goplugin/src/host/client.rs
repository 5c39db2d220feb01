//! A plugin that runs.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use encamp_proto::plugin::Empty;
use encamp_proto::plugin::grpc_broker_client::GrpcBrokerClient;
use encamp_proto::plugin::grpc_controller_client::GrpcControllerClient;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::life::Process;
use super::{Exit, Life, Output, ReattachConfig, output};
use crate::address::Address;
use crate::broker::{Broker, Outgoing};
use crate::listener::{PrivateDir, is_private};

/// How long a killed process may take to be gone. One that hangs in the kernel takes longer.
const DEATH: Duration = Duration::from_secs(5);

/// How long the rest of a plugin's output is waited for after its end.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// The name that plugins answer the health check for.
const NAME: &str = "plugin";

/// A plugin that runs.
///
/// When this is dropped, the plugin is killed with SIGKILL: [`kill`](Self::kill) it to let it end by itself, or
/// [`detach`](Self::detach) it to leave it alone.
#[derive(Debug)]
pub struct Client {
    pub(super) running: Running,
    pub(super) channel: Channel,
    pub(super) broker: Broker,
    pub(super) version: u32,
    pub(super) address: Address,
    /// Whether the connection can be made again by somebody else.
    pub(super) reattachable: bool,
    pub(super) stop_timeout: Duration,
    pub(super) closed: CancellationToken,
    pub(super) output: Copying,
}

/// Whether the plugin's output is still being copied.
#[derive(Clone, Debug, Default)]
pub(super) struct Copying {
    stop: CancellationToken,
    done: CancellationToken,
}

/// How a plugin was made to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Killed {
    /// How it has ended. `None` if it is still there 5 s after SIGKILL, or is a part of this very process.
    pub exit: Option<Exit>,
    /// Whether it has ended by itself.
    pub graceful: bool,
}

/// A process that is killed when this is dropped, and whose files are removed when it has ended.
pub(super) struct Running {
    pub(super) process: Process,
    pub(super) life: Life,
    files: Files,
    detached: AtomicBool,
}

/// What a plugin may leave behind.
#[derive(Clone, Debug, Default)]
pub(super) struct Files(Arc<Mutex<Left>>);

#[derive(Debug, Default)]
struct Left {
    dir: Option<PrivateDir>,
    socket: Option<PathBuf>,
}

// === impl Client ===

impl Client {
    /// The connection to the plugin. It is made again when it is lost; a clone is the same one.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// More connections to and from the plugin.
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// The version of the application's protocol that the plugin has chosen.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Where the plugin listens.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The plugin's process.
    pub fn pid(&self) -> u32 {
        self.running.process.pid
    }

    /// Tells whether the plugin lives.
    pub fn life(&self) -> &Life {
        &self.running.life
    }

    /// Waits until the plugin has ended.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn exited(&self) -> Exit {
        self.running.life.over().await
    }

    /// Whether the plugin answers that it is well. There is no deadline of its own.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<(), Status> {
        ping(self.channel()).await
    }

    /// What it takes to find the plugin again after this host has ended. `None` for plugins with AutoMTLS or multiplexed
    /// connections, whose keys and whose connection end with the host.
    pub fn reattach_config(&self) -> Option<ReattachConfig> {
        self.reattachable.then(|| ReattachConfig {
            version: self.version,
            address: self.address.clone(),
            pid: self.running.process.pid,
            start_time: self.running.process.start(),
            socket_dir: self.running.files.dir(),
        })
    }

    /// Leaves the plugin running, and its files where they are; says how to find it again.
    ///
    /// What it logs is read as long as this process lives. A plugin made with this crate survives the end of that; Go
    /// plugins die at the next line that they log.
    pub fn detach(self) -> Option<ReattachConfig> {
        let config = self.reattach_config();
        self.running.files.keep();
        self.running.detached.store(true, Ordering::Relaxed);
        self.output.stop.cancel();
        config
    }

    /// Ends the plugin: asks it to, waits for that, and kills it if it does not. Each wait has its end. Other callers
    /// may do so at the same time.
    ///
    /// # Cancel safety
    /// The plugin is made to end all the same.
    pub async fn kill(&self) -> Killed {
        let kill = kill(
            self.channel(),
            self.running.process.clone(),
            self.running.life.clone(),
            self.stop_timeout,
        );
        self.closed.cancel();
        let output = self.output.done.clone();
        let killed = tokio::spawn(async move {
            let killed = kill.await;
            // Its last words may be on their way.
            drop(tokio::time::timeout(LAST_WORDS, output.cancelled()).await);
            killed
        });
        killed.await.unwrap_or(Killed {
            exit: self.running.life.exit(),
            graceful: false,
        })
    }

    /// Starts what every host does with a plugin: its messages for the broker, and its output.
    pub(super) fn attend(&self, messages: Outgoing, output: Output) {
        tokio::spawn(listen_to_broker(
            self.channel(),
            self.broker.clone(),
            messages,
            self.closed.clone(),
        ));
        let Copying { stop, done } = self.output.clone();
        let copy = output::copy(self.channel(), output);
        tokio::spawn(async move {
            let _done = done.drop_guard();
            tokio::select! {
                () = copy => {}
                () = stop.cancelled() => {}
            }
        });
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.closed.cancel();
    }
}

/// Whether what `channel` leads to is well.
pub(super) async fn ping(channel: Channel) -> Result<(), Status> {
    use tonic_health::pb::health_check_response::ServingStatus;

    let request = HealthCheckRequest {
        service: NAME.to_owned(),
    };
    let answer = HealthClient::new(channel).check(request).await?.into_inner();
    match answer.status() {
        ServingStatus::Serving => Ok(()),
        other => Err(Status::unavailable(format!(
            "the plugin says that it is {}",
            other.as_str_name()
        ))),
    }
}

async fn listen_to_broker(channel: Channel, broker: Broker, messages: Outgoing, closed: CancellationToken) {
    let listen = async {
        let mut client = GrpcBrokerClient::new(channel);
        let stream = client.start_stream(ReceiverStream::new(messages)).await;
        let mut stream = match stream {
            Ok(stream) => stream.into_inner(),
            Err(status) => return tracing::debug!(%status, "The plugin has no broker"),
        };
        while let Ok(Some(info)) = stream.message().await {
            broker.receive(info).await;
        }
    };
    tokio::select! {
        () = listen => {}
        () = closed.cancelled() => {}
    }
}

async fn kill(channel: Channel, process: Process, life: Life, patience: Duration) -> Killed {
    let graceful = |exit| Killed {
        exit: Some(exit),
        graceful: true,
    };
    if let Some(exit) = life.exit() {
        return graceful(exit);
    }
    let mut controller = GrpcControllerClient::new(channel);
    let asked = tokio::select! {
        exit = life.over() => return graceful(exit),
        asked = tokio::time::timeout(patience, controller.shutdown(Empty {})) => asked,
    };
    if process.is_own() {
        return Killed {
            exit: None,
            graceful: asked.is_ok_and(|answer| answer.is_ok()),
        };
    }
    // Whatever the answer is, a plugin may have cut the connection on its way out.
    if asked.is_ok()
        && let Ok(exit) = tokio::time::timeout(patience, life.over()).await
    {
        return graceful(exit);
    }
    tracing::warn!(pid = process.pid, "A plugin does not end, and is killed");
    process.kill();
    let exit = tokio::time::timeout(DEATH, life.over()).await.ok();
    Killed { exit, graceful: false }
}

// === impl Running ===

impl Running {
    /// Watches over a process until this is dropped.
    pub(super) fn new(process: Process, life: Life, files: Files) -> Self {
        let (over, left) = (life.clone(), files.clone());
        tokio::spawn(async move {
            over.over().await;
            left.remove();
        });
        Self {
            process,
            life,
            files,
            detached: AtomicBool::new(false),
        }
    }

    pub(super) fn files(&self) -> &Files {
        &self.files
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.detached.load(Ordering::Relaxed) && self.life.exit().is_none() && !self.process.is_own() {
            self.process.kill();
            self.files.remove();
        }
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("process", &self.process)
            .finish_non_exhaustive()
    }
}

// === impl Files ===

impl Files {
    pub(super) fn new(dir: Option<PrivateDir>) -> Self {
        Self(Arc::new(Mutex::new(Left { dir, socket: None })))
    }

    /// Whoever listens on the socket was found to be the plugin.
    pub(super) fn add(&self, address: &Address) {
        if let Address::Unix(path) = address {
            self.left(|left| left.socket = Some(path.clone()));
        }
    }

    fn dir(&self) -> Option<PathBuf> {
        self.left(|left| left.dir.as_ref().map(|dir| Path::to_owned(dir.path())))
    }

    fn keep(&self) {
        self.left(|left| {
            left.socket = None;
            drop(left.dir.take().map(PrivateDir::keep));
        });
    }

    fn remove(&self) {
        let (dir, socket) = self.left(|left| (left.dir.take(), left.socket.take()));
        // A plugin that has ended well has removed it itself.
        if let Some(socket) = socket {
            drop(std::fs::remove_file(&socket));
            // Plugins of this crate have made a directory for it, where the host has named none.
            let own = socket.parent().filter(|dir| is_private(dir));
            drop(own.map(std::fs::remove_dir));
        }
        drop(dir);
    }

    fn left<T>(&self, with: impl FnOnce(&mut Left) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
