//! One gRPC server on connections of ours, which ends when it is told to.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tower_service::Service as _;

use crate::awake::Awake;
use crate::io::Io;
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
pub(crate) async fn serve(mut source: Source, security: Security, routes: Routes, signals: Signals, grace: Duration) {
    let _stops_with_this = signals.stop.clone().drop_guard();
    let (security, routes) = (Arc::new(security), routes.prepare());
    // Dropped, it cuts them all.
    let mut connections = JoinSet::new();
    // That there is no descriptor is said once, and not twenty times a second until there is one.
    let mut has_failed = false;
    loop {
        let accepted = tokio::select! {
            () = signals.stop.cancelled() => break,
            Some(_ended) = connections.join_next() => continue,
            accepted = source.accept() => accepted,
        };
        match accepted {
            Ok(Some(io)) => {
                signals.met.cancel();
                has_failed = false;
                let (security, routes, stop) = (Arc::clone(&security), routes.clone(), signals.stop.clone());
                connections.spawn(async move {
                    let Some(io) = introduce(io, &security, &stop).await else {
                        return;
                    };
                    answer(io, routes, &stop, grace).await;
                });
            }
            Ok(None) => break,
            Err(error) => {
                if !has_failed {
                    tracing::warn!(%error, "Cannot accept a connection");
                }
                has_failed = true;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    // Nobody connects any more while the last answers are given.
    drop(source);
    while connections.join_next().await.is_some() {}
}

/// A connection whose peer has proved who it is; one that takes its time keeps nobody waiting.
async fn introduce(io: Io, security: &Security, stop: &CancellationToken) -> Option<Io> {
    let secured = tokio::select! {
        () = stop.cancelled() => return None,
        secured = tokio::time::timeout(INTRODUCTION, security.accept(io)) => secured,
    };
    match secured.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(io) => Some(io),
        Err(error) => {
            tracing::warn!(%error, "A peer was turned away");
            None
        }
    }
}

/// Answers until the peer goes, or a moment longer than it is to stop: calls that would stay open for ever end, too.
async fn answer(io: Io, routes: Routes, stop: &CancellationToken, grace: Duration) {
    let calls = service_fn(move |request| routes.clone().call(request));
    let connection = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(None)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(Awake::new(io)), calls);
    let mut connection = pin!(connection);
    tokio::select! {
        // A peer that breaks off has its reasons, and they are not of interest here.
        _over = connection.as_mut() => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    drop(tokio::time::timeout(grace, connection).await);
}
