//! One gRPC server on connections of ours, which ends when it is told to.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;

use crate::io::{Cuttable, Io};
use crate::listener::Listener;
#[cfg(feature = "mux")]
use crate::mux::Door;
use crate::security::Security;
use crate::window::{CONNECTION_WINDOW, STREAM_WINDOW};

/// How long a peer may take to prove who it is.
const INTRODUCTION: Duration = Duration::from_secs(10);

/// How long nothing is accepted after accepting has failed, as it does where no descriptor is left.
const PAUSE: Duration = Duration::from_millis(50);

/// Where connections come from.
#[derive(Debug)]
pub(crate) enum Source {
    Socket(Listener),
    #[cfg(feature = "mux")]
    Mux(Door),
}

impl Source {
    async fn accept(&mut self) -> io::Result<Option<Io>> {
        match self {
            Self::Socket(listener) => listener.accept().await.map(Some),
            #[cfg(feature = "mux")]
            Self::Mux(door) => Ok(door.accept().await),
        }
    }
}

/// What a server and those around it tell each other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signals {
    /// The server is to end.
    pub(crate) stop: CancellationToken,
    /// Somebody has connected.
    pub(crate) met: CancellationToken,
}

/// Serves until it is to stop, then for `grace` more, then cuts what is left.
pub(crate) async fn serve(
    source: Source,
    security: Security,
    routes: Routes,
    signals: Signals,
    grace: Duration,
) -> Result<(), tonic::transport::Error> {
    let stop = signals.stop.clone();
    let cut = CancellationToken::new();
    let _ends_with_this = (cut.clone().drop_guard(), stop.clone().drop_guard());
    let (connections, incoming) = mpsc::channel(16);
    let accepting = accept(source, Arc::new(security), connections, signals, cut.clone());
    let accepting = tokio::spawn(accepting);
    let builder = Server::builder()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    let served =
        builder.serve_with_incoming_shutdown(routes, ReceiverStream::new(incoming), stop.clone().cancelled_owned());
    let patience = async {
        stop.cancelled().await;
        tokio::time::sleep(grace).await;
    };
    let result = tokio::select! {
        result = served => result,
        () = patience => Ok(()),
    };
    stop.cancel();
    // The socket is gone when this returns.
    drop(accepting.await);
    result
}

/// Hands on connections whose peers have proved who they are; one that takes its time keeps nobody waiting.
async fn accept(
    mut source: Source,
    security: Arc<Security>,
    connections: mpsc::Sender<io::Result<Cuttable>>,
    signals: Signals,
    cut: CancellationToken,
) {
    // That there is no descriptor is said once, and not twenty times a second until there is one.
    let mut has_failed = false;
    loop {
        let accepted = tokio::select! {
            () = signals.stop.cancelled() => return,
            accepted = source.accept() => accepted,
        };
        match accepted {
            Ok(Some(io)) => {
                signals.met.cancel();
                has_failed = false;
                let introduced = introduce(io, Arc::clone(&security), connections.clone(), cut.clone());
                tokio::spawn(introduced);
            }
            Ok(None) => return,
            Err(error) => {
                if !has_failed {
                    tracing::warn!(%error, "Cannot accept a connection");
                }
                has_failed = true;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn introduce(
    io: Io,
    security: Arc<Security>,
    connections: mpsc::Sender<io::Result<Cuttable>>,
    cut: CancellationToken,
) {
    let secured = tokio::time::timeout(INTRODUCTION, security.accept(io)).await;
    match secured.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        // A server that has ended takes no connection.
        Ok(io) => drop(connections.send(Ok(Cuttable::new(io, cut))).await),
        Err(error) => tracing::warn!(%error, "A peer was turned away"),
    }
}
