//! A gRPC channel over connections that we make ourselves.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use tonic::codegen::http::Uri;
use tonic::transport::{Channel, Endpoint};
use tower_service::Service;

use crate::io::Io;
use crate::window::{CONNECTION_WINDOW, STREAM_WINDOW};

type Dialing = Pin<Box<dyn Future<Output = io::Result<TokioIo<Io>>> + Send>>;

/// Connects by `dial`, now and whenever the connection is lost.
pub(crate) async fn connect<D, F>(dial: D) -> Result<Channel, tonic::transport::Error>
where
    D: Fn() -> F + Send + 'static,
    F: Future<Output = io::Result<Io>> + Send + 'static,
{
    // The name is what Go hosts say, too: nobody may judge by it.
    Endpoint::from_static("http://unused")
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .connect_with_connector(Dialer(dial))
        .await
}

struct Dialer<D>(D);

impl<D, F> Service<Uri> for Dialer<D>
where
    D: Fn() -> F,
    F: Future<Output = io::Result<Io>> + Send + 'static,
{
    type Response = TokioIo<Io>;
    type Error = io::Error;
    type Future = Dialing;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Dialing {
        let connection = (self.0)();
        Box::pin(async move { connection.await.map(TokioIo::new) })
    }
}
